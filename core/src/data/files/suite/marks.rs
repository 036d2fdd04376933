//! What every engine of locks and properties has to do.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::super::{FsError, LockError, Locks, Marks, NewLock, PropName, Props, VPath};
use super::{Result, path};

const LONG: Duration = Duration::from_secs(600);

/// Runs the whole suite of [`Locks`] and [`Props`]. `make` gives the marks of a tree that has none yet, each time of another.
///
/// # Panics
/// If the engine does not do what it should.
pub async fn marks_suite(make: impl Fn() -> Marks) {
    reach(make().locks()).await;
    exclusive(make().locks()).await;
    ended(make().locks()).await;
    whose(make().locks()).await;
    apart(&make(), &make()).await;
    most_locks(make().locks()).await;
    names(make().props()).await;
    renamed(make().props()).await;
    most_octets(make().props()).await;
}

fn wanted(at: &str, deep: bool, exclusive: bool) -> NewLock {
    let (user, owner) = (Some("ann".into()), Bytes::new());
    NewLock { path: path(at), deep, exclusive, user, owner, timeout: LONG }
}

async fn paths(locks: &dyn Locks, at: &str, below: bool) -> Vec<String> {
    let over = locks.over(&path(at), below).await.expect("locks can be read");
    over.iter().map(|lock| lock.path.to_string()).collect()
}

/// A lock holds where it reaches, and for nothing that is only called alike.
async fn reach(locks: &dyn Locks) {
    for (at, deep) in [("/a", true), ("/b", false), ("/a/b/c", false), ("/a-b", false), ("/a0", false)] {
        locks.lock(wanted(at, deep, false)).await.expect("nothing is in the way");
    }
    for (at, below, found) in [
        ("/a", false, &["/a"][..]),
        ("/a/b", false, &["/a"]),
        ("/a/b/c", false, &["/a", "/a/b/c"]),
        ("/b/c", false, &[]),
        ("/a", true, &["/a", "/a/b/c"]),
        ("/", true, &["/a", "/a-b", "/a/b/c", "/a0", "/b"]),
        ("/", false, &[]),
    ] {
        assert_eq!(paths(locks, at, below).await, found, "over {at}, below: {below}");
    }
    locks.removed(&path("/a")).await.expect("locks end");
    assert_eq!(paths(locks, "/", true).await, ["/a-b", "/a0", "/b"], "what was below has ended");
    locks.lock(wanted("/", true, false)).await.expect("nothing is in the way");
    assert_eq!(paths(locks, "/x", false).await, ["/"], "the root's holds for all");
}

/// What is exclusive is alone.
async fn exclusive(locks: &dyn Locks) {
    let held = locks.lock(wanted("/a/b", false, true)).await.expect("nothing is in the way");
    for (at, deep, exclusive, conflicts) in [
        ("/a/b", false, false, true),
        ("/a", true, false, true),
        ("/", true, true, true),
        ("/a", false, true, false),
        ("/a/c", true, true, false),
    ] {
        match locks.lock(wanted(at, deep, exclusive)).await {
            Ok(lock) => {
                assert!(!conflicts, "{at}");
                assert!(locks.unlock(&lock.token).await.expect("it can be ended"));
            }
            Err(error) => {
                let is_that = matches!(&error, LockError::Conflict(lock) if **lock == held);
                assert!(conflicts && is_that, "{at}: {error:?}");
            }
        }
    }
    let shared = locks.lock(wanted("/s", true, false)).await.expect("nothing is in the way");
    let beside = locks.lock(wanted("/s/x", false, false)).await.expect("both are shared");
    assert_ne!(shared.token, beside.token);
    assert!(matches!(locks.lock(wanted("/s/x", false, true)).await, Err(LockError::Conflict(_))));
    // Of many who want the same at once, one has it.
    let all = join_all((0..20).map(|_| locks.lock(wanted("/once", false, true)))).await;
    assert_eq!(all.iter().filter(|lock| lock.is_ok()).count(), 1);
}

