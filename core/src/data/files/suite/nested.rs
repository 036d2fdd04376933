//! What every engine of locks and properties has to do for trees that lie in one another.

use std::time::Duration;

use bytes::Bytes;

use super::super::{Lock, LockError, Marks, NewLock, PropName, VPath};
use super::path;

const LONG: Duration = Duration::from_secs(600);

/// Runs the suite. `of` gives the marks of the tree in a directory; nothing is marked at first.
///
/// # Panics
/// If the engine does not do what it should.
pub async fn nested_marks_suite(of: impl Fn(&VPath) -> Marks) {
    let (outer, inner) = (of(&path("/srv")), of(&path("/srv/in/tree")));
    inner_locks(&outer, &inner).await;
    outer_locks(&outer, &inner).await;
    strangers(&outer, &inner).await;
    properties(&outer, &inner).await;
    moved(&outer, &inner).await;
    room(&outer, &inner).await;
}

async fn lock(marks: &Marks, at: &str, deep: bool) -> Result<Lock, LockError> {
    let (user, owner) = (Some("ann".into()), Bytes::new());
    let wanted = NewLock { path: path(at), deep, exclusive: true, user, owner, timeout: LONG };
    marks.locks().lock(wanted).await
}

async fn held(marks: &Marks, at: &str, deep: bool) -> Lock {
    lock(marks, at, deep).await.expect("nothing is in the way")
}

async fn unlock(marks: &Marks, lock: &Lock) -> bool {
    marks.locks().unlock(&lock.token).await.expect("locks can be written")
}

/// The locks over something: where they are, and their tokens.
async fn over(marks: &Marks, at: &str, below: bool) -> Vec<(String, String)> {
    let over = marks.locks().over(&path(at), below).await.expect("locks can be read");
    over.into_iter().map(|lock| (lock.path.to_string(), lock.token)).collect()
}

async fn conflicts(marks: &Marks, at: &str, deep: bool, with: &Lock, shown: &str) {
    let other = match lock(marks, at, deep).await {
        Err(LockError::Conflict(other)) => Some((other.token, other.path.to_string())),
        _ => None,
    };
    assert_eq!(other, Some((with.token.clone(), shown.to_owned())), "{at}");
}

/// What is locked in the inner tree is locked in the outer one.
async fn inner_locks(outer: &Marks, inner: &Marks) {
    let file = held(inner, "/f", false).await;
    assert_eq!(file.path, path("/f"));
    assert_eq!(over(inner, "/f", false).await, [("/f".to_owned(), file.token.clone())]);
    let there = [("/in/tree/f".to_owned(), file.token.clone())];
    assert_eq!(over(outer, "/in/tree/f", false).await, there);
    assert_eq!(over(outer, "/", true).await, there);
    conflicts(outer, "/in/tree/f", false, &file, "/in/tree/f").await;
    conflicts(outer, "/in", true, &file, "/in/tree/f").await;
    let longer = outer.locks().refresh(&file.token, 2 * LONG).await.expect("it can be written");
    assert_eq!(longer.map(|lock| lock.path), Some(path("/in/tree/f")));
    assert!(unlock(outer, &file).await);
    assert_eq!(over(inner, "/", true).await, []);
}

/// What is locked in the outer tree with all below it is locked in the inner one.
async fn outer_locks(outer: &Marks, inner: &Marks) {
    let above = held(outer, "/in", true).await;
    let root = [("/".to_owned(), above.token.clone())];
    for (at, below) in [("/", false), ("/", true), ("/f", false), ("/f/g", true)] {
        assert_eq!(over(inner, at, below).await, root, "{at}");
    }
    conflicts(inner, "/f", false, &above, "/").await;
    let longer = inner.locks().refresh(&above.token, 2 * LONG).await.expect("it can be written");
    assert!(longer.is_some_and(|lock| lock.path == VPath::ROOT && lock.until > above.until));
    assert!(unlock(inner, &above).await);
    assert_eq!(over(outer, "/", true).await, []);
    let root = held(outer, "/in/tree", false).await;
    conflicts(inner, "/", false, &root, "/").await;
    assert_eq!(over(inner, "/f", false).await, [], "it holds for the directory alone");
    inner.locks().removed(&VPath::ROOT).await.expect("locks end");
    assert_eq!(over(outer, "/", true).await, []);
}

