//! Records in their text form (RFC 1035 §5), as far as the suite writes them: one record per line.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::rdata::{self, Field};
use super::reader::Reader;
use super::wire::{AA, AD, CD, IN, Message, Name, OPT, RA, RD, Record, TC, TSIG, Z};

/// RCODEs by their mnemonics.
pub(super) const RCODES: &[(u16, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (16, "BADVERS"),
    (23, "BADCOOKIE"),
];

pub(super) fn rcode(number: u16) -> String {
    let known = RCODES.iter().find(|(code, _)| *code == number);
    known.map_or_else(|| format!("RCODE{number}"), |(_, name)| (*name).to_owned())
}

/// A name, relative to the origin unless a dot ends it.
pub(super) fn name(text: &str, origin: &Name) -> Result<Name, String> {
    match text {
        "@" => return Ok(origin.clone()),
        "." => return Ok(Name::default()),
        _ => {}
    }
    let (mut labels, mut label) = (Vec::new(), Vec::new());
    let mut octets = text.bytes();
    let mut absolute = false;
    while let Some(octet) = octets.next() {
        absolute = octet == b'.';
        match octet {
            b'.' => labels.push(std::mem::take(&mut label)),
            b'\\' => label.push(escaped(&mut octets).ok_or_else(|| format!("a bad escape in {text}"))?),
            _ => label.push(octet),
        }
    }
    if !absolute {
        labels.push(label);
        labels.extend(origin.0.iter().cloned());
    }
    let name = Name(labels);
    let wrong = name.0.iter().any(|label| label.is_empty() || label.len() > 63) || name.len() > 255;
    if wrong { Err(format!("`{text}` is no name")) } else { Ok(name) }
}

/// What stands behind a backslash: three digits, or the octet itself.
fn escaped(octets: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let first = octets.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, octets.next()?, octets.next()?];
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// The words of a line up to a comment; quotes are taken away, escapes are not.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend([char].into_iter().chain(chars.next())),
            ';' if !quoted => break,
            char if char.is_whitespace() && !quoted => words.extend(word.take()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

/// One record: `owner [ttl] [IN] type data`.
pub(super) fn record(line: &str, origin: &Name, default_ttl: u32) -> Result<Record, String> {
    let words = words(line);
    let mut rest = words.iter().map(String::as_str).peekable();
    let wrong = || format!("`{line}` is no record");
    let owner = name(rest.next().ok_or_else(wrong)?, origin)?;
    let ttl = rest.peek().and_then(|word| word.parse().ok());
    if ttl.is_some() {
        rest.next();
    }
    rest.next_if(|word| word.eq_ignore_ascii_case("IN"));
    let kind = rdata::kind(rest.next().ok_or_else(wrong)?).ok_or_else(wrong)?;
    let data = data(kind, &rest.collect::<Vec<_>>(), origin).map_err(|why| format!("{}: {why}", wrong()))?;
    Ok(Record { name: owner, kind, class: IN, ttl: ttl.unwrap_or(default_ttl), data })
}

fn data(kind: u16, words: &[&str], origin: &Name) -> Result<Vec<u8>, String> {
    if let ["\\#", length, hex @ ..] = words {
        let octets = from_hex(&hex.concat())?;
        return if length.parse() == Ok(octets.len()) { Ok(octets) } else { Err("another length".into()) };
    }
    let mut out = Vec::new();
    let mut words = words.iter();
    for field in rdata::fields(kind) {
        if *field == Field::Strings {
            for word in words.by_ref() {
                let string = string(word)?;
                out.push(u8::try_from(string.len()).map_err(|_| "a string of more than 255 octets")?);
                out.extend(string);
            }
            continue;
        }
        let word = words.next().ok_or("too few fields")?;
        let no = |_| format!("`{word}` is no number");
        match field {
            Field::Name => name(word, origin)?.write(&mut out),
            Field::U8 => out.push(word.parse().map_err(no)?),
            Field::U16 => out.extend(word.parse::<u16>().map_err(no)?.to_be_bytes()),
            Field::U32 => out.extend(word.parse::<u32>().map_err(no)?.to_be_bytes()),
            Field::V4 => out.extend(word.parse::<Ipv4Addr>().map_err(|_| "no IPv4 address")?.octets()),
            Field::V6 => out.extend(word.parse::<Ipv6Addr>().map_err(|_| "no IPv6 address")?.octets()),
            Field::Rest => out.extend(from_hex(word)?),
            Field::Strings => {}
        }
    }
    if words.next().is_some() { Err("too many fields".into()) } else { Ok(out) }
}

fn string(word: &str) -> Result<Vec<u8>, String> {
    let mut octets = word.bytes();
    let mut out = Vec::new();
    while let Some(octet) = octets.next() {
        out.push(if octet == b'\\' { escaped(&mut octets).ok_or("a bad escape")? } else { octet });
    }
    Ok(out)
}

pub(super) fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<_> =
        text.chars().map(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let octet = |pair: &[Option<u8>]| match pair {
        [Some(high), Some(low)] => Ok(high * 16 + low),
        _ => Err(format!("`{text}` is no hex")),
    };
    digits.chunks(2).map(octet).collect()
}

pub(super) fn to_hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The records of a zone's text, and its name: the owner of the SOA record.
pub(super) fn zone(text: &str) -> Result<(Name, Vec<Record>), String> {
    let (mut origin, mut ttl, mut records) = (Name::default(), 3600, Vec::<Record>::new());
    for line in text.lines() {
        let words = words(line);
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] => {}
            ["$ORIGIN", to] => origin = name(to, &origin)?,
            ["$TTL", number] => ttl = number.parse().map_err(|_| format!("`{number}` is no TTL"))?,
            _ => records.push(record(line, &origin, ttl)?),
        }
    }
    let apex =
        records.iter().find(|record| record.kind == rdata::SOA).ok_or("a zone without SOA")?.name.clone();
    Ok((apex, records))
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.name, self.ttl)?;
        if self.class != IN {
            write!(f, "CLASS{} ", self.class)?;
        }
        f.write_str(&rdata::mnemonic(self.kind))?;
        match shown(self.kind, &self.data) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, " \\# {} {}", self.data.len(), to_hex(&self.data)),
        }
    }
}

