use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn text_is_what_it_was() {
    for text in
        [".", "example.", "www.Example.ORG.", r"a\.b.c\032d\000.", r#"\@.\$\;\(\)\\\"."#, "*.x.", r"\255."]
    {
        assert_eq!(name(text).to_string(), text);
    }
    assert_eq!(name(r"\097\b\*.").to_string(), "ab*.");
}

#[test]
fn what_is_no_name_is_refused() {
    let long = "a".repeat(64);
    for (text, error) in [
        ("", NameError::EmptyLabel),
        ("..", NameError::EmptyLabel),
        (".a", NameError::EmptyLabel),
        ("a..b", NameError::EmptyLabel),
        (&long, NameError::LabelTooLong),
        (r"a\", NameError::BadEscape),
        (r"a\25", NameError::BadEscape),
        (r"a\256", NameError::BadEscape),
        (r"a\2x5", NameError::BadEscape),
    ] {
        assert_eq!(text.parse::<Name>().unwrap_err(), error, "{text}");
    }
    assert_eq!(Name::parse(b"www", None).unwrap_err(), NameError::Relative);
    assert_eq!(Name::parse(b"www", Some(name("a.b").view())).unwrap(), name("www.a.b"));
}

#[test]
fn a_name_has_at_most_255_octets() {
    let text = format!("{0}.{0}.{0}.{1}.", "a".repeat(63), "b".repeat(61));
    assert_eq!(name(&text).wire().len(), 255);
    assert_eq!(format!("c.{text}").parse::<Name>().unwrap_err(), NameError::NameTooLong);
    assert_eq!(name(&text).view().wildcard().unwrap_err(), NameError::NameTooLong);
    assert_eq!(NameRef::from_wire(name(&text).wire()).unwrap(), name(&text).view());
    let wire = [name(&text).wire().strip_suffix(b"\0").unwrap(), b"\x01c\0"].concat();
    assert_eq!(NameRef::from_wire(&wire).unwrap_err(), NameError::NameTooLong);
    assert_eq!(Name::read(&wire, &mut 0).unwrap_err(), NameError::NameTooLong);
}

#[test]
fn case_is_kept_and_not_regarded() {
    assert_eq!(name("WWW.example"), name("www.EXAMPLE"));
    assert_ne!(name("a.b"), name(r"a\.b"));
    assert_eq!(name("WWW.example").view().to_lower().to_string(), "www.example.");
    assert!(HashSet::from([name("WWW.example")]).contains(&name("www.EXAMPLE")));
    assert_ne!(name("[.a"), name("{.a"));
}

/// The example of RFC 4034 §6.1.
#[test]
fn the_order_is_the_canonical_one() {
    let sorted = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        r"\001.z.example.",
        "*.z.example.",
        r"\200.z.example.",
    ];
    let mut names: Vec<_> = sorted.iter().rev().map(|text| name(text)).collect();
    names.sort();
    assert_eq!(names.iter().map(Name::to_string).collect::<Vec<_>>(), sorted);
    assert!(name(".") < name("example."));
}

#[test]
fn below_means_whole_labels() {
    let (zone, host) = (name("Example.org"), name("www.example.ORG"));
    assert!(host.view().is_within(zone.view()) && zone.view().is_within(zone.view()));
    assert!(host.view().is_within(NameRef::ROOT));
    assert!(!zone.view().is_within(host.view()));
    assert!(!name("badexample.org").view().is_within(zone.view()));
    assert!(!name(r"a\.example.org").view().is_within(zone.view()));
}

#[test]
fn parents_end_at_the_root() {
    let host = name("a.b");
    let names: Vec<_> = host.view().ancestors().map(|name| name.to_string()).collect();
    assert_eq!(names, ["a.b.", "b.", "."]);
    assert_eq!(host.view().labels().collect::<Vec<_>>(), [b"a", b"b"]);
    assert!(name("*.a").view().is_wildcard() && !name("*a.a").view().is_wildcard());
}

/// RFC 6672 §2.2, table 1.
#[test]
fn dname_replaces_the_end_of_names_below_it() {
    let redirect = |query: &str, owner: &str, target: &str| {
        let new = name(query).view().redirected(name(owner).view(), name(target).view())?;
        Some(new.map(|name| name.to_string()))
    };
    assert_eq!(redirect("com.", "example.com.", "example.net."), None);
    assert_eq!(redirect("example.com.", "example.com.", "example.net."), None);
    assert_eq!(redirect("a.example.com.", "example.com.", "example.net."), Some(Ok("a.example.net.".into())));
    assert_eq!(redirect("ab.example.com.", "b.example.com.", "example.net."), None);
    assert_eq!(redirect("a.x.", "x.", "."), Some(Ok("a.".into())));
    let long = format!("{0}.{0}.{0}.", "a".repeat(63));
    let (label, wide) = ("b".repeat(62) + ".x.", format!("{long}c."));
    assert_eq!(redirect(&label, "x.", &wide), Some(Err(NameError::NameTooLong)));
}

fn message(at: usize, octets: &[u8]) -> Vec<u8> {
    let mut message = vec![0; at];
    message.extend_from_slice(octets);
    message
}

#[test]
fn pointers_are_followed_backwards() {
    let message = message(12, b"\x01a\x00\x01b\xc0\x0c\x01c\xc0\x0f!");
    let mut pos = 19;
    assert_eq!(Name::read(&message, &mut pos).unwrap().to_string(), "c.b.a.");
    assert_eq!(pos, 23);
}

#[test]
fn pointers_that_do_not_go_backwards_are_refused() {
    for (octets, at, error) in [
        (&b"\xc0\x0c"[..], 12, NameError::BadPointer),
        (b"\x01a\xc0\x0c", 12, NameError::BadPointer),
        (b"\x01a\xc0\x0e", 12, NameError::BadPointer),
        (b"\xc0\x0e\x01a\0", 12, NameError::BadPointer),
        (b"\x01a\xc0\x0c\xc0\x0c", 16, NameError::BadPointer),
        (b"\0\xc0\x00", 13, NameError::BadPointer),
        (b"\x41a\0", 12, NameError::BadLabelType),
        (b"\x81a\0", 12, NameError::BadLabelType),
        (b"\xc0", 12, NameError::Truncated),
        (b"\x02a", 12, NameError::Truncated),
        (b"\x01a", 12, NameError::Truncated),
        (b"", 99, NameError::Truncated),
    ] {
        let mut pos = at;
        assert_eq!(Name::read(&message(12, octets), &mut pos).unwrap_err(), error, "{octets:?}");
        assert_eq!(pos, at);
    }
}

#[test]
fn long_chains_of_pointers_are_refused() {
    let mut octets = vec![0];
    for at in 0..200_u16 {
        let target = if at == 0 { 12 } else { 11 + 2 * at };
        octets.extend((0xc000 | target).to_be_bytes());
    }
    let message = message(12, &octets);
    assert_eq!(Name::read(&message, &mut (13 + 2 * 126)).unwrap(), Name::root());
    assert_eq!(Name::read(&message, &mut (13 + 2 * 127)).unwrap_err(), NameError::BadPointer);
}

proptest! {
    #[test]
    fn every_name_survives_text(labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..=20), 0..10)) {
        let mut buf = NameBuf::new();
        for label in &labels {
            buf.push(label).unwrap();
        }
        buf.finish(NameRef::ROOT).unwrap();
        let name = buf.view().to_name();
        let back: Name = name.to_string().parse().unwrap();
        prop_assert_eq!(back.wire(), name.wire());
        let read = Name::read(name.wire(), &mut 0).unwrap();
        prop_assert_eq!(read.wire(), name.wire());
        prop_assert_eq!(name.view().labels().map(<[u8]>::to_vec).collect::<Vec<_>>(), labels);
    }

    #[test]
    fn any_octets_can_be_read(octets in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..300) {
        let mut pos = at;
        if let Ok(name) = Name::read(&octets, &mut pos) {
            prop_assert!(pos > at && pos <= octets.len());
            prop_assert!(NameRef::from_wire(name.wire()).is_ok());
        }
        let _ = NameRef::split(&octets);
    }

    #[test]
    fn equal_names_are_neither_less_nor_greater(a in "[aAbB*.]{1,6}", b in "[aAbB*.]{1,6}") {
        if let (Ok(a), Ok(b)) = (a.parse::<Name>(), b.parse::<Name>()) {
            prop_assert_eq!(a == b, a.cmp(&b).is_eq());
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        }
    }
}
