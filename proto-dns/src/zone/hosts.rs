//! Hosts files: addresses, and the names that they have.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use super::text::{Problem, Reading, Severity};
use super::{Record, RecordRef};
use crate::wire::lexer::Spot;
use crate::wire::rdata::from_text;
use crate::wire::{Class, Name, NameRef, Type};

/// Zones by their names, each with its records.
///
/// Each name of a hosts file is a zone of its own, and so is the name in `in-addr.arpa` or `ip6.arpa` of each
/// address: nothing is said of the names beside it, which may be elsewhere.
pub type Hosts = BTreeMap<Name, Vec<Record>>;

/// The TTL of all records, in seconds: files change.
const TTL: u32 = 60;
/// How many problems are told.
const MAX_PROBLEMS: usize = 1000;

/// Reads the hosts file `path`; the call blocks.
///
/// A line has an address and names. Each name has that address, and the address has the first name. An address with a
/// scope (`fe80::1%eth0`) means nothing to others: it is left out, with a warning. If there is an error, the zones
/// are not all, and must not be used.
pub fn read_file(path: &Path) -> (Hosts, Reading) {
    match fs::read(path) {
        Ok(text) => read_text(path, &text),
        Err(error) => {
            let problem = Problem {
                file: path.to_owned(),
                line: 0,
                column: 0,
                severity: Severity::Error,
                what: format!("cannot be read: {error}").into(),
            };
            (Hosts::new(), Reading { files: vec![path.to_owned()], problems: vec![problem], records: 0 })
        }
    }
}

/// Reads the hosts file that `text` is, as [`read_file`] does, and calls it `name` in what it tells.
pub fn read_text(name: &Path, text: &[u8]) -> (Hosts, Reading) {
    let mut hosts = Hosts::new();
    let mut reading = Reading { files: vec![name.to_owned()], ..Reading::default() };
    let mut offset = 0;
    for (line, octets) in (1..).zip(text.split(|&octet| octet == b'\n')) {
        let mut tell = |severity, column: usize, what: String| {
            if reading.problems.len() < MAX_PROBLEMS {
                let column = Spot { offset: offset + column, line }.column(text);
                let file = name.to_owned();
                reading.problems.push(Problem { file, line, column, severity, what: what.into() });
            }
        };
        match entry(octets) {
            Ok(Entry::Names(address, names)) => add(&mut hosts, address, &names),
            Ok(Entry::Nothing) => {}
            Ok(Entry::Scoped(at)) => {
                tell(Severity::Warning, at, "an address with a scope is left out".to_owned());
            }
            Err((at, what)) => tell(Severity::Error, at, what),
        }
        offset += octets.len() + 1;
    }
    reading.records = hosts.values().map(|records| records.len() as u64).sum();
    (hosts, reading)
}

/// What a line says.
enum Entry {
    Nothing,
    Names(IpAddr, Vec<Name>),
    /// Where the address is.
    Scoped(usize),
}

/// Reads a line; an error has how many octets are before it.
fn entry(line: &[u8]) -> Result<Entry, (usize, String)> {
    let line = line.split(|&octet| octet == b'#').next().unwrap_or_default();
    let mut words = words(line);
    let Some((start, address)) = words.next() else { return Ok(Entry::Nothing) };
    let text = std::str::from_utf8(address).unwrap_or_default();
    let (plain, scope) = text.split_once('%').map_or((text, None), |(plain, scope)| (plain, Some(scope)));
    let address: IpAddr =
        plain.parse().map_err(|_| (start, "an IPv4 or IPv6 address is expected".to_owned()))?;
    let mut names = Vec::new();
    for (at, word) in words {
        if word.contains(&b'\\') {
            return Err((at, "a name with a backslash".to_owned()));
        }
        names.push(Name::parse(word, Some(NameRef::ROOT)).map_err(|error| (at, error.message().to_owned()))?);
    }
    match scope {
        _ if names.is_empty() => Err((line.trim_ascii_end().len(), "a name is missing here".to_owned())),
        Some(_) => Ok(Entry::Scoped(start)),
        None => Ok(Entry::Names(address, names)),
    }
}

/// The words of a line, each with how many octets are before it.
fn words(line: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = line.get(at..)?;
        let start = at + rest.iter().position(|octet| !octet.is_ascii_whitespace())?;
        let rest = line.get(start..)?;
        let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        at = start + length;
        Some((start, rest.get(..length)?))
    })
}

