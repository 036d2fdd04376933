use super::super::testing::{OPT, ask, ask_over, engine, peer, request, zone};
use super::super::{Answering, Engine, Transport};
use crate::wire::{Class, Raw, Type, rdata};
use crate::zone::testing::records;
use crate::zone::{Record, Zone, ZoneSet};

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 1 2 3 4 300
    example. 3600 IN NS ns.example.
    example. 3600 IN MX 10 mail.example.
    example. 3600 IN MX 20 mail.elsewhere.
    ns.example. 3600 IN A 192.0.2.1
    ns.example. 3600 IN AAAA 2001:db8::1
    mail.example. 3600 IN A 192.0.2.2
    deep.empty.example. 3600 IN A 192.0.2.3
    *.wild.example. 3600 IN TXT here
    here.wild.example. 3600 IN A 192.0.2.4
    below.there.wild.example. 3600 IN A 192.0.2.4
    child.example. 3600 IN NS ns.child.example.
    child.example. 3600 IN NS ns.sibling.example.
    child.example. 3600 IN NS ns.elsewhere.
    child.example. 3600 IN DS 1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    ns.child.example. 3600 IN A 192.0.2.5
    ns.sibling.example. 3600 IN A 192.0.2.6
    alias.example. 3600 IN CNAME ns.example.
    far.example. 3600 IN CNAME www.other.
    farther.example. 3600 IN CNAME nothing.other.
    farthest.example. 3600 IN CNAME www.elsewhere.
    delegated.example. 3600 IN CNAME www.child.example.
    loop.example. 3600 IN CNAME pool.example.
    pool.example. 3600 IN CNAME loop.example.
    old.example. 3600 IN DNAME new.other.
    _x._tcp.example. 3600 IN SRV 1 2 3 mail.example.
    lost._tcp.example. 3600 IN SRV 1 2 3 ns.child.example.
    svc.example. 3600 IN HTTPS 1 .
    svc.example. 3600 IN A 192.0.2.7
";

const OTHER: &str = "
    other. 3600 IN SOA ns.other. root.other. 1 2 3 4 300
    other. 3600 IN NS ns.elsewhere.
    www.other. 3600 IN A 192.0.2.8
    a.new.other. 3600 IN A 192.0.2.9
";

fn replies(engine: &Engine, cases: &[(&str, &str)]) {
    for (question, expected) in cases {
        assert_eq!(ask(engine, question), *expected, "{question}");
    }
}

#[test]
fn a_name_that_is_there_is_answered_with_its_zones_servers() {
    replies(
        &engine(&[ZONE]),
        &[
            ("mail.example A", "NOERROR AA: mail.example. A / example. NS + ns.example. A, ns.example. AAAA"),
            ("MAIL.Example A", "NOERROR AA: MAIL.Example. A / Example. NS + ns.Example. A, ns.Example. AAAA"),
            ("ns.example A", "NOERROR AA: ns.example. A / example. NS + ns.example. AAAA"),
            ("example NS", "NOERROR AA: example. NS + ns.example. A, ns.example. AAAA"),
        ],
    );
}

#[test]
fn a_zone_that_is_not_ours_is_refused_and_one_without_records_fails() {
    let mut zones = [zone(ZONE)].into_iter().collect::<ZoneSet>();
    zones.insert_unavailable("lost.example.".parse().unwrap());
    let engine = Engine::new(zones, Answering::default());
    replies(
        &engine,
        &[
            ("www.elsewhere A", "REFUSED"),
            (". NS", "REFUSED"),
            ("www.lost.example A", "SERVFAIL"),
            ("lost.example SOA", "SERVFAIL"),
        ],
    );
}

#[test]
fn what_is_not_there_is_denied_with_the_soa() {
    replies(
        &engine(&[ZONE]),
        &[
            ("mail.example TXT", "NOERROR AA / example. SOA"),
            ("nothing.example A", "NXDOMAIN AA / example. SOA"),
            ("below.mail.example A", "NXDOMAIN AA / example. SOA"),
            ("empty.example A", "NOERROR AA / example. SOA"),
            ("nothing.empty.example A", "NXDOMAIN AA / example. SOA"),
            ("example TYPE65280", "NOERROR AA / example. SOA"),
        ],
    );
}

#[test]
fn a_denial_is_kept_no_longer_than_soa_and_minimum_allow() {
    for (ttl, minimum, expected) in [(3600, 300, 300), (60, 300, 60)] {
        let text = format!(
            "example. {ttl} IN SOA ns.example. root.example. 1 2 3 4 {minimum}
             example. 3600 IN NS ns.elsewhere."
        );
        let mut out = Vec::new();
        let peer = peer(Transport::Tcp);
        let request = request("no.example A", &[]);
        let _ = engine(&[&text]).respond(&request, &peer, &mut out);
        let mut pos = request.len();
        let soa = Raw::read(&out, &mut pos).unwrap();
        assert_eq!((soa.rtype, soa.ttl), (Type::SOA, expected));
        let mut data = Vec::new();
        rdata::read(soa.rtype, &out, soa.at, soa.length, &mut data).unwrap();
        assert_eq!(data[data.len() - 4..], u32::to_be_bytes(minimum));
    }
}

