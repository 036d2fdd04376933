//! Limits of how many answers a network gets over UDP, whose senders can be forged.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ropewalk_core::Address;
use ropewalk_core::policy::Network;

/// Networks that are counted at once, about: 512 KiB.
const SLOTS: usize = 1 << 16;
/// Slots that one of them may be in.
const WAYS: usize = 4;
/// Of a slot, the bits of the time; those above tell networks apart.
const TIME: u32 = 44;

/// How many answers, and of whom.
#[derive(Clone, Debug)]
pub struct RrlOptions {
    /// Answers of one class a second that a network gets; up to a second's worth at once.
    pub rate: u32,
    /// Of those above, each such gets a truncated answer instead of none, upon which an honest client asks over TCP; 0 for none.
    pub slip: u32,
    /// Bits of an IPv4 address that make a network.
    pub v4: u8,
    /// Bits of an IPv6 address.
    pub v6: u8,
    /// Who is not limited, besides this machine.
    pub exempt: Vec<Network>,
}

impl Default for RrlOptions {
    fn default() -> Self {
        Self { rate: 200, slip: 2, v4: 24, v6: 56, exempt: Vec::new() }
    }
}

/// What an answer says, by which answers are counted apart: a flood of one does not use up the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Records.
    Answer,
    /// That there are none, or that they are elsewhere.
    Negative,
    /// An error.
    Error,
}

/// What is done about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is sent.
    Send,
    /// A truncated one is sent instead.
    Slip,
    /// Nothing is sent.
    Drop,
}

/// The answers that networks got lately, in a table of fixed size without locks.
///
/// Each slot is a network and class, by a part of its hash, and the time at which its allowance is used up. Two that fall
/// together share what one may have; it needs 20 bits alike among four slots, under a key that nobody knows.
#[derive(Debug)]
pub struct Limiter {
    options: RrlOptions,
    /// Between two answers, in microseconds.
    gap: u64,
    slots: Box<[AtomicU64]>,
    key: RandomState,
    began: Instant,
    limited: AtomicU32,
}

impl Limiter {
    /// A limiter that has counted nothing yet.
    pub fn new(options: RrlOptions) -> Self {
        let gap = 1_000_000 / u64::from(options.rate.max(1));
        let slots = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        Self {
            options,
            gap,
            slots,
            key: RandomState::new(),
            began: Instant::now(),
            limited: AtomicU32::new(0),
        }
    }

    /// Counts an answer to this peer, now.
    pub fn count(&self, peer: IpAddr, class: Class) -> Act {
        self.count_at(peer, class, self.began.elapsed())
    }

    fn count_at(&self, peer: IpAddr, class: Class, since: Duration) -> Act {
        let address = Address::from(std::net::SocketAddr::new(peer, 0));
        if address.is_local() || self.options.exempt.iter().any(|network| network.contains(&address)) {
            return Act::Send;
        }
        // From the second second on, so that a whole second's worth may be behind; it wraps after half a year, harmlessly.
        let now = (u64::try_from(since.as_micros()).unwrap_or(u64::MAX / 2) + 1_000_000) & time_mask();
        let hash = self.key.hash_one((self.network(peer), class));
        let tag = hash >> TIME;
        let first = (hash as usize % (SLOTS / WAYS)) * WAYS;
        let Some(set) = self.slots.get(first..first + WAYS) else { return Act::Send };
        let used = |slot: &&AtomicU64| slot.load(Ordering::Relaxed);
        let ours = set.iter().find(|slot| used(slot) >> TIME == tag);
        // What was not asked of for longest has most left, and loses least.
        let Some(slot) = ours.or_else(|| set.iter().min_by_key(|slot| used(slot) & time_mask())) else {
            return Act::Send;
        };
        let until = slot.load(Ordering::Relaxed);
        let until = if until >> TIME == tag { until & time_mask() } else { 0 };
        // It may be from before the clock wrapped.
        let until = if until > now + 1_000_000 { 0 } else { until };
        let next = until.max(now.saturating_sub(1_000_000)) + self.gap;
        if next <= now {
            // Two threads that count at once may count as one: that is near enough.
            slot.store(tag << TIME | next, Ordering::Relaxed);
            return Act::Send;
        }
        match self.options.slip {
            0 => Act::Drop,
            slip if self.limited.fetch_add(1, Ordering::Relaxed).is_multiple_of(slip) => Act::Slip,
            _ => Act::Drop,
        }
    }

