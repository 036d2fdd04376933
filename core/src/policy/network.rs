use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::{Address, Error};

/// A set of addresses: an address, a CIDR block (`192.0.2.0/24`, `2001:db8::/32`), `loopback`, or `unix` for peers
/// on UNIX sockets and pipes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(Set);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Set {
    Block(IpAddr, u8),
    Loopback,
    Unix,
}

impl Network {
    /// This machine, as it reaches itself.
    pub const LOOPBACK: Self = Self(Set::Loopback);

    /// The block of this prefix that the address is in; none if the prefix is longer than the address.
    pub fn of(ip: IpAddr, prefix: u8) -> Option<Self> {
        masked(ip, prefix).map(|base| Self(Set::Block(base, prefix)))
    }

    /// The block that [counts as one peer](Address::network): an IPv4 address, or an IPv6 /64. None where the peer has no
    /// internet address.
    pub fn of_peer(peer: &Address) -> Option<Self> {
        let ip = peer.ip()?;
        Self::of(ip, if ip.is_ipv4() { 32 } else { 64 })
    }

    /// How many bits all its addresses have in common, where it is a block.
    pub fn prefix(&self) -> Option<u8> {
        match self.0 {
            Set::Block(_, prefix) => Some(prefix),
            _ => None,
        }
    }

    /// Whether there is an address in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let both = |(a, m): &(IpAddr, u8), (b, n): &(IpAddr, u8)| {
            a.is_ipv4() == b.is_ipv4() && masked(*a, *m.min(n)) == masked(*b, *m.min(n))
        };
        self.blocks().iter().any(|one| other.blocks().iter().any(|two| both(one, two)))
    }

    fn blocks(&self) -> Vec<(IpAddr, u8)> {
        match self.0 {
            Set::Block(base, prefix) => vec![(base, prefix)],
            Set::Loopback => vec![(Ipv4Addr::new(127, 0, 0, 0).into(), 8), (Ipv6Addr::LOCALHOST.into(), 128)],
            Set::Unix => Vec::new(),
        }
    }

    /// Whether the address is in it.
    pub fn contains(&self, address: &Address) -> bool {
        match (&self.0, address.ip()) {
            (Set::Block(base, prefix), Some(ip)) => masked(ip, *prefix) == Some(*base),
            (Set::Loopback, Some(ip)) => ip.is_loopback(),
            (Set::Unix, None) => true,
            _ => false,
        }
    }
}

/// The address with all bits behind the prefix cleared; none if the prefix is longer than the address.
fn masked(ip: IpAddr, prefix: u8) -> Option<IpAddr> {
    let behind = |bits: u8| bits.checked_sub(prefix).map(u32::from);
    Some(match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(behind(32)?).unwrap_or(0);
            IpAddr::V4((ip.to_bits() & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(behind(128)?).unwrap_or(0);
            IpAddr::V6((ip.to_bits() & mask).into())
        }
    })
}

impl FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "loopback" => return Ok(Self(Set::Loopback)),
            "unix" => return Ok(Self(Set::Unix)),
            _ => {}
        }
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let wrong =
            || Error::local(format!("{text:?} is no network: an address, ADDRESS/BITS, loopback or unix"));
        let base: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| wrong())?;
        match masked(base, prefix) {
            Some(clean) if clean == base => Ok(Self(Set::Block(base, prefix))),
            Some(clean) => {
                Err(Error::local(format!("{text:?} has bits behind its prefix: {clean}/{prefix} is meant?")))
            }
            None => Err(Error::local(format!("{text:?}: a prefix has at most {longest} bits"))),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Set::Block(IpAddr::V4(ip), 32) => ip.fmt(f),
            Set::Block(base, prefix) => write!(f, "{base}/{prefix}"),
            Set::Loopback => f.write_str("loopback"),
            Set::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        let at: std::net::SocketAddr = address.parse().unwrap();
        network.parse::<Network>().unwrap().contains(&at.into())
    }

    #[test]
    fn blocks_end_where_their_prefix_says() {
        assert!(contains("192.0.2.0/24", "192.0.2.255:1"));
        assert!(!contains("192.0.2.0/24", "192.0.3.0:1"));
        assert!(contains("192.0.2.128/25", "192.0.2.128:1"));
        assert!(!contains("192.0.2.128/25", "192.0.2.127:1"));
        assert!(contains("0.0.0.0/0", "255.1.2.3:1"));
        assert!(contains("2001:db8::/32", "[2001:db8:ffff::1]:1"));
        assert!(!contains("2001:db8::/32", "[2001:db9::1]:1"));
        assert!(contains("192.0.2.7", "192.0.2.7:1"));
        assert!(!contains("192.0.2.7", "192.0.2.6:1"));
        assert!(!contains("0.0.0.0/0", "[2001:db8::1]:1"));
        assert!(!contains("::/0", "192.0.2.1:1"));
    }

    #[test]
    fn two_overlap_where_one_is_in_the_other() {
        let overlap = |a: &str, b: &str| {
            let (a, b): (Network, Network) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(a.overlaps(&b), b.overlaps(&a));
            a.overlaps(&b)
        };
        assert!(overlap("192.0.2.0/24", "192.0.2.7") && overlap("0.0.0.0/0", "192.0.2.0/24"));
        assert!(overlap("2001:db8::/32", "2001:db8:1::/48") && overlap("192.0.2.0/24", "192.0.2.0/24"));
        assert!(
            overlap("loopback", "126.0.0.0/7")
                && overlap("loopback", "::/64")
                && overlap("loopback", "127.9.0.0/16")
        );
        assert!(!overlap("192.0.2.0/24", "192.0.3.0/24") && !overlap("0.0.0.0/0", "::/0"));
        assert!(!overlap("loopback", "2001:db8::/32") && !overlap("unix", "0.0.0.0/0"));
    }

    #[test]
    fn mapped_addresses_are_taken_as_ipv4() {
        assert!(contains("192.0.2.0/24", "[::ffff:192.0.2.1]:1"));
    }

    #[test]
    fn words() {
        assert!(contains("loopback", "127.3.2.1:1"));
        assert!(contains("loopback", "[::1]:1"));
        assert!(!contains("loopback", "192.0.2.1:1"));
        let unix: Network = "unix".parse().unwrap();
        assert!(unix.contains(&Address::Unix(None)));
        assert!(!unix.contains(&"127.0.0.1:1".parse::<std::net::SocketAddr>().unwrap().into()));
    }

    #[test]
    fn malformed_ones_are_refused_and_others_come_back() {
        for bad in
            ["", "x", "192.0.2.0/33", "192.0.2.1/24", "::/129", "192.0.2.0/", "192.0.2.0/-1", "1.2.3/8"]
        {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        for good in ["192.0.2.0/24", "::/0", "loopback", "unix", "2001:db8::1/128", "192.0.2.1"] {
            assert_eq!(good.parse::<Network>().unwrap().to_string(), good);
        }
        assert_eq!("192.0.2.1/32".parse::<Network>().unwrap().to_string(), "192.0.2.1");
    }
}