/// What is locked elsewhere in the outer tree is nothing to the inner one.
async fn strangers(outer: &Marks, inner: &Marks) {
    for at in ["/in", "/", "/in/tree-b", "/in/tre", "/other"] {
        let other = held(outer, at, false).await;
        assert_eq!(over(inner, "/", true).await, [], "{at}");
        let longer = inner.locks().refresh(&other.token, LONG).await.expect("locks can be read");
        assert_eq!((longer, unlock(inner, &other).await), (None, false), "{at}");
        inner.locks().removed(&VPath::ROOT).await.expect("locks end");
        assert!(unlock(outer, &other).await, "{at}");
    }
}

fn name() -> PropName {
    PropName { namespace: "urn:x".into(), local: "a".into() }
}

async fn set(marks: &Marks, at: &str, value: impl Into<Bytes>) -> super::Result<()> {
    marks.props().change(&path(at), &[(name(), Some(value.into()))]).await
}

async fn value(marks: &Marks, at: &str) -> Option<Bytes> {
    let of = marks.props().of(&path(at)).await.expect("properties can be read");
    of.into_iter().map(|prop| prop.value).next()
}

/// The paths of what is directly in a directory and has properties.
async fn within(marks: &Marks, at: &str) -> Vec<String> {
    let within = marks.props().within(&path(at)).await.expect("properties can be read");
    within.keys().map(ToString::to_string).collect()
}

/// They are the same in both trees.
async fn properties(outer: &Marks, inner: &Marks) {
    for (marks, at) in [(inner, "/"), (inner, "/d/f"), (outer, "/in/tree/d/g"), (outer, "/in/tree-b")] {
        set(marks, at, at).await.expect("there is room");
    }
    assert_eq!(value(outer, "/in/tree/d/f").await.expect("it is there"), "/d/f");
    assert_eq!(value(inner, "/d/g").await.expect("it is there"), "/in/tree/d/g");
    assert_eq!(within(inner, "/d").await, ["/d/f", "/d/g"]);
    assert_eq!(within(outer, "/in/tree/d").await, ["/in/tree/d/f", "/in/tree/d/g"]);
    assert_eq!(within(outer, "/in").await, ["/in/tree", "/in/tree-b"]);
    assert_eq!(within(inner, "/").await, [""; 0]);
}

/// What moves in one tree moves in the other.
async fn moved(outer: &Marks, inner: &Marks) {
    let go = async |marks: &Marks, from: &str, to: &str| {
        marks.props().renamed(&path(from), &path(to)).await.expect("they go along");
    };
    go(outer, "/in/tree/d", "/in/tree/e").await;
    assert_eq!(value(inner, "/e/f").await.expect("it is there"), "/d/f");
    assert_eq!((value(inner, "/d/f").await, within(inner, "/e").await.len()), (None, 2));
    go(inner, "/e", "/h").await;
    assert_eq!(value(outer, "/in/tree/h/f").await.expect("it is there"), "/d/f");
    // A folder that the inner tree is in.
    go(outer, "/in", "/out").await;
    assert_eq!((value(inner, "/").await, value(inner, "/h/f").await), (None, None));
    assert_eq!(value(outer, "/out/tree/h/f").await.expect("it is there"), "/d/f");
    go(outer, "/out", "/in").await;
    assert_eq!(value(inner, "/h/f").await.expect("it is there"), "/d/f");
    inner.props().removed(&VPath::ROOT).await.expect("they can be removed");
    assert_eq!(value(outer, "/in/tree").await, None);
    assert_eq!(value(outer, "/in/tree-b").await.expect("what lies beside stays"), "/in/tree-b");
    outer.props().removed(&VPath::ROOT).await.expect("they can be removed");
}

/// Each tree has as much as there may be in one, whatever is around it.
async fn room(outer: &Marks, inner: &Marks) {
    let long = Bytes::from(vec![b'x'; 100_000]);
    let mut kept = 0;
    while set(outer, &format!("/{kept}"), long.clone()).await.is_ok() {
        kept += 1;
    }
    set(inner, "/f", long.clone()).await.expect("the inner tree is empty");
    assert!(set(outer, "/g", long).await.is_err());
    outer.props().removed(&VPath::ROOT).await.expect("they can be removed");
    assert_eq!(value(inner, "/f").await, None);
}
