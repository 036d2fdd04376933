//! Whom to ask.

use std::net::{IpAddr, SocketAddr};

use ropewalk_core::net::resolve;
use ropewalk_core::{Error, Result};

use super::words::By;

/// Where the system's servers are told (resolv.conf(5)).
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Servers that are asked, one after the other, as the system does.
const MOST: usize = 3;

/// A server, and what it is called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) at: SocketAddr,
    pub(super) name: String,
}

/// The addresses of the server that is named, or the system's servers.
pub(super) async fn find(named: Option<&str>, port: Option<u16>, by: By) -> Result<Vec<Server>> {
    let port = port.unwrap_or(match by {
        By::Udp | By::Tcp => 53,
        By::Tls | By::Quic => 853,
        By::Https => 443,
    });
    if let Some(name) = named {
        let host = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        if host.is_empty() {
            return Err(Error::local("@ needs the server's name or address after it"));
        }
        let found = resolve(host, port).await?;
        return Ok(found.into_iter().take(MOST).map(|at| Server { at, name: host.into() }).collect());
    }
    let text = std::fs::read_to_string(RESOLV_CONF).map_err(|error| {
        Error::local(format!("cannot read {RESOLV_CONF}: name a @SERVER")).caused_by(error)
    })?;
    let servers: Vec<_> = nameservers(&text)
        .take(MOST)
        .map(|ip| Server { at: (ip, port).into(), name: ip.to_string() })
        .collect();
    if servers.is_empty() {
        return Err(Error::local(format!("{RESOLV_CONF} names no server: name a @SERVER")));
    }
    Ok(servers)
}

fn nameservers(text: &str) -> impl Iterator<Item = IpAddr> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then(|| words.next()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_servers_are_read() {
        let text = "# nameserver 192.0.2.9\nsearch example.org\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 # x\nnameserver\nnameserver nonsense\noptions ndots:2\n";
        let found: Vec<_> = nameservers(text).map(|ip| ip.to_string()).collect();
        assert_eq!(found, ["192.0.2.1", "2001:db8::1"]);
    }

    #[tokio::test]
    async fn ports_are_those_of_the_protocol() {
        for (by, port) in [(By::Udp, 53), (By::Tcp, 53), (By::Tls, 853), (By::Https, 443)] {
            let found = find(Some("[::1]"), None, by).await.unwrap();
            assert_eq!(found, [Server { at: ([0, 0, 0, 0, 0, 0, 0, 1], port).into(), name: "::1".into() }]);
        }
        assert_eq!(find(Some("127.0.0.1"), Some(5353), By::Tls).await.unwrap()[0].at.port(), 5353);
        assert!(find(Some(""), None, By::Udp).await.is_err());
    }
}
