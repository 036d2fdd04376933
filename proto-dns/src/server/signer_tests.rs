use std::collections::BTreeSet;
use std::fs;

use ropewalk_core::data::zones::{Answer as _, MemoryZones};
use tokio::sync::mpsc;

use super::super::testing::{ask, engine, line, peer, request, short, update_request, zone};
use super::*;
use crate::server::{Acl, Desk, Editors, Grant, Rules, Setup, Source, Transport, Verdict, Zones};
use crate::wire::tsig::{self, TsigKey};
use crate::wire::{Class, Raw, Type, rdata};
use crate::zone::{Node, Record};

const ZONE: &str = "
    example. 60 IN SOA ns.example. root.example. 7 2 3 4 300
    example. 60 IN NS ns.example.
    ns.example. 60 IN A 192.0.2.1
    old.example. 60 IN TXT here
";
const DAY: u64 = 24 * 60 * 60;
const NOW: u64 = 1_800_000_000;

/// The zone as a file has it.
fn text() -> String {
    ZONE.lines().map(|line| line.trim().to_owned() + "\n").collect()
}

fn how(dir: &tempfile::TempDir) -> Sign {
    Sign { keys: dir.path().join("keys"), algorithm: Algorithm::Ed25519, ..Sign::default() }
}

fn name() -> Name {
    "example".parse().unwrap()
}

fn signer(dir: &tempfile::TempDir) -> Signer {
    Signer::new(name(), how(dir), Some(Arc::new(zone(ZONE))))
}

fn served(engine: &Engine) -> Arc<Zone> {
    Arc::clone(engine.zones().zone(name().view()).unwrap())
}

fn lines(zone: &Zone) -> BTreeSet<String> {
    zone.records().map(|record| record.to_string()).collect()
}

fn first_end(zone: &Zone) -> u64 {
    zone.nodes().filter_map(Node::expires).min().unwrap().into()
}

/// A zone with what differences make of it.
fn follow(zone: &Zone, differences: &[Difference]) -> BTreeSet<String> {
    let mut lines = lines(zone);
    let text = |records: &[Record]| records.iter().map(ToString::to_string).collect::<Vec<_>>();
    for one in differences {
        for line in text(&one.removed) {
            assert!(lines.remove(&line), "{line}");
        }
        for line in text(&one.added) {
            assert!(lines.insert(line.clone()), "{line}");
        }
    }
    lines
}

#[test]
fn signatures_are_renewed_before_they_end_with_another_serial() {
    let (dir, engine) = (tempfile::tempdir().unwrap(), engine(&[]));
    let signer = signer(&dir);
    signer.open(&engine, NOW).unwrap();
    let first = served(&engine);
    assert_eq!(first.serial(), Some(7));
    assert!(first_end(&first) >= NOW + 14 * DAY / 8 * 7);
    let mut now = NOW;
    let mut times = 0;
    while times < 5 {
        let before = served(&engine);
        now += 60 * 60;
        assert_eq!(signer.tend(&engine, now, false), None);
        let after = served(&engine);
        // A quarter of the time is left, but for an hour in which what ends together is gathered.
        assert!(first_end(&after) > now + 14 * DAY / 4 - 2 * 60 * 60, "{}", first_end(&after) - now);
        if after.serial() != before.serial() {
            times += 1;
            assert!(now > NOW + 8 * DAY, "not before it is time");
            let since = signer.since(&after, before.serial().unwrap()).unwrap();
            assert_eq!(follow(&before, &since), lines(&after));
        }
    }
    let after = served(&engine);
    assert_eq!(after.serial(), Some(12));
    let all = signer.since(&after, 7).map(|all| all.len());
    assert!(all.is_none() || all == Some(5), "{all:?}");
    assert!(signer.since(&after, 6).is_none());
}

#[test]
fn a_restart_has_the_same_key_and_a_newer_serial() {
    let (dir, first, second) = (tempfile::tempdir().unwrap(), engine(&[]), engine(&[]));
    signer(&dir).open(&first, NOW).unwrap();
    signer(&dir).open(&second, NOW + 5).unwrap();
    let (first, second) = (served(&first), served(&second));
    let keys = |zone: &Zone| zone.apex().set(Type::DNSKEY).unwrap().rdata().next().unwrap().to_vec();
    assert_eq!(keys(&first), keys(&second));
    assert!(crate::server::is_newer(second.serial().unwrap(), first.serial().unwrap()));
}

