use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use proptest::prelude::*;

use super::super::names::MANY;
use super::*;
use crate::dnssec::Algorithm;
use crate::wire::rdata::Text;
use crate::zone::testing::{record, records};
use crate::zone::{Change, Record};

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 1 2 3 4 300
    example. 3600 IN NS ns.example.
    ns.example. 3600 IN A 192.0.2.1
    Mixed.example. 3600 IN A 192.0.2.1
    a.deep.empty.example. 3600 IN TXT here
    *.wild.example. 3600 IN MX 10 Mail.example.
    alias.example. 3600 IN CNAME ns.example.
    old.example. 3600 IN DNAME wild.example.
    under.old.example. 3600 IN A 192.0.2.9
    safe.example. 3600 IN NS ns.safe.example.
    safe.example. 3600 IN DS 1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    safe.example. 3600 IN A 192.0.2.3
    ns.safe.example. 3600 IN A 192.0.2.2
    child.between.example. 3600 IN NS ns.child.between.example.
    ns.deep.child.between.example. 3600 IN A 192.0.2.2
";
const NOW: u32 = 1_700_000_000;

fn zone(text: &str) -> Zone {
    Zone::build("example".parse::<Name>().unwrap().view(), records(text)).unwrap().0
}

fn signing(nsec3: bool) -> Signing {
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
    Signing { key, nsec3, cds: Cds::Publish, validity: 14 * 86_400 }
}

fn signed(how: &Signing, base: &Zone) -> Zone {
    how.sign(base, None, 7, NOW).unwrap().unwrap().zone
}

/// Owners and text of the records of a type.
fn of_type(zone: &Zone, rtype: Type) -> Vec<String> {
    let of_type = zone.records().filter(|record| record.rtype == rtype);
    of_type.map(|record| format!("{} {}", record.name, Text { rtype, rdata: record.rdata })).collect()
}

#[test]
fn the_chain_has_all_names_with_authority_and_their_types() {
    assert_eq!(
        of_type(&signed(&signing(false), &zone(ZONE)), Type::NSEC),
        [
            "example. alias.example. NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY",
            "alias.example. child.between.example. CNAME RRSIG NSEC",
            "child.between.example. a.deep.empty.example. NS RRSIG NSEC",
            "a.deep.empty.example. mixed.example. TXT RRSIG NSEC",
            "Mixed.example. ns.example. A RRSIG NSEC",
            "ns.example. old.example. A RRSIG NSEC",
            "old.example. safe.example. DNAME RRSIG NSEC",
            "safe.example. *.wild.example. NS DS RRSIG NSEC",
            "*.wild.example. example. MX RRSIG NSEC",
        ]
    );
}

