use std::fs;

use ropewalk_core::data::zones::{Answer as _, MemoryZones};
use ropewalk_core::testkit::Log;
use tokio::sync::mpsc;

use super::super::forward::Forwarder;
use super::super::reload::Zones;
use super::super::testing::{OPT, ask, line, peer, request, short, update_request};
use super::*;
use crate::server::{Acl, Answering, Derive, Editors, Grant, Keys, Setup, Sign, Transport, Verdict};
use crate::wire::tsig::{Algorithm, Signer as Tsig, TsigKey};
use crate::wire::{Class, Type};

const HEAD: &str = "@ 60 SOA ns h 7 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n";

/// A folder of zones.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file at once, of a zone without faults but for what is added.
    fn write(&self, name: &str, more: &str) {
        let text = format!("$ORIGIN {name}.\n{HEAD}{more}");
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    /// The file of the name of the zone.
    fn given(&self, name: &str) -> Source {
        Source::zone(self.path(name), Some(name.parse().unwrap()))
    }

    fn named(&self, name: &str) -> Source {
        Source::zone(self.path(name), None)
    }
}

const BROKEN: &str = "www 60 A 192.0.2\n";

fn load(sources: Vec<Source>, setup: Setup) -> (Zones, Notes) {
    Zones::load(sources.into_iter().map(|source| (source, Rules::default())).collect(), setup).unwrap()
}

/// Has all that this thread logs written there.
fn listen(log: &Log) -> impl Drop + use<> {
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    tracing::subscriber::set_default(subscriber)
}

fn key() -> Arc<TsigKey> {
    let name: Name = "all".parse().unwrap();
    Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, b"a secret of thirty-two octets!!!"))
}

fn keys() -> Keys {
    [key()].into_iter().collect()
}

/// The reply to a signed request, but for its signature.
async fn signed(zones: &Zones, mut request: Vec<u8>) -> String {
    Tsig::new(key()).sign(&mut request, 0, crate::server::now());
    let (replies, mut ready) = mpsc::channel(8);
    zones.desk().answer(Verdict::Signed, &request, &peer(Transport::Tcp), &replies).await;
    short(&ready.try_recv().unwrap()).replace(" + all. TSIG", "")
}