#[test]
fn what_cannot_be_signed_changes_nothing() {
    let (dir, engine) = (tempfile::tempdir().unwrap(), engine(&[]));
    let signer = signer(&dir);
    signer.open(&engine, NOW).unwrap();
    let before = served(&engine);
    let foreign = zone(&format!("{ZONE}ns.example. 60 IN NSEC example. A\n"));
    assert!(signer.serve(Arc::new(foreign), &engine, NOW).is_err());
    let other = zone("other. 60 IN SOA . . 1 2 3 4 5\nother. 60 IN NS .\n");
    assert!(signer.serve(Arc::new(other), &engine, NOW).is_err());
    assert!(Arc::ptr_eq(&before, &served(&engine)));
    // Neither does what was so all the time.
    assert_eq!(signer.tend(&engine, NOW + 1, true), None);
    assert!(Arc::ptr_eq(&before, &served(&engine)));
    // A serial that cannot be written is not served.
    let file = dir.path().join("keys/example.serial");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let many = |serial: u32| zone(&ZONE.replace(" 7 ", &format!(" {serial} ")));
    assert!(signer.serve(Arc::new(many(1000)), &engine, NOW).is_err());
    assert!(Arc::ptr_eq(&before, &served(&engine)));
    fs::remove_dir(&file).unwrap();
    signer.serve(Arc::new(many(1000)), &engine, NOW).unwrap();
    assert_eq!(served(&engine).serial(), Some(1000));
    signer.forget();
    assert_eq!(signer.tend(&engine, NOW + 100 * DAY, false), None);
    assert_eq!(served(&engine).serial(), Some(1000), "nobody signs what is gone");
}

#[test]
fn without_a_key_a_zone_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("zone"), text()).unwrap();
    let load = || {
        let source = Source::zone(dir.path().join("zone"), None).signed(how(&dir));
        Zones::load(vec![(source, Rules::default())], Setup::default()).unwrap().0
    };
    fs::write(dir.path().join("keys"), "").unwrap();
    let zones = load();
    assert!(zones.open().is_err());
    assert_eq!(ask(zones.engine(), "ns.example A"), "SERVFAIL");
    fs::remove_file(dir.path().join("keys")).unwrap();
    zones.open().unwrap();
    assert!(ask(zones.engine(), "example DNSKEY").starts_with("NOERROR AA: example. DNSKEY"));
    fs::write(dir.path().join("zone"), text() + "example. 60 IN CDS 0 0 0 00\n").unwrap();
    let source = Source::zone(dir.path().join("zone"), None).signed(how(&dir));
    let (zones, notes) = Zones::load(vec![(source, Rules::default())], Setup::default()).unwrap();
    assert!(notes.problems[0].1.contains("zone: example. CDS: example. is to be signed here"), "{notes:?}");
    zones.open().unwrap();
    assert_eq!(ask(zones.engine(), "ns.example A"), "SERVFAIL");
}

fn key() -> Arc<TsigKey> {
    let name: Name = "all".parse().unwrap();
    Arc::new(TsigKey::new(name.view(), tsig::Algorithm::HmacSha256, b"a secret of thirty-two octets!!!"))
}

/// A zone that `all` may change and transfer, kept in memory and signed.
async fn kept(dir: &tempfile::TempDir) -> Zones {
    let many: String = (0..20).map(|number| format!("n{number}.example. 60 IN TXT x\n")).collect();
    fs::write(dir.path().join("zone"), text() + &many).unwrap();
    let names = ["*.example", "example"].map(|text| text.parse().unwrap()).to_vec();
    let grants = vec![Grant { key: "all".parse().unwrap(), names, types: vec![Type::ANY] }];
    let rules = Rules {
        transfers: Acl::new(["key:all".parse().unwrap()]),
        editors: Editors { grants, ..Editors::default() },
        ..Rules::default()
    };
    let source = Source::zone(dir.path().join("zone"), Some(name())).kept().signed(how(dir));
    let setup = Setup {
        keys: [key()].into_iter().collect(),
        store: Some(Arc::new(MemoryZones::new())),
        ..Setup::default()
    };
    let zones = Zones::load(vec![(source, rules)], setup).unwrap().0;
    zones.open().unwrap();
    zones.refresh(false).await;
    zones
}

