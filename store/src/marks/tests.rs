use std::time::Duration;

use bytes::Bytes;
use ropewalk_core::data::files::suite::marks_suite;
use ropewalk_core::data::files::{NewLock, PropName};
use tempfile::TempDir;

use super::*;

fn at(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

fn wanted(path: &str, timeout: Duration) -> NewLock {
    let (user, owner) = (Some("ann".to_owned()), Bytes::from_static(b"Ann"));
    NewLock { path: at(path), deep: true, exclusive: true, user, owner, timeout }
}

fn name() -> PropName {
    PropName { namespace: "urn:x".into(), local: "a".into() }
}

fn open(dir: &TempDir) -> Store {
    Store::open(dir.path()).unwrap()
}

#[tokio::test]
async fn a_store_keeps_what_every_engine_keeps() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let trees = std::cell::Cell::new(0_u8);
    marks_suite(|| {
        trees.set(trees.get() + 1);
        // No tree's name is UTF-8 for sure.
        store.of(&[b'/', 0xff, trees.get()])
    })
    .await;
}

#[tokio::test]
async fn what_was_marked_outlives_the_process() {
    let dir = TempDir::new().unwrap();
    let marks = open(&dir).of(b"/srv");
    let lock = marks.locks().lock(wanted("/a", Duration::from_secs(60))).await.unwrap();
    marks.props().change(&at("/a"), &[(name(), Some(Bytes::from_static(b"v")))]).await.unwrap();
    drop(marks);
    let marks = open(&dir).of(b"/srv");
    assert_eq!(marks.locks().over(&at("/a/b"), false).await.unwrap(), std::slice::from_ref(&lock));
    assert!(marks.locks().lock(wanted("/a/b", Duration::from_secs(60))).await.is_err());
    assert_eq!(marks.props().of(&at("/a")).await.unwrap().first().unwrap().value, "v");
    assert!(marks.locks().unlock(&lock.token).await.unwrap());
}

#[tokio::test]
async fn a_lock_that_has_ended_leaves_the_file() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let rows = async || {
        let database = store.0.database.get().unwrap();
        database
            .read(|db| db.query_row("SELECT count(*) FROM lock", [], |row| row.get::<_, i64>(0)))
            .await
            .unwrap()
    };
    let (one, other) = (store.of(b"/one"), store.of(b"/other"));
    one.locks().lock(wanted("/a", Duration::ZERO)).await.unwrap();
    assert_eq!(rows().await, 1);
    assert!(one.locks().over(&VPath::ROOT, true).await.unwrap().is_empty());
    // Whatever tree it was in.
    other.locks().lock(wanted("/b", Duration::from_secs(60))).await.unwrap();
    assert_eq!(rows().await, 1);
    assert_eq!(other.locks().over(&VPath::ROOT, true).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_removed_takes_its_properties_and_their_room_along() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let props = store.of(b"/srv");
    let props = props.props();
    for path in ["/a", "/a/b", "/c"] {
        props.change(&at(path), &[(name(), Some(Bytes::from_static(b"v")))]).await.unwrap();
    }
    props.renamed(&at("/a"), &at("/longer")).await.unwrap();
    let sums = async || {
        let sql = "SELECT (SELECT sum(octets) FROM file),
            (SELECT sum(length(namespace) + length(local) + length(content) + 64) FROM property)
            + (SELECT sum(length(path)) FROM file)";
        let sums = |db: &Connection| {
            db.query_row(sql, [], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)))
        };
        store.0.database.get().unwrap().read(sums).await.unwrap()
    };
    let (counted, there) = sums().await;
    assert_eq!((counted, there), (Some(3 * 71 + 7 + 9 + 2), counted));
    props.removed(&at("/longer")).await.unwrap();
    assert_eq!(sums().await, (Some(73), Some(73)));
    props.removed(&VPath::ROOT).await.unwrap();
    assert_eq!(sums().await, (None, None), "no property without its file");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_told_at_once_and_left_alone() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join(FILE), "precious, and by far long enough to be looked at").unwrap();
    Store::open(dir.path()).unwrap_err();
    assert!(std::fs::read_to_string(dir.path().join(FILE)).unwrap().starts_with("precious"));
    let missing = Store::open(&dir.path().join("missing")).unwrap().of(b"/srv");
    let error = missing.locks().over(&VPath::ROOT, false).await.unwrap_err();
    assert!(matches!(error, FsError::Io(_)), "{error:?}");
}
