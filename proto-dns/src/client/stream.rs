use std::time::Duration;

use ropewalk_core::net::{Connection, Handshake, reach};
use ropewalk_core::{Error, Result};
use std::sync::PoisonError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::sent::Sending;
use super::{Client, Reply, Via};
use crate::server::Transport;

/// How long a connection is kept that nobody uses: less than servers do.
const KEEP: Duration = Duration::from_secs(8);
/// Connections that are kept.
const KEPT: usize = 8;

impl Client {
    /// Asks over a connection: one that was kept, or a new one. The caller bounds its time.
    pub(super) async fn over_connection(&self, what: Sending<'_>) -> Result<Reply> {
        let sent = self.random_message(what, matches!(self.via, Via::Tls(..)))?;
        let request = &sent.octets;
        let kept = match self.take() {
            // The server may have closed it.
            Some(mut conn) => exchange(&mut conn, request).await.ok().map(|octets| (conn, octets)),
            None => None,
        };
        let (conn, octets) = match kept {
            Some(done) => done,
            None => {
                let mut conn = self.connect().await?;
                let octets = exchange(&mut conn, request).await?;
                (conn, octets)
            }
        };
        let reply = sent.reply(&octets, self.stream_transport())?;
        self.keep(conn);
        Ok(reply)
    }

    /// What a connection to the server is.
    pub(super) fn stream_transport(&self) -> Transport {
        if matches!(self.via, Via::Tls(..)) { Transport::Tls } else { Transport::Tcp }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Connection> {
        let conn = reach(vec![self.server]).await?;
        match &self.via {
            Via::Tls(tls, name) => conn.connect_tls(tls, name, Handshake::default()).await,
            _ => Ok(conn),
        }
    }

    fn take(&self) -> Option<Connection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, since)| since.elapsed() < KEEP);
        kept.pop().map(|(conn, _)| conn)
    }

    fn keep(&self, conn: Connection) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push((conn, Instant::now()));
        }
    }
}

/// Sends a message, and reads one.
async fn exchange(conn: &mut Connection, request: &[u8]) -> Result<Vec<u8>> {
    send(conn, request).await?;
    receive(conn).await
}

/// Sends a message, its length before it in the same piece (RFC 7766 §8).
pub(super) async fn send(conn: &mut Connection, message: &[u8]) -> Result<()> {
    let length =
        u16::try_from(message.len()).map_err(|_| Error::local("a message of more than 65535 octets"))?;
    conn.write_all(&[&length.to_be_bytes(), message].concat()).await?;
    Ok(conn.flush().await?)
}

/// Reads a message.
pub(super) async fn receive(conn: &mut Connection) -> Result<Vec<u8>> {
    let closed =
        |error| Error::peer("the server closes the connection instead of an answer").caused_by(error);
    let length = conn.read_u16().await.map_err(closed)?;
    let mut message = vec![0; length.into()];
    conn.read_exact(&mut message).await.map_err(closed)?;
    Ok(message)
}
