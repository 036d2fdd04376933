//! Small zones with a query each, and what BIND, NSD, Knot and PowerDNS answer to it: the cases of Ferret, in
//! `vectors/ferret`. Any server that zones can be loaded into is judged by them.
//!
//! An answer is right where its code, its flags and its three sections, as sets, are those of one of the four servers. Most
//! cases have one answer, since the four agree.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::client::{Over, exchange};
use super::wire::{AA, CD, Message, Name, QR, RA, RD, Record, TC};
use super::{rdata, text};
use crate::{Peer, Subject};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(6);

pub use super::loaded::Loaded;

/// A server that zones are loaded into, one after the other.
pub trait Server: Send {
    /// Serves this zone, of this name, and no other.
    ///
    /// # Errors
    /// Where the zone is not taken: the case counts as failed, for this reason.
    fn load(&mut self, name: &str, zone: &str) -> impl Future<Output = Result<(), String>> + Send;

    /// Where it is asked, whatever zone it has.
    fn subject(&self) -> &Subject;
}

/// A zone, and what is asked of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Vector {
    id: u32,
    zone: String,
    queries: Vec<Query>,
}

#[derive(Clone, Debug, Deserialize)]
struct Query {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    expected: Vec<Given>,
}

/// What some of the servers answer.
#[derive(Clone, Debug, Deserialize)]
struct Given {
    servers: Vec<String>,
    response: Vec<String>,
}

impl Vector {
    /// Its number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The text of its zone.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// The same with the answers of this server alone: `bind`, `nsd`, `knot` or `powerdns`.
    #[must_use]
    pub fn only(mut self, server: &str) -> Self {
        for query in &mut self.queries {
            query.expected.retain(|given| given.servers.iter().any(|name| name == server));
        }
        self.queries.retain(|query| !query.expected.is_empty());
        self
    }

    pub(super) async fn load(&self, server: &mut impl Server) -> Result<(), String> {
        let (apex, _) = text::zone(&self.zone)?;
        server.load(&apex.to_string(), &self.zone).await.map_err(|why| format!("not loaded: {why}"))
    }

    /// Its queries.
    pub(super) fn messages(&self) -> impl Iterator<Item = Message> {
        self.queries.iter().filter_map(|query| query.message().ok())
    }
}

/// Reads vectors: a line of JSON each.
///
/// # Errors
/// The number of the line that cannot be read, and why.
pub fn read(lines: &str) -> Result<Vec<Vector>, String> {
    let read =
        |(number, line)| serde_json::from_str(line).map_err(|why| format!("line {}: {why}", number + 1));
    lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(read).collect()
}

/// What the vectors found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Judgement {
    /// How many queries the four servers agree on.
    pub agreed: usize,
    /// How many of these were answered otherwise.
    pub agreed_wrong: usize,
    /// How many queries they do not agree on.
    pub disputed: usize,
    /// How many of these were answered as by none of them.
    pub disputed_wrong: usize,
    /// How many answers had a record twice in a section, which none needs.
    pub repeating: usize,
    /// Each answer that was wrong.
    pub differences: Vec<Difference>,
}

/// An answer that none of the servers gives.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The number of the vector.
    pub id: u32,
    /// The name and the type that were asked for.
    pub query: String,
    /// What the servers answer, each group with its names.
    pub expected: Vec<String>,
    /// What came.
    pub actual: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.id, self.query)?;
        for expected in &self.expected {
            writeln!(f, "  expected: {expected}")?;
        }
        write!(f, "  actual:   {}", self.actual)
    }
}

/// The differences, then the counts.
impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        let (agreed, disputed) = (self.agreed - self.agreed_wrong, self.disputed - self.disputed_wrong);
        write!(
            f,
            "{agreed} of {} that the servers agree on, {disputed} of {} others",
            self.agreed, self.disputed
        )
    }
}

/// Loads each zone, asks by UDP what is to be asked, and compares.
pub async fn judge(vectors: &[Vector], server: &mut impl Server) -> Judgement {
    let mut judgement = Judgement::default();
    let mut peer = Peer::new(server.subject().clone(), PATIENCE);
    for vector in vectors {
        let loaded = vector.load(server).await;
        for query in &vector.queries {
            let actual = match &loaded {
                Ok(()) => query.ask(&mut peer).await,
                Err(why) => Err(why.clone()),
            };
            judgement.count(vector.id, query, actual);
        }
    }
    judgement
}

