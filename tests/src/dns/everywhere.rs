//! One answer, whatever it comes by: each query of the [vectors](super::ferret) is asked by every transport that a server
//! has, once as it is and once with EDNS, and what comes is compared octet by octet, apart from ID and padding.
//!
//! What comes by TCP is what the others are compared with. By UDP an answer that does not fit is to be truncated, or to lack
//! additional records only (RFC 2181 §9).

use std::fmt;
use std::time::Duration;

use super::client::{self, Over};
use super::ferret::{Server, Vector};
use super::quic::Line;
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
    let mut asking = Asking::of(server.subject()).await;
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
        let whole = match asking.ask(0, query).await {
            Ok(whole) => whole,
            Err(Broken { expected, actual }) => {
                let query = query.to_string();
                return self.differences.push(format!("{id}: {query}: {expected} by TCP, not {actual}"));
            }
        };
        for (at, way) in asking.ways.clone().into_iter().enumerate().skip(1) {
            let cut = way.over == Over::Udp && whole.len() > room;
            self.compared += 1;
            self.truncated += usize::from(cut);
            let came = asking.ask(at, query).await.map_err(|broken| broken.actual);
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
                    .push(format!("{id}: {query}\n  by {way:?}: {came}\n  by TCP: {}", shown(&whole)));
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

/// A way for queries to go.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Way {
    over: Over,
    /// The version of HTTP, where that is one of the transport.
    web: Door,
}

/// Connections to a server by every transport that it has, kept for one query after the other.
struct Asking {
    ways: Vec<Way>,
    /// The first is TCP, which the others are compared with; each has its own.
    lines: Vec<Kept>,
}

/// A connection, if it has been made.
struct Kept {
    peer: Peer,
    web: Option<Web>,
    quic: Option<Line>,
}

impl Asking {
    async fn of(subject: &Subject) -> Self {
        let way = |over| Way { over, web: Door::Web };
        let mut ways = vec![way(Over::Tcp), way(Over::Udp)];
        let has = |need| subject.lacks(&[need]).is_none();
        if has(Need::Dot) {
            ways.push(way(Over::Tls));
        }
        if has(Need::Doh) {
            ways.extend([way(Over::Get), way(Over::Post)]);
            if web::speaks_old(&Peer::new(subject.clone(), PATIENCE)).await {
                ways.extend([Over::Get, Over::Post].map(|over| Way { over, web: Door::OldWeb }));
            }
        }
        if has(Need::Doq) {
            ways.push(way(Over::Quic));
        }
        let lines = ways.iter().map(|way| {
            let mut peer = Peer::new(subject.clone(), PATIENCE);
            peer.reconnect_at(if way.over == Over::Tls { Door::Tls } else { Door::Front });
            peer.ask_web_at(way.web);
            Kept { peer, web: None, quic: None }
        });
        Self { lines: lines.collect(), ways }
    }

    /// What comes by the way of this number, and what it is.
    async fn ask(&mut self, at: usize, query: &Message) -> Result<Vec<u8>, Broken> {
        let none = || Broken::new("a server that has this transport", "none");
        let way = self.ways.get(at).copied().ok_or_else(none)?;
        let line = self.lines.get_mut(at).ok_or_else(none)?;
        let query = way.over.numbered(query.clone());
        let wire = query.to_wire();
        let came = match way.over {
            Over::Udp => client::exchange(&mut line.peer, way.over, &wire).await,
            Over::Tcp | Over::Tls => kept(&mut line.peer, way.over, &wire).await,
            Over::Get | Over::Post => line.ask_web(way.over, &wire).await,
            Over::Quic => line.ask_quic(&wire).await,
        }?;
        client::read(&query, &came)?;
        Ok(came)
    }
}

impl Kept {
    async fn ask_web(&mut self, over: Over, wire: &[u8]) -> Result<Vec<u8>, Broken> {
        let asked = Asked::new(&self.peer, over, wire);
        if let Some(web) = &mut self.web
            && let Ok(response) = web.ask(&asked).await
        {
            return web::message(response);
        }
        let opening = Web::open(&self.peer);
        let web = self.web.insert(opening.await?);
        web::message(web.ask(&asked).await?)
    }

    async fn ask_quic(&mut self, wire: &[u8]) -> Result<Vec<u8>, Broken> {
        if let Some(line) = &self.quic
            && let Ok(came) = line.ask(wire).await
        {
            return Ok(came);
        }
        let opening = Line::open(&self.peer);
        self.quic.insert(opening.await?).ask(wire).await
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
