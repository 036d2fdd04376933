//! RDATA from zone text (RFC 1035 §5.1).

use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXLOWER_PERMISSIVE};

use super::encoded::{HEX, collect, decode, encoded, groups, nsap, short};
use super::{Field, check, fields, location, mnemonic, params, prefixes};
use crate::wire::lexer::{Fault, Lexer, Spot, Word};
use crate::wire::{NameBuf, NameRef, Type};

/// The most octets of RDATA.
const MAX: usize = 65535;

/// Reads the rest of an entry as RDATA, in the form of its type or in that of RFC 3597 §5, and puts it into `out`.
/// Names that do not end in a dot are completed by `origin`.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(
    rtype: Type,
    lexer: &mut Lexer<'_>,
    origin: Option<NameRef<'_>>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    out.clear();
    let start = lexer.spot();
    let mut ahead = lexer.clone();
    if ahead.word().is_ok_and(|word| word.is_some_and(|word| !word.quoted && word.text == br"\#")) {
        *lexer = ahead;
        return generic(rtype, lexer, start, out);
    }
    let Some(fields) = fields(rtype) else {
        let word = lexer.need("data")?;
        return Err(
            word.fault(format!(r"data of the type {rtype} has only the form `\# length hexadecimal`"))
        );
    };
    lexer.keep_params(fields.contains(&Field::Params));
    let read = fields.iter().try_for_each(|&field| one(field, lexer, origin, out)).and_then(|()| lexer.end());
    lexer.keep_params(false);
    read?;
    checked(rtype, start, out)
}

/// RDATA from text that is nothing else, as for [`parse`].
///
/// # Errors
/// What is wrong, and where.
pub fn from_text(rtype: Type, text: &[u8], origin: Option<NameRef<'_>>) -> Result<Vec<u8>, Fault> {
    let mut lexer = Lexer::new(text);
    let mut out = Vec::new();
    parse(rtype, &mut lexer, origin, &mut out)?;
    let end = lexer.spot();
    if lexer.advance() { Err(end.fault("a line end outside parentheses")) } else { Ok(out) }
}

/// What words cannot show alone: lengths of digests, the order of parameters.
fn checked(rtype: Type, start: Spot, out: &[u8]) -> Result<(), Fault> {
    if out.len() > MAX {
        return Err(start.fault("the data is longer than 65535 octets"));
    }
    check(rtype, out).map_err(|error| start.fault(error.to_string()))
}

fn generic(rtype: Type, lexer: &mut Lexer<'_>, start: Spot, out: &mut Vec<u8>) -> Result<(), Fault> {
    let length = lexer.need("the length of the data")?;
    let octets: u16 = number(&length, "a length from 0 to 65535 is expected")?;
    let mut digits = Vec::new();
    while let Some(word) = lexer.word()? {
        collect(&word, &HEXLOWER_PERMISSIVE, HEX, &mut digits)?;
    }
    out.extend(decode(&digits, &HEXLOWER_PERMISSIVE).ok_or_else(|| length.fault(HEX))?);
    if out.len() != usize::from(octets) {
        return Err(
            length.fault(format!("the length is told as {octets}, but there are {} octets", out.len()))
        );
    }
    checked(rtype, start, out)
}

