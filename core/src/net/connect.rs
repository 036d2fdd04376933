use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::endpoint::{At, Endpoint, Interface, TlsOptions};
use super::{Bound, Connection, Handshake, Transport, memory, process, stdio};
use crate::tls::{Authorities, ClientTls, ServerName};
use crate::{Error, Result};

/// A connect takes no longer than this, with the name's lookup and every address.
const DEADLINE: Duration = Duration::from_secs(30);

/// RFC 8305: between two attempts, while the earlier is still open.
const STAGGER: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried, at most.
const ADDRESSES: usize = 16;

#[async_trait]
impl Transport for Endpoint {
    fn claim(&self) -> Result<Bound> {
        Bound::claim(self, false)
    }

    /// Connects; `tls:` is through its handshake then, with a server whose certificate is for `name=`, or the host,
    /// by an authority of `ca=`, or the system's.
    async fn connect(&self) -> Result<Connection> {
        let connected = async {
            let conn = connect(self).await?;
            match self.at() {
                At::Tcp { tls: Some(options), host, .. } => secure(conn, options, host.as_deref()).await,
                _ => Ok(conn),
            }
        };
        let connected = timeout(DEADLINE, connected).await.unwrap_or_else(|_| {
            Err(Error::limit("connect", format!("no connection within {} s", DEADLINE.as_secs())))
        });
        connected.map_err(|error| error.during(format!("cannot connect to {self}")))
    }
}

async fn connect(to: &Endpoint) -> Result<Connection> {
    match to.at() {
        At::Tcp { port: 0, .. } => Err(Error::local("nothing can be connected to on port 0")),
        At::Tcp { port, host: Some(host), .. } => reach(resolve(host, *port).await?).await,
        At::Tcp { port, interface, .. } => {
            let at: Vec<IpAddr> = match interface {
                Some(Interface::Address(_)) => interface.map(Interface::reach).into_iter().collect(),
                _ => vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
            };
            reach(at.into_iter().map(|ip| (ip, *port).into()).collect()).await
        }
        At::Unix { path, .. } => Connection::unix(UnixStream::connect(path).await.map_err(refused)?),
        At::Process { program, args } => process::connect(program, args),
        At::Stdio => Ok(stdio::connection()),
        At::Memory(name) => memory::connect(name),
        At::Udp { .. } => Err(Error::local("it is for datagrams, not connections")),
        At::Quic { .. } => Err(Error::local("its connections are many streams, and none of them the first")),
        At::Systemd { .. } | At::Fd(_) => Err(Error::local("an inherited socket can only be listened on")),
    }
}

async fn secure(conn: Connection, options: &TlsOptions, host: Option<&str>) -> Result<Connection> {
    let name: ServerName = options.name.as_deref().or(host).unwrap_or("localhost").parse()?;
    let trusted = match &options.ca {
        Some(file) => Authorities::file(Path::new(file))?,
        None => Authorities::system()?,
    };
    conn.connect_tls(&ClientTls::new(&trusted)?, &name, Handshake::default()).await
}

fn refused(error: io::Error) -> Error {
    Error::local("nobody answers").caused_by(error)
}

/// The addresses of a host with this port, at most 16, in the order of the system's resolver; of an address, itself.
/// The caller bounds its time.
///
/// # Errors
/// Where the name is not known or has no address.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let found = lookup_host((host, port)).await;
    let found = found.map_err(|e| Error::local(format!("cannot look up {host}")).caused_by(e))?;
    let found: Vec<_> = found.take(ADDRESSES).collect();
    if found.is_empty() { Err(Error::local(format!("{host} has no address"))) } else { Ok(found) }
}

/// Connects by TCP to the first of these addresses that answers: happy eyeballs, RFC 8305. The families take turns; a
/// new attempt is made every 250 ms or as soon as one has failed, and the others are dropped when one connects. The
/// caller bounds its time.
///
/// # Errors
/// Where none answers: each address, with its reason.
pub async fn reach(addresses: Vec<SocketAddr>) -> Result<Connection> {
    let mut waiting = interleave(addresses);
    let mut open = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if open.is_empty() {
            let Some(next) = waiting.pop_front() else { return Err(nobody(&failed)) };
            open.push(attempt(next));
        }
        tokio::select! {
            Some((at, result)) = open.next() => match result {
                Ok(socket) => return Connection::tcp(socket),
                Err(error) => {
                    failed.push((at, error));
                    // RFC 8305: a failure starts the next at once.
                    open.extend(waiting.pop_front().map(attempt));
                }
            },
            () = sleep(STAGGER), if !waiting.is_empty() => open.extend(waiting.pop_front().map(attempt)),
        }
    }
}

async fn attempt(at: SocketAddr) -> (SocketAddr, io::Result<TcpStream>) {
    (at, TcpStream::connect(at).await)
}

/// The families in turn, each in the order in which the resolver gave them, that of the first address first.
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|at| at.is_ipv6() == first_is_v6);
    let mut all = VecDeque::new();
    while !first.is_empty() || !second.is_empty() {
        all.extend(first.pop_front());
        all.extend(second.pop_front());
    }
    all
}

fn nobody(failed: &[(SocketAddr, io::Error)]) -> Error {
    if failed.is_empty() {
        return Error::local("no address to connect to");
    }
    let reasons: Vec<String> = failed.iter().map(|(at, error)| format!("{at}: {error}")).collect();
    Error::local(format!("nobody answers at {}", reasons.join("; ")))
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
