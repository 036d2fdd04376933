use std::ops::Range;

use super::{Class, Name, NameBuf, NameRef, Opcode, Rcode, Type};

/// The octets of a message's header (RFC 1035 §4.1.1).
pub const HEADER: usize = 12;

const QR: u16 = 1 << 15;
const RD: u16 = 1 << 8;
const CD: u16 = 1 << 4;
/// DO, in the flags of OPT (RFC 3225 §3).
const DO: u16 = 1 << 15;
/// The option of EDNS that carries cookies (RFC 7873 §4).
const COOKIE: u16 = 10;

/// What the header of a request says that its reply repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the client tells this reply from others by.
    pub id: u16,
    /// What is asked for.
    pub opcode: Opcode,
    /// The client wishes recursion.
    pub rd: bool,
    /// The client does not want validation (RFC 4035 §3.2.2).
    pub cd: bool,
}

/// A request, read strictly and without a copy: all that it has is looked at, and what does not belong is an error.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// All its octets.
    pub message: &'a [u8],
    /// What its header says.
    pub head: Head,
    /// What is asked; absent only where a cookie is asked for (RFC 7873 §5.4).
    pub question: Option<Question<'a>>,
    /// The records of its answer section: the prerequisites of an UPDATE (RFC 2136 §2).
    pub answer: Section,
    /// The records of its authority section: the changes of an UPDATE, the SOA of an IXFR.
    pub authority: Section,
    /// The records of its additional section, OPT and TSIG among them.
    pub additional: Section,
    /// Its EDNS.
    pub edns: Option<Edns<'a>>,
    /// Where its TSIG record begins, which is its last.
    pub tsig: Option<usize>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The name, in the case it was written in.
    pub name: NameRef<'a>,
    /// The type.
    pub qtype: Type,
    /// The class.
    pub qclass: Class,
    /// All of it as it is on the wire.
    pub wire: &'a [u8],
}

/// The records of a section of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// How many there are.
    pub count: u16,
    /// Where they are in the message.
    pub place: Range<usize>,
}

/// What OPT says (RFC 6891 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns<'a> {
    /// The largest reply over UDP that the client wants.
    pub size: u16,
    /// The version, of which we know 0.
    pub version: u8,
    /// The client wants DNSSEC's records (RFC 3225 §3).
    pub dnssec: bool,
    options: &'a [u8],
}

/// A record of a message, its RDATA still as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw {
    /// Where its owner begins.
    pub start: usize,
    /// The type.
    pub rtype: Type,
    /// The class.
    pub class: Class,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// Where its RDATA begins.
    pub at: usize,
    /// The octets of its RDATA.
    pub length: u16,
}

impl Head {
    /// The header of a request. There is none to reply to if it is cut short, or if it is of a reply: two servers would
    /// otherwise talk to each other for ever.
    pub fn read(message: &[u8]) -> Option<Self> {
        let flags = word(message, 2).filter(|_| message.len() >= HEADER)?;
        (flags & QR == 0).then_some(Self {
            id: word(message, 0)?,
            opcode: Opcode((flags >> 11 & 0xf) as u8),
            rd: flags & RD != 0,
            cd: flags & CD != 0,
        })
    }
}

impl<'a> Query<'a> {
    /// Reads the rest of a request.
    ///
    /// # Errors
    /// FORMERR: if it does not have exactly one question, if a name, a record or the message ends in the wrong place,
    /// if it has two OPT or TSIG, or one where it does not belong (RFC 6891 §6.1.1, RFC 8945 §5.1).
    pub fn read(head: Head, message: &'a [u8]) -> Result<Self, Rcode> {
        Self::parse(head, message).filter(Self::is_whole).ok_or(Rcode::FORMERR)
    }

    fn parse(head: Head, message: &'a [u8]) -> Option<Self> {
        let mut pos = HEADER;
        let question = match word(message, 4)? {
            0 => None,
            1 => Some(Question::read(message, &mut pos)?),
            _ => return None,
        };
        let mut query = Self {
            message,
            head,
            question,
            answer: Section::default(),
            authority: Section::default(),
            additional: Section::default(),
            edns: None,
            tsig: None,
        };
        query.answer = query.section(word(message, 6)?, &mut pos, false)?;
        query.authority = query.section(word(message, 8)?, &mut pos, false)?;
        query.additional = query.section(word(message, 10)?, &mut pos, true)?;
        (pos == message.len()).then_some(query)
    }

