//! What is written and read again is what it was.

use proptest::prelude::*;

use super::*;
use crate::wire::rdata::{Text, check, from_text};
use crate::wire::{NameBuf, Type};

#[test]
fn a_written_zone_is_read_as_the_same() {
    let text = "@ 60 SOA a b 1 2 3 4 5\n NS ns\nns A 192.0.2.1\nNS 30 A 192.0.2.2\nx.other. 60 A 192.0.2.3\n\
        www.EXAMPLE. TXT a\n\\@ TXT \"b c\\010\"\nbadexample. TXT d\n* SVCB 1 . alpn=h2\nz TYPE1000 \\# 2 abcd\n";
    let origin: Name = "example.".parse().unwrap();
    let first = records("zone", text.as_bytes(), Some(origin.view())).unwrap();
    let mut written = String::new();
    write(first.iter().map(Record::view), origin.view(), 60, &mut written).unwrap();
    assert_eq!(
        written.lines().take(6).collect::<Vec<_>>(),
        [
            "$ORIGIN example.",
            "$TTL 60",
            "@\tIN\tSOA\ta.example. b.example. 1 2 3 4 5",
            "\tIN\tNS\tns.example.",
            "ns\tIN\tA\t192.0.2.1",
            "NS\t30\tIN\tA\t192.0.2.2",
        ]
    );
    let again = records("zone", written.as_bytes(), None).unwrap();
    let wire = |records: &[Record]| records.iter().map(|it| it.name.wire().to_vec()).collect::<Vec<_>>();
    assert_eq!((wire(&again), &again), (wire(&first), &first));
    let lines: String = first.iter().map(|record| format!("{record}\n")).collect();
    assert_eq!(records("zone", lines.as_bytes(), None).unwrap(), first);
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..6)
}

/// RDATA that is nearly right: names, lengths and small numbers.
fn rdata() -> impl Strategy<Value = Vec<u8>> {
    let name = proptest::collection::vec(label(), 0..3).prop_map(|labels| {
        let mut name = NameBuf::new();
        labels.iter().for_each(|label| name.push(label).unwrap());
        name.finish(NameRef::ROOT).unwrap();
        name.view().wire().to_vec()
    });
    let text = label().prop_map(|label| [&[label.len() as u8][..], &label].concat());
    let octets = proptest::collection::vec(any::<u8>(), 0..9);
    let small = proptest::collection::vec(0_u8..5, 1..9);
    proptest::collection::vec(prop_oneof![name, text, octets, small], 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_data_survives_text(number in 0_u16..263, rdata in rdata()) {
        let rtype = Type(number);
        let text = Text { rtype, rdata: &rdata }.to_string();
        match from_text(rtype, text.as_bytes(), None) {
            Ok(again) => prop_assert_eq!(again, rdata, "{}", text),
            // Only octets that are not of the type have no text that is.
            Err(fault) => prop_assert!(check(rtype, &rdata).is_err(), "{}: {}", text, fault),
        }
    }

    #[test]
    fn any_text_can_be_read(text in r#"([ \t\n"();\\$@.a1-]|[A-Z]{1,5}|192\.0\.2\.1|\PC){0,40}"#) {
        let (reading, records) = read(&text, Some("example."));
        let lines = text.split('\n').count() as u32;
        prop_assert!(reading.problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
        if !reading.failed() {
            let again = super::records("zone", records.join("\n").as_bytes(), None).unwrap();
            prop_assert_eq!(again.iter().map(Record::to_string).collect::<Vec<_>>(), records);
        }
    }

    #[test]
    fn any_octets_can_be_read(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_text("zone", &text, Some(NameRef::ROOT), &mut |_, _| ());
    }
}
