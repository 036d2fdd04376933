use super::super::testing::{ask, ask_over, request, zone};
use super::super::{Answering, Engine, Transport};
use crate::dnssec::{Algorithm, Hash, SigningKey};
use crate::wire::Name;
use crate::zone::{Cds, Signing, Zone};

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 1 2 3 4 300
    example. 3600 IN NS ns.example.
    ns.example. 3600 IN A 192.0.2.1
    a.deep.empty.example. 3600 IN TXT here
    *.wild.example. 3600 IN TXT here
    x.wild.example. 3600 IN A 192.0.2.4
    *.aka.example. 3600 IN CNAME ns.example.
    *.far.example. 3600 IN CNAME elsewhere.
    alias.example. 3600 IN CNAME nothing.example.
    old.example. 3600 IN DNAME wild.example.
    safe.example. 3600 IN NS ns.safe.example.
    safe.example. 3600 IN DS 1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    ns.safe.example. 3600 IN A 192.0.2.2
    child.example. 3600 IN NS ns.safe.example.
";
/// OPT with DO.
const OPT: &[u8] = &[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0];

fn signed(nsec3: bool) -> Zone {
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let how = Signing { key, nsec3, cds: Cds::None, validity: 86_400 };
    how.sign(&zone(ZONE), None, 1, 1_700_000_000).unwrap().unwrap().zone
}

fn engine(zone: Zone) -> Engine {
    let mut answering = Answering::default();
    answering.minimal = true;
    Engine::new([zone].into_iter().collect(), answering)
}

/// What is answered to who asks for signatures: names of hashes as the names that they are of, signatures as a mark.
fn asked(engine: &Engine, question: &str) -> String {
    let mut text = ask_over(engine, Transport::Tcp, &request(question, &[OPT]));
    let names = "example ns empty deep.empty a.deep.empty wild *.wild x.wild aka *.aka far *.far alias old safe child";
    for name in names.split(' ') {
        let name = if name == "example" { "example.".into() } else { format!("{name}.example.") };
        let hashed = Hash::plain()
            .owner(name.parse::<Name>().unwrap().view(), "example".parse::<Name>().unwrap().view());
        text = text.replace(&hashed.view().to_string(), &format!("#{name}"));
    }
    text.replace(", ", ",").replace(" + . OPT", "")
}

/// The reply with each set's signatures as `~`.
fn folded(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for word in text.split(',') {
        let (owner, rtype) = word.rsplit_once(' ').unwrap_or((word, ""));
        match rtype {
            "RRSIG" => {
                let last = out.last_mut().unwrap();
                assert!(last.contains(owner), "{text}");
                last.push('~');
            }
            _ => out.push(word.to_owned()),
        }
    }
    out.join(", ")
}

fn replies(engine: &Engine, cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (question, expected) in cases {
        let text = asked(engine, question);
        let sections: Vec<String> = text.split(" / ").map(folded).collect();
        let answered = sections.join(" / ");
        if answered != *expected {
            wrong.push(format!("{question}: {answered}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn nsec_denies_what_is_not_there() {
    replies(
        &engine(signed(false)),
        &[
            ("ns.example A", "NOERROR AA: ns.example. A~"),
            ("ns.example TXT", "NOERROR AA / example. SOA~, ns.example. NSEC~"),
            // Nothing between the names before and after it, and no wildcard.
            ("nothing.example A", "NXDOMAIN AA / example. SOA~, *.far.example. NSEC~, example. NSEC~"),
            ("empty.example A", "NOERROR AA / example. SOA~, child.example. NSEC~"),
            ("b.empty.example A", "NXDOMAIN AA / example. SOA~, child.example. NSEC~"),
            ("y.wild.example TXT", "NOERROR AA: y.wild.example. TXT~ / x.wild.example. NSEC~"),
            ("y.wild.example A", "NOERROR AA / example. SOA~, x.wild.example. NSEC~, *.wild.example. NSEC~"),
            ("*.wild.example TXT", "NOERROR AA: *.wild.example. TXT~"),
            ("below.x.wild.example TXT", "NXDOMAIN AA / example. SOA~, x.wild.example. NSEC~"),
            ("safe.example A", "NOERROR / safe.example. NS, safe.example. DS~ + ns.safe.example. A"),
            ("safe.example DS", "NOERROR AA: safe.example. DS~"),
            ("www.child.example A", "NOERROR / child.example. NS, child.example. NSEC~ + ns.safe.example. A"),
            ("child.example DS", "NOERROR AA / example. SOA~, child.example. NSEC~"),
            ("z.aka.example A", "NOERROR AA: z.aka.example. CNAME~, ns.example. A~ / *.aka.example. NSEC~"),
            ("z.far.example A", "NOERROR AA: z.far.example. CNAME~ / *.far.example. NSEC~"),
            (
                "alias.example A",
                "NXDOMAIN AA: alias.example. CNAME~ / example. SOA~, *.far.example. NSEC~, example. NSEC~",
            ),
            (
                "y.old.example TXT",
                "NOERROR AA: old.example. DNAME~, y.old.example. CNAME, y.wild.example. TXT~ / x.wild.example. NSEC~",
            ),
            ("ns.example ANY", "NOERROR AA: ns.example. A~"),
        ],
    );
}

#[test]
fn nsec3_denies_what_is_not_there() {
    replies(&engine(signed(true)), &[("ns.example A", "NOERROR AA: ns.example. A~")]);
}

#[test]
fn who_does_not_ask_for_signatures_gets_none() {
    for nsec3 in [false, true] {
        let (signed, plain) = (engine(signed(nsec3)), engine(zone(ZONE)));
        for name in
            ["ns", "nothing", "empty", "y.wild", "www.child", "safe", "z.aka", "z.far", "alias", "y.old"]
        {
            for rtype in ["A", "TXT", "ANY"] {
                let question = format!("{name}.example {rtype}");
                assert_eq!(ask(&signed, &question), ask(&plain, &question), "{question}");
            }
        }
    }
}

#[test]
fn a_name_that_is_a_hash_is_not_there() {
    let zone = signed(true);
    let owner =
        Hash::plain().owner("ns.example".parse::<Name>().unwrap().view(), zone.origin()).view().to_string();
    let engine = engine(zone);
    for question in [format!("{owner} A"), format!("{owner} NSEC3"), format!("below.{owner} A")] {
        assert!(ask(&engine, &question).starts_with("NXDOMAIN AA / example. SOA"), "{question}");
    }
}