fn shown(kind: u16, data: &[u8]) -> Result<String, String> {
    let mut reader = Reader { wire: data, at: 0 };
    let mut out = String::new();
    for field in rdata::fields(kind) {
        out.push(' ');
        let text = match field {
            Field::Name => reader.name(false)?.to_string(),
            Field::U8 => reader.u8()?.to_string(),
            Field::U16 => reader.u16()?.to_string(),
            Field::U32 => reader.u32()?.to_string(),
            Field::V4 => Ipv4Addr::from(reader.u32()?).to_string(),
            Field::V6 => {
                <[u8; 16]>::try_from(reader.take(16)?).map(Ipv6Addr::from).map_err(|_| "cut off")?.to_string()
            }
            Field::Strings => {
                let mut strings = Vec::new();
                while reader.at < data.len() {
                    let length = reader.u8()?;
                    strings.push(format!("\"{}\"", reader.take(usize::from(length))?.escape_ascii()));
                }
                strings.join(" ")
            }
            Field::Rest if kind == rdata::DS => to_hex(reader.take(data.len() - reader.at)?),
            Field::Rest => return Err("unknown".into()),
        };
        out.push_str(&text);
    }
    if reader.at == data.len() { Ok(out) } else { Err("more than its fields".into()) }
}

/// For a report: the code, the flags, then the sections that have something.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rcode(self.rcode()))?;
        if self.opcode() != 0 {
            write!(f, " opcode {}", self.opcode())?;
        }
        let flags = [(AA, "aa"), (TC, "tc"), (RD, "rd"), (RA, "ra"), (Z, "z"), (AD, "ad"), (CD, "cd")];
        for (flag, name) in flags {
            if self.has(flag) {
                write!(f, " {name}")?;
            }
        }
        let sections =
            [("answer", &self.answer), ("authority", &self.authority), ("additional", &self.additional)];
        for (name, section) in sections {
            let shown = section.iter().filter(|record| record.kind != OPT);
            let text: Vec<_> = shown
                .map(|record| if record.kind == TSIG { "TSIG".into() } else { record.to_string() })
                .collect();
            if !text.is_empty() {
                write!(f, "; {name}: {}", brief(&text))?;
            }
        }
        if let Some(edns) = self.opt() {
            let options: Vec<_> =
                edns.options.iter().map(|(code, data)| format!("{code}={}", to_hex(data))).collect();
            write!(
                f,
                "; OPT version {} flags {:#x} size {} [{}]",
                edns.version,
                edns.flags,
                edns.size,
                options.join(" ")
            )?;
        }
        Ok(())
    }
}

/// Not too much of it.
fn brief(records: &[String]) -> String {
    const SHOWN: usize = 12;
    let more = records.len().saturating_sub(SHOWN);
    let shown = records.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
