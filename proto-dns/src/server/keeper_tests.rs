use ropewalk_core::data::zones::{MemoryZones, Zones as _};

use super::super::testing::zone as built;
use super::*;
use crate::server::Answering;
use crate::zone::testing::record;
use crate::zone::{Change, ZoneSet};

const ZONE: &str = "
    example. 3600 IN SOA ns.example. root.example. 7 2 3 4 300
    example. 3600 IN NS ns.example.
    a.example. 3600 IN A 192.0.2.1
";

fn origin() -> Name {
    "example".parse().unwrap()
}

/// A zone file with another serial, and this besides.
fn file(serial: u32, more: &str) -> Arc<Zone> {
    Arc::new(built(&format!("{}{more}\n", ZONE.replace(" 7 ", &format!(" {serial} ")))))
}

/// A server that starts, of a zone with a file or without; and what it warns of.
fn start(store: &Arc<MemoryZones>, file: Option<Arc<Zone>>) -> (Keeper, Option<String>) {
    let (dynamic, served, warning) = Dynamic::open(origin(), store.as_ref(), file).unwrap();
    let mut set = ZoneSet::default();
    match served {
        Some(zone) => set.insert(zone),
        None => set.insert_unavailable(origin()),
    }
    let engine = Arc::new(Engine::new(set, Answering::default()));
    (Keeper::new(engine, Arc::clone(store) as _, vec![dynamic]), warning)
}

fn served(keeper: &Keeper) -> Option<Vec<String>> {
    let zone = keeper.engine.zones().zone(origin().view()).cloned();
    zone.map(|zone| zone.records().map(|record| record.to_string()).collect())
}

fn lines(zone: &Zone) -> Option<Vec<String>> {
    Some(zone.records().map(|record| record.to_string()).collect())
}

fn stored(store: &MemoryZones) -> Option<Vec<String>> {
    let read = kept::read(store, origin().view()).unwrap();
    read.and_then(|(zone, _)| lines(&zone))
}

/// A change by a command, of which no server knows.
async fn edit(store: &MemoryZones, line: &'static str) -> Zone {
    let add = |_: &Zone| vec![Change::Add(record(line))];
    kept::edit(store, origin().view(), add).await.unwrap().unwrap().0
}

#[tokio::test]
async fn a_file_is_kept_once_it_is_served() {
    let store = Arc::new(MemoryZones::new());
    let (keeper, warning) = start(&store, Some(file(7, "")));
    assert_eq!((served(&keeper), warning), (lines(&file(7, "")), None));
    assert_eq!(stored(&store), None, "to read a configuration changes nothing");
    assert_eq!(keeper.follow().await, []);
    assert_eq!(stored(&store), lines(&file(7, "")));
    // Again, nothing changes.
    let stamp = store.stamp(origin().wire()).await.unwrap();
    start(&store, Some(file(7, ""))).0.follow().await;
    assert_eq!(store.stamp(origin().wire()).await.unwrap(), stamp);
}

#[tokio::test]
async fn what_was_changed_is_served_after_a_restart_though_the_file_is_as_it_was() {
    let store = Arc::new(MemoryZones::new());
    start(&store, Some(file(7, ""))).0.follow().await;
    let after = edit(&store, "b.example. 60 IN A 192.0.2.2").await;
    let (keeper, warning) = start(&store, Some(file(7, "")));
    assert_eq!((served(&keeper), warning), (lines(&after), None));
    keeper.follow().await;
    assert_eq!(stored(&store), lines(&after));
    // Also where the file is gone from the configuration.
    assert_eq!(served(&start(&store, None).0), lines(&after));
}

#[tokio::test]
async fn a_newer_file_wins_and_the_difference_is_kept() {
    let store = Arc::new(MemoryZones::new());
    start(&store, Some(file(7, ""))).0.follow().await;
    edit(&store, "b.example. 60 IN A 192.0.2.2").await;
    let newer = file(20, "c.example. 60 IN A 192.0.2.3");
    // At a start.
    let (keeper, warning) = start(&store, Some(Arc::clone(&newer)));
    assert_eq!(warning, None);
    keeper.follow().await;
    assert_eq!((served(&keeper), stored(&store)), (lines(&newer), lines(&newer)));
    let state = store.stamp(origin().wire()).await.unwrap().unwrap();
    let since = store.since(origin().wire(), Stamp { serial: 7, ..state }).await.unwrap().unwrap();
    let names = |records: &zones::Records| {
        let records = kept::taken(records);
        records.iter().map(|record| record.name.to_string()).collect::<Vec<_>>()
    };
    let halves: Vec<_> = since.iter().map(|one| (names(&one.removed), names(&one.added))).collect();
    let (soa, b, c) = ("example.", "b.example.", "c.example.");
    let told = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(halves, [(told(&[soa]), told(&[soa, b])), (told(&[soa, b]), told(&[soa, c]))]);
    // And while it is served.
    let newest = file(21, "");
    keeper.take(Arc::clone(&newest)).await.unwrap();
    assert_eq!((served(&keeper), stored(&store)), (lines(&newest), lines(&newest)));
}

