use super::key::{Key, Suffix};
use super::query::HEADER;
use super::{Class, Head, NameRef, Opcode, Question, Rcode, Rrset, Type};

/// The places for names that later ones can point to.
const PLACES: usize = 128;
/// The places in which a name is looked for, so that the work for each is bounded.
const TRIES: usize = 4;
/// How far a pointer reaches (RFC 1035 §4.1.4).
const REACH: usize = 0x4000;
/// The marks of a pointer.
const POINTER: u16 = 0xc000;

/// Writes a reply to the end of a buffer: whole RRsets up to a size, with names compressed.
///
/// Sections are to be written in their order. Of the names only a bounded number is remembered, so that the work grows
/// with the size of the reply and not faster.
#[derive(Debug)]
pub struct Encoder<'b> {
    /// What came of the request.
    pub rcode: Rcode,
    /// The answer is of a zone of ours (AA).
    pub authoritative: bool,
    /// Something that belongs to the reply did not fit (TC).
    pub truncated: bool,
    out: &'b mut Vec<u8>,
    /// Where in the buffer the reply begins.
    base: usize,
    limit: usize,
    head: Head,
    questions: u16,
    counts: [u16; 3],
    names: [Place; PLACES],
    keeps_case: bool,
}

/// A section of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The answer section.
    Answer,
    /// The authority section.
    Authority,
    /// The additional section.
    Additional,
}

/// The owner of an RRset.
#[derive(Clone, Copy)]
pub enum Owner<'k> {
    /// The name in the question.
    Question,
    /// So many of the last labels of a name.
    Name(&'k Key<'k>, usize),
}

/// What our OPT says (RFC 6891 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// The largest request over UDP that we take.
    pub size: u16,
    /// DO, as the client said it (RFC 3225 §3).
    pub dnssec: bool,
}

/// Where a name is in the reply, 0 for none, and a part of its hash.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    hash: u16,
    at: u16,
}

impl Opt {
    /// The octets of an OPT without options.
    pub const LENGTH: usize = 11;
}

impl<'b> Encoder<'b> {
    /// A reply to the request with this header, to be added to `out`, of at most `limit` octets.
    pub fn new(out: &'b mut Vec<u8>, head: &Head, limit: usize) -> Self {
        let base = out.len();
        out.extend_from_slice(&[0; HEADER]);
        Self {
            rcode: Rcode::NOERROR,
            authoritative: false,
            truncated: false,
            out,
            base,
            limit,
            head: *head,
            questions: 0,
            counts: [0; 3],
            names: [Place::default(); PLACES],
            keeps_case: false,
        }
    }

    /// Lets names keep the case of their letters: none is a pointer to one that is written in another.
    pub(crate) fn keep_case(&mut self) {
        self.keeps_case = true;
    }

    /// Repeats the question, to the octet.
    pub fn question(&mut self, question: &Question<'_>) {
        self.raw_question(question.wire);
    }

    /// Writes a question of these octets.
    pub(crate) fn raw_question(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
        self.questions = 1;
    }

    /// Makes the name of the question, which was written, one that others can point to.
    pub fn point_to_question(&mut self, name: &Key<'_>) {
        for labels in 1..=name.labels() {
            self.remember(name.suffix(labels).hash, HEADER + name.start(labels));
        }
    }

    /// Keeps so many octets for what is written at the end: OPT and TSIG.
    pub fn reserve(&mut self, octets: usize) {
        self.limit = self.limit.saturating_sub(octets);
    }

    /// Gives back so many octets that were reserved.
    pub fn release(&mut self, octets: usize) {
        self.limit += octets;
    }

    /// How many octets are written.
    pub fn size(&self) -> usize {
        self.out.len() - self.base
    }

