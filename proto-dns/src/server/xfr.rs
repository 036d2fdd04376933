use std::collections::VecDeque;
use std::sync::Arc;

use crate::wire::{Encoder, Head, Key, Opt, Owner, Part, Query, Rcode, Rrset, Type, rdata};
use crate::zone::{Node, Record, Zone};

/// The octets of a message of a transfer: as far as pointers reach, so that names are compressed in all of it.
const MESSAGE: usize = 16 * 1024;

/// The messages of a transfer of a zone (RFC 5936, RFC 1995), made one by one as they can be sent. The zone is the one of the
/// moment when it began, whatever changes meanwhile.
///
/// Who may have the zone, and how many transfers run, is to be decided before.
#[derive(Debug)]
pub struct Transfer {
    zone: Arc<Zone>,
    head: Head,
    question: Box<[u8]>,
    /// What the first message says of EDNS.
    opt: Option<Opt>,
    /// Octets of each message that its signature takes.
    room: usize,
    state: State,
    /// The names that are left, the next one last.
    names: Vec<Node>,
    /// The sets of the next name, and the records of the first of them, that are written.
    done: (usize, usize),
    /// The records of differences that are left.
    changes: VecDeque<Record>,
}

/// What is other in one version of a zone than in the one before, in the form of IXFR (RFC 1995 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The records that are gone, the old SOA first.
    pub removed: Vec<Record>,
    /// The records that are new, the new SOA first.
    pub added: Vec<Record>,
}

/// What a transfer is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The SOA record and nothing else: the client is up to date (RFC 1995 §2).
    Current,
    /// All records.
    Whole,
    /// What has changed since the client's version, in the order in which it did.
    Changes(Vec<Difference>),
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The SOA record and nothing else.
    Current,
    /// The SOA record that begins the zone.
    Start,
    /// Records of names.
    Names,
    /// Records of differences.
    Changes,
    /// The SOA record that ends the zone.
    Last,
    /// Nothing.
    End,
}

impl Transfer {
    /// The transfer of a zone that a request for AXFR or IXFR asks for, of which each message keeps `room` octets free for a
    /// signature.
    ///
    /// The names are sorted: for a large zone, call it where computing is no harm.
    pub fn new(zone: Arc<Zone>, head: Head, question: &[u8], content: Content, room: usize) -> Self {
        let (mut names, mut changes) = (Vec::new(), VecDeque::new());
        let state = match content {
            Content::Current => State::Current,
            Content::Whole => {
                names.extend(zone.canonical().into_iter().rev().cloned());
                State::Start
            }
            Content::Changes(all) => {
                let records = all.into_iter().flat_map(|one| one.removed.into_iter().chain(one.added));
                changes.extend(records);
                State::Start
            }
        };
        Self { zone, head, question: question.into(), opt: None, room, state, names, done: (0, 0), changes }
    }

    /// Whose first message has EDNS, as the request has it (RFC 5936 §2.2.5).
    #[must_use]
    pub fn with_edns(self, opt: Option<Opt>) -> Self {
        Self { opt, ..self }
    }

    /// Adds the next message to `out`; false if there was none left.
    pub fn next(&mut self, out: &mut Vec<u8>) -> bool {
        if self.state == State::End {
            return false;
        }
        let mut message = Encoder::new(out, &self.head, MESSAGE);
        message.authoritative = true;
        // RFC 5936 §3.4.
        message.keep_case();
        let opt = self.opt.take();
        message.reserve(self.room + opt.map_or(0, |_| Opt::LENGTH));
        let origin = self.zone.origin().to_name();
        let origin = Key::new(origin.view());
        // Only the first message needs it (RFC 5936 §2.2.1); in all, the origin is there to be pointed to.
        message.raw_question(&self.question);
        message.point_to_question(&origin);
        while self.write(&origin, &mut message) {}
        if message.count(Part::Answer) == 0 {
            // A record that fits into no message: it is not for ever that we try.
            message.rcode = Rcode::SERVFAIL;
            self.state = State::End;
        }
        if let Some(opt) = opt {
            message.opt(opt, |_| {});
        }
        message.finish();
        true
    }

    /// Writes what comes next; false if it does not fit any more, or if nothing does.
    fn write(&mut self, origin: &Key<'_>, message: &mut Encoder<'_>) -> bool {
        let next = match self.state {
            State::Current | State::Last => State::End,
            State::Start if self.changes.is_empty() => State::Names,
            State::Start => State::Changes,
            State::Names => {
                let Some(node) = self.names.last() else {
                    self.state = State::Last;
                    return true;
                };
                let is_whole = write_node(node, &mut self.done, message);
                if is_whole {
                    self.names.pop();
                    self.done = (0, 0);
                }
                return is_whole;
            }
            State::Changes => {
                let Some(record) = self.changes.front() else {
                    self.state = State::Last;
                    return true;
                };
                let fits = write_record(record, message);
                if fits {
                    self.changes.pop_front();
                }
                return fits;
            }
            State::End => return false,
        };
        let soa = self.zone.soa();
        let fits = soa.is_none_or(|soa| put(message, Owner::Name(origin, origin.labels()), soa));
        if fits {
            self.state = next;
        }
        fits
    }
}

/// Writes one record; false if it does not fit.
fn write_record(record: &Record, message: &mut Encoder<'_>) -> bool {
    let Record { name, rtype, ttl, rdata, .. } = record;
    let Ok(length) = u16::try_from(rdata.len()) else { return false };
    let octets = [&length.to_be_bytes(), &rdata[..]].concat();
    let key = Key::new(name.view());
    put(message, Owner::Name(&key, key.labels()), Rrset::new(*rtype, Type(0), *ttl, &octets))
}

/// Writes the records of a name that are not `done`; false if not all fit.
fn write_node(node: &Node, done: &mut (usize, usize), message: &mut Encoder<'_>) -> bool {
    let key = Key::new(node.name());
    for (at, set) in node.sets().enumerate().skip(done.0) {
        // It begins and ends the zone.
        if set.rtype != Type::SOA {
            for record in set.singles().skip(done.1) {
                if !put(message, Owner::Name(&key, key.labels()), record) {
                    return false;
                }
                done.1 += 1;
            }
        }
        *done = (at + 1, 0);
    }
    true
}

/// Writes a record, even if it is larger than other messages are.
fn put(message: &mut Encoder<'_>, owner: Owner<'_>, record: Rrset<'_>) -> bool {
    if message.rrset(Part::Answer, owner, record) {
        return true;
    }
    let is_first = message.count(Part::Answer) == 0;
    let more = usize::from(u16::MAX) - MESSAGE;
    if is_first {
        message.release(more);
    }
    let fits = is_first && message.rrset(Part::Answer, owner, record);
    if is_first {
        message.reserve(more);
    }
    fits
}

/// The serial that the client of an IXFR has: of the SOA record in its authority section (RFC 1995 §3).
pub(super) fn serial(query: &Query<'_>) -> Option<u32> {
    let soa = query.records(&query.authority).find(|record| record.rtype == Type::SOA)?;
    let mut data = Vec::new();
    rdata::read(soa.rtype, query.message, soa.at, soa.length, &mut data).ok()?;
    let (_, numbers) = data.split_last_chunk::<20>()?;
    Some(u32::from_be_bytes(*numbers.first_chunk()?))
}

/// Whether a serial comes after another (RFC 1982 §3.2). Of two that are half the circle apart neither does.
pub(crate) fn is_newer(serial: u32, than: u32) -> bool {
    serial != than && serial.wrapping_sub(than) < 1 << 31
}

#[cfg(test)]
#[path = "xfr_tests.rs"]
mod tests;
