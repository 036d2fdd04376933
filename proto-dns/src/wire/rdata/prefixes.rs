//! Lists of address prefixes (RFC 3123).

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::RdataError;
use crate::wire::lexer::{Fault, Lexer};

/// How many octets at the start of `rest` are address prefixes: all, or it is an error.
pub(super) fn check(rest: &[u8]) -> Result<usize, RdataError> {
    let mut next = rest;
    while !next.is_empty() {
        let &[high, low, prefix, length, ref after @ ..] = next else { return Err(RdataError::Truncated) };
        let (address, after) =
            after.split_at_checked(usize::from(length & 0x7f)).ok_or(RdataError::Truncated)?;
        let (bits, octets) = match u16::from_be_bytes([high, low]) {
            1 => (32, 4),
            2 => (128, 16),
            _ => (255, 127),
        };
        if prefix > bits || address.len() > octets || address.last() == Some(&0) {
            return Err(RdataError::Value("an address prefix is too long, or ends in zeros"));
        }
        next = after;
    }
    Ok(rest.len())
}

/// Whether all families are known, and so have a text.
pub(super) fn has_text(rdata: &[u8]) -> bool {
    all(rdata).all(|(family, ..)| matches!(family, 1 | 2))
}

/// Reads the rest of an entry as prefixes: `!1:192.168.42.0/24 2:2001:db8::/32` (RFC 3123).
pub(super) fn parse(lexer: &mut Lexer<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    while let Some(word) = lexer.word()? {
        let octets = prefix(word.text)
            .ok_or_else(|| word.fault("a prefix as 1:192.0.2.0/24 or !2:2001:db8::/32 is expected"))?;
        out.extend(octets);
    }
    Ok(())
}

fn prefix(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, text) = text.strip_prefix('!').map_or((0, text), |text| (0x80, text));
    let (family, text) = text.split_once(':')?;
    let (address, bits) = text.split_once('/')?;
    let (mut octets, most) = match family {
        "1" => (address.parse::<Ipv4Addr>().ok()?.octets().to_vec(), 32),
        "2" => (address.parse::<Ipv6Addr>().ok()?.octets().to_vec(), 128),
        _ => return None,
    };
    let bits = Some(bits).filter(|bits| bits.bytes().all(|octet| octet.is_ascii_digit()))?;
    let bits: u8 = bits.parse().ok().filter(|&bits| bits <= most)?;
    octets.truncate(octets.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1));
    let head = [0, if most == 32 { 1 } else { 2 }, bits, negative | octets.len() as u8];
    Some([&head[..], &octets].concat())
}

pub(super) fn write(rdata: &[u8], out: &mut dyn Write) -> fmt::Result {
    for (index, (family, bits, negative, address)) in all(rdata).enumerate() {
        let between = if index > 0 { " " } else { "" };
        let sign = if negative { "!" } else { "" };
        write!(out, "{between}{sign}{family}:")?;
        let mut octets = [0; 16];
        octets.iter_mut().zip(address).for_each(|(octet, &of)| *octet = of);
        match family {
            1 => write!(out, "{}", Ipv4Addr::from_octets(octets.first_chunk().copied().unwrap_or_default()))?,
            _ => write!(out, "{}", Ipv6Addr::from_octets(octets))?,
        }
        write!(out, "/{bits}")?;
    }
    Ok(())
}

/// Family, bits, whether it is excepted, and address without the zeros at its end.
fn all(mut rdata: &[u8]) -> impl Iterator<Item = (u16, u8, bool, &[u8])> {
    std::iter::from_fn(move || {
        let [high, low, bits, length, rest @ ..] = rdata else { return None };
        let (address, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        rdata = rest;
        Some((u16::from_be_bytes([*high, *low]), *bits, length & 0x80 != 0, address))
    })
}
