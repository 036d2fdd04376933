use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use quinn::{Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use tokio::time::timeout;

use crate::net::endpoint::Interface;
use crate::net::{Connection, Incoming, Info, Listener, datagram, holder, tcp};
use crate::tls::quic as tls;
use crate::{Address, Error, Result};

/// Handshakes at once from which on a peer must show that it is at its address before anything is done for it (RFC 9000 §8.1.2).
const BUSY: usize = 64;
/// Peers that have come and that nobody has looked at yet, at most.
const WAITING: usize = 1024;
/// Octets that are kept of what each of them sent besides, and of all together.
const KEPT: (u64, u64) = (16 * 1024, 4 << 20);
/// How long it may take to tell peers that a connection has ended.
const SETTLE: Duration = Duration::from_secs(1);

/// A UDP port that is bound for QUIC: one socket, or two for `localhost`.
///
/// It has one socket for all cores, unlike a port of datagrams: a peer may come from another address in the middle of a
/// connection, and the kernel would give it to another socket. What belongs to which connection is known only here. So the
/// endpoint lives as long as the port, whatever generation of a configuration accepts at it.
pub(in crate::net) struct Port {
    sockets: Vec<UdpSocket>,
    open: Mutex<Option<Arc<[Endpoint]>>>,
    shaking: Arc<AtomicUsize>,
}

impl Port {
    pub(in crate::net) fn bind(port: u16, interface: Option<Interface>, beside: bool) -> Result<Self> {
        let sockets = datagram::bind(port, interface, 1, beside)
            .map_err(|error| tcp::refusal(error, port, interface, holder::Table::Udp))?;
        Ok(Self { sockets, open: Mutex::default(), shaking: Arc::default() })
    }

    /// Lets other sockets of ours have the same port.
    pub(in crate::net) fn share(&self) -> io::Result<()> {
        self.sockets.iter().try_for_each(datagram::share)
    }

    pub(in crate::net) fn local(&self) -> Vec<Address> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).map(Address::from).collect()
    }

    /// Waits until peers have heard of connections that were closed. Where others are open still, for a moment.
    pub(in crate::net) async fn settle(&self) {
        let open = self.lock().clone();
        let idle = async {
            for endpoint in open.iter().flat_map(|all| all.iter()) {
                endpoint.wait_idle().await;
            }
        };
        // Who was not told by then, finds out.
        let _ = timeout(SETTLE, idle).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<[Endpoint]>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What hears the sockets, in the current runtime from the first time on.
    fn endpoints(&self) -> Result<Arc<[Endpoint]>> {
        let mut open = self.lock();
        if let Some(open) = &*open {
            return Ok(Arc::clone(open));
        }
        let all: Arc<[Endpoint]> = self.sockets.iter().map(endpoint).collect::<Result<_>>()?;
        Ok(Arc::clone(open.insert(all)))
    }

    /// One of these has failed: others are made when they are needed.
    fn forget(&self, failed: &Arc<[Endpoint]>) {
        let mut open = self.lock();
        if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, failed)) {
            *open = None;
        }
    }
}

fn endpoint(socket: &UdpSocket) -> Result<Endpoint> {
    let mut config = ServerConfig::with_crypto(tls::nobody()?);
    config.max_incoming(WAITING).incoming_buffer_size(KEPT.0).incoming_buffer_size_total(KEPT.1);
    let made = socket.try_clone().and_then(|socket| {
        Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))
    });
    made.map_err(|error: io::Error| Error::local("QUIC cannot be spoken at the socket").caused_by(error))
}

pub(in crate::net) fn listen(port: Arc<Port>) -> Result<impl Listener> {
    port.endpoints()?;
    let local = port.local().into_iter().next().ok_or_else(|| Error::local("the socket has no address"))?;
    Ok(QuicPort { port, local })
}

struct QuicPort {
    port: Arc<Port>,
    local: Address,
}

#[async_trait]
impl Listener for QuicPort {
    async fn accept(&self) -> Result<Box<dyn Incoming>> {
        loop {
            let endpoints = self.port.endpoints()?;
            let incoming = match &*endpoints {
                [one] => one.accept().await,
                [one, two, ..] => tokio::select! {
                    incoming = one.accept() => incoming,
                    incoming = two.accept() => incoming,
                },
                [] => None,
            };
            let Some(incoming) = incoming else {
                self.port.forget(&endpoints);
                return Err(Error::local("the socket has failed; it is opened again"));
            };
            if incoming.remote_address_validated() || self.port.shaking.load(Ordering::Relaxed) < BUSY {
                return Ok(Box::new(Arrival::new(incoming, &self.port)));
            }
            // It cannot fail where the address was not validated.
            let _ = incoming.retry();
        }
    }

    fn local(&self) -> Address {
        self.local.clone()
    }
}

/// A peer that has come, to which nothing was said.
pub(in crate::net) struct Arrival {
    incoming: quinn::Incoming,
    counted: Counted,
    local: SocketAddr,
}

/// One of those whose handshake is not done.
pub(super) struct Counted(Arc<AtomicUsize>);

impl Arrival {
    fn new(incoming: quinn::Incoming, port: &Port) -> Self {
        port.shaking.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(&port.shaking));
        let remote = incoming.remote_address();
        let bound = port.sockets.iter().filter_map(|socket| socket.local_addr().ok());
        let mut local = bound.clone().find(|at| at.is_ipv4() == remote.is_ipv4()).unwrap_or(remote);
        if let Some(ip) = incoming.local_ip() {
            local.set_ip(ip);
        }
        Self { incoming, counted, local }
    }

    pub(super) fn into_parts(self) -> (quinn::Incoming, Counted) {
        (self.incoming, self.counted)
    }
}

#[async_trait]
impl Incoming for Arrival {
    async fn establish(self: Box<Self>) -> Result<Connection> {
        let info = Info::new(self.incoming.remote_address().into(), self.local.into());
        Ok(Connection::arrived(self, info))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
