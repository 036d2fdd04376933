//! DNS over TCP (RFC 7766) and over TLS (RFC 7858).

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use ropewalk_core::app::{Context, Protocol};
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::tally::Tally;
use super::{Engine, Peer, Transport, respond};

/// Octets that room is made for before each read: memory grows with what has come, never with what was announced.
const READ: usize = 2 * 1024;
/// Octets of answers that are written at once, about. While they are on their way nothing is read.
const BURST: usize = 16 * 1024;
/// Octets of buffers that a connection keeps while it waits.
const KEPT: usize = 4 * 1024;

/// DNS on a stream: queries behind their lengths, as many as the client likes before the first answer.
#[derive(Debug)]
pub struct Stream {
    pub(super) engine: Arc<Engine>,
    /// Without an answer on a connection.
    pub(super) idle: Duration,
    /// From the first octet of a query to its last.
    pub(super) query: Duration,
}

/// What a connection has read and is to write.
#[derive(Default)]
struct Buffers {
    input: BytesMut,
    out: Vec<u8>,
}

impl Protocol for Stream {
    async fn serve(&self, mut conn: Connection, cx: Context) -> Result<()> {
        // Its own deadlines are stricter: only an answer is a reason to go on.
        conn.pace().idle(Duration::MAX);
        let transport = if conn.info().tls.is_some() { Transport::Tls } else { Transport::Tcp };
        let peer = Peer { idle: Some(self.idle), ..Peer::new(&conn.info().peer, transport) };
        let (mut buffers, mut tally) = (Buffers::default(), Tally::new(&cx));
        let mut idle_until = Instant::now() + self.idle;
        let mut query_until = None;
        loop {
            while buffers.answer(&self.engine, &peer, &mut tally) {
                idle_until = Instant::now() + self.idle;
                query_until = None;
                conn.write_all(&buffers.out).await?;
                conn.flush().await?;
                tally.flush();
            }
            buffers.shrink();
            let until = match buffers.input.is_empty() {
                true => idle_until,
                false => *query_until.get_or_insert_with(|| Instant::now() + self.query),
            };
            buffers.input.reserve(READ);
            let read = tokio::select! {
                read = timeout_at(until, conn.read_buf(&mut buffers.input)) => read,
                () = cx.stopping() => break,
            };
            match read.map(|read| read.map_err(Error::from)) {
                Ok(Err(error)) => return Err(error),
                Ok(Ok(0)) if buffers.input.is_empty() => break,
                Ok(Ok(0)) => return Err(Error::peer("the connection ended in the middle of a query")),
                Ok(Ok(_)) => {}
                Err(_) if query_until.is_none() => break,
                Err(_) => return Err(Error::limit("query", "a query did not come in time")),
            }
        }
        conn.shutdown().await?;
        Ok(())
    }
}

impl Buffers {
    /// Answers the queries that are there as a whole, or the first of many; whether there is anything to write.
    fn answer(&mut self, engine: &Engine, peer: &Peer, tally: &mut Tally) -> bool {
        self.out.clear();
        while self.out.len() < BURST {
            let Some(request) = frame(&self.input) else { break };
            let start = self.out.len();
            self.out.extend_from_slice(&[0; 2]);
            let replies = respond(engine, request, peer, &mut self.out);
            let reply = self.out.get(start + 2..).unwrap_or_default();
            tally.count(request, reply, replies);
            let length = u16::try_from(reply.len()).ok().filter(|_| replies);
            match (length, self.out.get_mut(start..start + 2)) {
                (Some(length), Some(place)) => place.copy_from_slice(&length.to_be_bytes()),
                _ => self.out.truncate(start),
            }
            self.input.advance(request.len() + 2);
        }
        !self.out.is_empty()
    }

    /// Gives back what a large message has taken.
    fn shrink(&mut self) {
        if self.input.is_empty() && self.input.capacity() > KEPT {
            self.input = BytesMut::new();
        }
        self.out.clear();
        self.out.shrink_to(KEPT);
    }
}

/// The first message, if it is there as a whole (RFC 1035 §4.2.2).
fn frame(input: &[u8]) -> Option<&[u8]> {
    let (length, rest) = input.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
