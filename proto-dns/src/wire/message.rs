use std::fmt;

use ropewalk_core::{Error, Result};

use super::query::{Edns, HEADER, Raw, word};
use super::{Class, Name, Opcode, Rcode, Type, rdata};
use crate::zone::Record;

/// A message, read strictly and taken apart into records that are its own.
///
/// What is asked often and answered at once is read as a [`Query`](super::Query) instead, which copies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// What a reply is told from others by.
    pub id: u16,
    /// What is asked for.
    pub opcode: Opcode,
    /// What came of it, with the bits that EDNS adds.
    pub rcode: Rcode,
    /// The bits of the header.
    pub flags: Flags,
    /// What is asked; of an UPDATE, the zone.
    pub question: Option<Asked>,
    /// The answer section.
    pub answer: Vec<Record>,
    /// The authority section.
    pub authority: Vec<Record>,
    /// The additional section, without OPT.
    pub additional: Vec<Record>,
    /// What OPT says.
    pub edns: Option<Extension>,
}

/// What is asked: a [`Question`](super::Question) of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// The name, in the case it was written in.
    pub name: Name,
    /// The type.
    pub qtype: Type,
    /// The class.
    pub qclass: Class,
}

/// What OPT says (RFC 6891 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The largest message over UDP that the sender takes.
    pub size: u16,
    /// The version.
    pub version: u8,
    /// DO: DNSSEC's records are wanted (RFC 3225 §3).
    pub dnssec: bool,
    /// The options: code and value, in their order.
    pub options: Vec<(u16, Box<[u8]>)>,
}

/// The bits of a header (RFC 1035 §4.1.1, RFC 4035 §3), as text their names in lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// This is a reply.
    pub const QR: Self = Self(1 << 15);
    /// The answer is of a zone of the server's.
    pub const AA: Self = Self(1 << 10);
    /// Something is missing that did not fit.
    pub const TC: Self = Self(1 << 9);
    /// Recursion is desired.
    pub const RD: Self = Self(1 << 8);
    /// Recursion is available.
    pub const RA: Self = Self(1 << 7);
    /// All of it has been validated.
    pub const AD: Self = Self(1 << 5);
    /// No validation is wanted.
    pub const CD: Self = Self(1 << 4);

    /// All of them, in their order.
    const ALL: [(Self, &str); 7] = [
        (Self::QR, "qr"),
        (Self::AA, "aa"),
        (Self::TC, "tc"),
        (Self::RD, "rd"),
        (Self::RA, "ra"),
        (Self::AD, "ad"),
        (Self::CD, "cd"),
    ];

    /// Whether all bits of `flags` are set.
    pub fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Those of both.
    #[must_use]
    pub fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }
}

impl Message {
    /// Reads a message, and all of its records.
    ///
    /// # Errors
    /// [`Fault::Peer`](ropewalk_core::Fault): if it has more than one question or OPT, or if a name, RDATA, a record or the
    /// message is not of the form that it should be.
    pub fn read(octets: &[u8]) -> Result<Self> {
        let cut = || Error::peer("the message is cut short");
        let flags = word(octets, 2).filter(|_| octets.len() >= HEADER).ok_or_else(cut)?;
        let mut message = Self {
            id: word(octets, 0).ok_or_else(cut)?,
            opcode: Opcode((flags >> 11 & 0xf) as u8),
            rcode: Rcode(flags & 0xf),
            flags: Flags(flags & !0x784f),
            question: None,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            edns: None,
        };
        let mut pos = HEADER;
        match word(octets, 4) {
            Some(0) => {}
            Some(1) => message.question = Some(Asked::read(octets, &mut pos)?),
            _ => return Err(Error::peer("the message has more than one question")),
        }
        message.answer = message.section(octets, 6, &mut pos)?;
        message.authority = message.section(octets, 8, &mut pos)?;
        message.additional = message.section(octets, 10, &mut pos)?;
        if pos == octets.len() { Ok(message) } else { Err(Error::peer("there are octets after the message")) }
    }

