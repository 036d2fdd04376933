use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use ropewalk_core::data::zones::{Answer as _, MemoryZones};
use tokio::sync::mpsc;

use super::super::testing::{ask, engine, line, peer, request, short, update_request, zone};
use super::*;
use crate::server::{Acl, Desk, Editors, Grant, Memory, Rules, Setup, Source, Transport, Verdict, Zones};
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
    let signer = Signer::new(name(), how(dir), None);
    signer.note(Arc::new(zone(ZONE))).unwrap();
    signer
}

fn open(signer: &Signer, engine: &Engine, now: u64) {
    signer.open(engine, &mut 1000, now).unwrap();
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
    open(&signer, &engine, NOW);
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
    open(&signer(&dir), &first, NOW);
    open(&signer(&dir), &second, NOW + 5);
    let (first, second) = (served(&first), served(&second));
    let keys = |zone: &Zone| zone.apex().set(Type::DNSKEY).unwrap().rdata().next().unwrap().to_vec();
    assert_eq!(keys(&first), keys(&second));
    assert!(crate::server::is_newer(second.serial().unwrap(), first.serial().unwrap()));
}

#[test]
fn where_the_clock_was_wrong_all_counts_once_it_is_right() {
    let (dir, engine) = (tempfile::tempdir().unwrap(), engine(&[]));
    let signer = signer(&dir);
    open(&signer, &engine, NOW + 400 * DAY);
    // Behind by less than signatures count beforehand.
    assert_eq!(signer.tend(&engine, NOW + 400 * DAY - 600, false), None);
    assert_eq!(served(&engine).serial(), Some(7));
    for (serial, now) in [(8, NOW), (9, NOW + 400 * DAY)] {
        assert_eq!(signer.tend(&engine, now, false), None);
        let zone = served(&engine);
        assert_eq!(zone.serial(), Some(serial));
        for rrsig in zone.records().filter(|record| record.rtype == Type::RRSIG) {
            let times = crate::dnssec::times(rrsig.rdata).unwrap();
            assert!(u64::from(times.inception) <= now && now + 3 * DAY < times.expiration.into());
        }
        assert_eq!(signer.tend(&engine, now + 1, false), None);
        assert_eq!(served(&engine).serial(), Some(serial), "once");
    }
}

fn load(dir: &tempfile::TempDir) -> Zones {
    let source = Source::zone(dir.path().join("zone"), None).signed(how(dir));
    Zones::load(vec![(source, Rules::default())], setup()).unwrap().0
}

/// What all of them know of what was read and signed: each test has files of its own.
fn setup() -> Setup {
    static MEMORY: LazyLock<Memory> = LazyLock::new(Memory::default);
    Setup { memory: MEMORY.clone(), ..Setup::default() }
}

#[test]
fn a_configuration_that_is_read_anew_goes_on_with_what_was_signed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("zone"), text()).unwrap();
    let before = load(&dir);
    before.open().unwrap();
    let first = served(before.engine());
    // One that is read and not taken changes nothing.
    drop(load(&dir));
    let after = load(&dir);
    after.open().unwrap();
    assert!(Arc::ptr_eq(&first, &served(after.engine())));
    fs::write(dir.path().join("zone"), text() + "new.example. 60 IN TXT x\n").unwrap();
    let last = load(&dir);
    last.open().unwrap();
    let second = served(last.engine());
    assert_eq!(second.serial(), Some(8));
    let changes = last.desk().signed_by()[0].since(&second, 7).unwrap();
    assert_eq!(follow(&first, &changes), lines(&second));
    // Who serves it still has no other content with the same serial.
    assert!(!before.desk().signed_by()[0].is_due(before.engine(), crate::server::now()));
    assert!(Arc::ptr_eq(&second, &served(before.engine())));
}

#[test]
fn a_key_in_the_place_of_another_signs_all_and_one_that_is_gone_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("zone"), text()).unwrap();
    let before = load(&dir);
    before.open().unwrap();
    let first = served(before.engine());
    let keys = dir.path().join("keys");
    for file in fs::read_dir(&keys).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|ending| ending == "private") {
            fs::remove_file(file).unwrap();
        }
    }
    let error = load(&dir).open().unwrap_err().to_string();
    assert!(error.contains("of example., which signs it, is not in"), "{error}");
    assert!(Arc::ptr_eq(&first, &served(before.engine())));
    let key = folder::open(&keys, name().view(), Algorithm::Ed25519).unwrap();
    let after = load(&dir);
    after.open().unwrap();
    let second = served(after.engine());
    assert_eq!(second.serial(), Some(8));
    assert_eq!(second.apex().set(Type::DNSKEY).unwrap().rdata().collect::<Vec<_>>(), [key.dnskey()]);
    let tag = key.tag().to_be_bytes();
    assert!(
        second.records().filter(|record| record.rtype == Type::RRSIG).all(|rrsig| rrsig.rdata[16..18] == tag)
    );
    assert!(after.desk().signed_by()[0].since(&second, 7).is_none());
}

