//! Small zones with a query each, and what BIND, NSD, Knot and PowerDNS answer to it: the cases of Ferret, in
//! `vectors/ferret`. Any server that zones can be loaded into is judged by them.
//!
//! An answer is right where its code, its flags and its three sections, as sets, are those of one of the four servers. Most
//! cases have one answer, since the four agree.

use std::fmt;

use serde::Deserialize;

use super::rdata;
use super::text;
use super::wire::{AA, CD, Message, Name, QR, RA, RD, Record, TC};

/// A server that zones are loaded into, one after the other.
pub trait Server {
    /// Serves this zone, of this name, and no other.
    ///
    /// # Errors
    /// Where the zone is not taken: the case counts as failed, for this reason.
    fn load(&mut self, name: &str, zone: &str) -> Result<(), String>;

    /// Gives the octets of the answer to a query that came by UDP.
    ///
    /// # Errors
    /// Where there is no answer: the case counts as failed, for this reason.
    fn answer(&mut self, query: &[u8]) -> Result<Vec<u8>, String>;
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
pub struct Judgement {
    /// How many queries the four servers agree on.
    pub agreed: usize,
    /// How many of these were answered otherwise.
    pub agreed_wrong: usize,
    /// How many queries they do not agree on.
    pub disputed: usize,
    /// How many of these were answered as by none of them.
    pub disputed_wrong: usize,
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

/// Loads each zone, asks what is to be asked, and compares.
pub fn judge(vectors: &[Vector], server: &mut impl Server) -> Judgement {
    let mut judgement = Judgement::default();
    for vector in vectors {
        let apex = text::zone(&vector.zone).map(|(apex, _)| apex.to_string());
        let loaded = apex
            .and_then(|apex| server.load(&apex, &vector.zone))
            .map_err(|why| format!("not loaded: {why}"));
        for query in &vector.queries {
            let actual = loaded.clone().and_then(|()| query.ask(server));
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

    fn ask(&self, server: &mut impl Server) -> Result<Answer, String> {
        let query = self.message()?;
        let wire = server.answer(&query.to_wire())?;
        let answer = Message::read(&wire).map_err(|why| format!("an answer that cannot be read: {why}"))?;
        if answer.id != query.id || !answer.has(QR) || answer.question != query.question {
            return Err(format!("an answer to another query: {answer}"));
        }
        Ok(Answer {
            rcode: text::rcode(answer.rcode()),
            flags: answer.flags & (QR | AA | TC | RD | RA | CD),
            sections: [answer.answer, answer.authority, answer.additional].map(as_set),
        })
    }
}

/// What is compared of an answer.
#[derive(Clone, Debug)]
struct Answer {
    rcode: String,
    flags: u16,
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
        let mut answer = Self { rcode: String::new(), flags: 0, sections: Default::default() };
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
    use super::*;

    const ONE: &str = concat!(
        r#"{"id":4,"zone":"bar.\t500 IN SOA\tns1.edu. root.edu. 3 4 5 6 7\nbar.\t500 IN NS\tns1.edu.\n","#,
        r#""queries":[{"name":"bar.","type":"NS","expected":[{"servers":["nsd"],"response":["id 1","opcode QUERY","#,
        r#""rcode NOERROR","flags QR AA",";QUESTION","bar. IN NS",";ANSWER","bar. 500 IN NS ns1.edu.",";AUTHORITY",";ADDITIONAL"]}]}]}"#
    );

    /// Answers the apex's NS records of the zone, with these flags, so many times.
    struct Toy(Vec<Record>, u16, usize);

    impl Server for Toy {
        fn load(&mut self, name: &str, zone: &str) -> Result<(), String> {
            assert_eq!(name, "bar.");
            self.0 = text::zone(zone)?.1;
            Ok(())
        }

        fn answer(&mut self, query: &[u8]) -> Result<Vec<u8>, String> {
            let mut answer = Message::read(query)?.with(self.1);
            let ns: Vec<_> = self.0.iter().filter(|record| record.kind == rdata::NS).cloned().collect();
            answer.answer = ns.iter().cycle().take(self.2).cloned().collect();
            Ok(answer.to_wire())
        }
    }

    #[test]
    fn an_answer_like_the_servers_is_right_whatever_is_repeated() {
        for times in [1, 2] {
            let judgement = judge(&read(ONE).unwrap(), &mut Toy(Vec::new(), QR | AA, times));
            assert_eq!((judgement.agreed, judgement.agreed_wrong), (1, 0), "{judgement}");
        }
    }

    #[test]
    fn another_answer_is_wrong() {
        for toy in [
            Toy(Vec::new(), QR, 1),
            Toy(Vec::new(), QR | AA | RA, 1),
            Toy(Vec::new(), QR | AA, 0),
            Toy(Vec::new(), AA, 1),
        ] {
            let judgement = judge(&read(ONE).unwrap(), &mut { toy });
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