    fn section(&mut self, count: u16, pos: &mut usize, additional: bool) -> Option<Section> {
        let start = *pos;
        for _ in 0..count {
            // Nothing follows a TSIG.
            if self.tsig.is_some() {
                return None;
            }
            let record = Raw::read(self.message, pos)?;
            match record.rtype {
                Type::OPT if additional && self.edns.is_none() => {
                    self.edns = Some(Edns::of(self.message, &record)?)
                }
                Type::TSIG if additional && record.class == Class::ANY => self.tsig = Some(record.start),
                Type::OPT | Type::TSIG => return None,
                _ => {}
            }
        }
        Some(Section { count, place: start..*pos })
    }

    /// A request without a question asks for a cookie, or for nothing.
    fn is_whole(&self) -> bool {
        let cookie = || self.edns.is_some_and(|edns| edns.options().any(|(code, _)| code == COOKIE));
        self.question.is_some() || self.head.opcode == Opcode::QUERY && cookie()
    }

    /// The records of a section.
    pub fn records(&self, section: &Section) -> impl Iterator<Item = Raw> {
        let (message, mut pos) = (self.message, section.place.start);
        (0..section.count).map_while(move |_| Raw::read(message, &mut pos))
    }
}

impl<'a> Question<'a> {
    fn read(message: &'a [u8], pos: &mut usize) -> Option<Self> {
        let rest = message.get(*pos..)?;
        // There is nothing before it that a pointer could point to.
        let (name, _) = NameRef::split(rest).ok()?;
        let length = name.wire().len();
        let question = Self {
            name,
            qtype: Type(word(rest, length)?),
            qclass: Class(word(rest, length + 2)?),
            wire: rest.get(..length + 4)?,
        };
        *pos += length + 4;
        Some(question)
    }
}

impl<'a> Edns<'a> {
    /// Its record is at the root, and its options fill it.
    pub(super) fn of(message: &'a [u8], record: &Raw) -> Option<Self> {
        let options = message.get(record.at..record.at + usize::from(record.length))?;
        let [_, version, high, low] = record.ttl.to_be_bytes();
        let edns = Self {
            size: record.class.0,
            version,
            dnssec: u16::from_be_bytes([high, low]) & DO != 0,
            options,
        };
        let used: usize = edns.options().map(|(_, value)| value.len() + 4).sum();
        (message.get(record.start) == Some(&0) && used == options.len()).then_some(edns)
    }

    /// The options: code and value, in their order.
    pub fn options(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let mut rest = self.options;
        std::iter::from_fn(move || {
            let (code, length) = (word(rest, 0)?, usize::from(word(rest, 2)?));
            let value = rest.get(4..4 + length)?;
            rest = rest.get(4 + length..)?;
            Some((code, value))
        })
    }
}

impl Raw {
    /// The record at `pos`, which is then after it.
    pub fn read(message: &[u8], pos: &mut usize) -> Option<Self> {
        let start = *pos;
        match message.get(start)? {
            0 => *pos += 1,
            _ => NameBuf::new().read(message, pos).ok()?,
        }
        let fixed = message.get(*pos..*pos + 10)?;
        let ttl = u32::from(word(fixed, 4)?) << 16 | u32::from(word(fixed, 6)?);
        let (at, length) = (*pos + 10, word(fixed, 8)?);
        message.get(at..at + usize::from(length))?;
        *pos = at + usize::from(length);
        Some(Self { start, rtype: Type(word(fixed, 0)?), class: Class(word(fixed, 2)?), ttl, at, length })
    }

    /// Its owner.
    pub fn owner(&self, message: &[u8]) -> Option<Name> {
        Name::read(message, &mut { self.start }).ok()
    }
}

/// The 16 bits at `at`.
pub(super) fn word(octets: &[u8], at: usize) -> Option<u16> {
    let octets = octets.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*octets))
}
