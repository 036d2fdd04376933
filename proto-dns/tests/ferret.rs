//! The answers of four name servers to questions about zones that were made to find where they differ.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use ropewalk_dns::server::{Answering, Engine, Peer, Transport, Verdict};
use ropewalk_dns::wire::{Class, Name, NameRef, Raw, Type, rdata};
use ropewalk_dns::zone::{Record, Zone, text};

/// Flags and code, and the three sections as sets.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reply {
    head: String,
    sections: [BTreeSet<String>; 3],
}

#[test]
fn every_answer_is_that_of_the_four_servers_or_of_one_of_them() {
    let cases =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/ferret/cases.jsonl"));
    let (mut agreed, mut other, mut wrong) = (0, 0, Vec::new());
    for line in cases.unwrap().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let engine = engine(case["zone"].as_str().unwrap());
        for query in case["queries"].as_array().unwrap() {
            let expected = query["expected"].as_array().unwrap();
            let count = if expected.len() == 1 { &mut agreed } else { &mut other };
            let (name, rtype) = (query["name"].as_str().unwrap(), query["type"].as_str().unwrap());
            let ours = ask(&engine, name, rtype);
            if expected.iter().any(|one| reply_of(one) == ours) {
                *count += 1;
            } else {
                wrong.push(format!(
                    "{} {name} {rtype}\n{}\n{ours:#?}",
                    case["id"],
                    case["zone"].as_str().unwrap()
                ));
            }
        }
    }
    let few = wrong.iter().take(3).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {} are wrong, such as {few}", wrong.len(), wrong.len() + agreed + other);
    assert_eq!((agreed, other), (1703, 434));
}

fn engine(text: &str) -> Engine {
    let records = text::records("case", text.as_bytes(), Some(NameRef::ROOT)).unwrap();
    let origin = records.iter().find(|record| record.rtype == Type::SOA).unwrap().name.clone();
    let (zone, _) = Zone::build(origin.view(), records).unwrap();
    Engine::new(FromIterator::from_iter([zone]), Answering::default())
}

fn ask(engine: &Engine, name: &str, rtype: &str) -> Reply {
    let (name, rtype): (Name, Type) = (name.parse().unwrap(), rtype.parse().unwrap());
    let header = [0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let kind = [rtype.0.to_be_bytes(), Class::IN.0.to_be_bytes()].concat();
    let request = [&header, name.wire(), &kind].concat();
    let peer = Peer { addr: ([127, 0, 0, 1], 5300).into(), transport: Transport::Tcp, idle: None };
    let mut reply = Vec::new();
    assert_eq!(engine.respond(&request, &peer, &mut reply), Verdict::Reply);
    read(&reply)
}

fn read(message: &[u8]) -> Reply {
    let word = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
    let mut head = format!("rcode {} flags QR", ropewalk_dns::wire::Rcode(word(2) & 0xf));
    for (bit, name) in [(10, "AA"), (9, "TC"), (8, "RD"), (7, "RA")] {
        if word(2) >> bit & 1 == 1 {
            head = format!("{head} {name}");
        }
    }
    let mut pos = 12;
    Name::read(message, &mut pos).unwrap();
    pos += 4;
    let sections = [6, 8, 10].map(|count| {
        let texts = (0..word(count)).map(|_| text(message, &Raw::read(message, &mut pos).unwrap()));
        let texts: Vec<String> = texts.collect();
        let set: BTreeSet<_> = texts.iter().cloned().collect();
        assert_eq!(texts.len(), set.len(), "a record is there twice");
        set
    });
    assert_eq!(pos, message.len());
    Reply { head, sections }
}

fn text(message: &[u8], raw: &Raw) -> String {
    let mut data = Vec::new();
    rdata::read(raw.rtype, message, raw.at, raw.length, &mut data).unwrap();
    line(&raw.owner(message).unwrap(), raw.ttl, raw.rtype, &data)
}

fn line(name: &Name, ttl: u32, rtype: Type, data: &[u8]) -> String {
    format!("{name} {ttl} {rtype} {}", data.escape_ascii().to_string().to_lowercase())
}

fn reply_of(expected: &serde_json::Value) -> Reply {
    let mut lines = expected["response"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
    let head: Vec<&str> = lines.by_ref().skip(2).take(2).collect();
    let mut sections = [const { BTreeSet::new() }; 3];
    let mut at = 0;
    for text in lines.skip(2) {
        match text {
            ";ANSWER" => at = 0,
            ";AUTHORITY" => at = 1,
            ";ADDITIONAL" => at = 2,
            _ => {
                let Record { name, ttl, rtype, rdata, .. } =
                    text::records("expected", text.as_bytes(), None).unwrap().remove(0);
                sections[at].insert(line(&name, ttl, rtype, &rdata));
            }
        }
    }
    Reply { head: head.join(" "), sections }
}