/// The replies to a request, which is signed.
async fn replies(desk: &Desk, mut request: Vec<u8>) -> Vec<Vec<u8>> {
    tsig::Signer::new(key()).sign(&mut request, 0, crate::server::now());
    let (replies, mut ready) = mpsc::channel(100);
    let peer = peer(Transport::Tcp);
    let verdict = desk.engine().respond(&request, &peer, &mut Vec::new());
    assert_eq!(verdict, Verdict::Signed);
    desk.answer(verdict, &request, &peer, &replies).await;
    drop(replies);
    let mut all = Vec::new();
    while let Some(reply) = ready.recv().await {
        all.push(reply);
    }
    all
}

async fn update(desk: &Desk, changes: &[Vec<u8>]) -> String {
    short(&replies(desk, update_request(&[], changes)).await[0])
}

/// The records of the answer to a question for a transfer.
async fn transferred(desk: &Desk, request: Vec<u8>) -> Vec<String> {
    let mut all = Vec::new();
    for message in replies(desk, request).await {
        let mut pos = crate::wire::HEADER;
        Name::read(&message, &mut pos).unwrap();
        pos += 4;
        for _ in 0..u16::from_be_bytes([message[6], message[7]]) {
            let raw = Raw::read(&message, &mut pos).unwrap();
            let mut data = Vec::new();
            rdata::read(raw.rtype, &message, raw.at, raw.length, &mut data).unwrap();
            let name = raw.owner(&message).unwrap();
            let record =
                Record { name, class: raw.class, rtype: raw.rtype, ttl: raw.ttl, rdata: data.into() };
            all.push(record.to_string());
        }
    }
    all
}

#[tokio::test]
async fn an_update_is_signed_and_goes_to_others_as_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    let zones = kept(&dir).await;
    let desk = zones.desk();
    let before = served(desk.engine());
    assert_eq!(before.serial(), Some(7));
    let changes = [line(Class::IN, "new.deep.example 60 A 192.0.2.9"), line(Class::ANY, "old.example 0 ANY")];
    assert_eq!(update(desk, &changes).await, "NOERROR + all. TSIG");
    let after = served(desk.engine());
    assert_eq!(after.serial(), Some(8));
    let new = after.node("new.deep.example".parse::<Name>().unwrap().view()).unwrap();
    assert!(new.signatures(Type::A).is_some() && new.set(Type::NSEC).is_some());
    assert!(after.node("old.example".parse::<Name>().unwrap().view()).is_none());
    let whole = transferred(desk, request("example AXFR", &[])).await;
    assert_eq!(whole[1..].iter().cloned().collect::<BTreeSet<_>>(), lines(&after));
    // What changed is less than all, as there are names that did not.
    let mut since = request("example IXFR", &[]);
    since[9] = 1;
    since.extend(line(Class::IN, "example 0 SOA . . 7 0 0 0 0"));
    let since = transferred(desk, since).await;
    let changes = desk.signed_by()[0].since(&after, 7).unwrap();
    let count = changes.iter().map(|one| one.removed.len() + one.added.len()).sum::<usize>();
    assert_eq!(since.len(), 2 + count);
    assert!(since.len() < 30, "{since:?}");
    assert_eq!(follow(&before, &changes), lines(&after));
}

#[tokio::test]
async fn nobody_updates_what_is_made_here() {
    let dir = tempfile::tempdir().unwrap();
    let zones = kept(&dir).await;
    let desk = zones.desk();
    for change in [
        line(Class::IN, "ns.example 60 NSEC example. A"),
        line(Class::ANY, "example 0 DNSKEY"),
        line(Class::IN, "example 60 CDS 0 0 0 00"),
        line(Class::ANY, "ns.example 0 RRSIG"),
    ] {
        assert_eq!(update(desk, &[change]).await, "REFUSED + all. TSIG");
    }
    assert_eq!(served(desk.engine()).serial(), Some(7));
    // All of a name are all that somebody wrote there.
    assert_eq!(update(desk, &[line(Class::ANY, "old.example 0 ANY")]).await, "NOERROR + all. TSIG");
    assert_eq!(served(desk.engine()).serial(), Some(8));
    assert!(ask(desk.engine(), "old.example TXT").starts_with("NXDOMAIN"));
}

#[test]
fn what_is_derived_is_signed_too() {
    let dir = tempfile::tempdir().unwrap();
    let derive =
        crate::server::Derive { addresses: vec!["192.0.2.5".parse().unwrap()], ..Default::default() };
    let source = Source::made(name(), derive).signed(how(&dir));
    let zones = Zones::load(vec![(source, Rules::default())], Setup::default()).unwrap().0;
    zones.open().unwrap();
    let zone = served(zones.engine());
    assert!(zone.apex().signatures(Type::A).is_some());
}