    /// The records of the section whose count is at `count`. Memory grows with what is read, not with the count.
    fn section(&mut self, octets: &[u8], count: usize, pos: &mut usize) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for _ in 0..word(octets, count).unwrap_or_default() {
            let raw = Raw::read(octets, pos).ok_or_else(|| Error::peer("a record is malformed"))?;
            match raw.rtype {
                Type::OPT if count == 10 && self.edns.is_none() => self.extend(octets, &raw)?,
                Type::OPT => return Err(Error::peer("an OPT is where none may be")),
                _ => records.push(self.record(octets, &raw)?),
            }
        }
        Ok(records)
    }

    fn extend(&mut self, octets: &[u8], raw: &Raw) -> Result<()> {
        let edns = Edns::of(octets, raw).ok_or_else(|| Error::peer("the OPT is malformed"))?;
        self.rcode.0 |= u16::from(raw.ttl.to_be_bytes()[0]) << 4;
        self.edns = Some(Extension {
            size: edns.size,
            version: edns.version,
            dnssec: edns.dnssec,
            options: edns.options().map(|(code, value)| (code, value.into())).collect(),
        });
        Ok(())
    }

    fn record(&self, octets: &[u8], raw: &Raw) -> Result<Record> {
        let name = raw.owner(octets).ok_or_else(|| Error::peer("the owner of a record is malformed"))?;
        let mut data = Vec::with_capacity(raw.length.into());
        // What an UPDATE says of whole sets has none (RFC 2136 §2.4).
        if raw.length > 0 || self.opcode != Opcode::UPDATE {
            rdata::read(raw.rtype, octets, raw.at, raw.length, &mut data).map_err(|error| {
                Error::peer(format!("the {} record of {name} is malformed", raw.rtype)).caused_by(error)
            })?;
        }
        Ok(Record { name, class: raw.class, rtype: raw.rtype, ttl: raw.ttl, rdata: data.into() })
    }
}

impl Asked {
    fn read(octets: &[u8], pos: &mut usize) -> Result<Self> {
        let malformed = || Error::peer("the question is malformed");
        let name = Name::read(octets, pos).map_err(|error| malformed().caused_by(error))?;
        let (qtype, qclass) = word(octets, *pos).zip(word(octets, *pos + 2)).ok_or_else(malformed)?;
        *pos += 4;
        Ok(Self { name, qtype: Type(qtype), qclass: Class(qclass) })
    }

    /// Adds it to a message.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name.wire());
        out.extend(self.qtype.0.to_be_bytes());
        out.extend(self.qclass.0.to_be_bytes());
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.qclass, self.qtype)
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Self::ALL.iter().filter(|(flag, _)| self.has(*flag));
        set.enumerate().try_for_each(|(at, (_, name))| {
            let between = if at == 0 { "" } else { " " };
            write!(f, "{between}{name}")
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reply to `a.example A` with what follows the question.
    fn reply(counts: [u8; 3], rest: &[u8]) -> Vec<u8> {
        let [answer, authority, additional] = counts;
        let mut all = vec![0x12, 0x34, 0x85, 0xa3, 0, 1, 0, answer, 0, authority, 0, additional];
        all.extend_from_slice(b"\x01a\x07example\0\0\x01\0\x01");
        all.extend_from_slice(rest);
        all
    }

    #[test]
    fn a_reply_is_taken_apart() {
        let rest = b"\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x06\0\x0a\x01b\xc0\x0e\0\0\x29\x04\xd0\x01\0\x80\0\0\x06\0\x0f\0\x02\0\x12";
        let message = Message::read(&reply([1, 0, 1], rest)).unwrap();
        assert_eq!((message.id, message.opcode, message.rcode), (0x1234, Opcode::QUERY, Rcode(0x13)));
        assert_eq!(message.flags.to_string(), "qr aa rd ra ad");
        assert_eq!(message.question.unwrap().to_string(), "a.example. IN A");
        let [mx] = &message.answer[..] else { panic!("{:?}", message.answer) };
        assert_eq!((mx.name.to_string(), mx.rtype, mx.ttl), ("a.example.".into(), Type::MX, 60));
        assert_eq!(&*mx.rdata, b"\0\x0a\x01b\x07example\0");
        let edns = message.edns.unwrap();
        assert_eq!((edns.size, edns.version, edns.dnssec), (1232, 0, true));
        assert_eq!(edns.options, [(15, Box::from(&b"\0\x12"[..]))]);
        assert!(message.additional.is_empty());
    }

    #[test]
    fn what_is_malformed_is_refused_whole() {
        let opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
        let cases: [(Vec<u8>, &str); 8] = [
            (vec![0; 11], "cut short"),
            ([0, 0, 0x80, 0, 0, 2, 0, 0, 0, 0, 0, 0].to_vec(), "more than one question"),
            (reply([0, 0, 0], b"x"), "octets after"),
            (reply([1, 0, 0], b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x05\x01\x02\x03\x04\x05"), "the A record"),
            (reply([1, 0, 0], b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x05\x01"), "a record is malformed"),
            (reply([1, 0, 0], opt), "an OPT"),
            (reply([0, 0, 2], &[&opt[..], opt].concat()), "an OPT"),
            (
                reply([1, 0, 0], b"\xc0\x40\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04"),
                "a record is malformed",
            ),
        ];
        for (octets, says) in cases {
            let error = Message::read(&octets).unwrap_err();
            assert!(error.to_string().contains(says), "{octets:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(octets: Vec<u8>, rest: Vec<u8>, counts: [u8; 3]) {
            let _ = Message::read(&octets);
            let _ = Message::read(&reply(counts, &rest));
        }
    }
}
