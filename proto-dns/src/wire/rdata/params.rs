//! Service parameters (RFC 9460).

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::BASE64;

use super::RdataError;
use super::write::quoted;
use crate::wire::lexer::{Fault, Lexer, Word};

/// Keys whose values have a form (RFC 9460 §14.3.2).
mod key {
    pub(super) const MANDATORY: u16 = 0;
    pub(super) const ALPN: u16 = 1;
    pub(super) const NO_DEFAULT_ALPN: u16 = 2;
    pub(super) const PORT: u16 = 3;
    pub(super) const IPV4HINT: u16 = 4;
    pub(super) const ECH: u16 = 5;
    pub(super) const IPV6HINT: u16 = 6;
    pub(super) const OHTTP: u16 = 8;
}

/// The names of keys, by their numbers. The values of those from `dohpath` (RFC 9461 §5) on are octets.
const NAMES: [&str; 9] =
    ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"];

/// How many octets at the start of `rest` are service parameters: all, or it is an error.
pub(super) fn check(rest: &[u8]) -> Result<usize, RdataError> {
    let mut last = None;
    for param in params(rest) {
        let (key, value) = param?;
        if last >= Some(key) {
            return Err(RdataError::Value("service parameters are not in the order of their keys"));
        }
        last = Some(key);
        value_of(key, value)?;
        if key == key::MANDATORY && !mandatory(value, rest) {
            return Err(RdataError::Value("a mandatory parameter is absent"));
        }
    }
    Ok(rest.len())
}

/// The keys and values, until the end or an error.
fn params(rest: &[u8]) -> impl Iterator<Item = Result<(u16, &[u8]), RdataError>> {
    let mut next = rest;
    std::iter::from_fn(move || {
        if next.is_empty() {
            return None;
        }
        let param = split(next);
        next = param.as_ref().map_or(&[][..], |&(_, _, after)| after);
        Some(param.map(|(key, value, _)| (key, value)))
    })
}

fn split(next: &[u8]) -> Result<(u16, &[u8], &[u8]), RdataError> {
    let &[a, b, c, d, ref after @ ..] = next else { return Err(RdataError::Truncated) };
    let length = usize::from(u16::from_be_bytes([c, d]));
    let (value, after) = after.split_at_checked(length).ok_or(RdataError::Truncated)?;
    Ok((u16::from_be_bytes([a, b]), value, after))
}

/// Whether the value is of the form of its key (RFC 9460 §7, §8).
fn value_of(key: u16, value: &[u8]) -> Result<(), RdataError> {
    let good = match key {
        key::MANDATORY => {
            let (keys, odd) = value.as_chunks::<2>();
            odd.is_empty()
                && !keys.is_empty()
                && keys.is_sorted_by(|a, b| a < b)
                && keys.first() != Some(&[0, 0])
        }
        key::ALPN => protocols(value),
        key::NO_DEFAULT_ALPN | key::OHTTP => value.is_empty(),
        key::PORT => value.len() == 2,
        key::ECH => !value.is_empty(),
        key::IPV4HINT => !value.is_empty() && value.len().is_multiple_of(4),
        key::IPV6HINT => !value.is_empty() && value.len().is_multiple_of(16),
        _ => true,
    };
    if good { Ok(()) } else { Err(RdataError::Value("a service parameter's value is wrong")) }
}

/// One or more protocols, none of them empty.
fn protocols(mut value: &[u8]) -> bool {
    let mut some = false;
    while let Some((&length, after)) = value.split_first() {
        match after.split_at_checked(usize::from(length)) {
            Some((_, after)) if length > 0 => value = after,
            _ => return false,
        }
        some = true;
    }
    some
}

/// Whether all the keys that `value` lists are in `rest`.
fn mandatory(value: &[u8], rest: &[u8]) -> bool {
    let (keys, _) = value.as_chunks::<2>();
    keys.iter().all(|&key| params(rest).flatten().any(|(present, _)| present == u16::from_be_bytes(key)))
}

/// Reads the rest of an entry as parameters: `alpn=h2,h3 port=443` (RFC 9460 §2.1).
pub(super) fn parse(lexer: &mut Lexer<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut all: Vec<(u16, Vec<u8>)> = Vec::new();
    while let Some(word) = lexer.word()? {
        let (key, value) = param(&word)?;
        if all.iter().any(|(known, _)| *known == key) {
            return Err(word.fault("this parameter is there twice"));
        }
        all.push((key, value));
    }
    all.sort_unstable();
    for (key, value) in all {
        out.extend(key.to_be_bytes());
        // What is too long is found by the length of all.
        out.extend((value.len() as u16).to_be_bytes());
        out.extend(value);
    }
    Ok(())
}

