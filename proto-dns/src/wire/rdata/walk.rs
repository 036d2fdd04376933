use std::fmt;

use super::{Field, NameUse, fields};
use crate::wire::{NameBuf, NameError, NameRef, Type};

/// Why octets are not the RDATA of their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdataError {
    /// They end within a field.
    Truncated,
    /// There are more after the last field.
    Trailing,
    /// A name is wrong.
    Name(NameError),
    /// A field is wrong, as told.
    Value(&'static str),
}

/// Whether `rdata`, without compression, is of the form of its type; a type without a form takes anything.
///
/// # Errors
/// If it is not.
pub fn check(rtype: Type, rdata: &[u8]) -> Result<(), RdataError> {
    let Some(fields) = fields(rtype) else { return Ok(()) };
    let mut at = 0;
    for &field in fields {
        let (before, rest) = rdata.split_at_checked(at).ok_or(RdataError::Truncated)?;
        at += extent(field, before, rest)?;
    }
    if at == rdata.len() { Ok(()) } else { Err(RdataError::Trailing) }
}

/// Reads the `length` octets of RDATA at `pos` in a message, and adds them to `out` without compression. Names are
/// decompressed in the types that may have been compressed (RFC 3597 §4), and compression is refused in all others.
///
/// # Errors
/// If they are not of the form of the type; `out` may then have been added to.
pub fn read(
    rtype: Type,
    message: &[u8],
    pos: usize,
    length: u16,
    out: &mut Vec<u8>,
) -> Result<(), RdataError> {
    // Pointers may go anywhere before, but nothing may reach beyond the end.
    let message = message.get(..pos + usize::from(length)).ok_or(RdataError::Truncated)?;
    let start = out.len();
    let mut at = pos;
    for &field in fields(rtype).unwrap_or_default() {
        match field {
            Field::Name(NameUse::Compress | NameUse::Expand) => {
                let mut name = NameBuf::new();
                name.read(message, &mut at)?;
                out.extend_from_slice(name.view().wire());
            }
            _ => {
                let rest = message.get(at..).unwrap_or_default();
                let length = extent(field, out.get(start..).unwrap_or_default(), rest)?;
                out.extend_from_slice(rest.get(..length).ok_or(RdataError::Truncated)?);
                at += length;
            }
        }
    }
    if fields(rtype).is_none() {
        out.extend_from_slice(message.get(at..).unwrap_or_default());
    } else if at != message.len() {
        return Err(RdataError::Trailing);
    }
    Ok(())
}

/// A part of RDATA, for those who compress or follow its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Octets that are what they are.
    Octets(&'a [u8]),
    /// A name.
    Name(NameRef<'a>, NameUse),
}

/// The names of `rdata`, which has been [checked](check), and the octets before, between and after them.
pub fn pieces(rtype: Type, rdata: &[u8]) -> Pieces<'_> {
    Pieces { fields: fields(rtype).unwrap_or_default(), rdata, at: 0 }
}

/// The names of RDATA, and the octets before, between and after them; made by [`pieces`].
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    fields: &'static [Field],
    rdata: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let start = self.at;
        let mut at = start;
        // Without a name to come, all the rest is octets, whatever its fields.
        while self.fields.iter().any(|field| matches!(field, Field::Name(_))) {
            let (&field, after) = self.fields.split_first()?;
            let (before, rest) = self.rdata.split_at_checked(at)?;
            if let Field::Name(usage) = field {
                if at > start {
                    self.at = at;
                    return self.octets(start);
                }
                let Ok((name, _)) = NameRef::split(rest) else { break };
                self.fields = after;
                self.at = at + name.wire().len();
                return Some(Piece::Name(name, usage));
            }
            let Ok(length) = extent(field, before, rest) else { break };
            self.fields = after;
            at += length;
        }
        self.fields = &[];
        self.at = self.rdata.len();
        self.octets(start)
    }
}

impl<'a> Pieces<'a> {
    fn octets(&self, start: usize) -> Option<Piece<'a>> {
        self.rdata.get(start..self.at).filter(|octets| !octets.is_empty()).map(Piece::Octets)
    }
}

