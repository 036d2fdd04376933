use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;

/// Where a connection's end is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An internet address and port. IPv4-mapped IPv6 addresses are given as IPv4; a link-local one has the scope in which it
    /// is one.
    Ip(SocketAddr),
    /// A UNIX socket; the path is `None` for an unnamed one, as clients usually are.
    Unix(Option<PathBuf>),
    /// The pipes of a child process, by its process id; 0 for this process' own standard streams.
    Process(u32),
    /// The other half of an in-memory pair.
    Memory,
}

impl Address {
    /// The internet address, where there is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(at) => Some(at.ip()),
            _ => None,
        }
    }

    /// Whether the other end is on this machine: a loopback address, a UNIX socket, a process or memory.
    pub fn is_local(&self) -> bool {
        self.ip().is_none_or(|ip| ip.is_loopback())
    }

    /// The address as policies count it: an IPv4 address whole, an IPv6 address by its /64 network.
    /// `None` where the peer has no internet address.
    pub fn network(&self) -> Option<IpAddr> {
        Some(match self.ip()? {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }
}

impl From<SocketAddr> for Address {
    fn from(at: SocketAddr) -> Self {
        Self::Ip(match at {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => {
                SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into()
            }
            at => SocketAddr::new(at.ip().to_canonical(), at.port()),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(at) => at.fmt(f),
            Self::Unix(Some(path)) => {
                f.write_str("unix:")?;
                // A proxy may say any path, and an address is written into logs.
                path.to_string_lossy().chars().try_for_each(|c| match c.is_control() {
                    true => write!(f, "{}", c.escape_default()),
                    false => f.write_char(c),
                })
            }
            Self::Unix(None) => f.write_str("unix"),
            Self::Process(0) => f.write_str("stdio"),
            Self::Process(id) => write!(f, "process:{id}"),
            Self::Memory => f.write_str("memory"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_ipv4() {
        let at: SocketAddr = "[::ffff:192.0.2.1]:25".parse().unwrap();
        assert_eq!(Address::from(at).to_string(), "192.0.2.1:25");
    }

    #[test]
    fn a_link_local_address_keeps_its_scope() {
        let at: SocketAddr = "[fe80::1%3]:21".parse().unwrap();
        assert_eq!(Address::from(at), Address::Ip(at));
    }

    #[test]
    fn ipv6_counts_by_its_64_network() {
        let at = |s: &str| Address::from(s.parse::<SocketAddr>().unwrap()).network().unwrap();
        assert_eq!(at("[2001:db8:1:2:3::4]:1"), at("[2001:db8:1:2:ffff::1]:2"));
        assert_ne!(at("[2001:db8:1:2::1]:1"), at("[2001:db8:1:3::1]:1"));
        assert_ne!(at("192.0.2.1:1"), at("192.0.2.2:1"));
    }

    #[test]
    fn local_is_loopback_or_no_network_at_all() {
        assert!(Address::Memory.is_local());
        assert!(Address::from("127.9.9.9:1".parse::<SocketAddr>().unwrap()).is_local());
        assert!(!Address::from("192.0.2.1:1".parse::<SocketAddr>().unwrap()).is_local());
    }

    #[test]
    fn a_path_is_shown_on_one_line() {
        let at = Address::Unix(Some("/run/é\n2026 ERROR\x1b[2J".into()));
        assert_eq!(at.to_string(), "unix:/run/é\\n2026 ERROR\\u{1b}[2J");
    }
}
