use std::sync::atomic::{AtomicU64, Ordering};

use ropewalk_core::telemetry::Metrics;

use crate::server::PROTO;

/// What is counted: as commands of these names, with these results.
const COUNTED: [(&str, &str); 4] =
    [("cache", "hit"), ("cache", "miss"), ("upstream", "answered"), ("upstream", "failed")];

/// How often it was known what others say, and how often others were asked; since it was last told.
#[derive(Debug, Default)]
pub(crate) struct Counts([AtomicU64; COUNTED.len()]);

impl Counts {
    pub(super) fn hit(&self) {
        self.add(0);
    }

    pub(super) fn miss(&self) {
        self.add(1);
    }

    /// An upstream was asked: whether it answered.
    pub(super) fn asked(&self, answered: bool) {
        self.add(if answered { 2 } else { 3 });
    }

    fn add(&self, at: usize) {
        if let Some(count) = self.0.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells the metrics.
    pub(crate) fn flush(&self, metrics: &Metrics) {
        for ((command, result), count) in COUNTED.iter().zip(&self.0) {
            let count = count.swap(0, Ordering::Relaxed);
            if count > 0 {
                metrics.commands(PROTO, command, result, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_once() {
        let (counts, metrics) = (Counts::default(), Metrics::default());
        counts.hit();
        counts.hit();
        counts.miss();
        counts.asked(false);
        counts.flush(&metrics);
        counts.flush(&metrics);
        let page = metrics.render();
        let count = |command: &str, result: &str| {
            let line = page.lines().find(|line| line.contains(command) && line.contains(result))?;
            line.rsplit_once(' ')?.1.parse::<u64>().ok()
        };
        assert_eq!((count("\"cache\"", "hit"), count("\"cache\"", "miss")), (Some(2), Some(1)));
        assert_eq!((count("\"upstream\"", "failed"), count("\"upstream\"", "answered")), (Some(1), None));
    }
}
