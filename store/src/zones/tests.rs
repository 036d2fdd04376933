use std::sync::Mutex;

use ropewalk_core::data::zones::suite::zones_suite;
use ropewalk_core::data::zones::{Record, Records};
use tempfile::TempDir;

use super::*;

const ORIGIN: &[u8] = b"\x07example\0";

fn kept(serial: u32, texts: &[&str]) -> Kept {
    let mut records = Records::new();
    for text in texts {
        records.push(Record { name: b"\x01A\x07example\0", rtype: 16, ttl: 60, rdata: text.as_bytes() });
    }
    Kept { stamp: Stamp { id: 0, serial }, seed: None, records }
}

fn difference(from: u32, removed: &[&str], added: &[&str]) -> Difference {
    Difference { from, to: from + 1, removed: kept(0, removed).records, added: kept(0, added).records }
}

#[tokio::test]
async fn a_store_keeps_zones_as_every_engine_does() {
    let dirs = Mutex::new(Vec::new());
    zones_suite(|| {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path()).unwrap();
        dirs.lock().unwrap().push(dir);
        store
    })
    .await;
}

#[tokio::test]
async fn what_is_kept_is_there_for_others_and_after_an_end() {
    let dir = TempDir::new().unwrap();
    let (one, other) = (Store::open(dir.path()).unwrap(), Store::open(dir.path()).unwrap());
    assert_eq!(other.read(ORIGIN).unwrap(), None);
    assert!(!dir.path().join(FILE).exists(), "to look makes nothing");
    let was = one.put(ORIGIN, None, kept(1, &["a"])).await.unwrap().unwrap();
    let now = other.change(ORIGIN, was, difference(1, &["a"], &["b"]), None).await.unwrap().unwrap();
    assert_eq!(one.change(ORIGIN, was, difference(1, &["a"], &["c"]), None).await.unwrap(), None);
    drop(other);
    drop(one);
    let store = Store::open(dir.path()).unwrap();
    let zone = store.read(ORIGIN).unwrap().unwrap();
    assert_eq!((zone.stamp, zone.records), (now, kept(2, &["b"]).records));
    assert_eq!(store.since(ORIGIN, was).await.unwrap(), Some(vec![difference(1, &["a"], &["b"])]));
}

#[tokio::test]
async fn what_another_program_has_made_is_refused() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join(FILE), "no database at all, but long enough to be looked at").unwrap();
    assert!(Store::open(dir.path()).unwrap_err().chain().contains("zones.db"));
}

/// A file that was made and not yet filled, as by a process that was killed, holds no zones.
#[tokio::test]
async fn a_file_without_tables_is_empty() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join(FILE), "").unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.read(ORIGIN).unwrap(), None);
    assert!(store.put(ORIGIN, None, kept(1, &["a"])).await.unwrap().is_some());
}