#[test]
fn a_wildcard_stands_for_what_no_closer_name_hides() {
    replies(
        &engine(&[ZONE]),
        &[
            (
                "a.wild.example TXT",
                "NOERROR AA: a.wild.example. TXT / example. NS + ns.example. A, ns.example. AAAA",
            ),
            (
                "b.a.wild.example TXT",
                "NOERROR AA: b.a.wild.example. TXT / example. NS + ns.example. A, ns.example. AAAA",
            ),
            (
                "*.wild.example TXT",
                "NOERROR AA: *.wild.example. TXT / example. NS + ns.example. A, ns.example. AAAA",
            ),
            ("a.wild.example A", "NOERROR AA / example. SOA"),
            ("here.wild.example TXT", "NOERROR AA / example. SOA"),
            ("a.here.wild.example TXT", "NXDOMAIN AA / example. SOA"),
            ("there.wild.example TXT", "NOERROR AA / example. SOA"),
            ("a.there.wild.example TXT", "NXDOMAIN AA / example. SOA"),
            ("wild.example TXT", "NOERROR AA / example. SOA"),
        ],
    );
}

#[test]
fn below_a_cut_others_answer() {
    let referral = "NOERROR / child.example. NS, child.example. NS, child.example. NS \
                    + ns.child.example. A, ns.sibling.example. A";
    replies(
        &engine(&[ZONE]),
        &[
            ("child.example A", referral),
            ("child.example NS", referral),
            ("child.example ANY", referral),
            ("ns.child.example A", referral),
            ("a.b.child.example DS", referral),
        ],
    );
}

#[test]
fn ds_is_the_parents() {
    let child = "
        child.example. 3600 IN SOA ns.child.example. root.example. 1 2 3 4 300
        child.example. 3600 IN NS ns.elsewhere.";
    let signed = "NOERROR AA: child.example. DS / example. NS + ns.example. A, ns.example. AAAA";
    replies(
        &engine(&[ZONE]),
        &[("child.example DS", signed), ("mail.example DS", "NOERROR AA / example. SOA")],
    );
    replies(&engine(&[ZONE, child]), &[("child.example DS", signed)]);
    replies(&engine(&[child]), &[("child.example DS", "NOERROR AA / child.example. SOA")]);
}

#[test]
fn aliases_are_followed_in_our_zones() {
    replies(
        &engine(&[ZONE, OTHER]),
        &[
            (
                "alias.example A",
                "NOERROR AA: alias.example. CNAME, ns.example. A / example. NS + ns.example. AAAA",
            ),
            (
                "alias.example CNAME",
                "NOERROR AA: alias.example. CNAME / example. NS + ns.example. A, ns.example. AAAA",
            ),
            ("alias.example TXT", "NOERROR AA: alias.example. CNAME / example. SOA"),
            ("far.example A", "NOERROR AA: far.example. CNAME, www.other. A / other. NS"),
            ("farther.example A", "NXDOMAIN AA: farther.example. CNAME / other. SOA"),
            ("farthest.example A", "NOERROR AA: farthest.example. CNAME"),
            (
                "delegated.example A",
                "NOERROR AA: delegated.example. CNAME / child.example. NS, child.example. NS, child.example. NS \
                 + ns.child.example. A, ns.sibling.example. A",
            ),
            (
                "a.old.example A",
                "NOERROR AA: old.example. DNAME, a.old.example. CNAME, a.new.other. A / other. NS",
            ),
            ("b.old.example A", "NXDOMAIN AA: old.example. DNAME, b.old.example. CNAME / other. SOA"),
            ("old.example A", "NOERROR AA / example. SOA"),
        ],
    );
}

#[test]
fn aliases_that_do_not_end_are_left() {
    let loops = "NOERROR AA: loop.example. CNAME, pool.example. CNAME";
    let mut chain = ZONE.to_string();
    for n in 0..20 {
        chain += &format!("c{n}.example. 3600 IN CNAME c{}.example.\n", n + 1);
    }
    let engine = engine(&[&chain]);
    assert_eq!(ask(&engine, "loop.example A"), loops);
    assert_eq!(ask(&engine, "c0.example A").matches("CNAME").count(), 9);
}

#[test]
fn a_dname_that_makes_the_name_too_long_is_told() {
    let long = format!("{}example.", "a2345678901234567890.".repeat(10));
    let text = format!(
        "example. 3600 IN SOA ns.example. root.example. 1 2 3 4 300
         example. 3600 IN NS ns.elsewhere.
         short.example. 3600 IN DNAME {long}"
    );
    let engine = engine(&[&text]);
    let name = "b234567890123456789012345678901234567.short.example A";
    assert_eq!(ask(&engine, name), "YXDOMAIN AA: short.example. DNAME");
    let fits = "b2345678901234567890123456789.short.example. A";
    assert_eq!(
        ask(&engine, fits),
        "NXDOMAIN AA: short.example. DNAME, b2345678901234567890123456789.short.example. CNAME / example. SOA"
    );
}

