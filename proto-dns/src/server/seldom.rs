use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the same is told.
const EVERY: Duration = Duration::from_secs(1);

/// What is told once in a while only, as strangers could have it told as often as they like.
#[derive(Debug)]
pub(super) struct Seldom {
    began: Instant,
    /// When it may be told again, in milliseconds.
    next: AtomicU64,
    untold: AtomicU64,
}

impl Seldom {
    /// Whether it is to be told now: with how often it was not since the last time.
    pub(super) fn tell(&self) -> Option<u64> {
        self.tell_at(self.began.elapsed())
    }

    fn tell_at(&self, since: Duration) -> Option<u64> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (now, next) = (milliseconds(since), self.next.load(Ordering::Relaxed));
        let then = milliseconds(since.saturating_add(EVERY));
        let order = Ordering::Relaxed;
        if now < next || self.next.compare_exchange(next, then, order, order).is_err() {
            self.untold.fetch_add(1, order);
            return None;
        }
        Some(self.untold.swap(0, order))
    }
}

impl Default for Seldom {
    fn default() -> Self {
        Self { began: Instant::now(), next: AtomicU64::new(0), untold: AtomicU64::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_is_told_once_a_second_and_counted() {
        let seldom = Seldom::default();
        let told: Vec<_> =
            (0..2500).filter_map(|at| Some((at, seldom.tell_at(Duration::from_millis(at))?))).collect();
        assert_eq!(told, [(0, 0), (1000, 999), (2000, 999)]);
    }
}