/// What has ended is nowhere.
async fn ended(locks: &dyn Locks) {
    let over = NewLock { timeout: Duration::ZERO, ..wanted("/a", false, true) };
    let over = locks.lock(over).await.expect("nothing is in the way");
    assert_eq!(paths(locks, "/a", false).await, [""; 0]);
    assert_eq!(locks.refresh(&over.token, LONG).await.expect("locks can be read"), None);
    assert!(!locks.unlock(&over.token).await.expect("locks can be read"));
    let next = locks.lock(wanted("/a", false, true)).await.expect("it is in nobody's way");
    let longer = locks.refresh(&next.token, 2 * LONG).await.expect("it can be written");
    assert!(longer.expect("it holds").until > next.until);
    locks.removed(&VPath::ROOT).await.expect("locks end");
    assert!(!locks.unlock(&next.token).await.expect("locks can be read"));
    assert_eq!(locks.refresh("urn:uuid:none", LONG).await.expect("locks can be read"), None);
    let forever = NewLock { timeout: Duration::MAX, ..wanted("/a", false, true) };
    let forever = locks.lock(forever).await;
    assert!(matches!(forever, Err(LockError::Files(FsError::Unsupported))), "{forever:?}");
}

/// A lock is found again as it was made.
async fn whose(locks: &dyn Locks) {
    let at = VPath::parse(b"/\xff\xfe%'\"\n", &VPath::ROOT, super::DotDot::Refuse).expect("a path is octets");
    let owner = Bytes::from_static(b"<D:href>\xf0\x9f\xaa\xa2</D:href>");
    for (user, deep) in [(None, true), (Some("\u{e9}va".to_owned()), false)] {
        let wanted =
            NewLock { path: at.clone(), deep, exclusive: false, user, owner: owner.clone(), timeout: LONG };
        let made = locks.lock(wanted.clone()).await.expect("nothing is in the way");
        let found = locks.over(&at, false).await.expect("locks can be read");
        assert_eq!(found.last(), Some(&made));
        assert_eq!((&made.user, made.deep, &made.owner), (&wanted.user, deep, &owner));
    }
}

/// Two trees have nothing to do with each other.
async fn apart(one: &Marks, other: &Marks) {
    let held = one.locks().lock(wanted("/a", true, true)).await.expect("nothing is in the way");
    set(one.props(), "/a", "1").await.expect("there is room");
    assert_eq!(paths(other.locks(), "/", true).await, [""; 0]);
    other.locks().lock(wanted("/", true, true)).await.expect("nothing is in the way");
    assert!(!other.locks().unlock(&held.token).await.expect("locks can be read"));
    assert_eq!(other.locks().refresh(&held.token, LONG).await.expect("locks can be read"), None);
    for change in [other.props().removed(&VPath::ROOT).await, other.locks().removed(&VPath::ROOT).await] {
        change.expect("marks can be removed");
    }
    assert_eq!(value(other.props(), "/a").await, None);
    assert_eq!(value(one.props(), "/a").await.expect("it is there"), "1");
    assert!(one.locks().unlock(&held.token).await.expect("it can be ended"));
}

/// There are not more than there may be.
async fn most_locks(locks: &dyn Locks) {
    let all = (0..Marks::LOCKS_OF_ONE).map(|number| locks.lock(wanted(&format!("/{number}"), false, true)));
    assert!(join_all(all).await.iter().all(|lock| lock.is_ok()));
    let more = locks.lock(wanted("/more", false, true)).await;
    assert!(matches!(more, Err(LockError::Files(FsError::Quota))));
    for user in [Some("bob".to_owned()), None] {
        let of_other = NewLock { user, ..wanted("/more", false, false) };
        let of_other = locks.lock(of_other).await.expect("each has their own");
        let token = of_other.token.as_bytes();
        assert!(token.starts_with(b"urn:uuid:") && token.len() == 45 && token.get(23) == Some(&b'4'));
    }
    locks.removed(&path("/0")).await.expect("locks end");
    locks.lock(wanted("/0", false, true)).await.expect("one has gone");
}

fn name(namespace: &str, local: &str) -> PropName {
    PropName { namespace: namespace.into(), local: local.into() }
}

async fn set(props: &dyn Props, at: &str, value: &'static str) -> Result<()> {
    props.change(&path(at), &[(name("urn:x", "a"), Some(value.into()))]).await
}

async fn value(props: &dyn Props, at: &str) -> Option<Bytes> {
    let of = props.of(&path(at)).await.expect("properties can be read");
    of.into_iter().map(|prop| prop.value).next()
}