/// How many octets at the start of `rest` are `field`, of RDATA that begins with `before`.
pub(super) fn extent(field: Field, before: &[u8], rest: &[u8]) -> Result<usize, RdataError> {
    match field {
        Field::Name(_) => name(rest),
        Field::U8 | Field::Named8(_) => have(1, rest),
        Field::U16 | Field::Covered | Field::Named16(_) => have(2, rest),
        Field::U32 | Field::Ttl | Field::Time | Field::Ipv4 => have(4, rest),
        Field::Ipv6 => have(16, rest),
        Field::Locator => have(8, rest),
        Field::Eui(length) => have(usize::from(length), rest),
        Field::Text | Field::Salt => text(rest),
        Field::Hash => match text(rest)? {
            1 => Err(RdataError::Value("a hash is empty")),
            length => Ok(length),
        },
        Field::MaybeText if rest.is_empty() => Ok(0),
        Field::MaybeText => text(rest),
        Field::Texts => {
            let mut length = text(rest)?;
            while length < rest.len() {
                length += text(rest.get(length..).unwrap_or_default())?;
            }
            Ok(length)
        }
        Field::Tag => tag(rest),
        Field::Base64 | Field::Hex | Field::Nsap if rest.is_empty() => Err(RdataError::Truncated),
        Field::Base64 | Field::MaybeBase64 | Field::Hex | Field::Nsap | Field::Quoted => Ok(rest.len()),
        Field::Digest(lengths) => digest(lengths, before.last(), rest),
        Field::Types => types(rest),
        Field::Params => super::params::check(rest),
        Field::Location => super::location::check(rest),
        Field::Prefixes => super::prefixes::check(rest),
        Field::Gateway => relay(before.get(1).copied(), rest),
        Field::Relay => relay(rest.first().map(|octet| octet & 0x7f), rest.get(1..).unwrap_or_default())
            .map(|length| 1 + length),
        Field::HostIdentity => host_identity(rest),
    }
}

fn have(length: usize, rest: &[u8]) -> Result<usize, RdataError> {
    if rest.len() < length { Err(RdataError::Truncated) } else { Ok(length) }
}

fn name(rest: &[u8]) -> Result<usize, RdataError> {
    Ok(NameRef::split(rest)?.0.wire().len())
}

fn text(rest: &[u8]) -> Result<usize, RdataError> {
    let length = *rest.first().ok_or(RdataError::Truncated)?;
    have(1 + usize::from(length), rest)
}

fn tag(rest: &[u8]) -> Result<usize, RdataError> {
    let length = text(rest)?;
    match rest.get(1..length) {
        Some(tag @ [_, ..]) if tag.iter().all(u8::is_ascii_alphanumeric) => Ok(length),
        _ => Err(RdataError::Value("a tag is not of letters and digits")),
    }
}

/// As many octets as its kind has; one of an unknown kind, at least one.
fn digest(lengths: &[(u8, usize)], kind: Option<&u8>, rest: &[u8]) -> Result<usize, RdataError> {
    let length = lengths.iter().find(|(known, _)| Some(known) == kind).map(|&(_, length)| length);
    match length {
        None if rest.is_empty() => Err(RdataError::Truncated),
        Some(length) if rest.len() != length => {
            Err(RdataError::Value("the digest is not as long as one of its kind"))
        }
        _ => Ok(rest.len()),
    }
}

/// Windows in order, none empty, and none with zeros at its end.
fn types(rest: &[u8]) -> Result<usize, RdataError> {
    let (mut at, mut last) = (0, None);
    while let Some((&window, after)) = rest.get(at..).and_then(<[u8]>::split_first) {
        let length = text(after)?;
        if last >= Some(window) || !(2..=33).contains(&length) || after.get(length - 1) == Some(&0) {
            return Err(RdataError::Value("a bitmap of types is not in its one form"));
        }
        last = Some(window);
        at += 1 + length;
    }
    Ok(at)
}

/// A gateway or relay: nothing, an address, or a name.
fn relay(kind: Option<u8>, rest: &[u8]) -> Result<usize, RdataError> {
    match kind.ok_or(RdataError::Truncated)? {
        0 => Ok(0),
        1 => have(4, rest),
        2 => have(16, rest),
        3 => name(rest),
        _ => Err(RdataError::Value("a gateway is of an unknown kind")),
    }
}

fn host_identity(rest: &[u8]) -> Result<usize, RdataError> {
    let &[tag, _, high, low, ..] = rest else { return Err(RdataError::Truncated) };
    let key = u16::from_be_bytes([high, low]);
    if tag == 0 || key == 0 {
        return Err(RdataError::Value("a host identity is empty"));
    }
    let mut at = have(4 + usize::from(tag) + usize::from(key), rest)?;
    while at < rest.len() {
        at += name(rest.get(at..).unwrap_or_default())?;
    }
    Ok(at)
}

impl From<NameError> for RdataError {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Truncated => Self::Truncated,
            _ => Self::Name(error),
        }
    }
}

