use std::time::Duration;

use crate::zone::Zone;

/// The shortest and the longest time between two looks that a primary can ask of us.
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(28 * 24 * 60 * 60);
/// How long after the first look that found nothing the next one comes; each time twice as long.
const FIRST: Duration = Duration::from_secs(5);
/// And how long at most.
const RARELY: Duration = Duration::from_secs(10 * 60);

/// When a secondary looks for changes of its zone (RFC 1035 §3.3.13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Timers {
    /// After a look that found somebody.
    pub(super) refresh: Duration,
    /// After one that found nobody.
    pub(super) retry: Duration,
    /// How long the zone counts after the last look that found somebody.
    pub(super) expire: Duration,
}

impl Timers {
    /// What the SOA says, within reason.
    pub(super) fn of(zone: &Zone) -> Self {
        let rdata = zone.soa().and_then(|soa| soa.rdata().next());
        let numbers = rdata.and_then(|rdata| rdata.last_chunk::<16>()).copied().unwrap_or_default();
        let [refresh, retry, expire] = [0, 4, 8].map(|at| {
            let seconds = numbers.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
            Duration::from_secs(u32::from_be_bytes(seconds).into())
        });
        let refresh = refresh.clamp(SHORTEST, LONGEST);
        let retry = retry.clamp(SHORTEST, refresh);
        Self { refresh, retry, expire: expire.max(refresh + retry) }
    }
}

/// How long to wait after so many looks for a zone that was never seen.
pub(super) fn first(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(RARELY)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::zone;
    use super::*;

    fn timers(numbers: &str) -> [u64; 3] {
        let text = format!("example. 60 IN SOA ns. root. 1 {numbers} 300\nexample. 60 IN NS ns.");
        let Timers { refresh, retry, expire } = Timers::of(&zone(&text));
        [refresh, retry, expire].map(|time| time.as_secs())
    }

    #[test]
    fn what_the_soa_says_counts_within_reason() {
        assert_eq!(timers("7200 1800 604800"), [7200, 1800, 604_800]);
        assert_eq!(timers("0 0 0"), [2, 2, 4]);
        assert_eq!(timers("60 120 30"), [60, 60, 120]);
        assert_eq!(timers("4294967295 10 4294967295"), [2_419_200, 10, 4_294_967_295]);
    }

    #[test]
    fn a_zone_that_was_never_seen_is_looked_for_more_and_more_rarely() {
        assert_eq!([1, 2, 3, 8, 100].map(|failures| first(failures).as_secs()), [5, 10, 20, 600, 600]);
    }
}
