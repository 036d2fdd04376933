use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::{Batch, sys};
use crate::net::endpoint::{At, Interface};
use crate::net::{Endpoint, holder, tcp};
use crate::{Address, Error, Result};

/// A UDP port that is bound and held, without a runtime: one socket per core, between which the kernel divides the
/// peers. Clones are the same port.
///
/// The port is bound alone first, so that a taken one is an error, and only then shared among our own sockets;
/// all are opened at once, while the process may still be root.
#[derive(Clone)]
pub struct BoundDatagrams(Arc<Mutex<Option<Sockets>>>);

type Sockets = Arc<[StdSocket]>;

impl BoundDatagrams {
    /// Binds a `udp:` endpoint.
    ///
    /// # Errors
    /// Where it cannot be bound; the error says by whom it is taken, where that is known.
    pub fn claim(endpoint: &Endpoint) -> Result<Self> {
        Self::claim_beside(endpoint, false)
    }

    /// The same, `beside` sockets of ours which [share](Self::share) the port until they are closed.
    pub(in crate::net) fn claim_beside(endpoint: &Endpoint, beside: bool) -> Result<Self> {
        let At::Udp { port, interface } = endpoint.at() else {
            return Err(Error::local(format!("{endpoint} is not for datagrams; use udp:")));
        };
        let cores = available_parallelism().map_or(1, usize::from);
        let sockets = bind(*port, *interface, cores, beside).map_err(|error| {
            let why = tcp::refusal(error, *port, *interface, holder::Table::Udp);
            why.during(format!("cannot listen on {endpoint}"))
        })?;
        Ok(Self(Arc::new(Mutex::new(Some(sockets.into())))))
    }

    /// The sockets, registered with the current runtime: receive from each in a task of its own. May be called
    /// again, by a service that is run again.
    ///
    /// # Errors
    /// Where the port was closed, or the system has no descriptors left.
    ///
    /// # Panics
    /// Outside of a runtime with I/O.
    pub fn open(&self) -> Result<Vec<DatagramSocket>> {
        let sockets = self.held().ok_or_else(|| Error::local("the socket was closed"))?;
        sockets.iter().map(DatagramSocket::register).collect()
    }

    /// One of the sockets, likewise, by its number from 0; none where there are not so many.
    pub(crate) fn open_one(&self, number: usize) -> Result<Option<DatagramSocket>> {
        let sockets = self.held().ok_or_else(|| Error::local("the socket was closed"))?;
        sockets.get(number).map(DatagramSocket::register).transpose()
    }

    /// Where it is bound: the real port where port 0 was asked for. Two for `interface=localhost`, none
    /// after [`close`](Self::close).
    pub fn local(&self) -> Vec<Address> {
        let mut all: Vec<Address> = Vec::new();
        for at in self.held().iter().flat_map(|sockets| sockets.iter()).filter_map(|s| s.local_addr().ok()) {
            let at = at.into();
            if !all.contains(&at) {
                all.push(at);
            }
        }
        all
    }

    /// Gives the port up for all clones; it closes as soon as the sockets that [`open`](Self::open) gave are
    /// dropped.
    pub fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Lets other sockets of ours have the same port.
    pub(in crate::net) fn share(&self) -> io::Result<()> {
        self.held().iter().flat_map(|sockets| sockets.iter()).try_for_each(share)
    }

    fn held(&self) -> Option<Sockets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for BoundDatagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BoundDatagrams").field(&self.local()).finish()
    }
}

/// Lets other sockets of this user have the port of this one.
pub(in crate::net) fn share(socket: &StdSocket) -> io::Result<()> {
    socket2::SockRef::from(socket).set_reuse_port(true)
}