impl Judgement {
    fn count(&mut self, id: u32, query: &Query, actual: Result<Answer, String>) {
        let expected: Result<Vec<_>, String> = query.expected.iter().map(Answer::given).collect();
        let right = matches!((&actual, &expected), (Ok(actual), Ok(expected)) if expected.contains(actual));
        let agreed = query.expected.len() == 1;
        let (all, wrong) = if agreed {
            (&mut self.agreed, &mut self.agreed_wrong)
        } else {
            (&mut self.disputed, &mut self.disputed_wrong)
        };
        *all += 1;
        self.repeating += usize::from(actual.as_ref().is_ok_and(|answer| answer.repeats));
        if right {
            return;
        }
        *wrong += 1;
        let shown = |given: &Given| match Answer::given(given) {
            Ok(answer) => format!("{}: {answer}", given.servers.join(", ")),
            Err(why) => format!("{}: {why}", given.servers.join(", ")),
        };
        self.differences.push(Difference {
            id,
            query: format!("{} {}", query.name, query.kind),
            expected: query.expected.iter().map(shown).collect(),
            actual: actual.map_or_else(|why| why, |answer| answer.to_string()),
        });
    }
}

impl Query {
    fn message(&self) -> Result<Message, String> {
        let kind = rdata::kind(&self.kind).ok_or_else(|| format!("`{}` is no type", self.kind))?;
        Ok(Message::query(text::name(&self.name, &Name::default())?, kind))
    }

    async fn ask(&self, peer: &mut Peer) -> Result<Answer, String> {
        let query = self.message()?;
        let wire = exchange(peer, Over::Udp, &query.to_wire()).await.map_err(|broken| broken.actual)?;
        let answer = Message::read(&wire).map_err(|why| format!("an answer that cannot be read: {why}"))?;
        if answer.id != query.id || !answer.has(QR) || answer.question != query.question {
            return Err(format!("an answer to another query: {answer}"));
        }
        let rcode = text::rcode(answer.rcode());
        let came = [answer.answer, answer.authority, answer.additional];
        let count = came.iter().map(Vec::len).sum::<usize>();
        let sections = came.map(as_set);
        Ok(Answer {
            rcode,
            flags: answer.flags & (QR | AA | TC | RD | RA | CD),
            repeats: sections.iter().map(Vec::len).sum::<usize>() < count,
            sections,
        })
    }
}

/// What is compared of an answer.
#[derive(Clone, Debug)]
struct Answer {
    rcode: String,
    flags: u16,
    /// Whether a section has a record twice, which is not compared.
    repeats: bool,
    sections: [Vec<Record>; 3],
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        let within = |one: &[Record], other: &[Record]| one.iter().all(|record| other.contains(record));
        let same = |(one, other): (&Vec<Record>, &Vec<Record>)| within(one, other) && within(other, one);
        self.rcode == other.rcode
            && self.flags == other.flags
            && self.sections.iter().zip(&other.sections).all(same)
    }
}

fn as_set(records: Vec<Record>) -> Vec<Record> {
    let mut set: Vec<Record> = Vec::new();
    for record in records {
        if !set.contains(&record) {
            set.push(record);
        }
    }
    set
}

impl Answer {
    /// From the lines that the vectors have.
    fn given(given: &Given) -> Result<Self, String> {
        let mut answer =
            Self { rcode: String::new(), flags: 0, repeats: false, sections: Default::default() };
        let mut section = None;
        for line in &given.response {
            match line.split_once(' ').unwrap_or((line, "")) {
                (";QUESTION", _) => section = Some(3),
                (";ANSWER", _) => section = Some(0),
                (";AUTHORITY", _) => section = Some(1),
                (";ADDITIONAL", _) => section = Some(2),
                ("rcode", code) => answer.rcode = code.into(),
                ("flags", flags) => {
                    answer.flags = flags.split(' ').filter_map(flag).fold(0, |all, flag| all | flag)
                }
                ("id" | "opcode", _) => {}
                _ => match section.and_then(|at: usize| answer.sections.get_mut(at)) {
                    Some(records) => records.push(text::record(line, &Name::default(), 0)?),
                    None if section == Some(3) => {}
                    None => return Err(format!("`{line}` is in no section")),
                },
            }
        }
        answer.sections = answer.sections.map(as_set);
        Ok(answer)
    }
}

