use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::sleep;

use super::super::group::tests::{Diary, Run, steady};
use super::*;
use crate::Limits;
use crate::app::Service;

const DRAIN: Duration = Duration::from_secs(2);

fn generation() -> Generation {
    let cx = Context::root(Limits { drain: DRAIN, ..Limits::default() });
    Generation::new(Sockets::default(), cx, Dropped::default(), Notifier::none())
}

fn member(name: &str, print: u8, service: impl Service) -> Member {
    Member { fingerprint: [print; 32], ..Member::new(name, service) }
}

/// A generation in which these have started.
async fn started(members: Vec<Member>) -> Generation {
    let mut generation = generation();
    let (prepared, _) = prepare(members, &mut generation.sockets).unwrap();
    assert!(generation.start(prepared, pending()).await);
    generation.cx.health().start();
    generation
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_wait_for_one_that_does_not_become_ready() {
    let mut generation = generation();
    let members = vec![member("a", 0, Run(|_| pending())), member("b", 0, Run(|_| pending()))];
    let (prepared, _) = prepare(members, &mut generation.sockets).unwrap();
    assert!(!generation.start(prepared, sleep(Duration::from_secs(60))).await);
    assert_eq!(generation.running.len(), 1, "the second waits for the first");
}

#[tokio::test(start_paused = true)]
async fn all_are_asked_to_stop_at_once_but_for_those_that_stay() {
    let diary = Diary::new();
    let mut watch = member("watch", 0, steady(&diary, "watch", 0, 0));
    watch.stays = true;
    let a = member("a", 0, steady(&diary, "a", 0, 100));
    let b = member("b", 0, steady(&diary, "b", 0, 200));
    let generation = started(vec![watch, a, b]).await;
    let health = generation.cx.clone();
    assert!(health.health().is_ready());
    generation.drain(pending()).await;
    let stop = ["b stops", "a stops", "a is gone", "b is gone", "watch stops", "watch is gone"];
    assert_eq!(diary.events()[6..], stop);
    assert!(!health.health().is_ready());
}

#[tokio::test(start_paused = true)]
async fn draining_ends_at_the_deadline_and_at_a_second_signal() {
    let stubborn = || {
        Run(|cx: Context| async move {
            cx.ready();
            pending().await
        })
    };
    let began = Instant::now();
    started(vec![member("a", 0, stubborn()), member("b", 0, stubborn())]).await.drain(pending()).await;
    assert_eq!(began.elapsed(), DRAIN);
    let began = Instant::now();
    started(vec![member("a", 0, stubborn())]).await.drain(sleep(Duration::from_millis(300))).await;
    assert_eq!(began.elapsed(), Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn a_reload_touches_only_what_differs() {
    let diary = Diary::new();
    let make = |name, print| member(name, print, steady(&diary, name, 0, 50));
    let mut generation = started(vec![make("same", 1), make("changed", 1), make("gone", 1)]).await;
    let next = vec![make("new", 1), make("changed", 2), make("same", 1)];
    assert!(generation.change_to(next, pending()).await.unwrap());
    let names: Vec<_> = generation.running.iter().map(|current| current.name.as_str()).collect();
    assert_eq!(names, ["new", "changed", "same"], "in the order of the new configuration");
    sleep(Duration::from_millis(60)).await;
    let events = diary.events();
    assert_eq!(events[6..10], ["new starts", "new serves", "changed starts", "changed serves"]);
    let mut left = events[10..].to_vec();
    left.sort();
    assert_eq!(left, ["changed is gone", "changed stops", "gone is gone", "gone stops"]);
    let health = generation.cx.health().services();
    assert_eq!(health, ["changed", "new", "same"].map(|name| (name.to_owned(), true)));
}

#[tokio::test(start_paused = true)]
async fn a_new_member_that_does_not_serve_in_time_changes_nothing() {
    let diary = Diary::new();
    let mut generation = started(vec![member("a", 1, steady(&diary, "a", 0, 0))]).await;
    let fails = || Run(|_| async { Err(Error::local("as asked")) });
    let next = vec![member("a", 2, fails()), member("b", 1, fails())];
    let error = generation.change_to(next, pending()).await.unwrap_err();
    assert_eq!(error.to_string(), "service a did not serve in time");
    assert_eq!(diary.events(), ["a starts", "a serves"]);
    assert_eq!(generation.cx.health().services(), [("a".to_owned(), true)]);
    assert!(generation.change_to(vec![member("a", 1, fails())], pending()).await.unwrap());
    assert_eq!(diary.events(), ["a starts", "a serves"], "it is still the same");
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_generation_still_does_is_waited_for() {
    let diary = Diary::new();
    let mut generation = started(vec![member("old", 1, steady(&diary, "old", 0, 900))]).await;
    generation.change_to(vec![member("new", 1, steady(&diary, "new", 0, 0))], pending()).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    generation.drain(pending()).await;
    assert_eq!(diary.events().last().unwrap(), "old is gone");
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_reload_is_done_once_it_is_and_not_where_it_failed() {
    let diary = Diary::new();
    let mut generation = started(vec![member("a", 1, steady(&diary, "a", 0, 0))]).await;
    let (done, count) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut slot: Option<Rebuild> = Some(Box::new({
        let done = Arc::clone(&done);
        move || {
            let fails = Run(|_| async { Err(Error::local("as asked")) });
            let then = Box::new({
                let done = Arc::clone(&done);
                move || {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
            // The second is the one that runs.
            let print = if count.fetch_add(1, Ordering::Relaxed) == 0 { 2 } else { 1 };
            Ok(Rebuilt { members: vec![member("a", print, fails)], then })
        }
    }));
    assert!(generation.reload(&mut slot, pending()).await.is_err());
    assert_eq!(done.load(Ordering::Relaxed), 0);
    assert!(generation.reload(&mut slot, pending()).await.unwrap());
    assert_eq!(done.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_rebuild_that_panics_is_an_error_and_can_be_tried_again() {
    let mut generation = generation();
    let mut first = true;
    let mut slot: Option<Rebuild> = Some(Box::new(move || {
        assert!(!std::mem::take(&mut first), "as asked");
        Err(Error::local("the second time"))
    }));
    let error = generation.reload(&mut slot, pending()).await.unwrap_err();
    assert_eq!(error.to_string(), "reading panicked");
    let error = generation.reload(&mut slot, pending()).await.unwrap_err();
    assert_eq!(error.to_string(), "the second time");
}
