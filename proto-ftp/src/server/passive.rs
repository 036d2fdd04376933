use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ropewalk_core::{Error, Result};
use socket2::{Domain, Socket, Type};
use tokio::time::Instant;

/// A port is not given to another client before this time is over: what was meant for the last one may still come.
const LINGER: Duration = Duration::from_secs(60);
/// Connections that wait to be looked at.
const BACKLOG: i32 = 64;

/// The ports that passive data connections come to, and who has which.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    used: Mutex<HashMap<u16, Use>>,
}

#[derive(Clone, Copy, Debug)]
struct Use {
    client: Option<IpAddr>,
    /// When it was given back; not yet, if it was not.
    since: Option<Instant>,
}

/// A port that somebody has.
#[derive(Debug)]
pub(super) struct Lease {
    ports: Arc<Ports>,
    port: u16,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        Self { range, used: Mutex::default() }
    }

    /// Opens a port of the range, at random, for this client. The listener does not block.
    pub(super) fn open(
        self: &Arc<Self>,
        local: IpAddr,
        client: Option<IpAddr>,
    ) -> Result<(TcpListener, SocketAddr, Lease)> {
        let (first, last) = (*self.range.start(), *self.range.end());
        let count = u32::from(last.saturating_sub(first)) + 1;
        let start = random()? % count;
        // Ports that linger are taken only when there are no others.
        for lingering in [false, true] {
            for step in 0..count {
                let port = u16::try_from(u32::from(first) + (start + step) % count).unwrap_or(first);
                let Some(lease) = self.lease(port, client, lingering) else { continue };
                let at = SocketAddr::new(local, port);
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

    fn lease(self: &Arc<Self>, port: u16, client: Option<IpAddr>, lingering: bool) -> Option<Lease> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = used.get(&port).filter(|_| port != 0) {
            let since = last.since?;
            if !lingering && last.client != client && since.elapsed() < LINGER {
                return None;
            }
        }
        used.insert(port, Use { client, since: None });
        Some(Lease { ports: Arc::clone(self), port })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut used = self.ports.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = used.get_mut(&self.port) {
            last.since = Some(Instant::now());
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

    fn client(last: u8) -> Option<IpAddr> {
        Some(Ipv4Addr::new(192, 0, 2, last).into())
    }

    /// Two ports that nothing else has.
    fn two() -> RangeInclusive<u16> {
        for first in (20_000..30_000).step_by(2) {
            let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            if free(first) && free(first + 1) {
                return first..=first + 1;
            }
        }
        panic!("no two ports are free");
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_lingers_goes_to_its_last_client_or_to_nobody_while_there_are_others() {
        let ports = Arc::new(Ports::new(two()));
        let local = Ipv4Addr::LOCALHOST.into();
        let (listener, first, lease) = ports.open(local, client(1)).unwrap();
        drop((listener, lease));
        let (_a, second, _b) = ports.open(local, client(2)).unwrap();
        assert_ne!(first, second);
        let (_c, again, lease) = ports.open(local, client(1)).unwrap();
        assert_eq!(first, again);
        assert_eq!(ports.open(local, client(3)).unwrap_err().limit_name(), Some("passive"));
        drop((_c, lease));
        // Better than none.
        let (_d, last, _e) = ports.open(local, client(3)).unwrap();
        assert_eq!(first, last);
    }

    #[tokio::test]
    async fn two_sessions_never_share_a_port() {
        let ports = Arc::new(Ports::new(0..=0));
        let (_a, one, _b) = ports.open(Ipv4Addr::LOCALHOST.into(), client(1)).unwrap();
        let (_c, two, _d) = ports.open(Ipv4Addr::LOCALHOST.into(), client(1)).unwrap();
        assert_ne!(one, two);
    }
}
