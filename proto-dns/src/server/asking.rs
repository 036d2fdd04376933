//! What tests of this room share: a small zone, and requests.

use super::{Answering, Engine};
use crate::wire::{Class, Name, Type};
use crate::zone::{Builder, RecordRef, Zone, ZoneSet};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// `example.`, where `www` has an address and `large` more text than fits into a datagram.
pub(crate) fn zone(serial: u32) -> Zone {
    let origin = name("example.");
    let mut builder = Builder::new(origin.view());
    let mut add = |owner: &str, rtype: Type, rdata: &[u8]| {
        let owner = name(owner);
        builder.add(&RecordRef { name: owner.view(), class: Class::IN, rtype, ttl: 300, rdata });
    };
    let ns = name("ns.example.");
    let soa = [ns.view().wire(), ns.view().wire(), &serial.to_be_bytes(), &[0, 0, 1, 0].repeat(4)].concat();
    add("example.", Type::SOA, &soa);
    add("example.", Type::NS, ns.view().wire());
    add("ns.example.", Type::A, &[192, 0, 2, 1]);
    add("www.example.", Type::A, &[192, 0, 2, 80]);
    for number in 0..40 {
        add("large.example.", Type::TXT, &[&[60], [number; 60].as_slice()].concat());
    }
    builder.finish().unwrap().0
}

/// What answers from it.
pub(crate) fn engine() -> Engine {
    let mut set = ZoneSet::default();
    set.insert(zone(1).into());
    Engine::new(set, Answering::default())
}

/// A question.
pub(crate) fn query(id: u16, name: &str, qtype: u16) -> Vec<u8> {
    asks(id, name, qtype, 1, None)
}

/// A question in a class, with these options of EDNS.
pub(crate) fn asks(
    id: u16,
    owner: &str,
    qtype: u16,
    class: u16,
    options: Option<&[(u16, &[u8])]>,
) -> Vec<u8> {
    let mut message = Vec::new();
    let words = |message: &mut Vec<u8>, all: &[u16]| {
        message.extend(all.iter().flat_map(|word| word.to_be_bytes()));
    };
    words(&mut message, &[id, 0x0100, 1, 0, 0, u16::from(options.is_some())]);
    message.extend_from_slice(name(owner).view().wire());
    words(&mut message, &[qtype, class]);
    let Some(options) = options else { return message };
    let length: usize = options.iter().map(|(_, data)| data.len() + 4).sum();
    message.push(0);
    words(&mut message, &[41, 1232, 0, 0, length as u16]);
    for (code, data) in options {
        words(&mut message, &[*code, data.len() as u16]);
        message.extend_from_slice(data);
    }
    message
}

/// The options of a reply whose OPT is its last record: code and data.
pub(crate) fn options(reply: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut pos = crate::wire::HEADER;
    let count = |at: usize| usize::from(reply[at]) << 8 | usize::from(reply[at + 1]);
    for _ in 0..count(4) {
        Name::read(reply, &mut pos).unwrap();
        pos += 4;
    }
    let records = count(6) + count(8) + count(10);
    let all: Vec<_> = (0..records).map(|_| crate::wire::Raw::read(reply, &mut pos).unwrap()).collect();
    assert_eq!(pos, reply.len());
    let Some(opt) = all.last().filter(|record| record.rtype == Type::OPT) else { return Vec::new() };
    let mut data = &reply[opt.at..];
    let mut found = Vec::new();
    while let [a, b, c, d, rest @ ..] = data {
        let length = usize::from(*c) << 8 | usize::from(*d);
        found.push((u16::from(*a) << 8 | u16::from(*b), rest[..length].to_vec()));
        data = &rest[length..];
    }
    found
}
