use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted besides requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// It was known what others say.
    CacheHit,
    /// Others had to be asked.
    CacheMiss,
    /// An upstream answered.
    UpstreamAnswered,
    /// It did not.
    UpstreamFailed,
    /// A client got a zone as a whole.
    TransferWhole,
    /// It got what has changed.
    TransferChanges,
    /// It was up to date.
    TransferCurrent,
    /// It did not take all of it.
    TransferCut,
    /// It may not have the zone.
    TransferRefused,
    /// There was no room for one more.
    TransferBusy,
    /// A primary had a newer zone, which was fetched.
    FetchNew,
    /// It had the same.
    FetchSame,
    /// No primary had the zone.
    FetchFailed,
    /// A server was told of a change.
    NotifyTold,
    /// It did not reply, or does not want to be told.
    NotifyFailed,
}

/// What metrics call them: the command, and its result.
const NAMES: [(&str, &str); 15] = [
    ("cache", "hit"),
    ("cache", "miss"),
    ("upstream", "answered"),
    ("upstream", "failed"),
    ("transfer", "whole"),
    ("transfer", "changes"),
    ("transfer", "current"),
    ("transfer", "cut"),
    ("transfer", "refused"),
    ("transfer", "busy"),
    ("fetch", "new"),
    ("fetch", "same"),
    ("fetch", "failed"),
    ("notify", "told"),
    ("notify", "failed"),
];

/// How often what happened, since it was last told.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; NAMES.len()]);

impl Counts {
    pub(super) fn add(&self, what: Counted) {
        if let Some(count) = self.0.get(what as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was counted, which is so forgotten.
    pub(super) fn take(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let taken = NAMES.iter().zip(&self.0).map(|((command, result), count)| (*command, *result, count));
        let taken = taken.map(|(command, result, count)| (command, result, count.swap(0, Ordering::Relaxed)));
        taken.filter(|(_, _, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_once() {
        let counts = Counts::default();
        let all = [Counted::CacheHit, Counted::CacheHit, Counted::CacheMiss, Counted::UpstreamFailed];
        all.into_iter().for_each(|what| counts.add(what));
        counts.add(Counted::NotifyFailed);
        let told: Vec<_> = counts.take().collect();
        let expected =
            [("cache", "hit", 2), ("cache", "miss", 1), ("upstream", "failed", 1), ("notify", "failed", 1)];
        assert_eq!(told, expected);
        assert_eq!(counts.take().count(), 0);
    }
}
