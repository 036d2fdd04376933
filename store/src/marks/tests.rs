use std::time::Duration;

use bytes::Bytes;
use ropewalk_core::data::files::suite::{marks_suite, nested_marks_suite};
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
        // No folder's path is UTF-8 for sure.
        store.of(&[b'/', 0xff, trees.get()])
    })
    .await;
}

#[tokio::test]
async fn a_store_keeps_the_same_for_trees_in_one_another() {
    for root in [&b""[..], b"/\xff"] {
        let dir = TempDir::new().unwrap();
        let store = open(&dir);
        nested_marks_suite(|tree| store.of(&[root, tree.as_bytes()].concat())).await;
    }
}

#[tokio::test]
async fn the_root_of_the_machine_is_a_folder_too() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let (root, srv) = (store.of(b"/"), store.of(b"/srv"));
    let lock = root.locks().lock(wanted("/", Duration::from_secs(60))).await.unwrap();
    assert_eq!(srv.locks().over(&at("/a"), false).await.unwrap(), std::slice::from_ref(&lock));
    assert!(srv.locks().unlock(&lock.token).await.unwrap());
    for path in ["/", "/srv", "/srv/a"] {
        root.props().change(&at(path), &[(name(), Some(Bytes::from_static(b"v")))]).await.unwrap();
    }
    assert_eq!(srv.props().of(&VPath::ROOT).await.unwrap().len(), 1);
    assert!(root.props().within(&VPath::ROOT).await.unwrap().keys().eq([&at("/srv")]));
    srv.props().removed(&VPath::ROOT).await.unwrap();
    assert_eq!(root.props().of(&VPath::ROOT).await.unwrap().len(), 1);
    assert!(root.props().of(&at("/srv/a")).await.unwrap().is_empty());
}

/// What is deep in one tree, and too deep for the other one, is in nobody's way there, and blocks what it is in.
#[tokio::test]
async fn what_one_tree_cannot_ask_for_spoils_nothing() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let (outer, inner) = (store.of(b"/srv"), store.of(b"/srv/tree"));
    let deep = "/d".repeat(2047);
    inner.props().change(&at(&deep), &[(name(), Some(Bytes::from_static(b"v")))]).await.unwrap();
    let lock = inner.locks().lock(wanted(&deep, Duration::from_secs(60))).await.unwrap();
    let over = outer.locks().over(&at("/tree"), true).await.unwrap();
    let [found] = &over[..] else { panic!("{over:?}") };
    assert!(found.token == lock.token && found.path.is_within(&at("/tree/d")));
    outer.props().renamed(&at("/tree/d"), &at("/tree/e")).await.unwrap();
    assert!(inner.props().of(&at(&deep)).await.unwrap().is_empty());
    assert!(outer.locks().unlock(&lock.token).await.unwrap());
}

/// A store as the first version left it, with this in it.
fn old(dir: &TempDir, content: &str) {
    let db = Connection::open(dir.path().join(FILE)).unwrap();
    db.execute_batch(SCHEMA.steps[0]).unwrap();
    db.execute_batch(content).unwrap();
    db.pragma_update(None, "application_id", SCHEMA.id).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
}

#[tokio::test]
async fn what_was_marked_in_one_tree_is_marked_in_all() {
    let dir = TempDir::new().unwrap();
    let file = |id: i64, tree: &str, path: &str, folder: &str| {
        format!(
            "INSERT INTO file VALUES ({id}, CAST('{tree}' AS BLOB), CAST('{path}' AS BLOB), CAST({folder} AS BLOB), 9);"
        )
    };
    let prop = |id: i64, local: &str, value: &str| {
        format!("INSERT INTO property VALUES ({id}, 'urn:x', '{local}', CAST('{value}' AS BLOB));")
    };
    let lock = |token: &str, tree: &str, path: &str| {
        format!(
            "INSERT INTO lock VALUES ('{token}', CAST('{tree}' AS BLOB), CAST('{path}' AS BLOB), 1, 1, 'ann', x'00', {});",
            i64::MAX
        )
    };
    let content = [
        file(1, "/srv", "/x/f", "'/x'"),
        prop(1, "a", "old"),
        prop(1, "b", "kept"),
        file(2, "/srv/x", "/f", "'/'"),
        prop(2, "a", "new"),
        file(3, "/srv/x", "/", "NULL"),
        prop(3, "a", "root"),
        file(4, "/", "/g", "'/'"),
        prop(4, "a", "g"),
        file(5, "nowhere", "/g", "'/'"),
        prop(5, "a", "lost"),
        lock("urn:1", "/srv/x", "/f"),
        lock("urn:2", "/srv", "/"),
        lock("urn:3", "/", "/g"),
    ];
    old(&dir, &content.concat());
    let store = open(&dir);
    let (srv, x, root) = (store.of(b"/srv"), store.of(b"/srv/x"), store.of(b"/"));
    let values = async |marks: &Marks, path: &str| {
        let props = marks.props().of(&at(path)).await.unwrap();
        props.into_iter().map(|prop| String::from_utf8(prop.value.to_vec()).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(values(&x, "/f").await, ["new", "kept"]);
    assert_eq!(values(&srv, "/x/f").await, ["new", "kept"]);
    assert_eq!(
        (values(&srv, "/x").await, values(&root, "/g").await),
        (vec!["root".into()], vec!["g".into()])
    );
    assert!(srv.props().within(&VPath::ROOT).await.unwrap().keys().eq([&at("/x")]));
    assert!(x.props().within(&VPath::ROOT).await.unwrap().keys().eq([&at("/f")]));
    let over = x.locks().over(&at("/f"), false).await.unwrap();
    assert!(over.iter().map(|lock| &*lock.token).eq(["urn:2", "urn:1"]), "{over:?}");
    assert_eq!(root.locks().over(&at("/g"), false).await.unwrap().len(), 1);
    let counted = "SELECT sum(octets), (SELECT count(*) FROM file) FROM file";
    let counted = async || {
        let sums = |db: &Connection| {
            db.query_row(counted, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        };
        store.0.database.get().unwrap().read(sums).await.unwrap()
    };
    let octets = |path: &str, values: &[&str]| {
        path.len() + values.iter().map(|value| "urn:xa".len() + value.len() + 64).sum::<usize>()
    };
    let all = octets("/srv/x/f", &["new", "kept"]) + octets("/srv/x", &["root"]) + octets("/g", &["g"]);
    assert_eq!(counted().await, (all as i64, 3));
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
    assert_eq!((counted, there), (Some(3 * 71 + 11 + 13 + 6), counted));
    props.removed(&at("/longer")).await.unwrap();
    assert_eq!(sums().await, (Some(77), Some(77)));
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

#[tokio::test]
async fn a_disk_that_is_full_is_said_to_be() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let marks = store.of(b"/srv");
    marks.locks().lock(wanted("/a", Duration::from_secs(60))).await.unwrap();
    let database = store.0.database.get().unwrap();
    // No page more than there are.
    database.write(|db| db.pragma_update(None, "max_page_count", 1)).await.unwrap();
    let large = Bytes::from(vec![b'x'; 64 * 1024]);
    let error = marks.props().change(&at("/a"), &[(name(), Some(large))]).await.unwrap_err();
    assert!(matches!(error, FsError::NoSpace), "{error:?}");
}
