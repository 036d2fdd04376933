use std::sync::Arc;

use async_trait::async_trait;
use ropewalk_core::data::zones::{Kept, Listed, MemoryZones, Seed, Stamp, Zones as Store};
use ropewalk_core::testkit::Log;
use ropewalk_core::{Error, Result};
use tokio::sync::mpsc;

use super::super::testing::{line, peer, short, update_request, zone as built};
use super::*;
use crate::server::signed::now;
use crate::server::{Desk, Engine, Grant, Rules, Transport, Verdict};
use crate::wire::tsig::{Algorithm, Signer, TsigKey};
use crate::wire::{Class, Name};
use crate::zone::{Zone, ZoneSet};

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 7 2 3 4 300
    example. 3600 IN NS ns.example.
    a.example. 3600 IN A 192.0.2.1
    a.example. 3600 IN TXT text
    dyn.example. 3600 IN TXT text
";

fn key(name: &str) -> Arc<TsigKey> {
    let name: Name = name.parse().unwrap();
    Arc::new(TsigKey::new(name.view(), Algorithm::HmacSha256, b"a secret of thirty-two octets!!!"))
}

fn grant(key: &str, names: &[&str], types: &[Type]) -> Grant {
    let names = names.iter().map(|text| text.parse().unwrap()).collect();
    Grant { key: key.parse().unwrap(), names, types: types.to_vec() }
}

/// A server of a zone that `all` may change in all ways, `dhcp` in few, and `none` in none.
fn desk(store: Arc<dyn Store>, most: usize) -> Desk {
    desk_of(store, Editors { records: most, ..Editors::default() })
}

fn desk_of(store: Arc<dyn Store>, editors: Editors) -> Desk {
    let zone = Arc::new(built(ZONE));
    let origin = zone.origin().to_name();
    let (dynamic, served, _) = Dynamic::open(origin.clone(), store.as_ref(), Some(zone)).unwrap();
    let mut set = ZoneSet::default();
    set.insert(served.unwrap());
    let fixed = built("fixed. 60 IN SOA . . 7 2 3 4 300\nfixed. 60 IN NS ns.example.");
    set.insert(Arc::new(fixed));
    let engine = Arc::new(Engine::new(set, Default::default()));
    let grants = vec![
        grant("all", &["*.example", "example"], &[Type::ANY]),
        grant("dhcp", &["*.dyn.example"], &[Type::A, Type::TXT]),
        grant("dhcp", &["a.example"], &[Type::A]),
    ];
    let rules = Rules { editors: Editors { grants, ..editors }, ..Rules::default() };
    let keeper = Keeper::new(Arc::clone(&engine), store, vec![dynamic]);
    Desk::new(engine)
        .keys(["all", "dhcp", "none"].map(key).into_iter().collect())
        .rules(vec![(origin, Arc::new(rules))])
        .keeper(keeper)
}

fn memory() -> Arc<MemoryZones> {
    Arc::new(MemoryZones::new())
}

fn signed(mut request: Vec<u8>, name: &str) -> Vec<u8> {
    Signer::new(key(name)).sign(&mut request, 0, now());
    request
}

/// The reply to a request that is signed, or not.
async fn ask(desk: &Desk, mut request: Vec<u8>, signer: Option<&str>) -> String {
    if let Some(name) = signer {
        request = signed(request, name);
    }
    let (replies, mut ready) = mpsc::channel(4);
    let peer = peer(Transport::Tcp);
    let mut reply = Vec::new();
    let verdict = desk.engine().respond(&request, &peer, &mut reply);
    if verdict == Verdict::Reply {
        return short(&reply);
    }
    desk.answer(verdict, &request, &peer, &replies).await;
    let text = short(&ready.try_recv().unwrap());
    match signer {
        Some(name) => text.strip_suffix(&format!(" + {name}. TSIG")).unwrap().to_owned(),
        None => text,
    }
}

async fn update(desk: &Desk, key: &str, changes: &[Vec<u8>]) -> String {
    ask(desk, update_request(&[], changes), Some(key)).await
}

fn add(text: &str) -> Vec<u8> {
    line(Class::IN, text)
}

fn served(desk: &Desk) -> Arc<Zone> {
    let origin: Name = "example".parse().unwrap();
    desk.engine().zones().zone(origin.view()).unwrap().clone()
}

fn lines(zone: &Zone) -> Vec<String> {
    zone.records().map(|record| record.to_string()).collect()
}

fn stored(store: &dyn Store) -> Option<Vec<String>> {
    let origin: Name = "example".parse().unwrap();
    kept::read(store, origin.view()).unwrap().map(|(zone, _)| lines(&zone))
}

