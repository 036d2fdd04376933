use super::super::testing::{line, update_request as request, zone};
use super::*;
use crate::wire::{Head, Name};

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 7 2 3 4 300
    example. 3600 IN NS ns.example.
    example. 3600 IN MX 10 mail.example.
    a.example. 3600 IN A 192.0.2.1
    a.example. 3600 IN A 192.0.2.2
    c.example. 3600 IN CNAME a.example.
    x.y.example. 3600 IN TXT text
";

fn update(prerequisites: &[Vec<u8>], changes: &[Vec<u8>]) -> Result<Updated, Rcode> {
    let request = request(prerequisites, changes);
    let query = Query::read(Head::read(&request).unwrap(), &request).unwrap();
    Updated::new(&[zone(ZONE)].into_iter().collect(), &query, &|_, _| true)
}

fn add(text: &str) -> Vec<u8> {
    line(Class::IN, text)
}

fn texts(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{} {} {}", record.name, record.ttl, record.rtype)).collect()
}

#[test]
fn prerequisites_decide() {
    let change = [add("new.example 60 A 192.0.2.9")];
    for (class, text, expected) in [
        (Class::ANY, "a.example 0 ANY", None),
        (Class::ANY, "b.example 0 ANY", Some(Rcode::NXDOMAIN)),
        // A name without records is not in use.
        (Class::ANY, "y.example 0 ANY", Some(Rcode::NXDOMAIN)),
        (Class::ANY, "a.example 0 A", None),
        (Class::ANY, "a.example 0 TXT", Some(Rcode::NXRRSET)),
        (Class::ANY, "b.example 0 A", Some(Rcode::NXRRSET)),
        (Class::NONE, "b.example 0 ANY", None),
        (Class::NONE, "y.example 0 ANY", None),
        (Class::NONE, "a.example 0 ANY", Some(Rcode::YXDOMAIN)),
        (Class::NONE, "a.example 0 TXT", None),
        (Class::NONE, "a.example 0 A", Some(Rcode::YXRRSET)),
        (Class::IN, "c.example 0 CNAME A.example.", None),
        (Class::IN, "c.example 0 CNAME b.example.", Some(Rcode::NXRRSET)),
        (Class::IN, "a.example 0 A 192.0.2.1", Some(Rcode::NXRRSET)),
        (Class::IN, "b.example 0 A 192.0.2.1", Some(Rcode::NXRRSET)),
        (Class::IN, "a.other 0 A 192.0.2.1", Some(Rcode::NOTZONE)),
        (Class::IN, "a.example 1 A 192.0.2.1", Some(Rcode::FORMERR)),
        (Class::ANY, "a.example 0 A 192.0.2.1", Some(Rcode::FORMERR)),
        (Class::NONE, "a.example 0 A 192.0.2.1", Some(Rcode::FORMERR)),
        (Class(3), "a.example 0 A", Some(Rcode::FORMERR)),
    ] {
        assert_eq!(update(&[line(class, text)], &change).err(), expected, "{class} {text}");
    }
    let both = [line(Class::IN, "a.example 0 A 192.0.2.2"), line(Class::IN, "A.example 0 A 192.0.2.1")];
    assert!(update(&both, &change).is_ok());
}

#[test]
fn changes_that_cannot_be_are_refused_as_a_whole() {
    for (class, text, expected) in [
        (Class::IN, "a.other 60 A 192.0.2.1", Rcode::NOTZONE),
        (Class::IN, "a.example 60 ANY", Rcode::FORMERR),
        (Class::IN, "a.example 60 A", Rcode::FORMERR),
        (Class::ANY, "a.example 60 A", Rcode::FORMERR),
        (Class::ANY, "a.example 0 A 192.0.2.1", Rcode::FORMERR),
        (Class::ANY, "a.example 0 AXFR", Rcode::FORMERR),
        (Class::NONE, "a.example 60 A 192.0.2.1", Rcode::FORMERR),
        (Class::NONE, "a.example 0 ANY", Rcode::FORMERR),
        (Class(3), "a.example 0 A 192.0.2.1", Rcode::FORMERR),
    ] {
        let changes = [add("new.example 60 A 192.0.2.9"), line(class, text)];
        assert_eq!(update(&[], &changes).unwrap_err(), expected, "{class} {text}");
    }
}

