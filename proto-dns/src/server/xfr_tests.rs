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

fn set(text: &str) -> ZoneSet {
    [zone(text)].into_iter().collect()
}

/// The records of all messages, and how many messages there are.
fn transfer(zones: &ZoneSet, request: &[u8]) -> Result<(Vec<Record>, usize), Rcode> {
    let query = Query::read(Head::read(request).unwrap(), request)?;
    let mut transfer = Transfer::new(zones, &query)?;
    let (mut records, mut count, mut message) = (Vec::new(), 0, Vec::new());
    while transfer.next(&mut message) {
        assert!(message.len() <= 65535);
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
    Ok((records, count))
}

/// A request for IXFR of a client that has this serial.
fn ixfr(serial: u8) -> Vec<u8> {
    let soa = [&[0, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 0, serial][..], &[0; 16]].concat();
    let mut request = request("example IXFR", &[&soa]);
    request[9] = 1;
    request[11] = 0;
    request
}

#[test]
fn a_zone_comes_between_two_soa() {
    let (records, messages) = transfer(&set(ZONE), &request("EXAMPLE AXFR", &[])).unwrap();
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
    let zones = set(&text);
    let (mut records, messages) = transfer(&zones, &request("example AXFR", &[])).unwrap();
    assert!((41..60).contains(&messages), "{messages}");
    let last = records.pop().unwrap();
    assert!(last == records[0] && last.rtype == Type::SOA);
    let again = Zone::build(last.name.view(), records).unwrap().0;
    let zone = zones.zones().next().unwrap();
    assert!(zone.records().eq(again.records()));
}

#[test]
fn a_client_that_is_up_to_date_gets_the_soa() {
    for (serial, expected) in [(7, 1), (8, 1), (6, 6), (0, 6)] {
        assert_eq!(transfer(&set(ZONE), &ixfr(serial)).unwrap().0.len(), expected, "{serial}");
    }
}

#[test]
fn what_cannot_be_transferred_is_told() {
    let mut zones = set(ZONE);
    zones.insert_unavailable("lost.".parse().unwrap());
    for (question, expected) in [
        ("child.example AXFR", Rcode::NOTAUTH),
        ("elsewhere AXFR", Rcode::NOTAUTH),
        ("lost AXFR", Rcode::SERVFAIL),
        ("example IXFR", Rcode::FORMERR),
    ] {
        assert_eq!(transfer(&zones, &request(question, &[])).unwrap_err(), expected, "{question}");
    }
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
