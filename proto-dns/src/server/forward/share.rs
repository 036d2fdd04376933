use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is waited for at once, in the shares of those who wait: nobody has all of it.
#[derive(Debug)]
pub(super) struct Shares {
    each: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One of what somebody waits for.
#[derive(Debug)]
pub(super) struct Share<'a> {
    of: &'a Shares,
    who: IpAddr,
}

impl Shares {
    /// Shares of so many all in all: a sixteenth each, as long as that is enough for one.
    pub(super) fn new(all: usize) -> Self {
        Self { each: (all / 16).max(64).min(all), taken: Mutex::default() }
    }

    /// One more for this client; none where it has its share.
    pub(super) fn take(&self, who: IpAddr) -> Option<Share<'_>> {
        let mut taken = self.taken();
        let count = taken.entry(who).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Share { of: self, who })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        let left = taken.get(&self.who).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => taken.remove(&self.who),
            left => taken.insert(self.who, left),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_all_of_it() {
        let shares = Shares::new(1600);
        let [greedy, other] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        let mut taken: Vec<_> = std::iter::from_fn(|| shares.take(greedy)).collect();
        assert_eq!(taken.len(), 100);
        assert!(shares.take(other).is_some());
        taken.pop();
        taken.extend(shares.take(greedy));
        assert_eq!(taken.len(), 100);
        assert!(shares.take(greedy).is_none());
        drop(taken);
        assert!(shares.taken().is_empty(), "who waits for nothing is forgotten");
    }

    #[test]
    fn a_share_is_enough_for_one() {
        assert_eq!([4096, 1000, 64, 2, 0].map(|all| Shares::new(all).each), [256, 64, 64, 2, 0]);
    }
}
