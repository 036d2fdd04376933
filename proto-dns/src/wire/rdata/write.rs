//! RDATA as zone text.

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::{BASE32HEX_NOPAD, BASE64, Encoding, HEXLOWER, HEXUPPER};

use super::walk::extent;
use super::{Field, check, fields, location, params, prefixes};
use crate::wire::{NameRef, Type};

/// RDATA that displays itself as zone text on one line.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The type.
    pub rtype: Type,
    /// The data, in wire form and without compression.
    pub rdata: &'a [u8],
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.rtype, self.rdata, f)
    }
}

/// Writes `rdata` as zone text on one line, in the form of its type; in that of RFC 3597 §5 if its type has none, or
/// if the data is not of that form.
///
/// # Errors
/// Those of `out`.
pub fn write(rtype: Type, rdata: &[u8], out: &mut dyn Write) -> fmt::Result {
    let Some(fields) = fields(rtype).filter(|fields| check(rtype, rdata).is_ok() && has_text(fields, rdata))
    else {
        return generic(rdata, out);
    };
    let mut at = 0;
    for &field in fields {
        let (before, rest) = rdata.split_at_checked(at).ok_or(fmt::Error)?;
        let length = extent(field, before, rest).map_err(|_| fmt::Error)?;
        // What may be absent and is takes no space either.
        let absent = matches!(field, Field::MaybeText | Field::MaybeBase64 | Field::Types | Field::Params);
        if !(at == 0 || length == 0 && (absent || field == Field::Prefixes)) {
            out.write_char(' ')?;
        }
        one(field, before, rest.get(..length).ok_or(fmt::Error)?, out)?;
        at += length;
    }
    Ok(())
}

/// Whether there is a text for all of it: there is none for families of addresses that are unknown, for instance.
fn has_text(fields: &[Field], rdata: &[u8]) -> bool {
    match fields {
        [Field::Location] => location::has_text(rdata),
        [Field::Prefixes] => prefixes::has_text(rdata),
        _ => true,
    }
}

fn generic(rdata: &[u8], out: &mut dyn Write) -> fmt::Result {
    write!(out, r"\# {}", rdata.len())?;
    if !rdata.is_empty() {
        out.write_char(' ')?;
    }
    encoded(rdata, &HEXLOWER, out)
}

/// Writes one field, of RDATA that begins with `before`.
fn one(field: Field, before: &[u8], octets: &[u8], out: &mut dyn Write) -> fmt::Result {
    match field {
        Field::Name(_) => name(octets, out),
        Field::U8 | Field::Named8(_) | Field::U16 | Field::Named16(_) | Field::U32 | Field::Ttl => {
            write!(out, "{}", number(octets))
        }
        Field::Time => {
            let time = jiff::Timestamp::from_second(number(octets).into()).map_err(|_| fmt::Error)?;
            write!(out, "{}", time.strftime("%Y%m%d%H%M%S"))
        }
        Field::Covered => write!(out, "{}", Type(number(octets) as u16)),
        Field::Ipv4 | Field::Ipv6 => address(octets, out),
        Field::Text | Field::MaybeText | Field::Texts => texts(octets, out),
        Field::Tag => octets.iter().skip(1).try_for_each(|&octet| out.write_char(octet.into())),
        Field::Quoted => quoted(octets, out),
        Field::Base64 | Field::MaybeBase64 => encoded(octets, &BASE64, out),
        Field::Hex | Field::Digest(_) => encoded(octets, &HEXUPPER, out),
        Field::Salt if octets.len() <= 1 => out.write_char('-'),
        Field::Salt => encoded(octets.get(1..).unwrap_or_default(), &HEXUPPER, out),
        Field::Hash => encoded(octets.get(1..).unwrap_or_default(), &BASE32HEX_NOPAD, out),
        Field::Nsap => {
            out.write_str("0x")?;
            encoded(octets, &HEXLOWER, out)
        }
        Field::Types => types(octets, out),
        Field::Params => params::write(octets, out),
        Field::Location => location::write(octets, out),
        Field::Prefixes => prefixes::write(octets, out),
        Field::Locator => groups(octets, 2, ':', out),
        Field::Eui(_) => groups(octets, 1, '-', out),
        Field::Gateway => relay(before.get(1).copied().unwrap_or_default(), octets, out),
        Field::Relay => {
            let (&first, octets) = octets.split_first().ok_or(fmt::Error)?;
            write!(out, "{} {} ", first >> 7, first & 0x7f)?;
            relay(first & 0x7f, octets, out)
        }
        Field::HostIdentity => host_identity(octets, out),
    }
}

fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |number, &octet| number << 8 | u32::from(octet))
}

fn name(octets: &[u8], out: &mut dyn Write) -> fmt::Result {
    let (name, _) = NameRef::split(octets).map_err(|_| fmt::Error)?;
    write!(out, "{name}")
}

fn address(octets: &[u8], out: &mut dyn Write) -> fmt::Result {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        write!(out, "{}", Ipv4Addr::from(octets))
    } else {
        let octets = <[u8; 16]>::try_from(octets).map_err(|_| fmt::Error)?;
        write!(out, "{}", Ipv6Addr::from(octets))
    }
}

fn texts(mut octets: &[u8], out: &mut dyn Write) -> fmt::Result {
    let mut between = "";
    while let Some((&length, rest)) = octets.split_first() {
        let (text, rest) = rest.split_at_checked(length.into()).ok_or(fmt::Error)?;
        out.write_str(between)?;
        quoted(text, out)?;
        between = " ";
        octets = rest;
    }
    Ok(())
}

/// Octets within quotes.
pub(super) fn quoted(octets: &[u8], out: &mut dyn Write) -> fmt::Result {
    out.write_char('"')?;
    for &octet in octets {
        match octet {
            b'"' | b'\\' => write!(out, "\\{}", char::from(octet))?,
            b' '..=b'~' => out.write_char(char::from(octet))?,
            _ => write!(out, "\\{octet:03}")?,
        }
    }
    out.write_char('"')
}

fn encoded(octets: &[u8], encoding: &Encoding, out: &mut dyn Write) -> fmt::Result {
    encoding.encode_write(octets, &mut Whole(out))
}

/// `encode_write` wants to know the size of what it writes to.
struct Whole<'a>(&'a mut dyn Write);

impl Write for Whole<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(text)
    }
}

fn types(mut octets: &[u8], out: &mut dyn Write) -> fmt::Result {
    let mut between = "";
    while let [window, length, rest @ ..] = octets {
        let (bits, rest) = rest.split_at_checked(usize::from(*length)).ok_or(fmt::Error)?;
        for (at, octet) in (0_u16..).zip(bits) {
            for bit in (0..8).filter(|bit| octet & (0x80 >> bit) != 0) {
                write!(out, "{between}{}", Type(u16::from(*window) << 8 | at << 3 | bit))?;
                between = " ";
            }
        }
        octets = rest;
    }
    Ok(())
}

fn groups(octets: &[u8], size: usize, separator: char, out: &mut dyn Write) -> fmt::Result {
    for (index, group) in octets.chunks(size).enumerate() {
        if index > 0 {
            out.write_char(separator)?;
        }
        encoded(group, &HEXLOWER, out)?;
    }
    Ok(())
}

fn relay(kind: u8, octets: &[u8], out: &mut dyn Write) -> fmt::Result {
    match kind {
        0 => out.write_char('.'),
        3 => name(octets, out),
        _ => address(octets, out),
    }
}

fn host_identity(octets: &[u8], out: &mut dyn Write) -> fmt::Result {
    let [tag, algorithm, high, low, rest @ ..] = octets else { return Err(fmt::Error) };
    let (tag, rest) = rest.split_at_checked(usize::from(*tag)).ok_or(fmt::Error)?;
    let key = usize::from(u16::from_be_bytes([*high, *low]));
    let (key, mut servers) = rest.split_at_checked(key).ok_or(fmt::Error)?;
    write!(out, "{algorithm} ")?;
    encoded(tag, &HEXUPPER, out)?;
    out.write_char(' ')?;
    encoded(key, &BASE64, out)?;
    while !servers.is_empty() {
        let (server, rest) = NameRef::split(servers).map_err(|_| fmt::Error)?;
        write!(out, " {server}")?;
        servers = rest;
    }
    Ok(())
}
