use proptest::prelude::*;

use super::super::testing::{record, records};
use super::*;

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 7 2 3 4 300
    example. 3600 IN NS ns.example.
    a.example. 3600 IN A 192.0.2.1
    a.example. 3600 IN A 192.0.2.2
    b.c.example. 3600 IN NS NS.elsewhere.
";

fn zone() -> Zone {
    Zone::build("example.".parse::<Name>().unwrap().view(), records(ZONE)).unwrap().0
}

fn add(line: &str) -> Change {
    Change::Add(record(line))
}

fn remove(line: &str) -> Change {
    Change::Remove(record(line))
}

fn texts(zone: &Zone) -> Vec<String> {
    zone.records().map(|record| format!("{} {} {}", record.name, record.ttl, record.rtype)).collect()
}

#[test]
fn changes_are_made_and_the_zone_before_stays() {
    let before = zone();
    let after = before
        .apply(&[
            add("d.example. 60 IN TXT new"),
            remove("A.example. 0 IN A 192.0.2.1"),
            remove("a.example. 0 IN A 192.0.2.9"),
            add("example. 3600 IN SOA ns.example. root.example. 8 2 3 4 300"),
        ])
        .unwrap();
    assert_eq!((before.serial(), after.serial()), (Some(7), Some(8)));
    assert_eq!(
        texts(&after),
        [
            "example. 3600 NS",
            "example. 3600 SOA",
            "a.example. 3600 A",
            "b.c.example. 3600 NS",
            "d.example. 60 TXT"
        ]
    );
    assert_eq!(texts(&before).len(), 5);
    assert!(before.records().eq(zone().records()));
}

#[test]
fn a_name_goes_with_its_last_record_and_takes_empty_ones_along() {
    let after = zone().apply(&[remove("b.c.example. 0 IN NS ns.ELSEWHERE.")]).unwrap();
    assert_eq!((after.names(), zone().names()), (2, 4));
    let both = zone().apply(&[add("c.example. 60 IN A 192.0.2.1")]).unwrap();
    let name = |text: &str| text.parse::<Name>().unwrap();
    let lower = both.apply(&[Change::RemoveName(name("b.c.example."))]).unwrap();
    assert_eq!(lower.names(), 3);
    let upper = both.apply(&[Change::RemoveSet(name("c.example."), Type::A)]).unwrap();
    assert!(upper.names() == 4 && upper.node(name("c.example.").view()).unwrap().is_empty());
}

#[test]
fn an_added_record_gives_its_ttl_to_the_set() {
    let after =
        zone().apply(&[add("a.example. 60 IN A 192.0.2.3"), add("a.example. 60 IN A 192.0.2.2")]).unwrap();
    let name: Name = "a.example.".parse().unwrap();
    let set = after.node(name.view()).unwrap().set(Type::A).unwrap();
    assert_eq!((set.ttl, set.rdata().count()), (60, 3));
}

#[test]
fn a_change_that_breaks_a_rule_is_refused() {
    for changes in [
        vec![add("a.example. 60 IN CNAME b.")],
        vec![add("www.other. 60 IN A 192.0.2.1")],
        vec![Change::RemoveSet("example.".parse().unwrap(), Type::SOA)],
        vec![remove("example. 0 IN NS ns.example.")],
        vec![add("b.c.example. 60 IN DNAME b.")],
    ] {
        assert!(zone().apply(&changes).is_err(), "{changes:?}");
    }
    // In their order, and as a whole.
    let swapped = [remove("example. 0 IN NS ns.example."), add("example. 60 IN NS ns.other.")];
    assert!(zone().apply(&swapped).is_ok());
}

fn line() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "a.b", "*.b", "c.a.b", "d.e.f", "e.f", "*.f"]);
    let data = prop::sample::select(vec!["A 192.0.2.1", "A 192.0.2.2", "TXT x", "NS ns.elsewhere."]);
    (name, data).prop_map(|(name, data)| format!("{name}.example. 60 IN {data}"))
}

proptest! {
    #[test]
    fn a_changed_zone_is_the_one_that_is_built_of_its_records(lines in prop::collection::vec((line(), any::<bool>()), 0..60)) {
        let mut zone = zone();
        for (line, is_added) in lines {
            zone = zone.apply(&[if is_added { add(&line) } else { remove(&line) }]).unwrap();
        }
        let built = Zone::build(zone.origin(), zone.records().map(|record| record.to_record())).unwrap().0;
        prop_assert!(zone.records().eq(built.records()));
        prop_assert_eq!(zone.facts(), built.facts());
    }
}
