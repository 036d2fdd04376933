use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What there is for all, of which nobody has more than a share.
#[derive(Debug)]
pub(super) struct Shares {
    each: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One of what somebody has.
#[derive(Debug)]
pub(super) struct Share<'a> {
    of: &'a Shares,
    who: IpAddr,
}

impl Shares {
    /// Of so many each.
    pub(super) fn new(each: usize) -> Self {
        Self { each, taken: Mutex::default() }
    }

    /// One more for this client; none where it has its share.
    pub(super) fn take(&self, who: IpAddr) -> Option<Share<'_>> {
        let (mut taken, who) = (self.taken(), client(who));
        let count = taken.get(&who).copied().unwrap_or_default();
        if count >= self.each {
            return None;
        }
        taken.insert(who, count + 1);
        Some(Share { of: self, who })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has one address of IPv6 has all of its /64.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
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

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_has_all_of_it() {
        let shares = Shares::new(100);
        let [greedy, other] = ["192.0.2.1", "2001:db8::1"].map(address);
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
    fn many_addresses_of_one_client_are_one() {
        let shares = Shares::new(1);
        let _share = shares.take(address("2001:db8::1")).unwrap();
        assert!(shares.take(address("2001:db8::2:1")).is_none());
        assert!(shares.take(address("2001:db8:0:1::1")).is_some());
        let _share = shares.take(address("192.0.2.1")).unwrap();
        assert!(shares.take(address("::ffff:192.0.2.1")).is_none());
        assert!(shares.take(address("192.0.2.2")).is_some());
    }

    #[test]
    fn who_gets_nothing_is_not_remembered() {
        let shares = Shares::new(0);
        assert!(shares.take(address("192.0.2.1")).is_none());
        assert!(shares.taken().is_empty());
    }
}