fn param(word: &Word<'_>) -> Result<(u16, Vec<u8>), Fault> {
    let at = memchr::memchr(b'=', word.text);
    let (name, value) = word.text.split_at(at.unwrap_or(word.text.len()));
    let key = key_of(name).filter(|_| !word.quoted).ok_or_else(|| word.fault("not a service parameter"))?;
    let value = value.strip_prefix(b"=").unwrap_or_default();
    let quotes = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    let mut octets = Vec::new();
    Word { text: quotes.unwrap_or(value), ..*word }
        .unescape(&mut octets)
        .map_err(|fault| word.fault(fault.what))?;
    if quotes.is_none() && (value.contains(&b'"') || at.is_some() && value.is_empty()) {
        return Err(word.fault("the value is empty, or has a quote in it"));
    }
    if name.starts_with(b"key") {
        return Ok((key, octets));
    }
    let value = encode(key, &octets).filter(|value| value.len() <= usize::from(u16::MAX));
    let value = value.filter(|value| value_of(key, value).is_ok());
    Ok((key, value.ok_or_else(|| word.fault("the value of this parameter is wrong"))?))
}

fn key_of(name: &[u8]) -> Option<u16> {
    if let Some(key) = NAMES.iter().position(|known| known.as_bytes() == name) {
        return u16::try_from(key).ok();
    }
    let digits = std::str::from_utf8(name.strip_prefix(b"key")?).ok()?;
    let plain =
        digits.starts_with(|c: char| c.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| plain)
}

/// The value in wire form of what has no more escapes but those of lists.
fn encode(key: u16, text: &[u8]) -> Option<Vec<u8>> {
    let words = || std::str::from_utf8(text).ok().map(|text| text.split(','));
    Some(match key {
        key::MANDATORY => {
            let mut keys = words()?.map(|name| key_of(name.as_bytes())).collect::<Option<Vec<_>>>()?;
            keys.sort_unstable();
            keys.into_iter().flat_map(u16::to_be_bytes).collect()
        }
        key::ALPN => list(text)?,
        key::PORT => {
            let port = std::str::from_utf8(text).ok()?;
            port.parse::<u16>().ok().filter(|_| !port.starts_with('+'))?.to_be_bytes().into()
        }
        key::IPV4HINT => {
            let hints = words()?.map(|hint| hint.parse().map(|hint: Ipv4Addr| hint.octets()));
            hints.collect::<Result<Vec<_>, _>>().ok()?.concat()
        }
        key::IPV6HINT => {
            let hints = words()?.map(|hint| hint.parse().map(|hint: Ipv6Addr| hint.octets()));
            hints.collect::<Result<Vec<_>, _>>().ok()?.concat()
        }
        key::ECH => BASE64.decode(text).ok()?,
        _ => text.to_vec(),
    })
}

/// Protocols with commas between, which a backslash makes part of a name (RFC 9460 §A.1).
fn list(text: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut start) = (vec![0], 0);
    let mut octets = text.iter();
    loop {
        match octets.next() {
            Some(b'\\') => out.push(*octets.next().filter(|octet| matches!(octet, b',' | b'\\'))?),
            octet @ (None | Some(b',')) => {
                *out.get_mut(start)? = u8::try_from(out.len() - start - 1).ok()?;
                if octet.is_none() {
                    return Some(out);
                }
                start = out.len();
                out.push(0);
            }
            Some(&octet) => out.push(octet),
        }
    }
}

pub(super) fn write(rdata: &[u8], out: &mut dyn Write) -> fmt::Result {
    for (index, (key, value)) in params(rdata).flatten().enumerate() {
        if index > 0 {
            out.write_char(' ')?;
        }
        write_key(key, out)?;
        if !value.is_empty() {
            out.write_char('=')?;
            write_value(key, value, out)?;
        }
    }
    Ok(())
}

fn write_key(key: u16, out: &mut dyn Write) -> fmt::Result {
    match NAMES.get(usize::from(key)) {
        Some(name) => out.write_str(name),
        None => write!(out, "key{key}"),
    }
}

fn write_value(key: u16, value: &[u8], out: &mut dyn Write) -> fmt::Result {
    let (pairs, _) = value.as_chunks::<2>();
    let commas = |index: usize| if index > 0 { "," } else { "" };
    match key {
        key::MANDATORY => {
            for (index, &pair) in pairs.iter().enumerate() {
                out.write_str(commas(index))?;
                write_key(u16::from_be_bytes(pair), out)?;
            }
            Ok(())
        }
        key::ALPN => write_list(value, out),
        key::PORT => write!(out, "{}", u16::from_be_bytes(pairs.first().copied().unwrap_or_default())),
        key::IPV4HINT => {
            value.as_chunks().0.iter().enumerate().try_for_each(|(index, &hint)| {
                write!(out, "{}{}", commas(index), Ipv4Addr::from_octets(hint))
            })
        }
        key::IPV6HINT => {
            value.as_chunks().0.iter().enumerate().try_for_each(|(index, &hint)| {
                write!(out, "{}{}", commas(index), Ipv6Addr::from_octets(hint))
            })
        }
        key::ECH => write!(out, "{}", BASE64.encode_display(value)),
        _ => quoted(value, out),
    }
}

fn write_list(mut value: &[u8], out: &mut dyn Write) -> fmt::Result {
    let mut text = Vec::new();
    while let Some((&length, rest)) = value.split_first() {
        let (protocol, rest) = rest.split_at_checked(usize::from(length)).ok_or(fmt::Error)?;
        if !text.is_empty() {
            text.push(b',');
        }
        for &octet in protocol {
            if matches!(octet, b',' | b'\\') {
                text.push(b'\\');
            }
            text.push(octet);
        }
        value = rest;
    }
    quoted(&text, out)
}
