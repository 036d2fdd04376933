use std::fmt;

use crate::wire::rdata::Text;
use crate::wire::{Class, Name, NameRef, Type};

/// A resource record whose RDATA is in wire form, without compression (RFC 1035 §3.2.1).
///
/// Two records are equal if their names are, without regard to case, and all the rest to the octet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The owner.
    pub name: Name,
    /// The class, nearly always [`Class::IN`].
    pub class: Class,
    /// The type.
    pub rtype: Type,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// The data.
    pub rdata: Box<[u8]>,
}

impl Record {
    /// This record, borrowed.
    pub fn view(&self) -> RecordRef<'_> {
        RecordRef {
            name: self.name.view(),
            class: self.class,
            rtype: self.rtype,
            ttl: self.ttl,
            rdata: &self.rdata,
        }
    }
}

/// A resource record whose name and RDATA are borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordRef<'a> {
    /// The owner.
    pub name: NameRef<'a>,
    /// The class, nearly always [`Class::IN`].
    pub class: Class,
    /// The type.
    pub rtype: Type,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// The data, in wire form and without compression.
    pub rdata: &'a [u8],
}

impl RecordRef<'_> {
    /// A record of its own.
    pub fn to_record(&self) -> Record {
        Record {
            name: self.name.to_name(),
            class: self.class,
            rtype: self.rtype,
            ttl: self.ttl,
            rdata: self.rdata.into(),
        }
    }
}

/// The record as one line of zone text, all of whose names end in a dot.
impl fmt::Display for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, class, rtype, ttl, rdata } = *self;
        write!(f, "{name} {ttl} {class} {rtype} {}", Text { rtype, rdata })
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}
