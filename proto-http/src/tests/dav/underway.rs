//! Locks, and changes that are under way when they are asked for.

use ropewalk_core::testkit::Watched;

use super::locks::LOCK;
use super::*;

/// Whoever was past their last look at locks is waited for.
#[tokio::test]
async fn after_the_answer_to_lock_nothing_that_had_begun_changes_anything() {
    for (method, target, lock, answer, then) in [
        ("PUT", "/a", "/a", "200", Some("new")),
        ("PUT", "/dir/new", "/dir/new", "200", Some("new")),
        ("PUT", "/dir/new", "/dir", "200", Some("new")),
        ("DELETE", "/a", "/a", "201", Some("")),
        ("DELETE", "/dir", "/dir/b", "409", None),
    ] {
        let held = Watched::held(Memory::new().with("/a", "old").with("/dir/b", "b"));
        let files = Arc::new(Marked::new(held.clone(), Arc::new(Marks::memory())));
        let http = || Http::new(Static::new(files.clone()).writable().dav());
        let cx = Context::root(Limits::default());
        let change = cx.spawn(say(http(), request(method, target, "", "new")));
        held.has_begun().await;
        let mut locked = cx.spawn(say(http(), request("LOCK", lock, "", LOCK)));
        // It is made, and seen by whoever looks from now on.
        let place = files.place(&path(lock)).unwrap();
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(!place.marks.locks().over(&place.path, false).await.unwrap().is_empty(), "{method} {target}");
        assert!(!locked.is_finished(), "{method} {target}");
        held.may_end.add_permits(10);
        let changed = change.await.unwrap();
        assert!(status(&changed).starts_with("20"), "{method} {target}: {changed}");
        let locked = (&mut locked).await.unwrap();
        assert_eq!(status(&locked), answer, "{method} {target}: {locked}");
        let kept = match files.open(&path(target), &Open::read()).await {
            Ok(file) => Some(file.read_at(0, BytesMut::with_capacity(9)).await.unwrap()),
            Err(_) => None,
        };
        assert_eq!(kept.as_deref(), then.map(str::as_bytes), "{method} {target}");
        if answer != "409" {
            let refused = say(http(), request("PUT", target, "", "later")).await;
            assert_eq!(status(&refused), "423", "{method} {target}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_without_end_keeps_nobody_waiting_for_a_lock_for_ever() {
    let files = tree();
    let place = files.place(&path("/a")).unwrap();
    let change = place.change();
    let said = ask(&files, "LOCK", "/a", "", LOCK).await;
    assert_eq!((status(&said), field(&said, "retry-after")), ("503", Some("5")));
    drop(change);
    assert_eq!(status(&ask(&files, "LOCK", "/a", "", LOCK).await), "200", "the first one is not kept");
}