fn flag(name: &str) -> Option<u16> {
    let flags = [("QR", QR), ("AA", AA), ("TC", TC), ("RD", RD), ("RA", RA), ("CD", CD)];
    flags.iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rcode)?;
        for (name, flag) in [("aa", AA), ("tc", TC), ("rd", RD), ("ra", RA), ("cd", CD)] {
            if self.flags & flag != 0 {
                write!(f, " {name}")?;
            }
        }
        for (name, records) in ["answer", "authority", "additional"].iter().zip(&self.sections) {
            if !records.is_empty() {
                write!(
                    f,
                    "; {name}: {}",
                    records.iter().map(Record::to_string).collect::<Vec<_>>().join(", ")
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const ONE: &str = concat!(
        r#"{"id":4,"zone":"bar.\t500 IN SOA\tns1.edu. root.edu. 3 4 5 6 7\nbar.\t500 IN NS\tns1.edu.\n","#,
        r#""queries":[{"name":"bar.","type":"NS","expected":[{"servers":["nsd"],"response":["id 1","opcode QUERY","#,
        r#""rcode NOERROR","flags QR AA",";QUESTION","bar. IN NS",";ANSWER","bar. 500 IN NS ns1.edu.",";AUTHORITY",";ADDITIONAL"]}]}]}"#
    );

    /// Answers the apex's NS records of the zone, with some flags, so many times.
    struct Toy {
        zone: Arc<Mutex<Vec<Record>>>,
        subject: Subject,
    }

    impl Toy {
        fn new(flags: u16, times: usize) -> Self {
            let zone = Arc::new(Mutex::new(Vec::new()));
            let known = Arc::clone(&zone);
            let answer = move |query: Vec<u8>| {
                let mut answer = Message::read(&query).unwrap().with(flags);
                let ns = |record: &&Record| record.kind == rdata::NS;
                let ns: Vec<_> = known.lock().unwrap().iter().filter(ns).cloned().collect();
                answer.answer = ns.iter().cycle().take(times).cloned().collect();
                vec![answer.to_wire()]
            };
            let unreachable = || -> crate::BoxFuture<'static, std::io::Result<Box<dyn crate::Io>>> {
                Box::pin(async { Err(std::io::Error::other("not by TCP")) })
            };
            let subject = Subject::new("toy", "toy", unreachable).answering_datagrams(move |query| {
                let answers = answer(query);
                Box::pin(async move { answers })
            });
            Self { zone, subject }
        }
    }

    impl Server for Toy {
        async fn load(&mut self, name: &str, zone: &str) -> Result<(), String> {
            assert_eq!(name, "bar.");
            *self.zone.lock().unwrap() = text::zone(zone)?.1;
            Ok(())
        }

        fn subject(&self) -> &Subject {
            &self.subject
        }
    }

    #[tokio::test]
    async fn an_answer_like_the_servers_is_right_whatever_is_repeated() {
        for times in [1, 2] {
            let judgement = judge(&read(ONE).unwrap(), &mut Toy::new(QR | AA, times)).await;
            assert_eq!((judgement.agreed, judgement.agreed_wrong), (1, 0), "{judgement}");
            assert_eq!(judgement.repeating, times - 1);
        }
    }

    #[tokio::test]
    async fn another_answer_is_wrong() {
        for (flags, times) in [(QR, 1), (QR | AA | RA, 1), (QR | AA, 0), (AA, 1)] {
            let judgement = judge(&read(ONE).unwrap(), &mut Toy::new(flags, times)).await;
            assert_eq!((judgement.agreed_wrong, judgement.differences.len()), (1, 1), "{judgement}");
        }
    }

    #[test]
    fn every_vector_can_be_read() {
        let vectors = read(include_str!("../../vectors/ferret/cases.jsonl")).unwrap();
        assert_eq!(vectors.len(), 2137);
        for vector in &vectors {
            let (apex, records) = text::zone(vector.zone()).unwrap();
            assert!(records.iter().all(|record| record.name.is_under(&apex)), "{}", vector.id());
            for query in &vector.queries {
                query.message().unwrap();
                for given in &query.expected {
                    Answer::given(given).unwrap();
                }
            }
        }
    }
}
