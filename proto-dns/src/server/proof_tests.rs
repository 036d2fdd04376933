use super::super::testing::{ask, ask_over, peer, request, zone};
use super::super::{Answering, Engine, Transport, Verdict};
use crate::dnssec::{Algorithm, Hash, SigningKey};
use crate::wire::{Name, Raw, Type};
use crate::zone::{Cds, Change, Signing, Zone};

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
    let answering = Answering { minimal: true, ..Answering::default() };
    Engine::new([zone].into_iter().collect(), answering)
}

/// What is answered to who asks for signatures.
fn asked(engine: &Engine, question: &str) -> String {
    let text = ask_over(engine, Transport::Tcp, &request(question, &[OPT]));
    text.replace(" + . OPT", "").replace(", . OPT", "").replace(" + ", ",+ ").replace(", ", ",")
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
            ("safe.example A", "NOERROR / safe.example. NS, safe.example. DS~, + ns.safe.example. A"),
            ("safe.example DS", "NOERROR AA: safe.example. DS~"),
            (
                "www.child.example A",
                "NOERROR / child.example. NS, child.example. NSEC~, + ns.safe.example. A",
            ),
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

/// The hashes that the NSEC3 of an answer go from and to.
fn spans(engine: &Engine, question: &str) -> Vec<([u8; 20], [u8; 20])> {
    let (request, mut out) = (request(question, &[OPT]), Vec::new());
    assert_eq!(engine.respond(&request, &peer(Transport::Tcp), &mut out), Verdict::Reply);
    // The question is repeated as it is.
    let mut pos = request.len() - OPT.len();
    let count = [6, 8].map(|at| u16::from_be_bytes([out[at], out[at + 1]])).iter().sum::<u16>();
    let all = (0..count).map(|_| Raw::read(&out, &mut pos).unwrap());
    let nsec3 = all.filter(|raw| raw.rtype == Type::NSEC3);
    nsec3
        .map(|raw| {
            (
                Hash::read(raw.owner(&out).unwrap().view()).unwrap(),
                out[raw.at + 6..raw.at + 26].try_into().unwrap(),
            )
        })
        .collect()
}

/// RFC 5155 §7.2: each answer, the names that it has hashes of, and those that hashes on both sides deny.
#[test]
fn nsec3_denies_what_is_not_there() {
    let engine = engine(signed(true));
    for (question, there, denied) in [
        ("ns.example A", "", ""),
        ("ns.example TXT", "ns.example", ""),
        ("nothing.example A", "example", "nothing.example *.example"),
        ("empty.example A", "empty.example", ""),
        ("b.empty.example A", "empty.example", "b.empty.example *.empty.example"),
        ("a.b.empty.example A", "empty.example", "b.empty.example *.empty.example"),
        ("y.wild.example TXT", "", "y.wild.example"),
        ("z.y.wild.example TXT", "", "y.wild.example"),
        ("z.y.wild.example A", "wild.example *.wild.example", "y.wild.example"),
        ("*.wild.example TXT", "", ""),
        ("below.x.wild.example TXT", "x.wild.example", "below.x.wild.example *.x.wild.example"),
        ("safe.example A", "", ""),
        ("safe.example DS", "", ""),
        ("www.child.example A", "child.example", ""),
        ("child.example DS", "child.example", ""),
        ("z.aka.example A", "", "z.aka.example"),
        ("z.far.example A", "", "z.far.example"),
        ("alias.example A", "example", "nothing.example *.example"),
        ("y.old.example TXT", "", "y.wild.example"),
    ] {
        let spans = spans(&engine, question);
        let hash = |name: &str| Hash::plain().digest(name.parse::<Name>().unwrap().view());
        let covers = |(from, to): &([u8; 20], [u8; 20]), hash: [u8; 20]| match from < to {
            true => *from < hash && hash < *to,
            false => *from < hash || hash < *to,
        };
        let mut used = vec![false; spans.len()];
        for (names, denies) in [(there, false), (denied, true)] {
            for name in names.split_ascii_whitespace() {
                let is = |span: &([u8; 20], [u8; 20])| {
                    if denies { covers(span, hash(name)) } else { span.0 == hash(name) }
                };
                let at = spans.iter().position(is).unwrap_or_else(|| panic!("{question}: {name}"));
                used[at] = true;
            }
        }
        assert!(used.iter().all(|used| *used), "{question}: more than is needed");
    }
}

/// RFC 5155 §7.2.4, §7.2.7: a chain that leaves out delegations without DS, as other signers make them.
#[test]
fn a_delegation_that_the_chain_leaves_out_is_denied_by_what_is_above() {
    let full = signed(true);
    let out = Hash::plain().owner("child.example".parse::<Name>().unwrap().view(), full.origin());
    let gone = Hash::read(out.view()).unwrap();
    // The one before leads past it, with the flag of RFC 5155 §6.
    let before = full.denial().unwrap().chain().before(out.view()).unwrap();
    let next = full.denial().unwrap().chain().after(out.view()).unwrap();
    let mut nsec3 = before.records().find(|record| record.rtype == Type::NSEC3).unwrap().to_record();
    nsec3.rdata[1] = 1;
    nsec3.rdata[6..26].copy_from_slice(&Hash::read(next.name()).unwrap());
    let changes = [
        Change::RemoveName(out.view().to_name()),
        Change::RemoveSet(before.name().to_name(), Type::NSEC3),
        Change::Add(nsec3),
    ];
    let engine = engine(full.apply(&changes).unwrap());
    for question in ["www.child.example A", "child.example DS"] {
        let spans = spans(&engine, question);
        assert_eq!(spans.len(), if spans[0].0 == Hash::read(before.name()).unwrap() { 1 } else { 2 });
        assert_eq!(spans[0].0, Hash::plain().digest("example".parse::<Name>().unwrap().view()));
        let (from, to) = spans[spans.len() - 1];
        assert!(if from < to { from < gone && gone < to } else { from < gone || gone < to }, "{question}");
    }
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
fn nothing_that_proves_is_left_out_without_a_word() {
    for nsec3 in [false, true] {
        let (engine, mut cut) = (engine(signed(nsec3)), 0);
        for name in [
            "example", "ns", "nothing", "empty", "y.wild", "child", "safe", "z.aka", "z.far", "alias",
            "y.old",
        ] {
            for rtype in ["A", "TXT", "ANY", "DS", "DNSKEY", "RRSIG", "SOA"] {
                let question =
                    format!("{} {rtype}", format!("{name}.example").replace("example.example", "example"));
                let whole = asked(&engine, &question);
                let proven = |text: &str| text.split(",+").next().unwrap().to_owned();
                for size in (512_u16..=1232).step_by(8) {
                    let mut opt = OPT.to_vec();
                    opt[3..5].copy_from_slice(&size.to_be_bytes());
                    let request = request(&question, &[&opt]);
                    let mut out = Vec::new();
                    assert_eq!(engine.respond(&request, &peer(Transport::Udp), &mut out), Verdict::Reply);
                    assert!(out.len() <= size.into());
                    let text = ask_over(&engine, Transport::Udp, &request);
                    if text.contains(" TC") {
                        cut += 1;
                        continue;
                    }
                    let text = text.replace(" + . OPT", "").replace(", . OPT", "");
                    let text = text.replace(" + ", ",+ ").replace(", ", ",");
                    assert_eq!(proven(&text), proven(&whole), "{question} in {size}");
                }
            }
        }
        assert!(cut > 0);
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