/// Reads one field.
fn one(
    field: Field,
    lexer: &mut Lexer<'_>,
    origin: Option<NameRef<'_>>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    match field {
        Field::Name(_) => name(&lexer.need("a name")?, origin, out)?,
        Field::U8 => {
            out.push(number8(&lexer.need("a number")?)?);
        }
        Field::U16 => out.extend(u16(&lexer.need("a number")?)?.to_be_bytes()),
        Field::U32 => {
            let number: u32 = number(&lexer.need("a number")?, "a number from 0 to 4294967295 is expected")?;
            out.extend(number.to_be_bytes());
        }
        Field::Ttl => {
            let word = lexer.need("a time in seconds")?;
            let seconds = seconds(word.text).ok_or_else(|| word.fault("a time as 3600 or 1h is expected"))?;
            out.extend(seconds.to_be_bytes());
        }
        Field::Time => {
            let word = lexer.need("a time")?;
            let time = time(word.text).ok_or_else(|| word.fault("a time as YYYYMMDDHHmmSS is expected"))?;
            out.extend(time.to_be_bytes());
        }
        Field::Covered => {
            let word = lexer.need("a type")?;
            let rtype = Type::parse(word.text).ok_or_else(|| word.fault("not a type"))?;
            out.extend(rtype.0.to_be_bytes());
        }
        Field::Named8(names) => {
            let word = lexer.need("a number or a name")?;
            let number = mnemonic::number(names, word.text);
            out.push(number.map_or_else(|| number8(&word), Ok)?);
        }
        Field::Named16(names) => {
            let word = lexer.need("a number or a name")?;
            let number = mnemonic::number(names, word.text);
            out.extend(number.map_or_else(|| u16(&word), Ok)?.to_be_bytes());
        }
        Field::Ipv4 => ipv4(&lexer.need("an IPv4 address")?, out)?,
        Field::Ipv6 => ipv6(&lexer.need("an IPv6 address")?, out)?,
        Field::Text => text(&lexer.need("a text")?, out)?,
        Field::MaybeText => {
            if let Some(word) = lexer.word()? {
                text(&word, out)?;
            }
        }
        Field::Texts => {
            text(&lexer.need("a text")?, out)?;
            while let Some(word) = lexer.word()? {
                text(&word, out)?;
            }
        }
        Field::Tag => {
            let word = lexer.need("a tag")?;
            if word.quoted || !word.text.iter().all(u8::is_ascii_alphanumeric) {
                return Err(word.fault("a tag of letters and digits, without quotes, is expected"));
            }
            text(&word, out)?;
        }
        Field::Quoted => lexer.need("a text")?.unescape(out)?,
        Field::Base64 | Field::MaybeBase64 => {
            let first = if field == Field::Base64 { Some(lexer.need("base64")?) } else { lexer.word()? };
            encoded(first, lexer, &BASE64, "base64 with its padding is expected", out)?;
        }
        Field::Hex | Field::Digest(_) => {
            let first = lexer.need("hexadecimal digits")?;
            encoded(Some(first), lexer, &HEXLOWER_PERMISSIVE, HEX, out)?;
        }
        Field::Salt => {
            let word = lexer.need("a salt")?;
            let digits = if word.text == b"-" { &[] } else { word.text };
            short(
                &word,
                decode(digits, &HEXLOWER_PERMISSIVE),
                "a salt in hexadecimal digits or - is expected",
                out,
            )?;
        }
        Field::Hash => {
            let word = lexer.need("a hash")?;
            let hash = decode(&word.text.to_ascii_uppercase(), &BASE32HEX_NOPAD);
            short(&word, hash, "a hash in base32hex is expected", out)?;
        }
        Field::Nsap => nsap(&lexer.need("an OSI address")?, out)?,
        Field::Types => types(lexer, out)?,
        Field::Params => params::parse(lexer, out)?,
        Field::Location => location::parse(lexer, out)?,
        Field::Prefixes => prefixes::parse(lexer, out)?,
        Field::Locator => {
            let word = lexer.need("a locator")?;
            groups(
                &word,
                b':',
                4,
                1..=4,
                2,
                "four groups of hexadecimal digits with : between are expected",
                out,
            )?;
        }
        Field::Eui(length) => {
            let word = lexer.need("an Ethernet address")?;
            let what = "pairs of hexadecimal digits with - between are expected";
            groups(&word, b'-', length.into(), 2..=2, 1, what, out)?;
        }
        Field::Gateway => {
            let kind = out.get(1).copied().unwrap_or_default();
            relay(kind, &lexer.need("a gateway")?, origin, out)?;
        }
        Field::Relay => {
            let flag = lexer.need("a D bit")?;
            let flag: u8 = match flag.text {
                b"0" => 0,
                b"1" => 0x80,
                _ => return Err(flag.fault("0 or 1 is expected")),
            };
            let kind: u8 =
                number(&lexer.need("a kind of relay")?, "a kind of relay from 0 to 3 is expected")?;
            out.push(flag | kind & 0x7f);
            relay(kind, &lexer.need("a relay")?, origin, out)?;
        }
        Field::HostIdentity => host_identity(lexer, origin, out)?,
    }
    Ok(())
}

/// The name that `word` is, completed by `origin`; `@` is the origin.
pub(crate) fn name_of(word: &Word<'_>, origin: Option<NameRef<'_>>, name: &mut NameBuf) -> Result<(), Fault> {
    if word.quoted {
        return Err(word.fault("a name has no quotes"));
    }
    if word.text == b"@" {
        let origin = origin.ok_or_else(|| word.fault("no origin has been told that @ could mean"))?;
        name.set(origin);
        return Ok(());
    }
    name.parse(word.text, origin).map_err(|error| word.fault(error.message()))
}

/// A number of seconds, with or without units: `3600`, `1h`, `1w2d`.
pub(crate) fn seconds(text: &[u8]) -> Option<u32> {
    let (mut total, mut number, mut units) = (0_u32, None::<u32>, false);
    for &octet in text {
        if octet.is_ascii_digit() {
            let digit = u32::from(octet - b'0');
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
            continue;
        }
        let unit = match octet.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86400,
            b'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
        units = true;
    }
    match number {
        Some(number) if !units => Some(number),
        None if units => Some(total),
        _ => None,
    }
}

