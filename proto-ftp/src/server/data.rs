//! One data connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ropewalk_core::app::{Context, Task};
use ropewalk_core::net::{Connection, Handshake};
use ropewalk_core::telemetry::ByteCounters;
use ropewalk_core::tls::ServerTls;
use ropewalk_core::{Address, Error, Result};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::Options;
use super::options::Tie;
use super::passive::{Owner, Ports};
use crate::wire::Reply;

/// Where a data connection is to come from or to go.
pub(super) enum Door {
    /// It is waited for, since the client was told where.
    Passive(Task<Result<TcpStream>>),
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
}

impl Door {
    /// Waits for a connection at a port of its owner's own.
    pub(super) fn passive(
        ports: &Arc<Ports>,
        local: SocketAddr,
        owner: &Owner,
        ends: Ends,
        cx: &Context,
    ) -> Result<(Self, SocketAddr)> {
        let (listener, at, lease) = ports.open(local, owner)?;
        let within = ends.options.connect;
        let accept = async move {
            let accepted = timeout(within, accept(listener, ends)).await;
            // Nothing listens there any more, whatever the session does next.
            drop(lease);
            accepted.unwrap_or_else(|_| Err(Error::limit("connect", "no data connection in time")))
        };
        Ok((Self::Passive(cx.spawn(accept)), at))
    }

    pub(super) fn active(at: SocketAddr, from: SocketAddr) -> Self {
        Self::Active { at, from }
    }
}

/// The first connection of this client; others are closed. The port is closed with it.
async fn accept(listener: TcpListener, ends: Ends) -> Result<TcpStream> {
    loop {
        let (socket, peer) = listener.accept().await?;
        if ends.include(peer.ip()) {
            return Ok(socket);
        }
        tracing::warn!(%peer, "data connection of somebody else refused");
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
        let socket = match door {
            Door::Passive(accepted) => accepted.await.and_then(|socket| socket),
            Door::Active { at, from } => {
                let connected = timeout(within, connect(at, from)).await;
                let late = || Err(Error::limit("connect", "no data connection in time"));
                connected.unwrap_or_else(|_| late())
            }
        };
        let conn = socket.and_then(Connection::tcp);
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
            Some(private) => private.secure(conn, handshake).await,
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