/// As views have them.
#[test]
fn zones_of_one_name_and_key_are_signed_apart() {
    let dir = tempfile::tempdir().unwrap();
    let load = |file: &str| {
        let path = dir.path().join(file);
        fs::write(&path, text() + &format!("{file}.example. 60 IN TXT x\n")).unwrap();
        let source = Source::zone(path, None).signed(how(&dir));
        let zones = Zones::load(vec![(source, Rules::default())], Setup::default()).unwrap().0;
        zones.open().unwrap();
        zones
    };
    let serials = || {
        let (inside, outside) = (load("inside"), load("outside"));
        for (zones, there, other) in [(&inside, "inside", "outside"), (&outside, "outside", "inside")] {
            assert!(ask(zones.engine(), &format!("{there}.example TXT")).starts_with("NOERROR"));
            assert!(ask(zones.engine(), &format!("{other}.example TXT")).starts_with("NXDOMAIN"));
        }
        [inside, outside].map(|zones| served(zones.engine()).serial().unwrap())
    };
    let (first, second) = (serials(), serials());
    assert!(second.iter().all(|serial| first.iter().all(|before| serial > before)), "{first:?} {second:?}");
}

#[tokio::test]
async fn nobody_waits_for_a_large_zone_to_be_signed() {
    let dir = tempfile::tempdir().unwrap();
    let many: String =
        (0..Signer::AT_ONCE).map(|number| format!("n{number}.example. 60 IN TXT x\n")).collect();
    fs::write(dir.path().join("zone"), text() + &many).unwrap();
    let zones = load(&dir);
    zones.open().unwrap();
    assert!(dir.path().join("keys").read_dir().unwrap().count() >= 2, "the key is there");
    assert_eq!(ask(zones.engine(), "n1.example TXT"), "SERVFAIL");
    zones.reload().await;
    let first = served(zones.engine());
    assert!(first.apex().signatures(Type::SOA).is_some());
    // From then on it is what was signed before that is served until there is something else.
    fs::write(dir.path().join("zone"), text() + &many + "new.example. 60 IN TXT x\n").unwrap();
    let next = load(&dir);
    next.open().unwrap();
    assert!(Arc::ptr_eq(&first, &served(next.engine())));
    next.refresh(false).await;
    for _ in 0..600 {
        if served(next.engine()).serial() == Some(8) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Also where it is to be signed in another way.
    let second = served(next.engine());
    assert_eq!(second.serial(), Some(8));
    let source = Source::zone(dir.path().join("zone"), None).signed(Sign { nsec3: true, ..how(&dir) });
    let other = Zones::load(vec![(source, Rules::default())], setup()).unwrap().0;
    other.open().unwrap();
    assert!(Arc::ptr_eq(&second, &served(other.engine())));
    other.reload().await;
    let third = served(other.engine());
    assert!(third.apex().set(Type::NSEC3PARAM).is_some() && third.apex().set(Type::NSEC).is_none());
    assert!(crate::server::is_newer(third.serial().unwrap(), 8));
}

#[test]
fn a_zone_that_is_gone_while_it_is_signed_does_not_come_back() {
    let (dir, engine) = (tempfile::tempdir().unwrap(), engine(&[]));
    let many: String = (0..5000).map(|number| format!("n{number}.example. 60 IN TXT x\n")).collect();
    let signer = Signer::new(name(), how(&dir), None);
    signer.note(Arc::new(zone(&format!("{ZONE}{many}")))).unwrap();
    std::thread::scope(|scope| {
        let signing = scope.spawn(|| signer.tend(&engine, NOW, false));
        while signer.with.try_lock().is_ok() {
            std::thread::yield_now();
        }
        // Whoever reads the configuration meanwhile waits for nothing.
        open(&signer, &engine, NOW);
        assert!(signer.with.try_lock().is_err());
        signer.forget();
        assert_eq!(signing.join().unwrap(), None);
    });
    assert!(engine.zones().zone(name().view()).is_none());
    assert!(signer.base().is_none());
}

#[test]
fn what_cannot_be_signed_changes_nothing() {
    let (dir, engine) = (tempfile::tempdir().unwrap(), engine(&[]));
    let signer = signer(&dir);
    open(&signer, &engine, NOW);
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
    // It is tried again a minute later.
    assert_eq!(signer.tend(&engine, NOW + PAUSE - 1, false), None);
    assert!(Arc::ptr_eq(&before, &served(&engine)));
    assert_eq!(signer.tend(&engine, NOW + PAUSE, false), None);
    assert_eq!(served(&engine).serial(), Some(1000));
    signer.forget();
    assert_eq!(signer.tend(&engine, NOW + 100 * DAY, false), None);
    assert_eq!(served(&engine).serial(), Some(1000), "nobody signs what is gone");
}

#[test]
fn without_a_key_a_zone_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("zone"), text()).unwrap();
    fs::write(dir.path().join("keys"), "").unwrap();
    let zones = load(&dir);
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

#[path = "signer_updates_tests.rs"]
mod updates;