#[tokio::test]
async fn a_file_that_is_other_and_not_newer_is_not_taken_and_told() {
    let store = Arc::new(MemoryZones::new());
    let (keeper, _) = start(&store, Some(file(7, "")));
    keeper.follow().await;
    let after = edit(&store, "b.example. 60 IN A 192.0.2.2").await;
    for serial in [7, 8, 6] {
        let stale = file(serial, "c.example. 60 IN A 192.0.2.3");
        let (keeper, warning) = start(&store, Some(Arc::clone(&stale)));
        let warning = warning.unwrap();
        assert!(warning.contains(&format!("serial {serial} is not after 8")), "{warning}");
        assert!(warning.contains("ropewalk zone export example."), "{warning}");
        assert_eq!(served(&keeper), lines(&after));
        keeper.follow().await;
        let error = keeper.take(stale).await.unwrap_err().to_string();
        assert!(error.contains("is not after 8"), "{error}");
        assert_eq!((served(&keeper), stored(&store)), (lines(&after), lines(&after)));
    }
}

#[tokio::test]
async fn what_was_exported_can_take_the_place_of_the_file() {
    let store = Arc::new(MemoryZones::new());
    start(&store, Some(file(7, ""))).0.follow().await;
    let after = Arc::new(edit(&store, "b.example. 60 IN A 192.0.2.2").await);
    let (keeper, warning) = start(&store, Some(Arc::clone(&after)));
    assert_eq!(warning, None);
    keeper.follow().await;
    let last = edit(&store, "c.example. 60 IN A 192.0.2.3").await;
    // It is what the file was the last time, from now on.
    assert_eq!(start(&store, Some(after)).1, None);
    assert_eq!(served(&start(&store, None).0), lines(&last));
}

#[tokio::test]
async fn what_others_change_is_followed() {
    let store = Arc::new(MemoryZones::new());
    let (one, _) = start(&store, Some(file(7, "")));
    one.follow().await;
    let (other, _) = start(&store, Some(file(7, "")));
    for line in ["b.example. 60 IN A 192.0.2.2", "c.example. 60 IN A 192.0.2.2"] {
        let after = edit(&store, line).await;
        one.follow().await;
        assert_eq!(served(&one), lines(&after));
    }
    // More than there are differences of.
    let state = store.stamp(origin().wire()).await.unwrap();
    let zone = file(50, "z.example. 60 IN A 192.0.2.2");
    let kept = Kept { stamp: Stamp { id: 0, serial: 50 }, seed: None, records: kept::records(&zone) };
    store.put(origin().wire(), state, kept).await.unwrap().unwrap();
    for keeper in [one, other] {
        keeper.follow().await;
        assert_eq!(served(&keeper), lines(&zone));
    }
}

#[tokio::test]
async fn what_is_forgotten_is_served_no_more_and_begins_anew_with_its_file() {
    let store = Arc::new(MemoryZones::new());
    let (keeper, _) = start(&store, Some(file(7, "")));
    keeper.follow().await;
    let state = store.stamp(origin().wire()).await.unwrap().unwrap();
    assert!(store.remove(origin().wire(), state).await.unwrap());
    assert_eq!(keeper.follow().await, [origin()]);
    assert_eq!(served(&keeper), None);
    keeper.take(file(3, "")).await.unwrap();
    assert_eq!((served(&keeper), stored(&store)), (lines(&file(3, "")), lines(&file(3, ""))));
}

#[tokio::test]
async fn a_zone_of_the_store_alone_is_served_as_soon_as_it_is_there() {
    let store = Arc::new(MemoryZones::new());
    let (keeper, warning) = start(&store, None);
    assert!(warning.unwrap().contains("ropewalk zone import example.=FILE"));
    assert_eq!((keeper.follow().await, served(&keeper)), (vec![], None));
    kept::import(store.as_ref(), &file(7, "")).await.unwrap();
    keeper.follow().await;
    assert_eq!(served(&keeper), lines(&file(7, "")));
}

#[tokio::test]
async fn differences_end_with_what_is_served_and_are_no_longer_than_the_zone() {
    let store = Arc::new(MemoryZones::new());
    let (keeper, _) = start(&store, Some(file(7, "")));
    keeper.follow().await;
    edit(&store, "b.example. 60 IN A 192.0.2.2").await;
    keeper.follow().await;
    let at_8 = keeper.engine.zones().zone(origin().view()).cloned().unwrap();
    edit(&store, "c.example. 60 IN A 192.0.2.2").await;
    assert_eq!(keeper.since(&at_8, 7).await.unwrap().len(), 1);
    assert_eq!(keeper.since(&at_8, 6).await, None);
    keeper.follow().await;
    let at_9 = keeper.engine.zones().zone(origin().view()).cloned().unwrap();
    // Of each, two SOA and the record: six records, as many as the zone has by now, and no fewer.
    assert_eq!(keeper.since(&at_9, 8).await.unwrap().len(), 1);
    assert_eq!(keeper.since(&at_9, 7).await, None);
}