/// Each change counts, in its order; names that differ anywhere are others.
async fn names(props: &dyn Props) {
    let all = [name("urn:b", "a"), name("", "z"), name("urn:a", "b"), name("urn:a", "B")];
    let changes: Vec<_> = all.iter().map(|name| (name.clone(), Some(name.local.clone().into()))).collect();
    let at = path("/f");
    props.change(&at, &changes).await.expect("there is room");
    let found = props.of(&at).await.expect("properties can be read");
    let order: Vec<_> = found.iter().map(|prop| prop.name.clone()).collect();
    assert_eq!(order, [name("", "z"), name("urn:a", "B"), name("urn:a", "b"), name("urn:b", "a")]);
    assert!(found.iter().all(|prop| prop.value == prop.name.local));
    let a = |value: Option<&'static str>| (name("urn:a", "b"), value.map(Bytes::from));
    props.change(&at, &[a(None), a(Some("1")), a(None), a(Some("2"))]).await.expect("there is room");
    props.change(&at, &[(name("", "nothing"), None)]).await.expect("there is nothing to remove");
    let found = props.of(&at).await.expect("properties can be read");
    assert_eq!((found.len(), found.get(2).map(|prop| &*prop.value)), (4, Some(&b"2"[..])));
    let none: Vec<_> = all.into_iter().map(|name| (name, None)).collect();
    props.change(&at, &none).await.expect("they can be removed");
    assert!(props.within(&VPath::ROOT).await.expect("properties can be read").is_empty());
}

/// They go where their file goes.
async fn renamed(props: &dyn Props) {
    for (at, text) in
        [("/", "0"), ("/a", "1"), ("/a/b", "2"), ("/a-b", "3"), ("/to/b", "old"), ("/to/c", "old")]
    {
        set(props, at, text).await.expect("there is room");
    }
    for (from, to) in [("/a", "/to"), ("/to", "/to")] {
        props.renamed(&path(from), &path(to)).await.expect("they go along");
    }
    for (at, text) in [
        ("/to", Some("1")),
        ("/to/b", Some("2")),
        ("/to/c", None),
        ("/a", None),
        ("/a/b", None),
        ("/a-b", Some("3")),
    ] {
        assert_eq!(value(props, at).await, text.map(Bytes::from), "{at}");
    }
    for (dir, inside) in [("/to", &["/to/b"][..]), ("/", &["/a-b", "/to"])] {
        let found = props.within(&path(dir)).await.expect("properties can be read");
        assert_eq!(found.keys().map(ToString::to_string).collect::<Vec<_>>(), inside, "in {dir}");
        assert!(found.values().all(|props| props.len() == 1));
    }
    // What is too long to be asked for by its new path is lost.
    let (deep, long) = (format!("/d{}", "/12345678".repeat(400)), format!("/e{}", "/12345678".repeat(60)));
    set(props, &deep, "lost").await.expect("there is room");
    set(props, "/d", "kept").await.expect("there is room");
    props.renamed(&path("/d"), &path(&long)).await.expect("they go along");
    assert_eq!((value(props, &long).await, value(props, &deep).await), (Some("kept".into()), None));
    props.removed(&path("/to")).await.expect("they can be removed");
    assert_eq!((value(props, "/to").await, value(props, "/to/b").await), (None, None));
    assert_eq!(value(props, "/").await.expect("it is there"), "0");
}

/// There is not more than there may be, and what is removed makes room.
async fn most_octets(props: &dyn Props) {
    let long = Bytes::from(vec![b'x'; 100_000]);
    let (a, b) = ([(name("urn:x", "a"), Some(long.clone()))], [(name("urn:x", "b"), Some(long))]);
    for _ in 0..2 {
        props.change(&path("/a"), &a).await.expect("there is room");
        assert!(matches!(props.change(&path("/a"), &b).await, Err(FsError::Quota)));
        assert_eq!(props.of(&path("/a")).await.expect("they can be read").len(), 1, "all or nothing");
        let mut kept = 1;
        while props.change(&path(&format!("/{kept}")), &b).await.is_ok() {
            kept += 1;
        }
        assert_eq!(kept, Marks::OCTETS / 100_100);
        props.change(&path("/a"), &a).await.expect("it is not more than there was");
        props.change(&path("/a"), &[(name("urn:x", "a"), None)]).await.expect("less is no more");
        props.change(&path("/b"), &b).await.expect("what is removed makes room");
        props.removed(&VPath::ROOT).await.expect("they can be removed");
    }
}
