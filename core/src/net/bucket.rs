use std::time::Duration;

use tokio::time::Instant;

/// A token bucket for octets: a second's worth may be spent at once, and debt is paid by waiting.
pub(crate) struct Bucket {
    per_second: u64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(per_second: u64) -> Self {
        let per_second = per_second.max(1);
        Self { per_second, tokens: per_second as f64, at: Instant::now() }
    }

    /// Octets a second.
    pub(crate) fn rate(&self) -> u64 {
        self.per_second
    }

    /// The most to hand over in one go: an eighth of a second's worth, so that debts and waits stay short.
    pub(crate) fn most(&self) -> usize {
        usize::try_from(self.per_second / 8).unwrap_or(usize::MAX).max(1)
    }

    pub(crate) fn take(&mut self, now: Instant, octets: u64) {
        self.refill(now);
        self.tokens -= octets as f64;
    }

    /// When the bucket is out of debt, if it is in debt now.
    pub(crate) fn wait_until(&mut self, now: Instant) -> Option<Instant> {
        self.refill(now);
        (self.tokens < 0.0).then(|| now + Duration::from_secs_f64(-self.tokens / self.per_second as f64))
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second as f64).min(self.per_second as f64);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn debt_is_paid_at_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1000);
        bucket.take(start, 1000);
        assert_eq!(bucket.wait_until(start), None);
        bucket.take(start, 500);
        assert_eq!(bucket.wait_until(start), Some(start + Duration::from_millis(500)));
        assert_eq!(bucket.wait_until(start + Duration::from_millis(500)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_go_is_an_eighth_of_a_second_and_never_nothing() {
        assert_eq!([8000, 9, 7, 0].map(|rate| Bucket::new(rate).most()), [1000, 1, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn rest_does_not_save_more_than_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10);
        let later = start + Duration::from_secs(100);
        bucket.take(later, 20);
        assert_eq!(bucket.wait_until(later), Some(later + Duration::from_secs(1)));
    }
}