impl fmt::Display for RdataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the data is cut short"),
            Self::Trailing => f.write_str("there are octets after the data"),
            Self::Name(error) => error.fmt(f),
            Self::Value(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for RdataError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(rtype: Type, message: &[u8], pos: usize) -> Result<Vec<u8>, RdataError> {
        let mut out = Vec::new();
        read(rtype, message, pos, (message.len() - pos) as u16, &mut out).map(|()| out)
    }

    #[test]
    fn names_are_expanded_where_they_may_be_compressed() {
        let message = b"............\x01a\0\x00\x0a\x01b\xc0\x0c";
        assert_eq!(read_all(Type::MX, message, 15).unwrap(), b"\x00\x0a\x01b\x01a\0");
        assert_eq!(read_all(Type::RT, message, 15).unwrap(), b"\x00\x0a\x01b\x01a\0");
        assert_eq!(read_all(Type::LP, message, 15), Err(RdataError::Name(NameError::BadPointer)));
        assert_eq!(read_all(Type(65280), message, 15).unwrap(), b"\x00\x0a\x01b\xc0\x0c");
    }

    #[test]
    fn the_length_is_exact() {
        assert_eq!(check(Type::A, &[1, 2, 3]), Err(RdataError::Truncated));
        assert_eq!(check(Type::A, &[1, 2, 3, 4, 5]), Err(RdataError::Trailing));
        assert_eq!(check(Type::TXT, b""), Err(RdataError::Truncated));
        assert_eq!(check(Type::TXT, b"\x01a\x02b"), Err(RdataError::Truncated));
        assert_eq!(check(Type::NS, b"\x01a\0!"), Err(RdataError::Trailing));
        assert_eq!(read_all(Type::NS, b"............\0!", 12), Err(RdataError::Trailing));
        assert_eq!(read(Type::A, &[1, 2, 3, 4], 0, 5, &mut Vec::new()), Err(RdataError::Truncated));
        // The name is there, but beyond the end of the RDATA.
        assert_eq!(
            read(Type::NS, b"............\x01a\0", 12, 2, &mut Vec::new()),
            Err(RdataError::Truncated)
        );
    }

    #[test]
    fn wrong_values_are_refused() {
        for (rtype, rdata) in [
            (Type::NSEC, &b"\0\0\0"[..]),
            (Type::NSEC, b"\0\0\x01\0"),
            (Type::NSEC, b"\0\x01\x01\x01\0\x01\x01"),
            (Type::CAA, b"\0\0x"),
            (Type::CAA, b"\0\x01-x"),
            (Type::IPSECKEY, b"\0\x04\0"),
            (Type::HIP, b"\0\0\0\x01k"),
            (Type::NSEC3, b"\x01\0\0\0\0\0"),
        ] {
            assert!(matches!(check(rtype, rdata), Err(RdataError::Value(_))), "{rtype} {rdata:?}");
        }
    }

    #[test]
    fn pieces_are_the_whole() {
        let a = NameRef::from_wire(b"\x01a\0").unwrap();
        let all = |rtype, rdata| pieces(rtype, rdata).collect::<Vec<_>>();
        assert_eq!(all(Type::A, &[1, 2, 3, 4]), [Piece::Octets(&[1, 2, 3, 4])]);
        assert_eq!(
            all(Type::SRV, b"\0\x01\0\x02\0\x03\x01a\0"),
            [Piece::Octets(b"\0\x01\0\x02\0\x03"), Piece::Name(a, NameUse::Expand)]
        );
        assert_eq!(
            all(Type::MINFO, b"\x01a\0\x01a\0"),
            [Piece::Name(a, NameUse::Compress), Piece::Name(a, NameUse::Compress)]
        );
        assert_eq!(
            all(Type::SVCB, b"\0\x01\x01a\0\0\x03\0\x02\x01\xbb"),
            [
                Piece::Octets(b"\0\x01"),
                Piece::Name(a, NameUse::Plain),
                Piece::Octets(b"\0\x03\0\x02\x01\xbb")
            ]
        );
        assert_eq!(all(Type(65280), b""), []);
    }

    proptest! {
        #[test]
        fn any_octets_can_be_checked(number in 0_u16..300, rdata in proptest::collection::vec(0_u8..70, 0..40)) {
            let rtype = Type(number);
            let good = check(rtype, &rdata).is_ok();
            let whole: Vec<u8> = pieces(rtype, &rdata).flat_map(|piece| match piece {
                Piece::Octets(octets) => octets.to_vec(),
                Piece::Name(name, _) => name.wire().to_vec(),
            }).collect();
            prop_assert_eq!(&whole, &rdata);
            let message = [&[0; 12][..], &rdata].concat();
            let read = read_all(rtype, &message, 12);
            prop_assert_eq!(read.is_ok_and(|out| out == rdata), good);
        }
    }
}
