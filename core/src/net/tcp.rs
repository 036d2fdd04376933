use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;

use async_trait::async_trait;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::endpoint::Interface;
use super::{Connection, Incoming, Listener, holder};
use crate::{Address, Error, Result};

/// Connections that wait to be accepted, at most; the kernel lowers it to net.core.somaxconn.
pub(super) const BACKLOG: i32 = 4096;

/// How often a free port is looked for that is free on both loopback addresses.
const ANY_PORT_TRIES: usize = 16;

/// A bound TCP port: one socket, or two for `localhost`.
#[derive(Clone)]
pub(super) struct Port {
    first: Arc<StdListener>,
    second: Option<Arc<StdListener>>,
}

impl Port {
    pub(super) fn bind(port: u16, interface: Option<Interface>) -> Result<Self> {
        let bound = match interface {
            None => wildcard(|at| bind(at, Some(false)), port).map(Self::of),
            Some(Interface::Address(ip)) => bind((ip, port).into(), Some(true)).map(Self::of),
            Some(Interface::Localhost) => Self::localhost(port),
        };
        bound.map_err(|error| refusal(error, port, interface, holder::Table::Tcp))
    }

    pub(super) fn of(socket: StdListener) -> Self {
        Self { first: Arc::new(socket), second: None }
    }

    fn localhost(port: u16) -> io::Result<Self> {
        pair_on_localhost(port, |at| bind(at, Some(true)), |socket| Ok(socket.local_addr()?.port()))
            .map(|(first, second)| Self { first: Arc::new(first), second: second.map(Arc::new) })
    }

    pub(super) fn local(&self) -> Vec<Address> {
        let sockets = [Some(&self.first), self.second.as_ref()].into_iter().flatten();
        sockets.filter_map(|socket| socket.local_addr().ok()).map(Address::from).collect()
    }

    pub(super) fn listen(&self) -> Result<impl Listener + use<>> {
        let register = |socket: &Arc<StdListener>| {
            socket.try_clone().and_then(TcpListener::from_std).map_err(Error::from)
        };
        let first = register(&self.first)?;
        let second = self.second.as_ref().map(register).transpose()?;
        let local = first.local_addr()?.into();
        Ok(TcpPort { first, second, local })
    }
}

/// Binds IPv6 for both families, or IPv4 where the machine has no IPv6.
pub(super) fn wildcard<S>(bind: impl Fn(SocketAddr) -> io::Result<S>, port: u16) -> io::Result<S> {
    match bind((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if is_no_ipv6(&error) => bind((Ipv4Addr::UNSPECIFIED, port).into()),
        other => other,
    }
}

/// Binds 127.0.0.1 and, where there is IPv6, ::1 on one port.
pub(super) fn pair_on_localhost<S>(
    port: u16,
    bind: impl Fn(SocketAddr) -> io::Result<S>,
    port_of: impl Fn(&S) -> io::Result<u16>,
) -> io::Result<(S, Option<S>)> {
    let mut tries = if port == 0 { ANY_PORT_TRIES } else { 1 };
    loop {
        let first = bind((Ipv4Addr::LOCALHOST, port).into())?;
        let same = port_of(&first)?;
        tries -= 1;
        match bind((Ipv6Addr::LOCALHOST, same).into()) {
            Ok(second) => return Ok((first, Some(second))),
            Err(error) if is_no_ipv6(&error) => return Ok((first, None)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_no_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(nix::errno::Errno::EAFNOSUPPORT as i32)
}

fn bind(at: SocketAddr, only_v6: Option<bool>) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if let (SocketAddr::V6(_), Some(only)) = (at, only_v6) {
        socket.set_only_v6(only)?;
    }
    // On Linux this lets a port be bound while old connections are in TIME_WAIT, and nothing more.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Why a port could not be bound, in words.
pub(super) fn refusal(
    error: io::Error,
    port: u16,
    interface: Option<Interface>,
    table: holder::Table,
) -> Error {
    let message = match (error.kind(), interface) {
        (io::ErrorKind::AddrInUse, _) => match holder::of(table, port) {
            Some(holder) => format!("port {port} is taken by {holder}"),
            None => format!("port {port} is taken"),
        },
        (io::ErrorKind::PermissionDenied, _) if port < 1024 => {
            format!("port {port} needs root or the capability CAP_NET_BIND_SERVICE, as all below 1024 do")
        }
        (io::ErrorKind::AddrNotAvailable, Some(Interface::Address(ip))) => {
            format!("no interface of this machine has the address {ip}")
        }
        _ => return Error::local("the system refuses it").caused_by(error),
    };
    Error::local(message).caused_by(error)
}

struct TcpPort {
    first: TcpListener,
    second: Option<TcpListener>,
    local: Address,
}

#[async_trait]
impl Listener for TcpPort {
    async fn accept(&self) -> Result<Box<dyn Incoming>> {
        let accepted = match &self.second {
            None => self.first.accept().await,
            // Fair: select polls in random order.
            Some(second) => tokio::select! {
                accepted = self.first.accept() => accepted,
                accepted = second.accept() => accepted,
            },
        };
        let (socket, _) = accepted.map_err(accept_error)?;
        Ok(Box::new(Accepted(socket)))
    }

    fn local(&self) -> Address {
        self.local.clone()
    }
}

struct Accepted(tokio::net::TcpStream);

#[async_trait]
impl Incoming for Accepted {
    async fn establish(self: Box<Self>) -> Result<Connection> {
        Connection::tcp(self.0)
    }
}

/// Tells errors of the connection that was about to be accepted, which Linux reports here, from ours.
pub(super) fn accept_error(error: io::Error) -> Error {
    use nix::errno::Errno as E;
    let of_the_peer = [
        E::ECONNABORTED,
        E::ECONNRESET,
        E::EHOSTDOWN,
        E::EHOSTUNREACH,
        E::ENETDOWN,
        E::ENETUNREACH,
        E::ENONET,
        E::ENOPROTOOPT,
        E::EPERM,
        E::EPROTO,
    ];
    let code = error.raw_os_error();
    match of_the_peer.iter().any(|errno| code == Some(*errno as i32)) {
        true => Error::peer("peer was gone before it was accepted").caused_by(error),
        false => Error::local("cannot accept").caused_by(error),
    }
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