    /// How many octets may be written before what is reserved.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.size())
    }

    /// How many records a section has.
    pub fn count(&self, part: Part) -> u16 {
        self.counts.get(part as usize).copied().unwrap_or_default()
    }

    /// Writes all of a set, or nothing of it and says so.
    #[must_use = "a set that does not fit is missing"]
    pub fn rrset(&mut self, part: Part, owner: Owner<'_>, set: Rrset<'_>) -> bool {
        let before = self.out.len();
        let mut first = None;
        let mut count = 0_u16;
        for rdata in set.rdata() {
            let at = self.size();
            match (first, owner) {
                // The root is shorter than a pointer.
                (Some(at), _) if self.is_pointable(at) => self.pointer(at),
                (None, Owner::Question) if self.is_pointable(HEADER) => self.pointer(HEADER),
                (_, Owner::Question) => self.out.push(0),
                (_, Owner::Name(name, labels)) => self.name(name, labels),
            }
            first = first.or(match owner {
                Owner::Question => Some(HEADER),
                Owner::Name(..) => Some(at),
            });
            self.fixed(set.rtype, Class::IN.0, set.ttl);
            self.rdata(set.rtype, rdata);
            count = count.wrapping_add(1);
            if self.size() > self.limit {
                self.forget(before);
                return false;
            }
        }
        if let Some(counted) = self.counts.get_mut(part as usize) {
            *counted = counted.wrapping_add(count);
        }
        true
    }

    /// Adds a text about the name in the question, in another class than that of zones; nothing, where there is no room.
    pub fn text(&mut self, class: Class, text: &[u8]) {
        let Ok(length) = u8::try_from(text.len()) else { return };
        let before = self.out.len();
        self.pointer(HEADER);
        self.fixed(Type::TXT, class.0, 0);
        let at = self.open();
        self.out.push(length);
        self.out.extend_from_slice(text);
        self.close(at);
        if self.size() > self.limit {
            self.out.truncate(before);
            self.truncated = true;
        } else if let Some(count) = self.counts.first_mut() {
            *count += 1;
        }
    }

    /// Takes back what was written behind these octets, all records, and says that something is missing.
    pub fn cut(&mut self, size: usize) {
        self.forget(self.base + size);
        self.counts = [0; 3];
        self.truncated = true;
    }

    /// Takes back all of it.
    pub fn undo(self) {
        self.out.truncate(self.base);
    }

    /// Adds OPT, with the options that `options` writes. What it needs beyond [`Opt::LENGTH`] is to be reserved before.
    pub fn opt(&mut self, opt: Opt, options: impl FnOnce(&mut Vec<u8>)) {
        let [high, _] = (self.rcode.0 << 4).to_be_bytes();
        self.out.push(0);
        self.fixed(Type::OPT, opt.size, u32::from_be_bytes([high, 0, u8::from(opt.dnssec) << 7, 0]));
        let at = self.open();
        options(self.out);
        self.close(at);
        if let Some(count) = self.counts.last_mut() {
            *count += 1;
        }
    }

    /// Writes the header, and so ends the reply.
    pub fn finish(self) {
        let Head { id, opcode: Opcode(opcode), rd, cd } = self.head;
        let flags = 1 << 15
            | u16::from(opcode) << 11
            | u16::from(self.authoritative) << 10
            | u16::from(self.truncated) << 9
            | u16::from(rd) << 8
            | u16::from(cd) << 4
            | self.rcode.0 & 0xf;
        let [answer, authority, additional] = self.counts;
        let words = [id, flags, self.questions, answer, authority, additional];
        for (place, word) in
            self.out.iter_mut().skip(self.base).zip(words.into_iter().flat_map(u16::to_be_bytes))
        {
            *place = word;
        }
    }

    /// Type, class and lifetime.
    fn fixed(&mut self, rtype: Type, class: u16, ttl: u32) {
        let ([a, b], [c, d], [e, f, g, h]) = (rtype.0.to_be_bytes(), class.to_be_bytes(), ttl.to_be_bytes());
        self.out.extend_from_slice(&[a, b, c, d, e, f, g, h]);
    }

    /// The length of RDATA, and RDATA.
    fn rdata(&mut self, rtype: Type, rdata: &[u8]) {
        // Only these may be compressed (RFC 3597 §4): how many octets are before the names, and how many names.
        let (before, names) = match rtype {
            Type::NS | Type::CNAME | Type::PTR | Type::MB | Type::MD | Type::MF | Type::MG | Type::MR => {
                (0, 1)
            }
            Type::MX => (2, 1),
            Type::SOA | Type::MINFO => (0, 2),
            _ => {
                self.out.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
                self.out.extend_from_slice(rdata);
                return;
            }
        };
        let at = self.open();
        let (octets, mut rest) = rdata.split_at_checked(before).unwrap_or_default();
        self.out.extend_from_slice(octets);
        for _ in 0..names {
            let Ok((name, after)) = NameRef::split(rest) else { break };
            let name = Key::new(name);
            self.name(&name, name.labels());
            rest = after;
        }
        self.out.extend_from_slice(rest);
        self.close(at);
    }

    /// Makes room for a length, which [`close`](Self::close) writes.
    fn open(&mut self) -> usize {
        self.out.extend_from_slice(&[0; 2]);
        self.out.len()
    }

    fn close(&mut self, at: usize) {
        let length = (self.out.len() - at) as u16;
        if let Some(place) = self.out.get_mut(at - 2..at) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// The last labels of a name, as a pointer from the first of them on where that is possible.
    fn name(&mut self, name: &Key<'_>, labels: usize) {
        let at = self.size();
        let known = (1..=labels).rev().find_map(|known| Some((known, self.find(name.suffix(known))?)));
        let start = name.start(labels);
        let (end, known) = match known {
            Some((known, target)) => (name.start(known), Some((known, target))),
            None => (name.name().wire().len(), None),
        };
        self.out.extend_from_slice(name.name().wire().get(start..end).unwrap_or_default());
        if let Some((_, target)) = known {
            self.pointer(target);
        }
        for labels in known.map_or(0, |(known, _)| known) + 1..=labels {
            self.remember(name.suffix(labels).hash, at + name.start(labels) - start);
        }
    }

    fn pointer(&mut self, at: usize) {
        self.out.extend_from_slice(&(POINTER | at as u16).to_be_bytes());
    }

    /// Whether there is more than the root at this place, in reach of a pointer.
    fn is_pointable(&self, at: usize) -> bool {
        at < REACH && self.out.get(self.base + at).is_some_and(|length| *length > 0)
    }

    /// Remembers that a name of this hash is at `at`.
    fn remember(&mut self, hash: u32, at: usize) {
        if at >= REACH {
            return;
        }
        let places = self.names.iter_mut().skip(first_place(hash)).take(TRIES);
        if let Some(free) = places.into_iter().find(|place| place.at == 0) {
            *free = Place { hash: hash as u16, at: at as u16 };
        }
    }

    fn find(&self, name: Suffix<'_>) -> Option<usize> {
        let first = first_place(name.hash);
        let places = self.names.iter().skip(first).take(TRIES);
        let known = places.filter(|place| place.at > 0 && place.hash == name.hash as u16);
        known.map(|place| usize::from(place.at)).find(|at| self.is_at(name.wire, *at))
    }

    /// Whether the name at a place of the reply, compressed or not, is this one.
    fn is_at(&self, mut wire: &[u8], at: usize) -> bool {
        let message = self.out.get(self.base..).unwrap_or_default();
        let mut at = at;
        while let (Some(&length), Some(&there)) = (wire.first(), message.get(at)) {
            if there >= 0xc0 {
                // We wrote it ourselves, and it points backwards.
                at = usize::from(there & 0x3f) << 8
                    | usize::from(message.get(at + 1).copied().unwrap_or_default());
                continue;
            }
            let end = 1 + usize::from(length);
            let (Some(ours), Some(theirs)) = (wire.get(..end), message.get(at..at + end)) else {
                return false;
            };
            if ours != theirs && (self.keeps_case || !ours.eq_ignore_ascii_case(theirs)) {
                return false;
            }
            if length == 0 {
                return true;
            }
            wire = wire.get(end..).unwrap_or_default();
            at += end;
        }
        false
    }

    /// Takes back all that was written from here on, and what was remembered of it.
    fn forget(&mut self, from: usize) {
        self.out.truncate(from);
        let end = from - self.base;
        for place in self.names.iter_mut().filter(|place| usize::from(place.at) >= end) {
            *place = Place::default();
        }
    }
}

/// Where a name of this hash is looked for first; the octets that are compared are others.
fn first_place(hash: u32) -> usize {
    (hash >> 16) as usize % (PLACES - TRIES + 1)
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
