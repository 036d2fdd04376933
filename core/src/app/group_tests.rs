use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::Limits;

/// What happened, in order, and when.
#[derive(Clone)]
pub(in crate::app) struct Diary(Arc<Mutex<Vec<(String, Duration)>>>, Instant);

impl Diary {
    pub(in crate::app) fn new() -> Self {
        Self(Arc::default(), Instant::now())
    }

    pub(in crate::app) fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push((what.into(), self.1.elapsed()));
    }

    pub(in crate::app) fn events(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(what, _)| what.clone()).collect()
    }

    fn times(&self) -> Vec<u128> {
        self.0.lock().unwrap().iter().map(|(_, at)| at.as_millis()).collect()
    }
}

/// A function as a service.
pub(in crate::app) struct Run<F>(pub(in crate::app) F);

impl<F, R> Service for Run<F>
where
    F: Fn(Context) -> R + Send + Sync + 'static,
    R: Future<Output = Result<()>> + Send,
{
    async fn run(&self, cx: Context) -> Result<()> {
        (self.0)(cx).await
    }
}

/// Is ready after `start`, and leaves `stop` after it was asked to.
pub(in crate::app) fn steady(
    diary: &Diary,
    name: &'static str,
    start: u64,
    stop: u64,
) -> impl Service + use<> {
    let diary = diary.clone();
    Run(move |cx: Context| {
        let diary = diary.clone();
        async move {
            diary.note(format!("{name} starts"));
            sleep(Duration::from_millis(start)).await;
            diary.note(format!("{name} serves"));
            cx.ready();
            cx.stopping().await;
            diary.note(format!("{name} stops"));
            sleep(Duration::from_millis(stop)).await;
            diary.note(format!("{name} is gone"));
            Ok(())
        }
    })
}

fn limits(drain: u64) -> Limits {
    Limits { drain: Duration::from_millis(drain), ..Limits::default() }
}

#[tokio::test(start_paused = true)]
async fn members_start_when_the_earlier_serve_and_stop_in_reverse() {
    let diary = Diary::new();
    let group = Group::new().with("a", steady(&diary, "a", 50, 50)).with("b", steady(&diary, "b", 10, 70));
    let cx = Context::root(limits(1000));
    let own = cx.clone();
    let running = cx.spawn(async move { group.run(own).await });
    cx.until_ready().await;
    let start = ["a starts", "a serves", "b starts", "b serves"];
    assert_eq!(diary.events(), start);
    cx.stop();
    running.await.unwrap().unwrap();
    let stop = ["b stops", "b is gone", "a stops", "a is gone"];
    assert_eq!(diary.events()[4..], stop);
}

#[tokio::test(start_paused = true)]
async fn a_failure_and_a_panic_are_followed_by_growing_pauses() {
    for panics in [false, true] {
        let diary = Diary::new();
        let own = diary.clone();
        let service = Run(move |_| {
            own.note("runs");
            assert!(!panics, "as asked");
            async { Err(Error::local("as asked")) }
        });
        let cx = Context::root(limits(1000));
        let running = Running::start("it", Arc::new(service.boxed()), &cx);
        sleep(Duration::from_secs(100)).await;
        assert!(cx.health().services().contains(&("it".into(), false)));
        assert!(!running.is_done());
        let times = diary.times();
        assert_eq!(times[..5], [0, 200, 600, 1400, 3000]);
        let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert_eq!(longest, Some(LONGEST_PAUSE.as_millis()));
        running.stop_by(Instant::now() + Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_well_for_long_is_started_again_soon() {
    let diary = Diary::new();
    let own = diary.clone();
    let service = Run(move |cx: Context| {
        own.note("runs");
        let runs = own.events().len();
        async move {
            cx.ready();
            sleep(if runs == 4 { WELL } else { Duration::ZERO }).await;
            Err(Error::local("as asked"))
        }
    });
    let cx = Context::root(limits(1000));
    let _running = Running::start("it", Arc::new(service.boxed()), &cx);
    sleep(WELL + Duration::from_secs(10)).await;
    // The fifth run follows the fourth, which was long, as the second followed the first.
    assert_eq!(diary.times()[..5], [0, 200, 600, 1400, 61_600]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_done_is_not_run_again_and_the_group_is_done_with_its_last() {
    let diary = Diary::new();
    let once = |name: &'static str, after: u64| {
        let diary = diary.clone();
        Run(move |_| {
            diary.note(name);
            async move {
                sleep(Duration::from_millis(after)).await;
                Ok(())
            }
        })
    };
    let cx = Context::root(limits(1000));
    let group = Group::new().with("a", once("a", 30)).with("b", once("b", 500));
    timeout(Duration::from_secs(5), group.run(cx.clone())).await.unwrap().unwrap();
    assert_eq!(diary.events(), ["a", "b"]);
    assert!(cx.health().services().iter().all(|(_, ready)| *ready));
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_leave_is_cut_and_all_share_one_deadline() {
    let stubborn = || {
        Run(|cx: Context| async move {
            cx.ready();
            std::future::pending().await
        })
    };
    let cx = Context::root(limits(700));
    let group = Group::new().with("a", stubborn()).with("b", stubborn()).with("c", stubborn());
    let own = cx.clone();
    let running = cx.spawn(async move { group.run(own).await });
    cx.until_ready().await;
    let asked = Instant::now();
    cx.stop();
    running.await.unwrap().unwrap();
    assert_eq!(asked.elapsed().as_millis(), 700);
}

/// Its successor of the same name may serve already.
#[tokio::test(start_paused = true)]
async fn one_that_fails_while_it_stops_says_nothing_of_its_health() {
    let service = Run(|cx: Context| async move {
        cx.ready();
        cx.stopping().await;
        Err(Error::local("as asked"))
    });
    let cx = Context::root(limits(1000));
    let running = Running::start("it", Arc::new(service.boxed()), &cx);
    running.ready_or_done().await;
    tokio::task::yield_now().await;
    running.stop_by(Instant::now() + Duration::from_secs(1)).await;
    assert_eq!(cx.health().services(), [("it".to_owned(), true)]);
}