/// So many sockets at each address of an interface; `beside` those that are there and [share] it.
pub(in crate::net) fn bind(
    port: u16,
    interface: Option<Interface>,
    cores: usize,
    beside: bool,
) -> io::Result<Vec<StdSocket>> {
    let alone = |at| open(at, beside);
    let first = match interface {
        None => vec![tcp::wildcard(alone, port)?],
        Some(Interface::Address(ip)) => vec![alone((ip, port).into())?],
        Some(Interface::Localhost) => {
            let (v4, v6) = tcp::pair_on_localhost(port, alone, |socket| Ok(socket.local_addr()?.port()))?;
            [Some(v4), v6].into_iter().flatten().collect()
        }
    };
    let mut all = Vec::with_capacity(first.len() * cores);
    for socket in first {
        let at = socket.local_addr()?;
        if cores > 1 {
            // From here on our own further sockets may join; others of our user could too.
            share(&socket)?;
        }
        all.push(socket);
        for _ in 1..cores {
            all.push(open(at, true)?);
        }
    }
    Ok(all)
}

fn open(at: SocketAddr, shared: bool) -> io::Result<StdSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    if let SocketAddr::V6(v6) = at {
        socket.set_only_v6(!v6.ip().is_unspecified())?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    } else {
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    }
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    Ok(socket.into())
}

/// One socket of a UDP port.
pub struct DatagramSocket {
    io: UdpSocket,
    local: SocketAddr,
    admits: Option<Arc<Admits>>,
}

/// Whether a peer's datagrams are wanted.
pub(crate) type Admits = dyn Fn(&Address) -> bool + Send + Sync;

impl DatagramSocket {
    fn register(socket: &StdSocket) -> Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self { io: UdpSocket::from_std(socket.try_clone()?)?, local, admits: None })
    }

    /// Throws away what comes from other peers than these.
    pub(crate) fn only(mut self, admits: Option<Arc<Admits>>) -> Self {
        self.admits = admits;
        self
    }

    /// Where it is bound.
    pub fn local(&self) -> Address {
        self.local.into()
    }

    /// Waits for at least one datagram, and takes all that are there and fit into the batch. Cancel-safe.
    ///
    /// # Errors
    /// What the system says; call again, after a pause if it is [`Fault::Local`](crate::Fault). An ICMP error
    /// that an earlier datagram of ours has met is not told.
    pub async fn recv(&self, batch: &mut Batch) -> Result<()> {
        let fd = self.io.as_raw_fd();
        let is_v6 = self.local.is_ipv6();
        loop {
            self.io.async_io(Interest::READABLE, || sys::recv(fd, is_v6, batch)).await?;
            if let Some(admits) = &self.admits {
                batch.filled.retain(|slot| admits(&slot.peer.into()));
            }
            if !batch.is_empty() {
                return Ok(());
            }
        }
    }

    /// Sends the whole batch, in order; each datagram from its local address.
    ///
    /// One that the system refuses to send (no route, too long, an address that is not ours) is logged and left
    /// out, as if the network had lost it, so that it does not hold up the others.
    ///
    /// # Errors
    /// Where the socket itself fails. How much of the batch was sent is then unknown.
    pub async fn send(&self, batch: &Batch) -> Result<()> {
        let fd = self.io.as_raw_fd();
        let is_v6 = self.local.is_ipv6();
        let mut done = 0;
        while done < batch.len() {
            let sent = self.io.async_io(Interest::WRITABLE, || sys::send(fd, is_v6, batch, done)).await;
            done += match sent {
                Ok(sent) => sent.max(1),
                Err(error) if is_fatal(&error) => return Err(error.into()),
                // sendmmsg(2) tells an error only of the first datagram.
                Err(error) => {
                    tracing::debug!(%error, "datagram not sent");
                    1
                }
            };
        }
        Ok(())
    }
}

impl fmt::Debug for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatagramSocket").field(&self.local).finish()
    }
}

fn is_fatal(error: &io::Error) -> bool {
    use nix::errno::Errno as E;
    [E::EBADF, E::ENOTSOCK, E::EFAULT].iter().any(|errno| error.raw_os_error() == Some(*errno as i32))
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