/// Digits alone: `parse` would take a sign.
fn number<T: std::str::FromStr>(word: &Word<'_>, what: &'static str) -> Result<T, Fault> {
    let text =
        std::str::from_utf8(word.text).ok().filter(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    text.and_then(|text| text.parse().ok()).ok_or_else(|| word.fault(what))
}

fn number8(word: &Word<'_>) -> Result<u8, Fault> {
    number(word, "a number from 0 to 255 is expected")
}

fn u16(word: &Word<'_>) -> Result<u16, Fault> {
    number(word, "a number from 0 to 65535 is expected")
}

fn name(word: &Word<'_>, origin: Option<NameRef<'_>>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut name = NameBuf::new();
    name_of(word, origin, &mut name)?;
    out.extend_from_slice(name.view().wire());
    Ok(())
}

fn ipv4(word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let address = std::str::from_utf8(word.text).ok().and_then(|text| text.parse::<Ipv4Addr>().ok());
    out.extend(address.ok_or_else(|| word.fault("an IPv4 address is expected"))?.octets());
    Ok(())
}

fn ipv6(word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let address = std::str::from_utf8(word.text).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
    out.extend(address.ok_or_else(|| word.fault("an IPv6 address is expected"))?.octets());
    Ok(())
}

fn text(word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    out.push(0);
    word.unescape(out)?;
    let length = out.len() - start - 1;
    match (u8::try_from(length), out.get_mut(start)) {
        (Ok(length), Some(first)) => *first = length,
        _ => return Err(word.fault(format!("a text of {length} octets: it can have 255"))),
    }
    Ok(())
}

/// `YYYYMMDDHHmmSS`, or seconds since 1970 in at most ten digits (RFC 4034 §3.2).
fn time(text: &[u8]) -> Option<u32> {
    let text =
        std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|octet| octet.is_ascii_digit()))?;
    if text.len() != 14 {
        return text.parse().ok();
    }
    let part = |from, to| text.get(from..to)?.parse::<i8>().ok();
    let time = jiff::civil::DateTime::new(
        text.get(..4)?.parse().ok()?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?,
        0,
    );
    u32::try_from(jiff::tz::Offset::UTC.to_timestamp(time.ok()?).ok()?.as_second()).ok()
}

/// The rest of the entry as a bitmap of types (RFC 4034 §4.1.2).
fn types(lexer: &mut Lexer<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut types = Vec::new();
    while let Some(word) = lexer.word()? {
        types.push(Type::parse(word.text).ok_or_else(|| word.fault("not a type"))?);
    }
    types.sort_unstable();
    for window in types.chunk_by(|a, b| a.0 >> 8 == b.0 >> 8) {
        let mut bits = [0_u8; 32];
        let mut length = 0;
        for rtype in window {
            let [_, low] = rtype.0.to_be_bytes();
            if let Some(octet) = bits.get_mut(usize::from(low >> 3)) {
                *octet |= 0x80 >> (low & 7);
            }
            length = (low >> 3) + 1;
        }
        let high = window.first().map_or(0, |rtype| (rtype.0 >> 8) as u8);
        out.extend([high, length]);
        out.extend_from_slice(bits.get(..usize::from(length)).unwrap_or_default());
    }
    Ok(())
}

fn relay(kind: u8, word: &Word<'_>, origin: Option<NameRef<'_>>, out: &mut Vec<u8>) -> Result<(), Fault> {
    match kind {
        0 if word.text == b"." => Ok(()),
        0 => Err(word.fault(". is expected, for none")),
        1 => ipv4(word, out),
        2 => ipv6(word, out),
        3 => name(word, origin, out),
        _ => Err(word.fault("of an unknown kind")),
    }
}

fn host_identity(lexer: &mut Lexer<'_>, origin: Option<NameRef<'_>>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let algorithm = number8(&lexer.need("an algorithm")?)?;
    let (tag, key) = (lexer.need("a host identity tag")?, lexer.need("a key")?);
    let tag_octets = decode(tag.text, &HEXLOWER_PERMISSIVE).ok_or_else(|| tag.fault(HEX))?;
    let key_octets =
        decode(key.text, &BASE64).ok_or_else(|| key.fault("base64 with its padding is expected"))?;
    out.push(u8::try_from(tag_octets.len()).map_err(|_| tag.fault("longer than 255 octets"))?);
    out.push(algorithm);
    let length = u16::try_from(key_octets.len()).map_err(|_| key.fault("longer than 65535 octets"))?;
    out.extend(length.to_be_bytes());
    out.extend(tag_octets);
    out.extend(key_octets);
    while let Some(word) = lexer.word()? {
        name(&word, origin, out)?;
    }
    Ok(())
}