#[test]
fn changes_are_made_in_their_order_with_one_serial() {
    for (changes, removed, added) in [
        (vec![add("new.example 60 A 192.0.2.9")], vec![], vec!["new.example. 60 A"]),
        (vec![line(Class::ANY, "a.example 0 ANY")], vec!["a.example. 3600 A"; 2], vec![]),
        (vec![line(Class::ANY, "a.example 0 A")], vec!["a.example. 3600 A"; 2], vec![]),
        (vec![line(Class::NONE, "A.example 0 A 192.0.2.2")], vec!["a.example. 3600 A"], vec![]),
        (vec![add("a.example 60 A 192.0.2.1")], vec!["a.example. 3600 A"; 2], vec!["a.example. 60 A"; 2]),
        (
            vec![line(Class::ANY, "a.example 0 ANY"), add("a.example 60 CNAME b.")],
            vec!["a.example. 3600 A"; 2],
            vec!["a.example. 60 CNAME"],
        ),
        (vec![add("c.example 60 CNAME b.")], vec!["c.example. 3600 CNAME"], vec!["c.example. 60 CNAME"]),
        (vec![line(Class::ANY, "example 0 MX")], vec!["example. 3600 MX"], vec![]),
        (
            vec![add("example 60 NS b."), line(Class::NONE, "example 0 NS ns.example.")],
            vec!["example. 3600 NS"],
            vec!["example. 60 NS"],
        ),
    ] {
        let updated = update(&[], &changes).unwrap();
        let soa = &["example. 3600 SOA"];
        assert_eq!(texts(&updated.removed), [soa, &removed[..]].concat());
        assert_eq!(texts(&updated.added), [soa, &added[..]].concat());
        assert_eq!(updated.zone.serial(), Some(8));
    }
}

#[test]
fn a_lifetime_that_there_is_not_is_none() {
    let updated = update(&[], &[add("new.example 2147483648 A 192.0.2.9")]).unwrap();
    assert_eq!(texts(&updated.added)[1], "new.example. 0 A");
    let updated = update(&[], &[add("new.example 2147483647 A 192.0.2.9")]).unwrap();
    assert_eq!(texts(&updated.added)[1], "new.example. 2147483647 A");
}

#[test]
fn a_name_becomes_no_larger_than_an_answer() {
    let mut zone = zone(ZONE);
    let mut add_all = |lines: Vec<Vec<u8>>| {
        let mut request = request(&[], &lines);
        request[8..10].copy_from_slice(&(lines.len() as u16).to_be_bytes());
        let query = Query::read(Head::read(&request).unwrap(), &request).unwrap();
        let updated = Updated::new(&[zone.clone()].into_iter().collect(), &query, &|_, _| true);
        updated.map(|updated| zone = updated.zone).err()
    };
    let text = "x".repeat(250);
    let texts = |range: std::ops::Range<u32>| {
        range.map(|n| add(&format!("large.example 60 TXT {text}{n:03}"))).collect::<Vec<_>>()
    };
    // 266 octets each, and 65023 in all.
    assert_eq!(add_all(texts(0..150)), None);
    assert_eq!(add_all(texts(100..244)), None);
    assert_eq!(add_all(texts(244..245)), Some(Rcode::REFUSED));
    assert_eq!(add_all(vec![line(Class::NONE, &format!("large.example 0 TXT {text}007"))]), None);
    assert_eq!(add_all(texts(244..245)), None);
    let types = |range: std::ops::Range<u32>| {
        range.map(|n| add(&format!("many.example 60 TYPE{n} \\# 0"))).collect::<Vec<_>>()
    };
    assert_eq!(add_all(types(1000..1100)), None);
    assert_eq!(add_all(types(1100..1101)), Some(Rcode::REFUSED));
}