#[tokio::test]
async fn zones_whose_files_are_broken_get_servfail_until_they_are_mended_and_others_are_served() {
    let place = Place::new();
    ["good", "text", "alias", "soa"].into_iter().for_each(|name| place.write(name, ""));
    place.write("text", BROKEN);
    place.write("alias", "www 60 A 192.0.2.1\nwww 60 CNAME ns\n");
    fs::write(place.path("soa"), "ns.soa. 60 A 192.0.2.1\n").unwrap();
    let all = ["good", "text", "alias", "soa", "missing"];
    let answering = Answering { recursion: Some(Forwarder::private()), ..Answering::default() };
    let setup = Setup { answering, ..Setup::default() };
    let (zones, notes) = load(all.map(|name| place.given(name)).to_vec(), setup);
    for (number, said) in [
        (1, "text:5:10: an IPv4 address is expected"),
        (2, "alias:6:1: www.alias. CNAME: "),
        (3, "soa: "),
        (4, "missing: cannot be read: "),
    ] {
        let is_said = |(of, text): &(usize, String)| *of == number && text.contains(said);
        assert!(notes.problems.iter().any(is_said), "{number} {said}: {notes:?}");
    }
    let ask = |question: &str| ask(zones.engine(), question);
    assert!(ask("ns.good A").starts_with("NOERROR AA: ns.good. A"));
    for name in ["ns.text A", "text SOA", "ns.alias A", "ns.soa A", "a.missing TXT"] {
        assert_eq!(ask(name), "SERVFAIL", "{name}");
    }
    assert_eq!(ask("elsewhere A"), "Forward", "what is nobody's here goes to others");
    for name in &all[1..] {
        assert_eq!(zones.file(name.parse::<Name>().unwrap().view()), Some(place.path(name).as_path()));
        place.write(name, "");
    }
    assert_eq!(zones.reload().await, Default::default());
    for name in all {
        assert!(ask(&format!("ns.{name} A")).starts_with("NOERROR AA"), "{name}");
    }
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_logged_once_and_told_to_whoever_asks() {
    let place = Place::new();
    place.write("zone", BROKEN);
    let (zones, _) = load(vec![place.given("zone")], Setup::default());
    let log = Log::new();
    let _listens = listen(&log);
    for _ in 0..3 {
        zones.refresh(false).await;
    }
    let text = log.text();
    assert_eq!(text.matches("zone:5:10: an IPv4 address is expected").count(), 1, "{text}");
    assert!(text.contains("its questions get SERVFAIL until its file is mended"), "{text}");
    for _ in 0..2 {
        assert!(zones.reload().await.problems.concat().contains("zone:5:10: "));
    }
    // A mended file is seen without anybody who asks.
    place.write("zone", "");
    zones.refresh(false).await;
    zones.refresh(false).await;
    assert!(ask(zones.engine(), "ns.zone A").starts_with("NOERROR"));
}

#[tokio::test]
async fn a_reason_is_given_and_the_rules_of_a_zone_count_without_its_records() {
    let place = Place::new();
    ["open", "ours"].into_iter().for_each(|name| place.write(name, BROKEN));
    let transfers = Acl::new(["key:all".parse().unwrap()]);
    let open = Rules { transfers, ..Rules::default() };
    let ours = Rules { queries: Some(Acl::new(["192.0.2.0/24".parse().unwrap()])), ..Rules::default() };
    let sources = vec![(place.given("open"), open), (place.given("ours"), ours)];
    let (zones, _) = Zones::load(sources, Setup { keys: keys(), ..Setup::default() }).unwrap();
    let mut reply = Vec::new();
    let _ = zones.engine().respond(&request("ns.open A", &[OPT]), &peer(Transport::Tcp), &mut reply);
    // INFO-CODE 24, Invalid Data (RFC 8914 §4.25).
    assert!(reply.windows(6).any(|octets| octets == [0, 15, 0, 2, 0, 24]), "{reply:?}");
    assert_eq!(ask(zones.engine(), "ns.ours A"), "REFUSED");
    assert_eq!(signed(&zones, request("open AXFR", &[])).await, "SERVFAIL");
    assert_eq!(signed(&zones, request("ours AXFR", &[])).await, "REFUSED");
    place.write("open", "");
    zones.refresh(true).await;
    assert!(signed(&zones, request("open AXFR", &[])).await.starts_with("NOERROR AA: open. SOA"));
}

#[tokio::test]
async fn a_zone_that_is_kept_is_served_without_its_file() {
    let place = Place::new();
    let store = Arc::new(MemoryZones::new());
    let zones = || {
        let names = vec!["*.zone".parse().unwrap()];
        let grants = vec![Grant { key: "all".parse().unwrap(), names, types: vec![Type::ANY] }];
        let rules = Rules { editors: Editors { grants, ..Editors::default() }, ..Rules::default() };
        let store: Arc<dyn zones::Zones> = store.clone();
        let setup = Setup { keys: keys(), store: Some(store), ..Setup::default() };
        Zones::load(vec![(place.given("zone").kept(), rules)], setup).unwrap()
    };
    // An UPDATE of this zone, and not of `example`.
    let update = |name: &str| {
        let request = update_request(&[], &[line(Class::IN, &format!("{name} 60 A 192.0.2.9"))]);
        let (head, rest) = request.split_at(12);
        [head, b"\x04zone\0", rest.strip_prefix(b"\x07example\0").unwrap()].concat()
    };
    place.write("zone", BROKEN);
    let (first, notes) = zones();
    assert_eq!((notes.problems.len(), notes.warnings.len()), (1, 0), "{notes:?}");
    assert_eq!(ask(first.engine(), "ns.zone A"), "SERVFAIL");
    assert_eq!(signed(&first, update("a.zone")).await, "SERVFAIL");
    place.write("zone", "");
    first.refresh(true).await;
    assert_eq!(signed(&first, update("a.zone")).await, "NOERROR");
    drop(first);
    fs::remove_file(place.path("zone")).unwrap();
    let (second, notes) = zones();
    assert_eq!(notes.problems.len(), 1);
    assert!(ask(second.engine(), "a.zone A").starts_with("NOERROR"));
    assert_eq!(signed(&second, update("b.zone")).await, "NOERROR");
}

#[tokio::test]
async fn zones_that_are_signed_or_derived_begin_when_their_files_are_mended() {
    let place = Place::new();
    ["signed", "derived"].into_iter().for_each(|name| place.write(name, BROKEN));
    let how = Sign { keys: place.path("keys"), ..Sign::default() };
    let made = Derive { addresses: vec![[192, 0, 2, 7].into()], ..Derive::default() };
    let sources = vec![place.given("signed").signed(how), place.named("derived").derived(made)];
    let (zones, notes) = load(sources, Setup::default());
    assert_eq!(notes.problems.len(), 2);
    zones.open().unwrap();
    zones.refresh(false).await;
    let ask = |question: &str| ask(zones.engine(), question);
    assert_eq!((ask("ns.signed A"), ask("derived A")), ("SERVFAIL".into(), "SERVFAIL".into()));
    ["signed", "derived"].into_iter().for_each(|name| place.write(name, ""));
    zones.refresh(true).await;
    assert!(ask("signed DNSKEY").starts_with("NOERROR AA: signed. DNSKEY"));
    assert!(ask("ns.derived A").starts_with("NOERROR AA: ns.derived. A"));
}

#[tokio::test]
async fn what_is_served_already_is_served_on_by_who_loads_a_broken_file() {
    let place = Place::new();
    place.write("zone", "");
    fs::write(place.path("hosts"), "192.0.2.1 one\n").unwrap();
    let sources = || vec![place.given("zone"), Source::hosts(place.path("hosts"))];
    let memory = Memory::default();
    let setup = || Setup { memory: memory.clone(), ..Setup::default() };
    let (before, _) = load(sources(), setup());
    place.write("zone", BROKEN);
    fs::write(place.path("hosts"), "192.0.2 one\n").unwrap();
    let (after, notes) = load(sources(), setup());
    assert_eq!(notes.problems.len(), 2, "{notes:?}");
    let log = Log::new();
    let _listens = listen(&log);
    after.refresh(false).await;
    assert_eq!(log.text().matches("it stays as it was").count(), 2, "{}", log.text());
    drop(before);
    for name in ["ns.zone A", "one A"] {
        assert!(ask(after.engine(), name).starts_with("NOERROR AA"), "{name}");
    }
    assert_eq!(after.reload().await.problems.len(), 2);
    drop(after);
    let (alone, _) = load(sources(), setup());
    assert_eq!(ask(alone.engine(), "ns.zone A"), "SERVFAIL");
}

#[tokio::test]
async fn a_zone_without_a_name_is_served_when_it_has_one() {
    let place = Place::new();
    let load = |rules: &Rules| Zones::load(vec![(place.named("zone"), rules.clone())], Setup::default());
    let (bare, _) = load(&Rules::default()).unwrap();
    let rules = Rules { queries: Some(Acl::new(["loopback".parse().unwrap()])), ..Rules::default() };
    let (bound, _) = load(&rules).unwrap();
    let log = Log::new();
    let _listens = listen(&log);
    bare.refresh(false).await;
    assert!(log.text().contains("their names are not known"), "{}", log.text());
    assert_eq!(ask(bare.engine(), "ns.zone A"), "REFUSED");
    // Its first SOA record tells the name, whatever else there is.
    place.write("zone", BROKEN);
    assert_eq!(ask(load(&rules).unwrap().0.engine(), "ns.zone A"), "SERVFAIL");
    place.write("zone", "");
    bare.refresh(true).await;
    assert!(ask(bare.engine(), "ns.zone A").starts_with("NOERROR"));
    let problems = bound.reload().await.problems;
    assert!(problems.len() == 1 && problems[0].contains("SIGHUP loads it anew"), "{problems:?}");
    let (anew, _) = load(&rules).unwrap();
    assert!(ask(anew.engine(), "ns.zone A").starts_with("NOERROR"));
    let names = |zones: &Zones| zones.bound().cloned().collect::<Vec<_>>();
    assert_eq!((names(&bound), names(&anew)), (vec![], vec!["zone".parse().unwrap()]));
}

#[tokio::test]
async fn names_of_hosts_files_get_servfail_as_far_as_they_can_be_read_and_take_no_zone() {
    let place = Place::new();
    place.write("zone", "");
    fs::write(place.path("hosts"), "192.0.2.1 one zone\n192.0.2 two\n").unwrap();
    let sources = vec![place.given("zone"), Source::hosts(place.path("hosts"))];
    let (zones, notes) = load(sources, Setup::default());
    let said: Vec<_> = notes.problems.iter().map(|(number, _)| *number).collect();
    assert_eq!(said, [1, 1], "{notes:?}");
    let ask = |question: &str| ask(zones.engine(), question);
    assert!(ask("ns.zone A").starts_with("NOERROR"));
    assert_eq!((ask("one A"), ask("two A")), ("SERVFAIL".into(), "REFUSED".into()));
    fs::write(place.path("hosts"), "192.0.2.1 one\n192.0.2.2 two\n").unwrap();
    assert_eq!(zones.reload().await, Default::default());
    assert!(ask("two A").starts_with("NOERROR") && ask("ns.zone A").starts_with("NOERROR"));
}

#[test]
fn what_the_configuration_says_itself_is_no_matter_of_files() {
    let place = Place::new();
    place.write("zone", "");
    let load = |sources: Vec<(Source, Rules)>| Zones::load(sources, Setup::default()).map(|_| ());
    let names = vec!["other".parse().unwrap()];
    let grants = vec![Grant { key: "all".parse().unwrap(), names, types: vec![] }];
    let stray = Rules { editors: Editors { grants, ..Editors::default() }, ..Rules::default() };
    let host = Derive { host: Some("other".parse().unwrap()), ..Derive::default() };
    for (given, named, rules) in [
        (place.given("zone"), place.named("zone"), stray),
        (place.given("zone").derived(host.clone()), place.named("zone").derived(host), Rules::default()),
    ] {
        assert!(load(vec![(given, rules.clone())]).unwrap_err()[0].1.contains("not in "));
        load(vec![(named, rules)]).unwrap();
    }
}
