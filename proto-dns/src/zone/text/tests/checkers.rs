//! Whether a zone is right, as the checkers of BIND and Knot say. One that is not installed is left out, unless
//! `ROPEWALK_REQUIRE_PEERS` is 1.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::zone::load;

/// The checkers, with what they are told: of BIND, not to look at more than the text and its records.
const CHECKERS: &[&[&str]] = &[
    &[
        "named-checkzone",
        "-i",
        "none",
        "-k",
        "ignore",
        "-n",
        "ignore",
        "-m",
        "ignore",
        "-M",
        "ignore",
        "-S",
        "ignore",
        "-r",
        "ignore",
        "example",
    ],
    &["kzonecheck", "-o", "example."],
];

/// What both see in another way than we do, and why we do.
const APART: &[(&str, &str)] = &[
    (
        "www.other. 60 A 192.0.2.1",
        "RFC 1035 §5.2: what is outside is mostly a wrong origin, and a zone with an error is not loaded; they leave it out",
    ),
    (". 60 NS .", "likewise"),
    (
        "www 2147483648 A 192.0.2.1",
        "RFC 2181 §8: a TTL is 2147483647 at most; a larger one that is received is 0",
    ),
    ("@ NSEC3PARAM 1 0 51 -", "RFC 9276 §3.2: resolvers take such a zone for unsigned"),
    ("@ NSEC3PARAM \\# 5 0100003300", "likewise"),
    (
        "a 60 IN MD host.",
        "RFC 1035 §3.3.4 recommends to reject it; a zone that is fetched may have it, and is kept as text",
    ),
    (
        "a 60 IN KEY 512 255 1",
        "RFC 2535: a key may be without octets; whether the flags say so is not looked at",
    ),
    ("a 60 IN SVCB 1 dns. key7=/q{?dns} ohttp", "RFC 9540: newer than these releases of both"),
];

/// The records without which no zone is one.
const APEX: &str =
    "example. 60 IN SOA ns.other. root.other. 7 200 30 4000 300\nexample. 60 IN NS ns.other.\n";

fn takes(checker: &[&str], file: &Path) -> bool {
    Command::new(checker[0]).args(&checker[1..]).arg(file).output().unwrap().status.success()
}

fn is_there(checker: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|dir| dir.join(checker[0]).is_file());
    let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(is_there || !required, "missing peer: {}", checker[0]);
    if !is_there {
        println!("missing peer: {}", checker[0]);
    }
    is_there
}

#[test]
fn a_zone_is_right_where_others_say_so() {
    if !CHECKERS.iter().all(|checker| is_there(checker)) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (file, origin) = (dir.path().join("zone"), "example.".parse::<Name>().unwrap());
    let right = good::zones().chain(types::zones()).map(|text| format!("$ORIGIN example.\n{text}"));
    let wrong = bad::zones().map(|text| format!("$ORIGIN example.\n$TTL 60\n{text}"));
    let (mut apart, mut tried) = (Vec::new(), [0, 0]);
    for text in right.chain(wrong) {
        let apex = if text.contains("@ 60 SOA") { "" } else { APEX };
        std::fs::write(&file, format!("{text}{apex}")).unwrap();
        let ours = load(&file, Some(&origin)).0.is_some();
        if CHECKERS.iter().all(|checker| takes(checker, &file) != ours) {
            apart.push(text.clone());
        }
        tried[usize::from(ours)] += 1;
    }
    let known = |text: &String| APART.iter().any(|(known, _)| text.ends_with(&format!("\n{known}\n")));
    let unknown: Vec<_> = apart.iter().filter(|text| !known(text)).collect();
    assert!(unknown.is_empty(), "both see it in another way: {unknown:#?}");
    assert_eq!(apart.len(), APART.len(), "{apart:#?}");
    assert!(tried[0] > 80 && tried[1] > 100, "{tried:?}");
}