#[test]
fn what_must_not_be_is_ignored_and_changes_no_serial() {
    for changes in [
        vec![],
        vec![add("a.example 3600 A 192.0.2.1")],
        vec![add("a.example 60 CNAME b.")],
        vec![add("c.example 60 A 192.0.2.1")],
        vec![line(Class::ANY, "example 0 SOA")],
        vec![line(Class::ANY, "example 0 NS")],
        vec![line(Class::NONE, "example 0 NS NS.example.")],
        vec![line(Class::NONE, "example 0 SOA ns.example. root.example. 7 2 3 4 300")],
        vec![line(Class::NONE, "b.example 0 A 192.0.2.1")],
        vec![add("example 60 SOA ns.example. root.example. 7 2 3 4 9")],
        vec![add("example 60 SOA ns.example. root.example. 6 2 3 4 9")],
        vec![add("a.example 60 SOA ns.example. root.example. 9 2 3 4 9")],
        vec![add("new.example 60 A 192.0.2.9"), line(Class::ANY, "new.example 0 ANY")],
    ] {
        let updated = update(&[], &changes).unwrap();
        assert!(!updated.is_change() && updated.removed.is_empty(), "{:?}", texts(&updated.added));
        assert_eq!(updated.zone.serial(), Some(7));
        assert!(updated.zone.records().eq(zone(ZONE).records()));
    }
}

#[test]
fn all_at_the_apex_but_soa_and_ns_can_go() {
    let updated = update(&[], &[line(Class::ANY, "example 0 ANY")]).unwrap();
    assert_eq!(texts(&updated.removed), ["example. 3600 SOA", "example. 3600 MX"]);
}

#[test]
fn a_client_can_set_the_serial() {
    let soa = add("example 3600 SOA ns.example. root.example. 20 2 3 4 300");
    let updated = update(&[], &[soa, add("new.example 60 A 192.0.2.9")]).unwrap();
    assert_eq!(updated.zone.serial(), Some(20));
    assert_eq!(texts(&updated.added), ["example. 3600 SOA", "new.example. 60 A"]);
}

#[test]
fn who_may_not_do_all_does_nothing() {
    let request = request(&[], &[add("a.example 60 TXT x"), add("b.example 60 TXT x")]);
    let query = Query::read(Head::read(&request).unwrap(), &request).unwrap();
    let zones: ZoneSet = [zone(ZONE)].into_iter().collect();
    let name: Name = "a.example".parse().unwrap();
    let refused = Updated::new(&zones, &query, &|at, rtype| at == name.view() && rtype == Type::TXT);
    assert_eq!(refused.unwrap_err(), Rcode::REFUSED);
    let mut other = request.clone();
    other[13] = b'f';
    let query = Query::read(Head::read(&other).unwrap(), &other).unwrap();
    assert_eq!(Updated::new(&zones, &query, &|_, _| true).unwrap_err(), Rcode::NOTAUTH);
}

proptest::proptest! {
    #[test]
    fn no_update_makes_it_panic(octets: Vec<u8>, at in 0..120_usize, class in 0..4_u16) {
        let class = [Class::IN, Class::ANY, Class::NONE, Class(3)][usize::from(class)];
        let changes = [line(class, "example 0 NS ns.example."), add("a.example 60 CNAME b.")];
        let mut request = request(&[line(Class::IN, "a.example 0 A 192.0.2.1")], &changes);
        for (place, octet) in request.iter_mut().skip(12 + at).zip(&octets) {
            *place = *octet;
        }
        if let Ok(query) = Query::read(Head::read(&request).unwrap(), &request) {
            let _ = Updated::new(&[zone(ZONE)].into_iter().collect(), &query, &|_, _| true);
        }
    }
}
