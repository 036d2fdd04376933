use super::super::testing::{request, zone};
use super::*;
use crate::wire::{Class, Name, Raw};
use crate::zone::Record;

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 7 2 3 4 300
    example. 3600 IN NS ns.example.
    ns.example. 3600 IN A 192.0.2.1
    child.example. 3600 IN NS ns.child.example.
    ns.child.example. 3600 IN A 192.0.2.2
";

fn arc(text: &str) -> Arc<Zone> {
    Arc::new(zone(text))
}

/// The records of all messages, and how many messages there are.
fn transfer(zone: &Arc<Zone>, content: Content) -> (Vec<Record>, usize) {
    let request = request("EXAMPLE AXFR", &[]);
    let question = &request[12..];
    let mut transfer = Transfer::new(Arc::clone(zone), Head::read(&request).unwrap(), question, content, 100);
    let (mut records, mut count, mut message) = (Vec::new(), 0, Vec::new());
    while transfer.next(&mut message) {
        assert!(message.len() <= 65535 - 100);
        assert_eq!(message[..4], [0, 7, 0x85, 0]);
        let mut pos = 12;
        Name::read(&message, &mut pos).unwrap();
        pos += 4;
        while pos < message.len() {
            let raw = Raw::read(&message, &mut pos).unwrap();
            let mut data = Vec::new();
            rdata::read(raw.rtype, &message, raw.at, raw.length, &mut data).unwrap();
            let (name, rdata) = (raw.owner(&message).unwrap(), data.into());
            records.push(Record { name, class: Class::IN, rtype: raw.rtype, ttl: raw.ttl, rdata });
        }
        count += 1;
        message.clear();
    }
    (records, count)
}

#[test]
fn a_zone_comes_between_two_soa() {
    let (records, messages) = transfer(&arc(ZONE), Content::Whole);
    let types: Vec<String> =
        records.iter().map(|record| format!("{} {}", record.name, record.rtype)).collect();
    assert_eq!(messages, 1);
    assert_eq!(
        types.join(", ").to_lowercase(),
        "example. soa, example. ns, child.example. ns, ns.child.example. a, ns.example. a, example. soa"
    );
}

#[test]
fn a_large_zone_comes_in_messages_and_is_the_same() {
    let mut text = ZONE.to_string();
    for n in 0..5000 {
        text += &format!("n{}.example. 3600 IN A 192.0.{}.{}\n", n % 700, n / 250, n % 250);
    }
    for n in 0..40 {
        text += &format!("large.example. 3600 IN TYPE65280 \\# 30000 {n:02x}{}\n", "00".repeat(29999));
    }
    text += &format!("larger.example. 3600 IN TYPE65280 \\# 65000 {}\n", "00".repeat(65000));
    let zone = arc(&text);
    let (mut records, messages) = transfer(&zone, Content::Whole);
    assert!((41..60).contains(&messages), "{messages}");
    let last = records.pop().unwrap();
    assert!(last == records[0] && last.rtype == Type::SOA);
    let again = Zone::build(last.name.view(), records).unwrap().0;
    assert!(zone.records().eq(again.records()));
}

#[test]
fn a_client_that_is_up_to_date_gets_the_soa() {
    assert_eq!(transfer(&arc(ZONE), Content::Current).0.len(), 1);
}

#[test]
fn differences_come_one_after_another_between_two_soa() {
    let zone = arc(ZONE);
    let soa = |serial: u32| {
        let mut soa = zone.records().find(|record| record.rtype == Type::SOA).unwrap().to_record();
        let at = soa.rdata.len() - 20;
        soa.rdata[at..at + 4].copy_from_slice(&serial.to_be_bytes());
        soa
    };
    let text = |name: &str, n: u16| Record {
        name: format!("{name}.example.").parse().unwrap(),
        class: Class::IN,
        rtype: Type::TXT,
        ttl: 60,
        rdata: [&[200][..], &[n as u8; 200]].concat().into(),
    };
    let first = Difference { removed: vec![soa(5)], added: vec![soa(6), text("a", 1)] };
    let removed = [soa(6)].into_iter().chain((0..300).map(|n| text("b", n))).collect();
    let second = Difference { removed, added: vec![soa(7)] };
    let (records, messages) = transfer(&zone, Content::Changes(vec![first.clone(), second.clone()]));
    let all = [first.removed, first.added, second.removed, second.added].concat();
    assert_eq!(messages, 4);
    assert_eq!(records, [&[soa(7)][..], &all, &[soa(7)]].concat());
}

#[test]
fn serials_go_round() {
    for (serial, than, expected) in [
        (1, 0, true),
        (0, 1, false),
        (5, 5, false),
        (0, u32::MAX, true),
        (u32::MAX, 0, false),
        (1 << 31, 0, false),
        (0, 1 << 31, false),
        ((1 << 31) - 1, 0, true),
    ] {
        assert_eq!(is_newer(serial, than), expected, "{serial} {than}");
    }
}
