//! One answer, whatever it comes by: each query of the [vectors](super::ferret) is asked by every transport that a server
//! has, once as it is and once with EDNS, and what comes is compared octet by octet, apart from ID and padding.
//!
//! What comes by TCP is what the others are compared with. By UDP an answer that does not fit is to be truncated, or to lack
//! additional records only (RFC 2181 §9).

use std::fmt;
use std::time::Duration;

use super::client::{self, Over};
use super::ferret::{Server, Vector};
use super::web::{self, Asked, Web};
use super::wire::{Edns, Message, OPT, Record, TC};
use crate::doors::Door;
use crate::{Broken, Need, Peer, Subject};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// The sizes that datagrams may have: without EDNS, and with what is said in it.
const PLAIN: usize = 512;
const ROOM: u16 = 1232;
/// The code of the option that pads (RFC 7830 §3).
const PADDING: u16 = 12;

/// What was compared.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sameness {
    /// How many queries were asked by TCP.
    pub queries: usize,
    /// How many answers by other transports were compared with the one by TCP.
    pub compared: usize,
    /// How many of these did not fit into a datagram.
    pub truncated: usize,
    /// What differs: the number of the vector, the query, the transport, and both answers.
    pub differences: Vec<String>,
}

/// The differences, then the counts.
impl fmt::Display for Sameness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        let Self { queries, compared, truncated, differences } = self;
        let same = compared.saturating_sub(differences.len());
        write!(
            f,
            "{same} of {compared} answers to {queries} queries as by TCP, {truncated} too large for UDP"
        )
    }
}

/// Loads each zone, and compares what comes of its queries. A zone that is not loaded is a difference.
pub async fn compare(vectors: &[Vector], server: &mut impl Server) -> Sameness {
    let mut sameness = Sameness::default();
    let mut asking = Asking::of(server.subject());
    for vector in vectors {
        if let Err(why) = vector.load(server).await {
            sameness.differences.push(format!("{}: {why}", vector.id()));
            continue;
        }
        for query in vector.messages() {
            for (query, room) in [(query.clone(), PLAIN), (query.edns(&Edns::of(ROOM)), usize::from(ROOM))] {
                sameness.count(vector.id(), &query, room, &mut asking).await;
            }
        }
    }
    sameness
}

impl Sameness {
    async fn count(&mut self, id: u32, query: &Message, room: usize, asking: &mut Asking) {
        self.queries += 1;
        let whole = match asking.ask(Over::Tcp, query).await {
            Ok(whole) => whole,
            Err(Broken { expected, actual }) => {
                let query = query.to_string();
                return self.differences.push(format!("{id}: {query}: {expected} by TCP, not {actual}"));
            }
        };
        for over in asking.others() {
            let cut = over == Over::Udp && whole.len() > room;
            self.compared += 1;
            self.truncated += usize::from(cut);
            let came = asking.ask(over, query).await.map_err(|broken| broken.actual);
            let well = came.as_ref().is_ok_and(|came| match cut {
                true => came.len() <= room && is_cut_of(came, &whole),
                false => bare(came) == bare(&whole),
            });
            if !well {
                let shown = |wire: &Vec<u8>| match Message::read(wire) {
                    Ok(message) => format!("{message} ({} octets)", wire.len()),
                    Err(why) => why,
                };
                let came = came.map_or_else(|why| why, |came| shown(&came));
                self.differences
                    .push(format!("{id}: {query}\n  by {over:?}: {came}\n  by TCP: {}", shown(&whole)));
            }
        }
    }
}

/// The octets without ID and padding.
fn bare(wire: &[u8]) -> Vec<u8> {
    let mut bare = wire.to_vec();
    if let (Ok(message), Some(record)) = (Message::read(wire), last_opt(wire)) {
        let mut edns = message.opt().unwrap_or_default();
        edns.options.retain(|(code, _)| *code != PADDING);
        bare.truncate(message.last);
        Record { class: record.class, ..edns.record() }.write(&mut bare);
    }
    bare.iter_mut().take(2).for_each(|octet| *octet = 0);
    bare
}

/// The last record, where it is OPT and pads.
fn last_opt(wire: &[u8]) -> Option<Record> {
    let message = Message::read(wire).ok()?;
    message.opt()?.find(PADDING)?;
    message.additional.last().filter(|record| record.kind == OPT).cloned()
}

