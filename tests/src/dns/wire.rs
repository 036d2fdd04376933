//! The suite's own reader and writer of messages (RFC 1035 §4): strict in what it takes, plain in what it makes.

use std::cmp::Ordering;
use std::fmt;

use super::rdata;
use super::reader::Reader;

pub(super) const QR: u16 = 0x8000;
pub(super) const AA: u16 = 0x0400;
pub(super) const TC: u16 = 0x0200;
pub(super) const RD: u16 = 0x0100;
pub(super) const RA: u16 = 0x0080;
pub(super) const Z: u16 = 0x0040;
pub(super) const AD: u16 = 0x0020;
pub(super) const CD: u16 = 0x0010;
/// The bits of the header that hold the opcode.
pub(super) const OPCODE: u16 = 0x7800;

pub(super) const IN: u16 = 1;
pub(super) const CHAOS: u16 = 3;
pub(super) const NONE: u16 = 254;
pub(super) const ANY: u16 = 255;

/// A domain name: its labels as they were written, without the root's. Names are equal whatever the case of their
/// letters, and sorted as RFC 4034 §6.1 says.
#[derive(Clone, Default)]
pub(super) struct Name(pub(super) Vec<Vec<u8>>);

impl Name {
    /// The octets of its wire form.
    pub(super) fn len(&self) -> usize {
        1 + self.0.iter().map(|label| label.len() + 1).sum::<usize>()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for label in &self.0 {
            out.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(label);
        }
        out.push(0);
    }

    /// Whether it is this name, or below it.
    pub(super) fn is_under(&self, top: &Self) -> bool {
        self.0.len() >= top.0.len()
            && Self(self.0.iter().skip(self.0.len() - top.0.len()).cloned().collect()) == *top
    }

    /// With one more label in front.
    pub(super) fn child(&self, label: &[u8]) -> Self {
        Self([label.to_vec()].into_iter().chain(self.0.iter().cloned()).collect())
    }

    pub(super) fn lower(&self) -> Self {
        Self(self.0.iter().map(|label| label.to_ascii_lowercase()).collect())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.eq_ignore_ascii_case(b))
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let lower = |label: &Vec<u8>| label.to_ascii_lowercase();
        self.0.iter().rev().map(lower).cmp(other.0.iter().rev().map(lower))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for label in &self.0 {
            for octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(*octet))?
                    }
                    0x21..=0x7e => write!(f, "{}", char::from(*octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An entry of the question section.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) kind: u16,
    pub(super) class: u16,
}

/// A record; names within its data are uncompressed.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) name: Name,
    pub(super) kind: u16,
    pub(super) class: u16,
    pub(super) ttl: u32,
    pub(super) data: Vec<u8>,
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.ttl == other.ttl && self.is_like(other)
    }
}

impl Eq for Record {}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Record {
    /// Equal but for the TTL, as members of one RRset are compared (RFC 2181 §5).
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (&self.name, self.kind, self.class) == (&other.name, other.kind, other.class)
            && rdata::canonical(self.kind, &self.data) == rdata::canonical(other.kind, &other.data)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.name.write(out);
        out.extend(self.kind.to_be_bytes());
        out.extend(self.class.to_be_bytes());
        out.extend(self.ttl.to_be_bytes());
        out.extend(u16::try_from(self.data.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(&self.data);
    }
}

/// A message. OPT and TSIG are records of the additional section like others.
#[derive(Clone, Default)]
pub(super) struct Message {
    pub(super) id: u16,
    pub(super) flags: u16,
    pub(super) question: Vec<Question>,
    pub(super) answer: Vec<Record>,
    pub(super) authority: Vec<Record>,
    pub(super) additional: Vec<Record>,
    /// Where the last record begins in the octets that the message was read from.
    pub(super) last: usize,
}

/// What an OPT record says (RFC 6891 §6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Edns {
    pub(super) size: u16,
    pub(super) high: u8,
    pub(super) version: u8,
    pub(super) flags: u16,
    pub(super) options: Vec<(u16, Vec<u8>)>,
}

pub(super) const OPT: u16 = 41;
pub(super) const TSIG: u16 = 250;
/// The flag that asks for DNSSEC.
pub(super) const DO: u16 = 0x8000;

impl Edns {
    /// Version 0, with this size and nothing else.
    pub(super) fn of(size: u16) -> Self {
        Self { size, ..Self::default() }
    }

    pub(super) fn option(mut self, code: u16, data: &[u8]) -> Self {
        self.options.push((code, data.to_vec()));
        self
    }

    /// The data of an option.
    pub(super) fn find(&self, code: u16) -> Option<&[u8]> {
        self.options.iter().find(|(found, _)| *found == code).map(|(_, data)| data.as_slice())
    }