#[tokio::test]
async fn what_a_key_may_change_is_changed_kept_and_served() {
    let store = memory();
    let desk = desk(store.clone(), 100);
    let changes = [add("host.dyn.example 60 A 192.0.2.9"), line(Class::NONE, "a.example 0 A 192.0.2.1")];
    assert_eq!(update(&desk, "dhcp", &changes).await, "NOERROR");
    let after = lines(&served(&desk));
    assert!(after.contains(&"host.dyn.example. 60 IN A 192.0.2.9".to_owned()), "{after:?}");
    assert!(!after.iter().any(|line| line.starts_with("a.example. 3600 IN A ")), "{after:?}");
    assert_eq!(served(&desk).serial(), Some(8));
    assert_eq!(stored(store.as_ref()), Some(after));
    // Whoever starts with the same file and store serves the same.
    let again = self::desk(store, 100);
    assert_eq!(lines(&served(&again)), lines(&served(&desk)));
}

#[tokio::test]
async fn who_may_not_is_refused_whole() {
    let store = memory();
    let desk = desk(store.clone(), 100);
    let before = lines(&served(&desk));
    let good = add("host.dyn.example 60 A 192.0.2.9");
    for (signed, changes) in [
        (None, vec![good.clone()]),
        (Some("none"), vec![good.clone()]),
        (Some("none"), vec![]),
        (Some("dhcp"), vec![good.clone(), add("host.example 60 A 192.0.2.9")]),
        (Some("dhcp"), vec![good.clone(), add("dyn.example 60 A 192.0.2.9")]),
        (Some("dhcp"), vec![good.clone(), add("host.dyn.example 60 AAAA ::1")]),
        (Some("dhcp"), vec![good.clone(), line(Class::ANY, "a.example 0 ANY")]),
        (Some("dhcp"), vec![good.clone(), line(Class::ANY, "a.example 0 TXT")]),
        (Some("dhcp"), vec![good.clone(), line(Class::NONE, "a.example 0 TXT text")]),
        (Some("dhcp"), vec![good.clone(), add("example 60 SOA ns.example. root.example. 9 2 3 4 5")]),
    ] {
        let request = update_request(&[], &changes);
        assert_eq!(ask(&desk, request, signed).await, "REFUSED", "{signed:?} {changes:?}");
        assert_eq!(lines(&served(&desk)), before);
    }
    // What holds in the zone is for those who may change something there.
    let wrong = [line(Class::ANY, "none.example 0 ANY")];
    let holds = [line(Class::ANY, "a.example 0 ANY")];
    for prerequisites in [&wrong, &holds] {
        assert_eq!(ask(&desk, update_request(prerequisites, &[]), Some("none")).await, "REFUSED");
    }
    assert_eq!(ask(&desk, update_request(&wrong, &[]), Some("dhcp")).await, "NXDOMAIN");
}

#[tokio::test]
async fn a_signature_that_is_not_good_changes_nothing() {
    let desk = desk(memory(), 100);
    let other: Name = "all".parse().unwrap();
    let other =
        Arc::new(TsigKey::new(other.view(), Algorithm::HmacSha256, b"another secret of 32 octets!!!!!"));
    let plain = || update_request(&[], &[add("new.example 60 A 192.0.2.9")]);
    let signed = |key: Arc<TsigKey>, time| {
        let mut request = plain();
        Signer::new(key).sign(&mut request, 0, time);
        request
    };
    let mut changed = signed(key("all"), now());
    // The address.
    let at = changed.windows(4).position(|octets| octets == [192, 0, 2, 9]).unwrap();
    changed[at] = 1;
    for (request, name) in [
        (signed(other, now()), "all"),
        (signed(key("all"), now() - 1000), "all"),
        (signed(key("unknown"), now()), "unknown"),
        (changed, "all"),
    ] {
        assert_eq!(ask(&desk, request, None).await, format!("NOTAUTH + {name}. TSIG"));
        assert_eq!(served(&desk).serial(), Some(7));
    }
}

#[tokio::test]
async fn a_request_is_about_a_zone_of_ours_that_can_be_changed() {
    let desk = desk(memory(), 100);
    let of = |zone: &[u8], qtype: u8| {
        let mut request = update_request(&[], &[]);
        request.splice(12..21, zone.iter().copied());
        let at = request.len() - 3;
        request[at] = qtype;
        request
    };
    for (zone, qtype, expected) in [
        (&b"\x07EXAMPLE\0"[..], 6, "NOERROR"),
        (b"\x07example\0", 1, "FORMERR"),
        (b"\x05other\0", 6, "NOTAUTH"),
        (b"\x01a\x07example\0", 6, "NOTAUTH"),
        (b"\x05fixed\0", 6, "REFUSED"),
    ] {
        assert_eq!(ask(&desk, of(zone, qtype), Some("all")).await, expected, "{zone:?}");
    }
}

