use std::sync::Arc;

use crate::wire::{Encoder, Head, Key, Owner, Part, Query, Question, Rcode, Rrset, Type, rdata};
use crate::zone::{Best, Node, Zone, ZoneSet};

/// The octets of a message of a transfer: as far as pointers reach, so that names are compressed in all of it.
const MESSAGE: usize = 16 * 1024;

/// The messages of a transfer of a zone (RFC 5936), made one by one as they can be sent. The zone is the one of the moment
/// when it began, whatever changes meanwhile.
///
/// Who may have the zone, and how many transfers run, is to be decided before.
#[derive(Debug)]
pub struct Transfer {
    zone: Arc<Zone>,
    head: Head,
    question: Box<[u8]>,
    state: State,
    /// The names that are left, the next one last.
    names: Vec<Node>,
    /// The sets of the next name, and the records of the first of them, that are written.
    done: (usize, usize),
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The SOA record and nothing else: the client is up to date (RFC 1995 §2).
    Current,
    /// The SOA record that begins the zone.
    Start,
    /// Records of names.
    Names,
    /// The SOA record that ends the zone.
    Last,
    /// Nothing.
    End,
}

impl Transfer {
    /// The transfer that a request for AXFR or IXFR asks for. For IXFR, whose client tells the serial that it has, this is
    /// the whole zone (RFC 1995 §4), or its SOA record if the client has it.
    ///
    /// The names are sorted: for a large zone, call it where computing is no harm.
    ///
    /// # Errors
    /// NOTAUTH if it is no zone of ours (RFC 5936 §2.2.1), SERVFAIL if we do not have its records, FORMERR if an IXFR has
    /// no SOA.
    pub fn new(zones: &ZoneSet, query: &Query<'_>) -> Result<Self, Rcode> {
        let question = query.question.as_ref().ok_or(Rcode::FORMERR)?;
        let zone = match zones.zone(question.name) {
            Some(zone) => Arc::clone(zone),
            None => return Err(missing(zones, question)),
        };
        let is_current = match question.qtype {
            Type::IXFR => !is_newer(zone.serial().unwrap_or_default(), serial(query).ok_or(Rcode::FORMERR)?),
            _ => false,
        };
        let mut names = Vec::new();
        if !is_current {
            names.extend(zone.canonical().into_iter().rev().cloned());
        }
        Ok(Self {
            head: query.head,
            question: question.wire.into(),
            state: if is_current { State::Current } else { State::Start },
            zone,
            names,
            done: (0, 0),
        })
    }

    /// Adds the next message to `out`; false if there was none left.
    pub fn next(&mut self, out: &mut Vec<u8>) -> bool {
        if self.state == State::End {
            return false;
        }
        let mut message = Encoder::new(out, &self.head, MESSAGE);
        message.authoritative = true;
        let origin = self.zone.origin().to_name();
        let origin = Key::new(origin.view());
        // Only the first message needs it (RFC 5936 §2.2.1); in all, the origin is there to be pointed to.
        message.raw_question(&self.question);
        message.point_to_question(&origin);
        while self.write(&origin, &mut message) {}
        if message.count(Part::Answer) == 0 {
            // A record that fits into no message: there is none, as RDATA and message have the same limit, but it is
            // not for ever that we try.
            message.rcode = Rcode::SERVFAIL;
            self.state = State::End;
        }
        message.finish();
        true
    }

    /// Writes what comes next; false if it does not fit any more, or if nothing does.
    fn write(&mut self, origin: &Key<'_>, message: &mut Encoder<'_>) -> bool {
        let soa = self.zone.soa().filter(|_| self.state != State::Names);
        let next = match self.state {
            State::Current | State::Last => State::End,
            State::Start => State::Names,
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
            State::End => return false,
        };
        let fits = soa.is_none_or(|soa| put(message, Owner::Name(origin, origin.labels()), soa));
        if fits {
            self.state = next;
        }
        fits
    }
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

fn missing(zones: &ZoneSet, question: &Question<'_>) -> Rcode {
    match zones.best(&Key::new(question.name), false) {
        Best::Unavailable => Rcode::SERVFAIL,
        _ => Rcode::NOTAUTH,
    }
}

/// The serial that the client of an IXFR has: of the SOA record in its authority section (RFC 1995 §3).
fn serial(query: &Query<'_>) -> Option<u32> {
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