    fn network(&self, peer: IpAddr) -> IpAddr {
        match peer {
            IpAddr::V4(ip) => {
                let behind = u32::from(32_u8.saturating_sub(self.options.v4));
                Ipv4Addr::from(ip.to_bits() & u32::MAX.checked_shl(behind).unwrap_or(0)).into()
            }
            IpAddr::V6(ip) => {
                let behind = u32::from(128_u8.saturating_sub(self.options.v6));
                Ipv6Addr::from(ip.to_bits() & u128::MAX.checked_shl(behind).unwrap_or(0)).into()
            }
        }
    }
}

fn time_mask() -> u64 {
    (1 << TIME) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(rate: u32, slip: u32) -> Limiter {
        Limiter::new(RrlOptions { rate, slip, ..RrlOptions::default() })
    }

    fn sent(limiter: &Limiter, peer: &str, class: Class, times: u32, at: Duration) -> u32 {
        let peer = peer.parse().unwrap();
        let sent = (0..times).filter(|_| limiter.count_at(peer, class, at) == Act::Send).count();
        u32::try_from(sent).unwrap()
    }

    #[test]
    fn a_network_gets_its_rate_and_no_more() {
        let limiter = limiter(10, 0);
        let begin = Duration::from_secs(5);
        assert_eq!(sent(&limiter, "192.0.2.1", Class::Answer, 100, begin), 10, "a second's worth at once");
        assert_eq!(sent(&limiter, "192.0.2.1", Class::Answer, 100, begin + Duration::from_millis(500)), 5);
        let total: u32 = (1..=100)
            .map(|n| {
                let at = begin + Duration::from_secs(10) + Duration::from_millis(10) * n;
                sent(&limiter, "192.0.2.1", Class::Answer, 5, at)
            })
            .sum();
        assert!((19..=20).contains(&total), "one second and its burst: {total}");
    }

    #[test]
    fn a_network_is_counted_as_one_and_apart_from_others() {
        let limiter = limiter(10, 0);
        let at = Duration::from_secs(5);
        assert_eq!(sent(&limiter, "192.0.2.1", Class::Answer, 20, at), 10);
        assert_eq!(sent(&limiter, "192.0.2.255", Class::Answer, 20, at), 0);
        assert_eq!(sent(&limiter, "192.0.3.1", Class::Answer, 20, at), 10);
        assert_eq!(sent(&limiter, "2001:db8:0:1::1", Class::Answer, 20, at), 10);
        assert_eq!(sent(&limiter, "2001:db8:0:2::1", Class::Answer, 20, at), 0, "one /56");
        assert_eq!(sent(&limiter, "2001:db8:0:100::1", Class::Answer, 20, at), 10);
    }

    #[test]
    fn errors_do_not_use_up_answers() {
        let limiter = limiter(10, 0);
        let at = Duration::from_secs(5);
        assert_eq!(sent(&limiter, "192.0.2.1", Class::Error, 20, at), 10);
        assert_eq!(sent(&limiter, "192.0.2.1", Class::Answer, 20, at), 10);
    }

    #[test]
    fn every_second_one_above_is_truncated() {
        let limiter = limiter(1, 2);
        let peer = "192.0.2.1".parse().unwrap();
        let acts: Vec<_> =
            (0..5).map(|_| limiter.count_at(peer, Class::Answer, Duration::from_secs(5))).collect();
        assert_eq!(acts, [Act::Send, Act::Slip, Act::Drop, Act::Slip, Act::Drop]);
    }

    #[test]
    fn this_machine_and_the_exempt_are_not_limited() {
        let exempt = vec!["198.51.100.0/24".parse().unwrap()];
        let limiter = Limiter::new(RrlOptions { rate: 1, slip: 0, exempt, ..RrlOptions::default() });
        let at = Duration::from_secs(5);
        assert_eq!(sent(&limiter, "127.0.0.1", Class::Answer, 20, at), 20);
        assert_eq!(sent(&limiter, "198.51.100.7", Class::Answer, 20, at), 20);
        assert_eq!(sent(&limiter, "203.0.113.7", Class::Answer, 20, at), 1);
    }

    #[test]
    fn a_flood_from_everywhere_leaves_the_table_as_large_as_it_was() {
        let limiter = limiter(5, 0);
        let at = Duration::from_secs(5);
        for n in 0..300_000_u32 {
            limiter.count_at(Ipv4Addr::from(n << 8).into(), Class::Answer, at);
        }
        assert_eq!(limiter.slots.len(), SLOTS);
        // And it still limits.
        assert!(sent(&limiter, "203.0.113.7", Class::Answer, 100, at) <= 5);
    }
}
