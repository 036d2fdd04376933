//! Questions and answers in short.

use super::{Answering, Engine, Peer, Transport, Verdict};
use crate::wire::{Class, Name, Raw, Rcode, Type};
use crate::zone::testing::{record, records};
use crate::zone::{Zone, ZoneSet};

/// OPT of version 0 for replies of 1232 octets, without flags.
pub(crate) const OPT: &[u8] = &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

/// An engine with zones, each of which begins with its SOA.
pub(crate) fn engine(zones: &[&str]) -> Engine {
    Engine::new(zones.iter().map(|text| zone(text)).collect::<ZoneSet>(), Answering::default())
}

pub(crate) fn zone(text: &str) -> Zone {
    let records = records(text);
    Zone::build(records[0].name.clone().view(), records).unwrap().0
}

pub(crate) fn peer(transport: Transport) -> Peer {
    Peer { addr: ([127, 0, 0, 1], 5300).into(), transport, idle: None }
}

/// The request for `question`, a name and a type, with these records after it.
pub(crate) fn request(question: &str, additional: &[&[u8]]) -> Vec<u8> {
    let (name, rtype) = question.split_once(' ').unwrap();
    let (name, rtype): (Name, Type) = (name.parse().unwrap(), rtype.parse().unwrap());
    let header = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, additional.len() as u8];
    let kind = [rtype.0.to_be_bytes(), Class::IN.0.to_be_bytes()].concat();
    [&header, name.wire(), &kind, &additional.concat()].concat()
}

/// The reply to a request over a connection, in short.
pub(crate) fn ask(engine: &Engine, question: &str) -> String {
    ask_over(engine, Transport::Tcp, &request(question, &[]))
}

pub(crate) fn ask_over(engine: &Engine, transport: Transport, request: &[u8]) -> String {
    // What is in the buffer already is left alone.
    let mut out = b"before".to_vec();
    match engine.respond(request, &peer(transport), &mut out) {
        Verdict::Reply => short(out.strip_prefix(b"before").unwrap()),
        verdict => {
            assert_eq!(out, b"before");
            format!("{verdict:?}")
        }
    }
}

/// Code, flags, and owner and type of the records of each section.
pub(crate) fn short(message: &[u8]) -> String {
    let word = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
    let mut text = Rcode(word(2) & 0xf).to_string();
    for (bit, flag) in [(10, " AA"), (9, " TC"), (6, " Z"), (5, " AD"), (4, " CD")] {
        text += if word(2) >> bit & 1 == 1 { flag } else { "" };
    }
    assert_eq!(word(2) >> 15, 1, "QR");
    let mut pos = 12;
    for _ in 0..word(4) {
        Name::read(message, &mut pos).unwrap();
        pos += 4;
    }
    for (count, mark) in [(6, ":"), (8, " /"), (10, " +")] {
        for at in 0..word(count) {
            let raw = Raw::read(message, &mut pos).unwrap();
            let owner = raw.owner(message).unwrap();
            text += &format!("{} {owner} {}", if at == 0 { mark } else { "," }, raw.rtype);
        }
    }
    assert_eq!(pos, message.len());
    text
}

/// A record as it is in an UPDATE: class, and a line, with or without data.
pub(crate) fn line(class: Class, text: &str) -> Vec<u8> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (name, rtype): (Name, Type) = (words[0].parse().unwrap(), words[2].parse().unwrap());
    let data = match words.len() {
        3 => [].into(),
        _ => record(&format!("{} 0 IN {}", words[0], words[2..].join(" "))).rdata,
    };
    let ttl: u32 = words[1].parse().unwrap();
    let length = (data.len() as u16).to_be_bytes();
    [name.wire(), &rtype.0.to_be_bytes(), &class.0.to_be_bytes(), &ttl.to_be_bytes(), &length, &data].concat()
}

/// An UPDATE of example.
pub(crate) fn update_request(prerequisites: &[Vec<u8>], changes: &[Vec<u8>]) -> Vec<u8> {
    let counts = [0, 1, 0, prerequisites.len() as u8, 0, changes.len() as u8, 0, 0];
    let head = [&[0, 7, 5 << 3, 0][..], &counts, b"\x07example\0\0\x06\0\x01"];
    [head.concat(), prerequisites.concat(), changes.concat()].concat()
}
