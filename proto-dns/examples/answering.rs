//! Measures what an answer costs, in a zone of as many names as asked for.
//!
//! # Run it
//! `cargo run --release -p ropewalk-dns --example answering -- 1000000`
//!
//! # Expected output
//! The memory of the zone, the time to build it, to change a record of it and to list it; and for each kind of question
//! the nanoseconds of an answer.

use std::hint::black_box;
use std::time::Instant;

use ropewalk_dns::server::{Answering, Engine, Peer, Transport, Verdict};
use ropewalk_dns::wire::{Class, Name, Type};
use ropewalk_dns::zone::{Builder, Change, Record, Zone, text};

const START: &str = "\
$ORIGIN example.
$TTL 3600
@ SOA ns1 root 1 7200 3600 86400 300
@ NS ns1
@ NS ns2
@ MX 10 mail
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.2
mail A 192.0.2.3
*.wild TXT here
alias CNAME mail
child NS ns.child
ns.child A 192.0.2.4
";

const QUESTIONS: [(&str, &str, Type); 8] = [
    ("a name", "n500", Type::A),
    ("a name that is missing", "missing", Type::A),
    ("a type that is missing", "n500", Type::TXT),
    ("mail servers", "@", Type::MX),
    ("a wildcard", "a.b.wild", Type::TXT),
    ("an alias", "alias", Type::A),
    ("a referral", "www.child", Type::A),
    ("a zone of others", "elsewhere.", Type::A),
];

fn main() {
    let names: u32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let (before, started) = (memory(), Instant::now());
    let zone = zone(names);
    println!("{names} names: {} ms, {} MB", started.elapsed().as_millis(), (memory() - before) / 1024);
    changes(&zone);
    for minimal in [false, true] {
        let mut answering = Answering::default();
        answering.minimal = minimal;
        let engine = Engine::new(FromIterator::from_iter([zone.clone()]), answering);
        println!("{}", if minimal { "minimal answers" } else { "whole answers" });
        for (what, name, rtype) in QUESTIONS {
            println!("{:6} ns  {what}", time(&engine, &[request(name, rtype)]));
        }
        let all: Vec<_> =
            (0..names).map(|n| request(&format!("n{}", n.wrapping_mul(7919) % names), Type::A)).collect();
        println!("{:6} ns  all names in turn", time(&engine, &all));
    }
}

fn name(text: &str) -> Name {
    let origin: Name = "example.".parse().unwrap_or_else(|_| Name::root());
    match text {
        "@" => origin,
        _ => Name::parse(text.as_bytes(), Some(origin.view())).unwrap_or_else(|_| Name::root()),
    }
}

fn zone(names: u32) -> Zone {
    let origin = name("@");
    let mut builder = Builder::new(origin.view());
    text::read_text("start", START.as_bytes(), None, &mut |record, _| builder.add(&record));
    for n in 0..names {
        builder.add(&address(n, n).view());
    }
    match builder.finish() {
        Ok((zone, _)) => zone,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            std::process::exit(1)
        }
    }
}

fn address(n: u32, address: u32) -> Record {
    let rdata = address.to_be_bytes().into();
    Record { name: name(&format!("n{n}")), class: Class::IN, rtype: Type::A, ttl: 3600, rdata }
}

fn changes(zone: &Zone) {
    let started = Instant::now();
    for n in 0..1000 {
        let _ = black_box(zone.apply(&[Change::Remove(address(n, n)), Change::Add(address(n, n + 1))]));
    }
    println!("{} us to change a record", started.elapsed().as_micros() / 1000);
    let started = Instant::now();
    println!("{} records listed in {} ms", zone.records().count(), started.elapsed().as_millis());
}

fn request(text: &str, rtype: Type) -> Vec<u8> {
    let kind = [rtype.0.to_be_bytes(), Class::IN.0.to_be_bytes()].concat();
    [&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], name(text).wire(), &kind].concat()
}

/// The nanoseconds of an answer to one of these requests, in the best of many rounds: others may run beside us.
fn time(engine: &Engine, requests: &[Vec<u8>]) -> u128 {
    let peer = Peer { addr: ([127, 0, 0, 1], 5300).into(), transport: Transport::Udp, idle: None };
    let mut out = Vec::new();
    let mut all = requests.iter().cycle();
    let rounds = (0..500).map(|_| {
        let started = Instant::now();
        for request in all.by_ref().take(1000) {
            out.clear();
            assert_eq!(black_box(engine.respond(request, &peer, &mut out)), Verdict::Reply);
        }
        started.elapsed().as_nanos() / 1000
    });
    rounds.min().unwrap_or_default()
}

/// The memory of this process, in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
