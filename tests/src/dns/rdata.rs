//! What the data of records are made of, by type.

use super::reader::Reader;
use super::wire::Name;

pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const SOA: u16 = 6;
pub(super) const PTR: u16 = 12;
pub(super) const HINFO: u16 = 13;
pub(super) const MX: u16 = 15;
pub(super) const TXT: u16 = 16;
pub(super) const RP: u16 = 17;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;
pub(super) const DNAME: u16 = 39;
pub(super) const DS: u16 = 43;
pub(super) const RRSIG: u16 = 46;
pub(super) const NSEC: u16 = 47;
pub(super) const DNSKEY: u16 = 48;
pub(super) const NSEC3: u16 = 50;
pub(super) const NSEC3PARAM: u16 = 51;
pub(super) const IXFR: u16 = 251;
pub(super) const AXFR: u16 = 252;

const TYPES: &[(u16, &str)] = &[
    (A, "A"),
    (NS, "NS"),
    (CNAME, "CNAME"),
    (SOA, "SOA"),
    (PTR, "PTR"),
    (HINFO, "HINFO"),
    (MX, "MX"),
    (TXT, "TXT"),
    (RP, "RP"),
    (AAAA, "AAAA"),
    (SRV, "SRV"),
    (DNAME, "DNAME"),
    (DS, "DS"),
    (41, "OPT"),
    (RRSIG, "RRSIG"),
    (NSEC, "NSEC"),
    (DNSKEY, "DNSKEY"),
    (NSEC3, "NSEC3"),
    (NSEC3PARAM, "NSEC3PARAM"),
    (249, "TKEY"),
    (250, "TSIG"),
    (IXFR, "IXFR"),
    (AXFR, "AXFR"),
    (253, "MAILB"),
    (254, "MAILA"),
    (255, "ANY"),
];

/// The mnemonic of a type, or `TYPE731` as RFC 3597 §5 has it.
pub(super) fn mnemonic(kind: u16) -> String {
    let known = TYPES.iter().find(|(number, _)| *number == kind);
    known.map_or_else(|| format!("TYPE{kind}"), |(_, name)| (*name).to_owned())
}

pub(super) fn kind(text: &str) -> Option<u16> {
    let known = TYPES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
    known.map(|(number, _)| *number).or_else(|| text.strip_prefix("TYPE")?.parse().ok())
}

/// A part of the data of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    U8,
    U16,
    U32,
    V4,
    V6,
    /// Character strings up to the end.
    Strings,
    /// Octets up to the end.
    Rest,
}

/// What the data of this type consist of.
pub(super) fn fields(kind: u16) -> &'static [Field] {
    use Field::{Name, Rest, Strings, U8, U16, U32, V4, V6};
    match kind {
        A => &[V4],
        NS | CNAME | PTR | DNAME => &[Name],
        SOA => &[Name, Name, U32, U32, U32, U32, U32],
        HINFO | TXT => &[Strings],
        MX => &[U16, Name],
        RP => &[Name, Name],
        AAAA => &[V6],
        SRV => &[U16, U16, U16, Name],
        DS => &[U16, U8, U8, Rest],
        _ => &[Rest],
    }
}

/// RFC 3597 §4: names are compressed in the data of the types of RFC 1035 only.
pub(super) fn may_be_compressed(kind: u16) -> bool {
    matches!(kind, NS | CNAME | SOA | PTR | MX)
}

/// The data with the names within in lower case: what comparison takes.
pub(super) fn canonical(kind: u16, data: &[u8]) -> Vec<u8> {
    let names = |field: &Field| *field == Field::Name;
    if !fields(kind).iter().any(names) || data.is_empty() {
        return data.to_vec();
    }
    lowered(kind, data).unwrap_or_else(|_| data.to_vec())
}

fn lowered(kind: u16, data: &[u8]) -> Result<Vec<u8>, String> {
    let mut reader = Reader { wire: data, at: 0 };
    let mut out = Vec::new();
    for field in fields(kind) {
        match field {
            Field::Name => reader.name(false)?.lower().write(&mut out),
            Field::U8 => out.push(reader.u8()?),
            Field::U16 => out.extend_from_slice(reader.take(2)?),
            _ => out.extend_from_slice(reader.take(4)?),
        }
    }
    Ok(out)
}

/// The first name in the data of this type.
pub(super) fn target(kind: u16, data: &[u8]) -> Option<Name> {
    let mut reader = Reader { wire: data, at: 0 };
    for field in fields(kind) {
        match field {
            Field::Name => return reader.name(false).ok(),
            Field::U16 => drop(reader.u16().ok()?),
            _ => return None,
        }
    }
    None
}

/// The five numbers of a SOA record: serial, refresh, retry, expire, minimum.
pub(super) fn soa(data: &[u8]) -> Option<[u32; 5]> {
    let mut reader = Reader { wire: data, at: 0 };
    let _names = (reader.name(false).ok()?, reader.name(false).ok()?);
    let mut numbers = [0; 5];
    for number in &mut numbers {
        *number = reader.u32().ok()?;
    }
    Some(numbers)
}
