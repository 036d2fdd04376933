use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::{ClientConfig, ConnectError, ConnectionError, Endpoint};
use tokio::time::{Instant, sleep_until};

use super::{QuicOptions, QuicStream, gone, transport};
use crate::net::Info;
use crate::telemetry::ByteCounters;
use crate::tls::{ClientTls, ServerName, quic as tls};
use crate::{Error, Limits, Result};

/// A connection of QUIC: streams to one peer, and what is known about it.
///
/// Dropping it closes it with the code 0, and with it all its streams. Octets of its streams count as those of a
/// [`Connection`](crate::net::Connection) do.
pub struct Quic {
    conn: quinn::Connection,
    info: Info,
    /// What a peer may keep octets waiting that are for it.
    write: Duration,
    pub(super) ends_at: Option<Instant>,
    pub(super) totals: Option<ByteCounters>,
    /// Of a client, its socket.
    endpoint: Option<Endpoint>,
}

impl Quic {
    pub(super) fn new(conn: quinn::Connection, info: Info, write: Duration) -> Self {
        Self { conn, info, write, ends_at: None, totals: None, endpoint: None }
    }

    /// Connects to the server of this name, from a port of its own. ALPN is as the [`ClientTls`] has it. The caller bounds
    /// its time.
    ///
    /// # Errors
    /// Where nobody answers, the server's certificate is not for the name or not trusted, or it speaks another protocol.
    pub async fn connect(
        to: SocketAddr,
        tls: &ClientTls,
        name: &ServerName,
        options: QuicOptions,
    ) -> Result<Self> {
        let unusable = |error: ConnectError| Error::local("QUIC cannot be set up").caused_by(error);
        let from: SocketAddr = match to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let mut config = ClientConfig::new(tls.quic()?);
        let mut transport = transport(options);
        transport.max_idle_timeout(super::idle(options.idle.unwrap_or(Limits::default().idle)));
        config.transport_config(Arc::new(transport));
        let endpoint = Endpoint::client(from)?;
        let connecting = endpoint.connect_with(config, to, &name.to_string()).map_err(unusable)?;
        let conn = connecting.await.map_err(gone)?;
        let mut local = endpoint.local_addr()?;
        if let Some(ip) = conn.local_ip() {
            local.set_ip(ip);
        }
        let mut info = Info::new(to.into(), local.into());
        info.tls = Some(tls::info(&conn));
        let write = Limits::default().write;
        Ok(Self { endpoint: Some(endpoint), ..Self::new(conn, info, write) })
    }

    /// The peer, this end, and TLS.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The next stream that the peer opens; none where it has closed the connection without an error, or is gone.
    /// Cancel-safe.
    ///
    /// # Errors
    /// Where the connection ended with an error, or its time is over.
    pub async fn accept(&self) -> Result<Option<QuicStream>> {
        let over = async {
            match self.ends_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let accepted = tokio::select! {
            accepted = self.conn.accept_bi() => accepted,
            () = over => return Err(Error::limit("connection", "the connection's time is over")),
        };
        match accepted {
            Ok((send, recv)) => Ok(Some(QuicStream::new(send, recv, self.write, self.totals.clone()))),
            Err(ConnectionError::TimedOut | ConnectionError::LocallyClosed) => Ok(None),
            Err(ConnectionError::ApplicationClosed(closed)) if closed.error_code == 0u32.into() => Ok(None),
            Err(error) => Err(gone(error)),
        }
    }

    /// Opens a stream for both directions; waits while the peer allows no more of them. Cancel-safe.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub async fn open(&self) -> Result<QuicStream> {
        let (send, recv) = self.conn.open_bi().await.map_err(gone)?;
        Ok(QuicStream::new(send, recv, self.write, self.totals.clone()))
    }

    /// Closes the connection, with all its streams, and tells the peer why.
    pub fn close(&self, code: u32, why: &str) {
        self.conn.close(code.into(), why.as_bytes());
    }

    /// Whether it was closed, by whomever.
    pub fn is_closed(&self) -> bool {
        self.conn.close_reason().is_some()
    }

    /// Waits until the peer closes the connection, or is gone; why that was.
    pub async fn closed(&self) -> Error {
        gone(self.conn.closed().await)
    }

    /// Waits until the peer of a client has heard that the connection was closed. The caller bounds its time.
    pub async fn settle(&self) {
        if let Some(endpoint) = &self.endpoint {
            endpoint.wait_idle().await;
        }
    }
}

impl fmt::Debug for Quic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quic").field("info", &self.info).finish_non_exhaustive()
    }
}