    pub(super) fn record(&self) -> Record {
        let mut data = Vec::new();
        for (code, option) in &self.options {
            data.extend(code.to_be_bytes());
            data.extend(u16::try_from(option.len()).unwrap_or(u16::MAX).to_be_bytes());
            data.extend_from_slice(option);
        }
        let [high, low] = self.flags.to_be_bytes();
        let ttl = u32::from_be_bytes([self.high, self.version, high, low]);
        Record { name: Name::default(), kind: OPT, class: self.size, ttl, data }
    }

    fn read(record: &Record) -> Result<Self, String> {
        let [high, version, a, b] = record.ttl.to_be_bytes();
        let mut edns = Self {
            size: record.class,
            high,
            version,
            flags: u16::from_be_bytes([a, b]),
            options: Vec::new(),
        };
        let mut reader = Reader { wire: &record.data, at: 0 };
        while reader.at < record.data.len() {
            let (code, length) = (reader.u16()?, reader.u16()?);
            edns.options.push((code, reader.take(usize::from(length))?.to_vec()));
        }
        Ok(edns)
    }
}

impl Message {
    /// Its question section has one entry.
    pub(super) fn query(name: Name, kind: u16) -> Self {
        Self {
            id: super::client::id(),
            question: vec![Question { name, kind, class: IN }],
            ..Self::default()
        }
    }

    pub(super) fn with(mut self, flags: u16) -> Self {
        self.flags |= flags;
        self
    }

    pub(super) fn edns(mut self, edns: &Edns) -> Self {
        self.additional.push(edns.record());
        self
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn opcode(&self) -> u16 {
        (self.flags & OPCODE) >> 11
    }

    /// What the OPT record says, where there is one. The reader has seen that it can be read.
    pub(super) fn opt(&self) -> Option<Edns> {
        self.additional.iter().find(|record| record.kind == OPT).and_then(|record| Edns::read(record).ok())
    }

    pub(super) fn tsig(&self) -> Option<&Record> {
        self.additional.last().filter(|record| record.kind == TSIG)
    }

    /// With the upper bits that OPT holds.
    pub(super) fn rcode(&self) -> u16 {
        let high = self.opt().map_or(0, |edns| u16::from(edns.high));
        (high << 4) | (self.flags & 0xf)
    }

    /// The additional section without OPT and TSIG.
    pub(super) fn extra(&self) -> impl Iterator<Item = &Record> {
        self.additional.iter().filter(|record| record.kind != OPT && record.kind != TSIG)
    }

    pub(super) fn to_wire(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        out.extend(self.id.to_be_bytes());
        out.extend(self.flags.to_be_bytes());
        out.extend(count(self.question.len()));
        for section in [&self.answer, &self.authority, &self.additional] {
            out.extend(count(section.len()));
        }
        for question in &self.question {
            question.name.write(&mut out);
            out.extend(question.kind.to_be_bytes());
            out.extend(question.class.to_be_bytes());
        }
        for record in self.answer.iter().chain(&self.authority).chain(&self.additional) {
            record.write(&mut out);
        }
        out
    }

    /// Reads a whole message.
    pub(super) fn read(wire: &[u8]) -> Result<Self, String> {
        let mut reader = Reader { wire, at: 0 };
        let (id, flags) = (reader.u16()?, reader.u16()?);
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        let [questions, answers, authorities, additionals] = counts;
        let mut question = Vec::new();
        for _ in 0..questions {
            question.push(Question { name: reader.name(true)?, kind: reader.u16()?, class: reader.u16()? });
        }
        let mut last = reader.at;
        let mut section = |count: u16| {
            let one = |_| {
                last = reader.at;
                reader.record()
            };
            (0..count).map(one).collect::<Result<Vec<_>, _>>()
        };
        let (answer, authority, additional) =
            (section(answers)?, section(authorities)?, section(additionals)?);
        let message = Self { id, flags, question, answer, authority, additional, last };
        if reader.at != wire.len() {
            return Err(format!("{} octets behind the message", wire.len() - reader.at));
        }
        message.pseudo_records()?;
        Ok(message)
    }

    /// RFC 6891 §6.1.1, RFC 8945 §5.1: where OPT and TSIG may stand.
    fn pseudo_records(&self) -> Result<(), String> {
        let pseudo = |record: &&Record| record.kind == OPT || record.kind == TSIG;
        if self.answer.iter().chain(&self.authority).any(|record| pseudo(&record)) {
            return Err("OPT or TSIG outside of the additional section".into());
        }
        let opts: Vec<_> = self.additional.iter().filter(|record| record.kind == OPT).collect();
        match opts.as_slice() {
            [] => {}
            [opt] if opt.name.0.is_empty() => drop(Edns::read(opt)?),
            [_] => return Err("an OPT that is not the root's".into()),
            _ => return Err("two OPT records".into()),
        }
        let tsigs = self.additional.iter().filter(|record| record.kind == TSIG).count();
        if tsigs > usize::from(self.tsig().is_some()) {
            return Err("TSIG that is not the last record".into());
        }
        Ok(())
    }
}
