use super::super::testing::records;
use super::*;

fn zone(lines: &str) -> Zone {
    let text = format!(
        "example. 3600 IN SOA ns.example. root.example. 7 2 3 4 300
         example. 3600 IN NS ns.example.
         {lines}"
    );
    Zone::build("example.".parse::<Name>().unwrap().view(), records(&text)).unwrap().0
}

#[test]
fn names_come_in_the_canonical_order() {
    // RFC 4034 §6.1.
    let lines = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        "\\001.z.example.",
        "*.z.example.",
        "\\200.z.example.",
    ];
    let mut text: Vec<String> = lines.iter().map(|name| format!("{name} 60 IN A 192.0.2.1\n")).collect();
    text.reverse();
    let zone = zone(&text.concat());
    let names: Vec<String> = zone.canonical().into_iter().map(|node| node.name().to_string()).collect();
    assert_eq!(names, lines);
    assert!(zone.canonical().is_sorted_by_key(|node| node.name()));
}

#[test]
fn names_that_have_none_but_names_below_are_there() {
    let zone = zone("a.b.c.example. 60 IN A 192.0.2.1\nd.c.example. 60 IN A 192.0.2.1");
    assert_eq!(zone.names(), 5);
    let node = |text: &str| zone.node(text.parse::<Name>().unwrap().view());
    assert!(node("c.example").unwrap().is_empty());
    assert_eq!(node("c.example").unwrap().children(), 2);
    assert!(node("e.example").is_none());
    assert_eq!(zone.serial(), Some(7));
    assert_eq!(zone.records().count(), 4);
}

#[test]
fn what_was_put_in_comes_out() {
    let lines: String = (0..500).map(|n| format!("n{}.{n}.example. 60 IN A 192.0.2.1\n", n % 7)).collect();
    let zone = zone(&lines);
    let again = Zone::build(zone.origin(), zone.records().map(|record| record.to_record())).unwrap().0;
    assert!(zone.records().eq(again.records()));
    assert_eq!((zone.records().count(), zone.names()), (502, 1001));
}
