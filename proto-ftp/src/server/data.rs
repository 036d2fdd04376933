//! One data connection.

use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ropewalk_core::net::{Connection, Handshake};
use ropewalk_core::telemetry::ByteCounters;
use ropewalk_core::tls::ServerTls;
use ropewalk_core::{Address, Error, Result};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};

use super::Options;
use super::options::Tie;
use super::passive::{Lease, Owner, Ports};
use crate::wire::Reply;

/// For how long a port is left alone. Somebody else in its queue is refused by then, though nothing is transferred yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a data connection is to come from or to go.
pub(super) enum Door {
    /// It is waited for, since the client was told where.
    Passive(Awaited),
    /// We connect, when there is something to transfer.
    Active { at: SocketAddr, from: SocketAddr },
}

/// Who may be at the other end of a data connection.
#[derive(Clone)]
pub(super) struct Ends {
    /// Where the control connection comes from; anybody's will do where there is nothing to compare with.
    pub(super) client: Option<IpAddr>,
    pub(super) options: Arc<Options>,
}

impl Ends {
    pub(super) fn include(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let address = Address::from(SocketAddr::new(ip, 0));
        self.client.is_none_or(|client| client == ip)
            || self.options.fxp.iter().any(|network| network.contains(&address))
    }

    /// Whether whoever has come is let in; otherwise it is said in the log.
    fn welcome(&self, peer: SocketAddr) -> bool {
        let is_one = self.include(peer.ip());
        if !is_one {
            tracing::warn!(%peer, "data connection of somebody else refused");
        }
        is_one
    }
}

impl Door {
    /// Waits for a connection at a port of its owner's own.
    pub(super) fn passive(
        ports: &Arc<Ports>,
        local: SocketAddr,
        owner: &Owner,
        ends: Ends,
    ) -> Result<(Self, SocketAddr)> {
        let (listener, at, lease) = ports.open(local, owner)?;
        let (now, within) = (Instant::now(), ends.options.connect);
        let (look, until) = (now + PATIENCE.min(within), now + within);
        let port = Port::Quiet(listener, lease);
        Ok((Self::Passive(Awaited { port, at, ends, look, until }), at))
    }

    pub(super) fn active(at: SocketAddr, from: SocketAddr) -> Self {
        Self::Active { at, from }
    }

    /// Closes the port when somebody has come, or nobody in time. It never returns; where it is dropped, nothing is lost.
    pub(super) async fn watch(&mut self, alarm: &mut Alarm) {
        if let Self::Passive(awaited) = self {
            awaited.watch(alarm).await;
        }
        pending().await
    }
}

/// A data connection that the client is to open.
pub(super) struct Awaited {
    port: Port,
    at: SocketAddr,
    ends: Ends,
    /// When a port that is quiet is looked at.
    look: Instant,
    /// When the port is closed.
    until: Instant,
}

enum Port {
    /// Whoever comes waits in its queue. The client has mostly come by the time that it says what to transfer, and a port that
    /// nobody watches costs least.
    Quiet(std::net::TcpListener, Lease),
    Watched(TcpListener, Lease),
    Came(TcpStream, SocketAddr),
    Closed,
}

impl Awaited {
    async fn watch(&mut self, alarm: &mut Alarm) {
        if let Port::Quiet(..) = &self.port {
            alarm.until(self.look).await;
        }
        self.port = match std::mem::replace(&mut self.port, Port::Closed) {
            Port::Quiet(listener, lease) => match TcpListener::from_std(listener) {
                Ok(listener) => Port::Watched(listener, lease),
                Err(_) => Port::Closed,
            },
            port => port,
        };
        if let Port::Watched(listener, _) = &self.port {
            let came = tokio::select! {
                came = accept(listener, &self.ends) => came.ok(),
                () = alarm.until(self.until) => None,
            };
            self.port = came.map_or(Port::Closed, |(socket, peer)| Port::Came(socket, peer));
        }
    }

    /// The first connection of this client; others are closed. The port is closed with it. What is said to and fro over it, as
    /// in a handshake, needs it without delay.
    async fn take(self, nodelay: bool) -> Result<Connection> {
        let late = || Error::limit("connect", "no data connection in time");
        let (socket, peer) = match self.port {
            Port::Came(socket, peer) => (socket, peer),
            Port::Closed => return Err(late()),
            Port::Watched(listener, _lease) => {
                timeout_at(self.until, accept(&listener, &self.ends)).await.map_err(|_| late())??
            }
            Port::Quiet(listener, _lease) => match accept_now(&listener, &self.ends)? {
                Some(accepted) => accepted,
                None => {
                    let listener = TcpListener::from_std(listener)?;
                    timeout_at(self.until, accept(&listener, &self.ends)).await.map_err(|_| late())??
                }
            },
        };
        if nodelay {
            socket.set_nodelay(true)?;
        }
        Ok(Connection::tcp_between(socket, peer, self.at))
    }
}