#[tokio::test]
async fn a_zone_grows_no_larger_than_it_may() {
    let desk = desk(memory(), 7);
    let new = |n: u8| add(&format!("h{n}.example 60 A 192.0.2.9"));
    assert_eq!(update(&desk, "all", &[new(1), new(2), new(3)]).await, "REFUSED");
    assert_eq!(update(&desk, "all", &[new(1), new(2)]).await, "NOERROR");
    assert_eq!(update(&desk, "all", &[new(3)]).await, "REFUSED");
    let other = [line(Class::ANY, "h1.example 0 ANY"), new(3)];
    assert_eq!(update(&desk, "all", &other).await, "NOERROR", "no more than before");
    assert_eq!(update(&desk, "all", &[line(Class::ANY, "h2.example 0 ANY")]).await, "NOERROR");
    assert_eq!(update(&desk, "all", &[new(4)]).await, "NOERROR");
}

#[tokio::test]
async fn a_zone_grows_to_no_more_octets_than_it_may() {
    let octets = Extent::of(&built(ZONE)).octets;
    let editors = Editors { octets: octets + 300, ..Editors::default() };
    let desk = desk_of(memory(), editors);
    let new = |name: &str, length: usize| add(&format!("{name}.example 60 TXT {}", "x".repeat(length)));
    assert_eq!(update(&desk, "all", &[new("a", 250), new("b", 250)]).await, "REFUSED");
    assert_eq!(update(&desk, "all", &[new("a", 200)]).await, "NOERROR");
    assert_eq!(update(&desk, "all", &[new("b", 100)]).await, "REFUSED");
    let other = [line(Class::ANY, "a.example 0 TXT"), new("b", 200)];
    assert_eq!(update(&desk, "all", &other).await, "NOERROR", "no more than before");
}

#[tokio::test]
async fn an_update_that_comes_again_gets_the_same_reply_and_changes_nothing() {
    let desk = desk(memory(), 100);
    let absent = [line(Class::NONE, "new.example 0 ANY")];
    let add = signed(update_request(&absent, &[add("new.example 60 A 192.0.2.9")]), "all");
    let remove = || update_request(&[], &[line(Class::ANY, "new.example 0 ANY")]);
    assert_eq!(ask(&desk, add.clone(), None).await, "NOERROR + all. TSIG");
    // The reply was lost.
    assert_eq!(ask(&desk, add.clone(), None).await, "NOERROR + all. TSIG");
    assert_eq!(ask(&desk, remove(), Some("all")).await, "NOERROR");
    // Somebody has heard it.
    let before = lines(&served(&desk));
    assert_eq!(ask(&desk, add, None).await, "NOERROR + all. TSIG");
    assert_eq!(lines(&served(&desk)), before);
    // What was not made when it was right is not made later.
    let needs = [line(Class::ANY, "late.example 0 ANY")];
    let early = signed(update_request(&needs, &[self::add("more.example 60 A 192.0.2.9")]), "all");
    assert_eq!(ask(&desk, early.clone(), None).await, "NXDOMAIN + all. TSIG");
    assert_eq!(update(&desk, "all", &[self::add("late.example 60 A 192.0.2.9")]).await, "NOERROR");
    assert_eq!(ask(&desk, early, None).await, "NXDOMAIN + all. TSIG");
}

#[tokio::test]
async fn what_is_not_made_is_told_once_in_a_while() {
    let log = Log::new();
    let to_log = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _listening = tracing::subscriber::set_default(to_log);
    let desk = desk(memory(), 5);
    for _ in 0..50 {
        let wrong = [line(Class::ANY, "none.example 0 ANY")];
        assert_eq!(ask(&desk, update_request(&wrong, &[]), Some("dhcp")).await, "NXDOMAIN");
        assert_eq!(update(&desk, "all", &[add("new.example 60 A 192.0.2.9")]).await, "REFUSED");
    }
    let told = log.text().lines().filter(|line| line.contains("update")).count();
    assert!((1..10).contains(&told), "{}", log.text());
}

#[tokio::test]
async fn an_update_that_could_not_be_made_may_come_again() {
    let store = broken(false, 7);
    let desk = desk(store, 1000);
    let request = signed(update_request(&[], &[add("new.example 60 A 192.0.2.9")]), "all");
    assert_eq!(ask(&desk, request.clone(), None).await, "SERVFAIL + all. TSIG");
    assert_eq!(ask(&desk, request, None).await, "NOERROR + all. TSIG");
}