/// Whether it says that it is truncated, or lacks nothing but additional records.
fn is_cut_of(came: &[u8], whole: &[u8]) -> bool {
    let (Ok(came), Ok(whole)) = (Message::read(came), Message::read(whole)) else { return false };
    let head =
        came.flags & !TC == whole.flags && came.question == whole.question && came.rcode() == whole.rcode();
    let kept = || came.answer == whole.answer && came.authority == whole.authority;
    let has = |record: &Record| whole.additional.contains(record);
    head && (came.has(TC) || kept() && came.extra().all(has))
}

/// Connections to a server by every transport that it has, kept for one query after the other.
struct Asking {
    udp: Peer,
    tcp: Peer,
    tls: Option<Peer>,
    web: Option<Peer>,
    open: Option<Web>,
}

impl Asking {
    fn of(subject: &Subject) -> Self {
        let peer = |door| {
            let mut peer = Peer::new(subject.clone(), PATIENCE);
            peer.reconnect_at(door);
            peer
        };
        let with = |need, door| subject.lacks(&[need]).is_none().then(|| peer(door));
        Self {
            udp: peer(Door::Front),
            tcp: peer(Door::Front),
            tls: with(Need::Dot, Door::Tls),
            web: with(Need::Doh, Door::Web),
            open: None,
        }
    }

    /// The transports besides TCP.
    fn others(&self) -> Vec<Over> {
        let tls = self.tls.iter().map(|_| Over::Tls);
        let web = self.web.iter().flat_map(|_| [Over::Get, Over::Post]);
        [Over::Udp].into_iter().chain(tls).chain(web).collect()
    }

    async fn ask(&mut self, over: Over, query: &Message) -> Result<Vec<u8>, Broken> {
        // RFC 8484 §4.1: what caches may keep has one ID.
        let id = if matches!(over, Over::Get | Over::Post) { 0 } else { query.id };
        let query = Message { id, ..query.clone() };
        let wire = query.to_wire();
        let none = || Broken::new("a server that has this transport", "none");
        let came = match over {
            Over::Udp => client::exchange(&mut self.udp, over, &wire).await,
            Over::Tcp => kept(&mut self.tcp, over, &wire).await,
            Over::Tls => kept(self.tls.as_mut().ok_or_else(none)?, over, &wire).await,
            Over::Get | Over::Post => self.ask_web(over, &wire).await,
        }?;
        client::read(&query, &came)?;
        Ok(came)
    }

    async fn ask_web(&mut self, over: Over, wire: &[u8]) -> Result<Vec<u8>, Broken> {
        let none = || Broken::new("a server that has this transport", "none");
        let (asked, opening) = {
            let peer = self.web.as_ref().ok_or_else(none)?;
            (Asked::new(peer, over, wire), Web::open(peer))
        };
        if let Some(web) = &mut self.open
            && let Ok(response) = web.ask(&asked).await
        {
            return web::message(response);
        }
        let web = self.open.insert(opening.await?);
        web::message(web.ask(&asked).await?)
    }
}

/// Asks on the connection that there is; a server may have ended it since (RFC 7766 §6.2.3).
async fn kept(peer: &mut Peer, over: Over, wire: &[u8]) -> Result<Vec<u8>, Broken> {
    match client::again(peer, wire).await {
        Ok(came) => Ok(came),
        Err(_) => client::exchange(peer, over, wire).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::wire::QR;

    fn answer() -> Message {
        Message::query(super::super::name("www").unwrap(), 1).with(QR)
    }

    #[test]
    fn neither_the_id_nor_padding_counts() {
        let plain = answer().edns(&Edns::of(1232).option(15, &[0, 1]));
        let padded = answer().edns(&Edns::of(1232).option(15, &[0, 1]).option(PADDING, &[0; 40]));
        assert_ne!(plain.to_wire(), padded.to_wire());
        assert_eq!(bare(&plain.to_wire()), bare(&padded.to_wire()));
        assert_ne!(bare(&plain.to_wire()), bare(&answer().to_wire()));
        assert_ne!(bare(&plain.to_wire()), bare(&answer().edns(&Edns::of(512)).to_wire()));
    }

    #[test]
    fn what_lacks_more_than_additional_records_says_so() {
        let record =
            Record { name: super::super::name("www").unwrap(), kind: 1, class: 1, ttl: 1, data: vec![1; 4] };
        let mut whole = answer();
        whole.answer.push(record.clone());
        whole.additional.push(record);
        let less = Message { additional: Vec::new(), ..whole.clone() };
        let least = Message { answer: Vec::new(), ..less.clone() };
        let is = |message: &Message| is_cut_of(&message.to_wire(), &whole.to_wire());
        assert!(is(&less) && is(&least.clone().with(TC)) && !is(&least));
        assert!(!is(&Message { flags: QR | 3, ..less }));
    }
}
