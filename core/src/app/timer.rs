use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Context, Task};

/// What the runtime's timers can tell apart; zero would never let another task run.
const SHORTEST: Duration = Duration::from_millis(1);
/// Longer than a process lives, and still a time that can be added to now.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

impl Context {
    /// Does this work every `period`, first after one period, until this context stops.
    ///
    /// Only one runs at a time. Work that takes longer than the period misses the ticks that have passed
    /// meanwhile; the next is again at a whole multiple of the period from the start. Work that runs when the
    /// context stops is let finish, until the context ends. As with every [`Task`], dropping it ends it at once.
    pub fn every<F, R>(&self, period: Duration, mut work: F) -> Task<()>
    where
        F: FnMut() -> R + Send + 'static,
        R: Future<Output = ()> + Send,
    {
        let cx = self.clone();
        let period = period.clamp(SHORTEST, LONGEST);
        let began = Instant::now();
        self.spawn(async move {
            let mut next = began + period;
            loop {
                tokio::select! {
                    biased;
                    () = cx.stopping() => return,
                    () = sleep_until(next) => work().await,
                }
                let now = Instant::now();
                let into = now.duration_since(began).as_nanos() % period.as_nanos();
                next = now + period - Duration::from_nanos(into as u64);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::sleep;

    use super::*;
    use crate::Limits;

    /// Begins and ends of the work, in milliseconds from the start; each takes as long as its turn says.
    fn start(cx: &Context, takes: &'static [u64]) -> (Task<()>, Arc<Mutex<Vec<u128>>>) {
        let (times, began) = (Arc::<Mutex<Vec<u128>>>::default(), Instant::now());
        let noted = Arc::clone(&times);
        let mut takes = takes.iter();
        let task = cx.every(Duration::from_millis(100), move || {
            let (noted, takes) = (Arc::clone(&noted), *takes.next().unwrap_or(&0));
            async move {
                noted.lock().unwrap().push(began.elapsed().as_millis());
                sleep(Duration::from_millis(takes)).await;
                if takes > 0 {
                    noted.lock().unwrap().push(began.elapsed().as_millis());
                }
            }
        });
        (task, times)
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_that_were_missed_are_skipped_and_the_beat_is_kept() {
        let cx = Context::root(Limits::default());
        let (_task, times) = start(&cx, &[0, 250]);
        sleep(Duration::from_millis(650)).await;
        assert_eq!(*times.lock().unwrap(), [100, 200, 450, 500, 600]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_lets_the_work_finish_and_an_end_does_not() {
        let cx = Context::root(Limits::default());
        let (task, times) = start(&cx, &[300]);
        sleep(Duration::from_millis(150)).await;
        cx.stop();
        task.await.unwrap();
        assert_eq!(*times.lock().unwrap(), [100, 400]);

        let cx = Context::root(Limits::default());
        let (task, times) = start(&cx, &[300]);
        sleep(Duration::from_millis(150)).await;
        cx.end();
        assert!(task.await.is_err());
        assert_eq!(*times.lock().unwrap(), [100]);
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_it_ends_it() {
        let cx = Context::root(Limits::default());
        let (task, times) = start(&cx, &[]);
        sleep(Duration::from_millis(150)).await;
        drop(task);
        sleep(Duration::from_millis(500)).await;
        assert_eq!(*times.lock().unwrap(), [100]);
    }

    #[tokio::test(start_paused = true)]
    async fn any_period_lets_others_run() {
        let cx = Context::root(Limits::default());
        let _never = cx.every(Duration::MAX, || async { panic!("too early") });
        let _always = cx.every(Duration::ZERO, || async {});
        sleep(Duration::from_millis(10)).await;
    }
}