#[tokio::test]
async fn who_has_no_key_is_not_told_which_zones_there_are() {
    let desk = desk(memory(), 100);
    let mut foreign = update_request(&[], &[]);
    foreign.splice(12..21, *b"\x05other\0");
    for request in [foreign, update_request(&[], &[])] {
        assert_eq!(ask(&desk, request, None).await, "REFUSED");
    }
}

#[tokio::test]
async fn updates_that_come_at_once_are_made_one_after_another() {
    let desk = Arc::new(desk(memory(), 1000));
    let all: Vec<_> = (0..50)
        .map(|n| {
            let desk = Arc::clone(&desk);
            async move { update(&desk, "all", &[add(&format!("h{n}.example 60 A 192.0.2.9"))]).await }
        })
        .collect();
    for reply in futures_util::future::join_all(all).await {
        assert_eq!(reply, "NOERROR");
    }
    assert_eq!(served(&desk).serial(), Some(57));
    assert_eq!(lines(&served(&desk)).len(), 55);
}

/// A store on whose disk nothing can be written, or only once others have written there.
struct Broken {
    inner: MemoryZones,
    others: std::sync::atomic::AtomicUsize,
    fails: bool,
}

#[async_trait]
impl Store for Broken {
    async fn list(&self) -> Result<Vec<Listed>> {
        self.inner.list().await
    }
    async fn stamp(&self, origin: &[u8]) -> Result<Option<Stamp>> {
        self.inner.stamp(origin).await
    }
    fn read(&self, origin: &[u8]) -> Result<Option<Kept>> {
        self.inner.read(origin)
    }
    async fn put(&self, origin: &[u8], was: Option<Stamp>, zone: Kept) -> Result<Option<Stamp>> {
        self.inner.put(origin, was, zone).await
    }
    async fn change(
        &self,
        origin: &[u8],
        was: Stamp,
        difference: Difference,
        seed: Option<Seed>,
    ) -> Result<Option<Stamp>> {
        use std::sync::atomic::Ordering::SeqCst;
        if self.fails {
            return Err(Error::local("the disk is full"));
        }
        if self.others.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            let origin: Name = kept::origin(origin).unwrap();
            let number = self.others.load(SeqCst);
            let line = crate::zone::testing::record(&format!("other{number}.example. 60 IN A 192.0.2.7"));
            let add = |_: &Zone| vec![crate::zone::Change::Add(line.clone())];
            kept::edit(&self.inner, origin.view(), add).await.unwrap();
        }
        self.inner.change(origin, was, difference, seed).await
    }
    async fn since(&self, origin: &[u8], was: Stamp) -> Result<Option<Vec<Difference>>> {
        self.inner.since(origin, was).await
    }
    async fn remove(&self, origin: &[u8], was: Stamp) -> Result<bool> {
        self.inner.remove(origin, was).await
    }
}

fn broken(fails: bool, others: usize) -> Arc<Broken> {
    Arc::new(Broken { inner: MemoryZones::new(), others: others.into(), fails })
}

#[tokio::test]
async fn what_is_not_on_the_disk_is_neither_acknowledged_nor_served() {
    let desk = desk(broken(true, 0), 100);
    assert_eq!(update(&desk, "all", &[add("new.example 60 A 192.0.2.9")]).await, "SERVFAIL");
    assert_eq!(lines(&served(&desk)), lines(&built(ZONE)));
    // What changes nothing needs no disk.
    assert_eq!(update(&desk, "all", &[]).await, "NOERROR");
}

#[tokio::test]
async fn what_another_process_changes_meanwhile_is_not_undone() {
    let store = broken(false, 2);
    let desk = desk(store.clone(), 100);
    assert_eq!(update(&desk, "all", &[add("new.example 60 A 192.0.2.9")]).await, "NOERROR");
    let after = lines(&served(&desk));
    for name in ["new.", "other0.", "other1."] {
        assert!(after.iter().any(|line| line.starts_with(name)), "{after:?}");
    }
    assert_eq!(served(&desk).serial(), Some(10));
    assert_eq!(stored(store.as_ref()), Some(after));
}

#[tokio::test]
async fn whoever_always_comes_too_late_is_told_to_come_again() {
    let desk = desk(broken(false, 100), 1000);
    assert_eq!(update(&desk, "all", &[add("new.example 60 A 192.0.2.9")]).await, "SERVFAIL");
    assert!(!lines(&served(&desk)).iter().any(|line| line.starts_with("new.")));
}
