use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ropewalk_core::{Error, Result};
use socket2::{Domain, Socket, Type};
use tokio::time::Instant;

use super::seats::Who;

/// A port is not given to another client before this time is over: what was meant for the last one may still come.
const LINGER: Duration = Duration::from_secs(60);
/// Connections that wait to be looked at.
const BACKLOG: i32 = 64;

/// The ports that passive data connections come to, and who has which.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    uses: Mutex<Uses>,
}

#[derive(Debug, Default)]
struct Uses {
    of: HashMap<u16, Use>,
    /// At how many ports each waits.
    waits: HashMap<Who, usize>,
}

#[derive(Clone, Copy, Debug)]
struct Use {
    client: Option<IpAddr>,
    /// When it was given back; not yet, if it was not.
    since: Option<Instant>,
}

/// Whom a port is for.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) client: Option<IpAddr>,
    pub(super) who: Who,
}

/// A port at which somebody is waited for.
#[derive(Debug)]
pub(super) struct Lease {
    ports: Arc<Ports>,
    port: u16,
    who: Who,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        Self { range, uses: Mutex::default() }
    }

    /// Opens a port of the range, at random, at this address, for its owner: one person waits at half of the ports at most, so
    /// that there are some for others. The listener does not block.
    pub(super) fn open(
        self: &Arc<Self>,
        local: SocketAddr,
        owner: &Owner,
    ) -> Result<(TcpListener, SocketAddr, Lease)> {
        let (first, last) = (*self.range.start(), *self.range.end());
        let count = u32::from(last.saturating_sub(first)) + 1;
        if first != 0 && self.waits(&owner.who) > usize::from(last.saturating_sub(first) / 2) {
            return Err(Error::limit("passive", "one person waits at half of the passive range already"));
        }
        let start = random()? % count;
        // Ports that linger are taken only when there are no others.
        for lingering in [false, true] {
            for step in 0..count {
                let port = u16::try_from(u32::from(first) + (start + step) % count).unwrap_or(first);
                let Some(lease) = self.lease(port, owner, lingering) else { continue };
                let mut at = local;
                at.set_port(port);
                match listen(at) {
                    Ok(listener) => {
                        let at = if port == 0 { listener.local_addr()? } else { at };
                        return Ok((listener, at, lease));
                    }
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(Error::limit("passive", "all ports of the passive range are in use"))
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// At how many ports somebody waits.
    fn waits(&self, who: &Who) -> usize {
        self.uses().waits.get(who).copied().unwrap_or(0)
    }

    fn lease(self: &Arc<Self>, port: u16, owner: &Owner, lingering: bool) -> Option<Lease> {
        let mut uses = self.uses();
        if let Some(last) = uses.of.get(&port).filter(|_| port != 0) {
            let since = last.since?;
            if !lingering && last.client != owner.client && since.elapsed() < LINGER {
                return None;
            }
        }
        uses.of.insert(port, Use { client: owner.client, since: None });
        *uses.waits.entry(owner.who.clone()).or_default() += 1;
        Some(Lease { ports: Arc::clone(self), port, who: owner.who.clone() })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut uses = self.ports.uses();
        if let Some(last) = uses.of.get_mut(&self.port) {
            last.since = Some(Instant::now());
        }
        match uses.waits.get_mut(&self.who) {
            Some(waits @ 2..) => *waits -= 1,
            _ => drop(uses.waits.remove(&self.who)),
        }
    }
}

fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn random() -> Result<u32> {
    let mut octets = [0; 4];
    aws_lc_rs::rand::fill(&mut octets).map_err(|error| Error::local("no random numbers").caused_by(error))?;
    Ok(u32::from_ne_bytes(octets))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    /// Somebody of their own, at an address of their own.
    fn owner(last: u8) -> Owner {
        let client = Some(Ipv4Addr::new(192, 0, 2, last).into());
        Owner { client, who: Who::Guest(client) }
    }

    /// So many ports that nothing else has.
    fn free(count: u16) -> RangeInclusive<u16> {
        let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        let mut firsts = (20_000..30_000).step_by(usize::from(count));
        let first = firsts.find(|first| (*first..first + count).all(is_free)).expect("free ports");
        first..=first + count - 1
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_lingers_goes_to_its_last_client_or_to_nobody_while_there_are_others() {
        let ports = Arc::new(Ports::new(free(2)));
        let (listener, first, lease) = ports.open(LOCAL, &owner(1)).unwrap();
        drop((listener, lease));
        let (_a, second, _b) = ports.open(LOCAL, &owner(2)).unwrap();
        assert_ne!(first, second);
        let (_c, again, lease) = ports.open(LOCAL, &owner(1)).unwrap();
        assert_eq!(first, again);
        assert_eq!(ports.open(LOCAL, &owner(3)).unwrap_err().limit_name(), Some("passive"));
        drop((_c, lease));
        // Better than none.
        let (_d, last, _e) = ports.open(LOCAL, &owner(3)).unwrap();
        assert_eq!(first, last);
    }

    #[tokio::test]
    async fn one_person_leaves_half_of_the_ports_to_others() {
        let ports = Arc::new(Ports::new(free(4)));
        let held: Vec<_> = (0..2).map(|_| ports.open(LOCAL, &owner(1)).unwrap()).collect();
        assert_eq!(ports.open(LOCAL, &owner(1)).unwrap_err().limit_name(), Some("passive"));
        let _others: Vec<_> = (2..4).map(|last| ports.open(LOCAL, &owner(last)).unwrap()).collect();
        drop(held);
        assert!(ports.open(LOCAL, &owner(1)).is_ok());
    }

    #[tokio::test]
    async fn two_sessions_never_share_a_port() {
        let ports = Arc::new(Ports::new(0..=0));
        let (_a, one, _b) = ports.open(LOCAL, &owner(1)).unwrap();
        let (_c, two, _d) = ports.open(LOCAL, &owner(1)).unwrap();
        assert_ne!(one, two);
    }
}