fn add(hosts: &mut Hosts, address: IpAddr, names: &[Name]) {
    let (rtype, rdata) = match address {
        IpAddr::V4(address) => (Type::A, address.octets().to_vec()),
        IpAddr::V6(address) => (Type::AAAA, address.octets().to_vec()),
    };
    for name in names {
        put(hosts, name.clone(), rtype, &rdata);
    }
    if let (Some(first), Some(reverse)) = (names.first(), reverse(address)) {
        put(hosts, reverse, Type::PTR, first.wire());
    }
}

/// Adds a record to the zone of its name, unless it is there.
fn put(hosts: &mut Hosts, name: Name, rtype: Type, rdata: &[u8]) {
    let zone = hosts.entry(name.clone()).or_insert_with(|| start(&name));
    let record = RecordRef { name: name.view(), class: Class::IN, rtype, ttl: TTL, rdata };
    let known = zone.iter().any(|known| {
        known.rtype == rtype
            && match rtype {
                Type::PTR => known.rdata.eq_ignore_ascii_case(rdata),
                _ => *known.rdata == *rdata,
            }
    });
    if !known {
        zone.push(record.to_record());
    }
}

/// What every zone begins with.
fn start(name: &Name) -> Vec<Record> {
    let soa = format!("localhost. nobody.invalid. 1 3600 1200 604800 {TTL}");
    [(Type::SOA, soa.as_str()), (Type::NS, "localhost.")]
        .into_iter()
        .filter_map(|(rtype, text)| {
            let rdata = from_text(rtype, text.as_bytes(), None).ok()?;
            Some(Record { name: name.clone(), class: Class::IN, rtype, ttl: TTL, rdata: rdata.into() })
        })
        .collect()
}

/// The name that tells the names of an address (RFC 1035 §3.5, RFC 3596).
pub fn reverse(address: IpAddr) -> Option<Name> {
    let text = match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).chain(["ip6.arpa.".to_owned()]).collect()
        }
    };
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let (hosts, reading) = read_text(Path::new("hosts"), text.as_bytes());
        assert_eq!(reading.records, hosts.values().flatten().count() as u64);
        for (name, records) in &hosts {
            assert!(records.iter().all(|record| record.name == *name));
            assert_eq!([records[0].rtype, records[1].rtype], [Type::SOA, Type::NS]);
        }
        let records = hosts.values().flat_map(|records| &records[2..]).map(Record::to_string).collect();
        (records, reading.problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn names_have_addresses_and_addresses_the_first_name() {
        let (records, problems) = read(
            "# local\n127.0.0.1 localhost\r\n\t192.0.2.1\tNas.lan nas#two\n\n2001:db8::1 nas.lan. # six\n\
             192.0.2.2 nas.LAN\n192.0.2.1 nas.lan",
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!(
            records,
            [
                "1.0.0.127.in-addr.arpa. 60 IN PTR localhost.",
                "1.2.0.192.in-addr.arpa. 60 IN PTR Nas.lan.",
                "2.2.0.192.in-addr.arpa. 60 IN PTR nas.LAN.",
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 IN PTR nas.lan.",
                "Nas.lan. 60 IN A 192.0.2.1",
                "nas.lan. 60 IN AAAA 2001:db8::1",
                "nas.LAN. 60 IN A 192.0.2.2",
                "localhost. 60 IN A 127.0.0.1",
                "nas. 60 IN A 192.0.2.1",
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let (records, problems) = read(
            "1.2.3 a\n 192.0.2.1 # none\n192.0.2.1 ok a..b\né ::1\n::1 a\\.b\nfe80::1%lo0 localhost\n192.0.2.9 ok",
        );
        assert_eq!(records, ["9.2.0.192.in-addr.arpa. 60 IN PTR ok.", "ok. 60 IN A 192.0.2.9"]);
        assert_eq!(
            problems,
            [
                "hosts:1:1: an IPv4 or IPv6 address is expected",
                "hosts:2:11: a name is missing here",
                "hosts:3:14: a label is empty",
                "hosts:4:1: an IPv4 or IPv6 address is expected",
                "hosts:5:5: a name with a backslash",
                "hosts:6:1: warning: an address with a scope is left out",
            ]
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_told() {
        let (hosts, reading) = read_file(Path::new("/nonexistent/hosts"));
        assert!(hosts.is_empty() && reading.failed());
    }
}
