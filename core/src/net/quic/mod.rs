//! QUIC (RFC 9000): connections of many streams, in datagrams.
//!
//! A connection is accepted, counted and refused as every other is: as a [`Connection`] that carries no octets of its own.
//! What serves it takes the [`Quic`] out of it.

mod port;
mod session;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use quinn::{ConnectionError, IdleTimeout, ServerConfig, TransportConfig, VarInt};
use tokio::time::timeout;

use super::{Connection, Info};
use crate::tls::{ServerTls, quic as tls};
use crate::{Error, Limits, Result};
use port::Arrival;
pub(super) use port::{Port, listen};
pub use session::Quic;
pub use stream::QuicStream;

/// Octets of what we have written and the peer has not acknowledged, on one connection.
const SENT: u64 = 1 << 20;

/// What a peer may have open on one connection of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuicOptions {
    /// Streams that it has opened, for both directions. It can open none for one direction.
    pub streams: u32,
    /// Octets of one stream that nobody has read yet; of all streams, four times as many.
    pub window: u32,
    /// Without a packet in either direction, if that is to be less than [`Limits::idle`]: the peer is told so.
    pub idle: Option<Duration>,
    /// Packets with octets of streams are made as long as they can be, so that their lengths say little.
    pub padded: bool,
}

impl Default for QuicOptions {
    fn default() -> Self {
        Self { streams: 64, window: 64 * 1024, idle: None, padded: false }
    }
}

/// How handshakes are made on connections that have come.
#[derive(Clone, Debug)]
pub(crate) struct Shaken {
    config: Arc<ServerConfig>,
    deadline: Duration,
}

/// What a connection carries instead of octets.
pub(super) enum Visit {
    /// Nothing was said to the peer yet.
    Came(Box<Arrival>),
    /// The handshake is done.
    Open(quinn::Connection),
}

impl Shaken {
    /// With these certificates, within these limits.
    pub(crate) fn new(tls: &ServerTls, limits: &Limits, options: QuicOptions) -> Result<Self> {
        let mut config = ServerConfig::with_crypto(tls.quic()?);
        let mut transport = transport(options);
        transport.max_idle_timeout(idle(limits.idle.min(options.idle.unwrap_or(Duration::MAX))));
        config.transport_config(Arc::new(transport));
        Ok(Self { config: Arc::new(config), deadline: limits.handshake })
    }
}

fn transport(options: QuicOptions) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(options.streams.into())
        .max_concurrent_uni_streams(0u32.into())
        .stream_receive_window(options.window.into())
        .receive_window(options.window.saturating_mul(4).into())
        .send_window(SENT)
        .pad_to_mtu(options.padded)
        .datagram_receive_buffer_size(None);
    transport
}

/// What is longer than can be said is as long as can be said: half a million years.
fn idle(longest: Duration) -> Option<IdleTimeout> {
    Some(IdleTimeout::try_from(longest).unwrap_or_else(|_| VarInt::MAX.into()))
}

impl Connection {
    /// One that has come over QUIC.
    fn arrived(arrival: Box<Arrival>, info: Info) -> Self {
        let mut conn = Self::new(tokio::io::empty(), info);
        *conn.quic() = Some(Visit::Came(arrival));
        conn
    }

    /// Makes the server's side of its handshake. 0 octets were read from it, and are ever.
    pub(crate) async fn shake(mut self, how: &Shaken) -> Result<Self> {
        let Some(Visit::Came(arrival)) = self.quic().take() else {
            return Err(no_quic());
        };
        let (incoming, _counted) = arrival.into_parts();
        let connecting = incoming.accept_with(Arc::clone(&how.config)).map_err(gone)?;
        let late =
            |_| Error::limit("handshake", format!("no handshake within {} s", how.deadline.as_secs_f32()));
        let conn = timeout(how.deadline, connecting).await.map_err(late)?.map_err(gone)?;
        self.info_mut().tls = Some(tls::info(&conn));
        *self.quic() = Some(Visit::Open(conn));
        Ok(self)
    }

    /// The connection of QUIC that this is, after its handshake.
    ///
    /// # Errors
    /// [`Fault::Local`](crate::Fault): where it is none.
    pub fn into_quic(mut self) -> Result<Quic> {
        let Some(Visit::Open(conn)) = self.quic().take() else { return Err(no_quic()) };
        let write = self.pace().write_limit().unwrap_or(Limits::default().write);
        let mut quic = Quic::new(conn, self.info().clone(), write);
        (quic.ends_at, quic.totals) = (self.ends_at(), self.meter().totals.clone());
        Ok(quic)
    }

    /// The same, where a peer that has come over QUIC hears nothing at all.
    pub(super) fn ignored(mut self) -> Self {
        if let Some(Visit::Came(arrival)) = self.quic().take() {
            arrival.into_parts().0.ignore();
        }
        self
    }
}

fn no_quic() -> Error {
    Error::local("it is no connection of QUIC")
}

/// Why there is no connection, or none any more.
fn gone(error: ConnectionError) -> Error {
    use ConnectionError as E;
    let message = match &error {
        E::ApplicationClosed(closed) => format!("the peer closed the connection with {}", closed.error_code),
        E::TransportError(wrong) if wrong.reason.is_empty() => format!("QUIC failed: {}", wrong.code),
        // Which is all that the source says.
        E::TransportError(wrong) => return Error::peer(format!("QUIC failed: {}", wrong.reason)),
        E::ConnectionClosed(closed) if closed.reason.is_empty() => {
            format!("the peer gave the connection up: {}", closed.error_code)
        }
        E::ConnectionClosed(closed) => {
            // What a peer says is shown, and may be anything.
            let reason = String::from_utf8_lossy(&closed.reason);
            format!("the peer gave the connection up: {}", reason.escape_debug())
        }
        E::Reset => "the peer does not know the connection any more".into(),
        E::VersionMismatch => "the peer speaks no version of QUIC that we do".into(),
        E::TimedOut => return Error::limit("idle", "nothing was heard of the peer for too long"),
        E::LocallyClosed => return Error::local("the connection was closed"),
        E::CidsExhausted => return Error::local("there is no connection id left"),
    };
    Error::peer(message).caused_by(error)
}