/// Who is in the queue by now.
fn accept_now(listener: &std::net::TcpListener, ends: &Ends) -> Result<Option<(TcpStream, SocketAddr)>> {
    loop {
        // The kernel makes it one that does not block in the same step.
        let (socket, peer) = match acceptfrom_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok((socket, Some(peer))) => (socket, SocketAddr::try_from(peer)),
            Ok((_, None)) | Err(Errno::INTR | Errno::CONNABORTED) => continue,
            Err(Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(std::io::Error::from(error).into()),
        };
        if let Ok(peer) = peer
            && ends.welcome(peer)
        {
            return Ok(Some((TcpStream::from_std(socket.into())?, peer)));
        }
    }
}

async fn accept(listener: &TcpListener, ends: &Ends) -> Result<(TcpStream, SocketAddr)> {
    loop {
        let (socket, peer) = listener.accept().await?;
        if ends.welcome(peer) {
            return Ok((socket, peer));
        }
    }
}

/// A timer that is kept when nobody waits for it any more: one that goes off for nothing now and then costs less than to set
/// one for each data connection.
#[derive(Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    async fn until(&mut self, at: Instant) {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        loop {
            if sleep.is_elapsed() || sleep.deadline() > at {
                sleep.as_mut().reset(at);
            }
            sleep.as_mut().await;
            if Instant::now() >= at {
                return;
            }
        }
    }
}

/// How a data connection is secured.
pub(super) struct Private {
    pub(super) tls: ServerTls,
    pub(super) tie: Tie,
    pub(super) tied: Arc<AtomicBool>,
}

/// All that a data connection needs.
pub(super) struct Way {
    pub(super) door: Door,
    pub(super) private: Option<Private>,
    pub(super) stall: Duration,
    pub(super) connect: Duration,
    pub(super) handshake: Duration,
    pub(super) rate: Option<u64>,
    pub(super) bytes: ByteCounters,
}

impl Way {
    /// The connection, or what the peer is told.
    pub(super) async fn open(self) -> Result<Connection, Reply> {
        let Self { door, private, stall, connect: within, handshake, rate, bytes } = self;
        let conn = match door {
            Door::Passive(awaited) => awaited.take(private.is_some()).await,
            Door::Active { at, from } => {
                let connected = timeout(within, connect(at, from)).await;
                let late = || Err(Error::limit("connect", "no data connection in time"));
                connected.unwrap_or_else(|_| late()).and_then(Connection::tcp)
            }
        };
        let mut conn = conn.map_err(|error| {
            tracing::debug!(error = %error.chain(), "no data connection");
            Reply::new(425, "no data connection")
        })?;
        conn.count_into(bytes);
        let pace = conn.pace();
        pace.idle(stall);
        pace.write(stall);
        if let Some(rate) = rate {
            pace.rate(rate);
        }
        match private {
            // Apart: what has no TLS is not to be as large as what has.
            Some(private) => Box::pin(private.secure(conn, handshake)).await,
            None => Ok(conn),
        }
    }
}

impl Private {
    async fn secure(self, conn: Connection, within: Duration) -> Result<Connection, Reply> {
        let mut how = Handshake::default();
        how.deadline = within;
        let conn = conn.start_tls(&self.tls, how).await.map_err(|error| {
            tracing::info!(error = %error.chain(), "data connection refused: no TLS");
            Reply::new(425, "the data connection does not speak TLS, as PROT P says")
        })?;
        // Its keys are this control connection's alone, so nobody else can go on with one of its sessions.
        let resumed = conn.info().tls.as_ref().is_some_and(|tls| tls.resumed);
        let required = match self.tie {
            Tie::Off => false,
            Tie::Prefer => self.tied.load(Ordering::Relaxed),
            Tie::Require => true,
        };
        if resumed {
            self.tied.store(true, Ordering::Relaxed);
        } else if required {
            tracing::warn!("data connection refused: its TLS session is not that of its control connection");
            return Err(Reply::new(522, "the data connection must go on with the TLS session of this one"));
        }
        Ok(conn)
    }
}

async fn connect(mut at: SocketAddr, mut from: SocketAddr) -> Result<TcpStream> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if from.is_ipv4() == at.is_ipv4() && !from.ip().is_unspecified() {
        from.set_port(0);
        socket.bind(from)?;
    }
    // EPRT has no word for the scope of a link-local address: it is that of the control connection.
    if let (SocketAddr::V6(at), SocketAddr::V6(from)) = (&mut at, &from)
        && at.ip().is_unicast_link_local()
    {
        at.set_scope_id(from.scope_id());
    }
    Ok(socket.connect(at).await?)
}