#[test]
fn any_gets_one_set() {
    replies(
        &engine(&[ZONE]),
        &[
            ("ns.example ANY", "NOERROR AA: ns.example. A / example. NS + ns.example. AAAA"),
            (
                "alias.example ANY",
                "NOERROR AA: alias.example. CNAME / example. NS + ns.example. A, ns.example. AAAA",
            ),
            ("empty.example ANY", "NOERROR AA / example. SOA"),
            ("no.example ANY", "NXDOMAIN AA / example. SOA"),
        ],
    );
}

#[test]
fn addresses_come_with_the_names_of_servers() {
    let about = "/ example. NS + mail.example. A, ns.example. A, ns.example. AAAA";
    let none = "/ example. NS + ns.example. A, ns.example. AAAA";
    replies(
        &engine(&[ZONE]),
        &[
            ("example MX", &format!("NOERROR AA: example. MX, example. MX {about}")),
            ("_x._tcp.example SRV", &format!("NOERROR AA: _x._tcp.example. SRV {about}")),
            // What is below a cut is known better by others.
            ("lost._tcp.example SRV", &format!("NOERROR AA: lost._tcp.example. SRV {none}")),
            (
                "svc.example HTTPS",
                "NOERROR AA: svc.example. HTTPS / example. NS + svc.example. A, ns.example. A, ns.example. AAAA",
            ),
        ],
    );
}

#[test]
fn a_minimal_answer_has_what_it_needs() {
    let zones = [zone(ZONE)].into_iter().collect::<ZoneSet>();
    let engine = Engine::new(zones, Answering { minimal: true, ..Answering::default() });
    replies(
        &engine,
        &[
            ("mail.example A", "NOERROR AA: mail.example. A"),
            ("example MX", "NOERROR AA: example. MX, example. MX"),
            ("no.example MX", "NXDOMAIN AA / example. SOA"),
            (
                "a.child.example A",
                "NOERROR / child.example. NS, child.example. NS, child.example. NS \
                 + ns.child.example. A, ns.sibling.example. A",
            ),
        ],
    );
}

/// A zone whose name `name` has so many addresses.
fn many(name: &str, count: usize) -> String {
    let mut text = ZONE.to_string();
    for n in 0..count {
        text += &format!("{name} 3600 IN A 192.0.3.{n}\n");
    }
    text
}

fn over_udp(text: &str, question: &str) -> String {
    ask_over(&engine(&[text]), Transport::Udp, &request(question, &[]))
}

#[test]
fn a_set_comes_whole_or_not_at_all() {
    // 12 + 15 octets before the set, and 16 for each address.
    let whole = over_udp(&many("x.example.", 30), "x.example A");
    assert_eq!(whole.matches("x.example. A").count(), 30);
    assert_eq!(over_udp(&many("x.example.", 31), "x.example A"), "NOERROR AA TC");
}

#[test]
fn what_only_adds_to_an_answer_may_be_missing() {
    // Neither the zone's servers nor their addresses fit.
    let reply = over_udp(&many("x.example.", 30), "x.example A");
    assert!(!reply.contains("TC") && !reply.contains("NS"), "{reply}");
    let sibling = many("ns.sibling.example.", 30);
    let reply = over_udp(&sibling, "child.example A");
    assert_eq!(
        reply,
        "NOERROR / child.example. NS, child.example. NS, child.example. NS + ns.child.example. A"
    );
}

#[test]
fn a_referral_without_its_glue_is_truncated() {
    let glue = many("ns.child.example.", 30);
    let reply = over_udp(&glue, "child.example A");
    assert_eq!(reply, "NOERROR TC / child.example. NS, child.example. NS, child.example. NS");
    assert!(ask(&engine(&[&glue]), "child.example A").starts_with("NOERROR /"));
}

#[test]
fn signatures_are_for_those_who_ask() {
    let mut records = records(ZONE);
    let signature = [&[0, 1, 8, 2][..], &[0; 14], &[0], b"signature"].concat();
    records.push(Record {
        name: "mail.example.".parse().unwrap(),
        class: Class::IN,
        rtype: Type::RRSIG,
        ttl: 3600,
        rdata: signature.into(),
    });
    let origin = records[0].name.clone();
    let (zone, _) = Zone::build(origin.view(), records).unwrap();
    let engine = Engine::new([zone].into_iter().collect(), Answering::default());
    let mut with_do = OPT.to_vec();
    with_do[7] = 0x80;
    let about = "/ example. NS + ns.example. A, ns.example. AAAA";
    let signed = ask_over(&engine, Transport::Udp, &request("mail.example A", &[&with_do]));
    assert_eq!(signed, format!("NOERROR AA: mail.example. A, mail.example. RRSIG {about}, . OPT"));
    let plain = ask_over(&engine, Transport::Udp, &request("mail.example A", &[OPT]));
    assert_eq!(plain, format!("NOERROR AA: mail.example. A {about}, . OPT"));
}