#[test]
fn hashes_have_the_empty_names_too_and_lead_in_a_circle() {
    let zone = signed(&signing(true), &zone(ZONE));
    let (mut types, mut nexts) = (BTreeMap::new(), BTreeMap::new());
    for line in of_type(&zone, Type::NSEC3) {
        let words: Vec<&str> = line.split(' ').collect();
        let owner = words[0].split('.').next().unwrap().to_ascii_lowercase();
        assert_eq!(words[1..5], ["1", "0", "0", "-"]);
        nexts.insert(owner.clone(), words[5].to_ascii_lowercase());
        types.insert(owner, words[6..].join(" "));
    }
    let nexts: Vec<_> = nexts.into_iter().collect();
    for (at, (_, next)) in nexts.iter().enumerate() {
        assert_eq!(*next, nexts[(at + 1) % nexts.len()].0);
    }
    let expected = [
        ("example", "NS SOA RRSIG DNSKEY NSEC3PARAM CDS CDNSKEY"),
        ("mixed.example", "A RRSIG"),
        ("ns.example", "A RRSIG"),
        ("empty.example", ""),
        ("deep.empty.example", ""),
        ("a.deep.empty.example", "TXT RRSIG"),
        ("wild.example", ""),
        ("*.wild.example", "MX RRSIG"),
        ("alias.example", "CNAME RRSIG"),
        ("old.example", "DNAME RRSIG"),
        ("safe.example", "NS DS RRSIG"),
        ("between.example", ""),
        ("child.between.example", "NS"),
    ];
    for (name, expected) in expected {
        let owner = Hash::plain().owner(name.parse::<Name>().unwrap().view(), zone.origin());
        let label = owner.view().to_string().split('.').next().unwrap().to_owned();
        assert_eq!(types.remove(&label).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(types.len(), 0);
    assert_eq!(of_type(&zone, Type::NSEC3PARAM), ["example. 1 0 0 -"]);
}

#[test]
fn all_that_has_authority_is_signed_and_nothing_else() {
    let how = signing(false);
    let zone = signed(&how, &zone(ZONE));
    let public = ParsedPublicKey::new(&ED25519, &how.key.dnskey()[4..]).unwrap();
    for node in zone.nodes() {
        let name = node.name().to_string();
        for set in node.sets().filter(|set| set.rtype != Type::RRSIG) {
            let is_below = name.ends_with(".safe.example.") || name.ends_with(".child.between.example.");
            let is_cut = ["safe.example.", "child.between.example."].contains(&name.as_str());
            let is_plain = name == "under.old.example."
                || is_below
                || is_cut && !matches!(set.rtype, Type::DS | Type::NSEC);
            assert_eq!(node.signatures(set.rtype).is_none(), is_plain, "{name} {}", set.rtype);
            let Some(signatures) = node.signatures(set.rtype) else { continue };
            let [rrsig] = signatures.rdata().collect::<Vec<_>>().try_into().unwrap();
            assert_eq!(signatures.ttl, set.ttl);
            let made = data(rrsig, node.name(), &DraftSet::from(set));
            public.verify_sig(&made, &rrsig[rrsig.len() - 64..]).unwrap();
        }
    }
    assert_eq!(zone.serial(), Some(7));
}

/// What a signature is over, put together in another way than where it is made.
fn data(rrsig: &[u8], owner: NameRef<'_>, set: &DraftSet<'_>) -> Vec<u8> {
    let mut out = rrsig[..rrsig.len() - 64].to_vec();
    let mut all: Vec<Vec<u8>> = set
        .rdata
        .iter()
        .map(|rdata| {
            let names = matches!(set.rtype, Type::SOA | Type::NS | Type::MX | Type::CNAME | Type::DNAME);
            // The numbers in these zones are no letters.
            if names { rdata.to_ascii_lowercase() } else { rdata.to_vec() }
        })
        .collect();
    all.sort();
    for rdata in all {
        out.extend(owner.to_lower().wire());
        out.extend(set.rtype.0.to_be_bytes());
        out.extend([0, 1]);
        out.extend(set.ttl.to_be_bytes());
        out.extend((rdata.len() as u16).to_be_bytes());
        out.extend(rdata);
    }
    out
}

#[test]
fn the_parent_is_told_what_is_asked_for() {
    let base = zone(ZONE);
    let of = |cds| {
        let zone = signed(&Signing { cds, ..signing(false) }, &base);
        [Type::CDS, Type::CDNSKEY].map(|rtype| of_type(&zone, rtype))
    };
    assert_eq!(of(Cds::None), [[""; 0], [""; 0]]);
    assert_eq!(of(Cds::Delete), [["example. 0 0 0 00"], ["example. 0 3 0 AA=="]]);
    let [cds, cdnskey] = of(Cds::Publish);
    assert!(cds[0].contains(" 15 2 ") && cdnskey[0].contains(" 257 3 15 "), "{cds:?} {cdnskey:?}");
}

#[test]
fn a_zone_with_signatures_of_others_is_not_signed() {
    Signing::admits(&zone(ZONE)).unwrap();
    for line in [
        "example. 1 IN DNSKEY 257 3 15 AAAA",
        "ns.example. 1 IN NSEC ns.example. A",
        "example. 1 IN CDS 0 0 0 00",
        "example. 1 IN ZONEMD 1 1 250 00112233445566778899aabb",
    ] {
        let base = zone(&format!("{ZONE}{line}\n"));
        let error = Signing::admits(&base).unwrap_err().to_string();
        assert!(error.contains("is to be signed here"), "{error}");
    }
}

#[test]
fn what_did_not_change_keeps_its_signatures_until_they_end_soon() {
    let (how, base) = (signing(false), zone(ZONE));
    let first = signed(&how, &base);
    let before = |renew| Some(Before { base: &base, signed: &first, renew, all: true });
    assert!(how.sign(&base, before(NOW), 8, NOW + 60).unwrap().is_none());
    let add = Change::Add(record("new.example. 60 IN A 192.0.2.7"));
    let changed = base.apply(&[add]).unwrap();
    let next = how.sign(&changed, before(NOW), 8, NOW + 60).unwrap().unwrap();
    let touched: Vec<String> = next.touched.iter().map(ToString::to_string).collect();
    assert_eq!(touched, ["example.", "Mixed.example.", "new.example."]);
    let mut made: Vec<String> = Vec::new();
    for node in next.zone.canonical() {
        let old = first.node(node.name());
        for set in node.sets().filter(|set| set.rtype == Type::RRSIG) {
            if old.and_then(|old| old.signatures(set.covers)) != Some(set) {
                made.push(format!("{} {}", node.name(), set.covers));
            }
        }
    }
    assert_eq!(made, ["example. SOA", "Mixed.example. NSEC", "new.example. A", "new.example. NSEC"]);
    // All end between 7/8 of the time and all of it.
    let all = how.sign(&base, before(NOW + how.validity), 8, NOW + 60).unwrap().unwrap();
    assert!(all.zone.nodes().filter_map(Node::expires).all(|ends| ends > NOW + how.validity / 8 * 7 + 50));
    let some = how.sign(&base, before(NOW + how.validity - how.validity / 16), 8, NOW + 60).unwrap().unwrap();
    assert!(some.touched.len() > 1 && some.touched.len() <= all.touched.len());
}

#[test]
fn another_time_for_denials_counts_for_all_of_them() {
    for nsec3 in [false, true] {
        let (how, base) = (signing(nsec3), zone(ZONE));
        let first = signed(&how, &base);
        let next = zone(&ZONE.replace("4 300", "4 200"));
        let before = Before { base: &base, signed: &first, renew: NOW, all: false };
        let next_signed = how.sign(&next, Some(before), 7, NOW).unwrap().unwrap().zone;
        assert_eq!(all(&next_signed), all(&signed(&how, &next)));
        let rtype = if nsec3 { Type::NSEC3 } else { Type::NSEC };
        assert!(next_signed.nodes().filter_map(|node| node.set(rtype)).all(|set| set.ttl == 200));
    }
}

#[test]
fn many_names_are_signed_as_few_are() {
    let many: String =
        (0..2 * MANY).map(|number| format!("n{number}.example. 60 IN A 192.0.2.1\n")).collect();
    let (how, base) = (signing(false), zone(&format!("{ZONE}{many}")));
    let zone = signed(&how, &base);
    for number in 0..2 * MANY {
        let node = zone.node(format!("n{number}.example").parse::<Name>().unwrap().view()).unwrap();
        let rrsig = node.signatures(Type::A).unwrap().rdata().next().unwrap();
        let public = ParsedPublicKey::new(&ED25519, &how.key.dnskey()[4..]).unwrap();
        let made = data(rrsig, node.name(), &DraftSet::from(node.set(Type::A).unwrap()));
        public.verify_sig(&made, &rrsig[rrsig.len() - 64..]).unwrap();
    }
}

#[test]
fn a_name_without_room_for_a_hash_is_told() {
    let origin: Name = "a.".repeat(120).parse().unwrap();
    let soa = Record { name: origin.clone(), ..record(". 1 IN SOA . . 1 2 3 4 5") };
    let ns = Record { name: origin.clone(), ..record(". 1 IN NS .") };
    let (base, _) = Zone::build(origin.view(), [soa, ns]).unwrap();
    let error = signing(true).sign(&base, None, 1, NOW).unwrap_err().to_string();
    assert!(error.ends_with("has no room for hashes (NSEC3)"), "{error}");
    assert!(signing(false).sign(&base, None, 1, NOW).is_ok());
}

/// Everything of a zone, what it knows of its names and in which order it denies.
fn all(zone: &Zone) -> (Vec<String>, impl PartialEq + std::fmt::Debug + use<>) {
    let chain = zone.denial().map(|denial| {
        let chain = denial.chain();
        zone.canonical()
            .into_iter()
            .filter_map(|node| Some(chain.after(node.name())?.name().to_name()))
            .collect::<Vec<_>>()
    });
    (zone.records().map(|record| record.to_string().to_ascii_lowercase()).collect(), (zone.facts(), chain))
}

#[test]
fn what_is_below_is_known_where_all_of_it_changed() {
    let base = zone(&format!("{ZONE}a.b.c.example. 60 IN TXT x\nd.b.c.example. 60 IN TXT x\n"));
    let knows = |names: &str| {
        let names = names.split(' ').map(|name| name.parse::<Name>().unwrap()).collect();
        has_all_below(&base, &"c.example".parse().unwrap(), &names)
    };
    assert!(knows("c.example b.c.example a.b.c.example D.b.c.example e.example"));
    // One is missing, and one that has no records.
    assert!(!knows("c.example b.c.example a.b.c.example gone.b.c.example"));
    assert!(!knows("c.example a.b.c.example d.b.c.example"));
    assert!(!knows("c.example gone.c.example"));
    assert!(has_all_below(&base, &"ns.example".parse().unwrap(), &BTreeSet::new()));
    assert!(has_all_below(&base, &"gone.example".parse().unwrap(), &BTreeSet::new()));
}

fn change() -> impl Strategy<Value = Change> {
    let label = prop::sample::select(vec!["a", "b", "*", "C", "c"]);
    let name = prop::collection::vec(label, 0..5)
        .prop_map(|labels| -> Name { [&labels[..], &["example"]].concat().join(".").parse().unwrap() });
    let data = prop::sample::select(vec![
        "SOA ns.example. root.example. 1 2 3 4 300",
        "SOA Ns.example. root.example. 1 2 3 4 60",
        "MX 1 NS.example.",
        "MX 1 ns.example.",
        "A 192.0.2.1",
        "A 192.0.2.2",
        "TXT x",
        "NS ns.example.",
        "NS ns.elsewhere.",
        "DNAME other.",
        "CNAME a.example.",
        "DS 1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ]);
    (name, data, 0..8).prop_map(|(name, data, kind)| {
        let made = record(&format!("{name} 60 IN {data}"));
        match kind {
            0 => Change::RemoveName(name),
            1 => Change::RemoveSet(name, made.rtype),
            2 => Change::Remove(made),
            _ => Change::Add(made),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_zone_that_was_changed_is_as_one_that_was_signed_anew(
        steps in prop::collection::vec(prop::collection::vec(change(), 1..6), 1..6), nsec3: bool,
    ) {
        let how = signing(nsec3);
        let mut base = zone(ZONE);
        let mut last = how.sign(&base, None, 7, NOW).unwrap().unwrap().zone;
        for changes in steps {
            // Those that break a rule are left out.
            let next = changes.iter().fold(base.clone(), |zone, change| {
                zone.apply(std::slice::from_ref(change)).unwrap_or(zone)
            });
            let before = Before { base: &base, signed: &last, renew: NOW, all: true };
            if let Some(signed) = how.sign(&next, Some(before), 7, NOW).unwrap() {
                last = signed.zone;
            }
            base = next;
            prop_assert_eq!(all(&last), all(&how.sign(&base, None, 7, NOW).unwrap().unwrap().zone));
        }
    }
}
