//! DNS over TCP (RFC 7766) and over TLS (RFC 7858).

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ropewalk_core::app::{Context, Protocol};
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::tally::Tally;
use super::{Desk, Peer, Transport, Verdict, Views};
use crate::wire::Rcode;

/// Octets that room is made for before each read: memory grows with what has come, never with what was announced.
const READ: usize = 2 * 1024;
/// Octets of answers that are written at once, about. While they are on their way nothing is read.
const BURST: usize = 16 * 1024;
/// Octets of buffers that a connection keeps while it waits.
const KEPT: usize = 4 * 1024;
/// Requests of a connection that are worked off at once, besides those that are answered when they come. While there are so
/// many nothing is read.
const AT_ONCE: usize = 32;

/// DNS on a stream: queries behind their lengths, as many as the client likes before the first answer. What takes longer is
/// answered after what came later and does not (RFC 7766 §7).
#[derive(Debug)]
pub struct Stream {
    pub(super) views: Arc<Views>,
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

/// The requests of a connection that are worked off; they end with it.
struct Works {
    running: FuturesUnordered<Work>,
    replies: mpsc::Sender<Vec<u8>>,
    /// Some were begun since that was asked last.
    begun: bool,
}

/// Gives the request, and the code of its reply.
type Work = Pin<Box<dyn Future<Output = (Vec<u8>, Option<Rcode>)> + Send>>;

impl Protocol for Stream {
    async fn serve(&self, mut conn: Connection, cx: Context) -> Result<()> {
        // Its own deadlines are stricter: only an answer is a reason to go on.
        conn.pace().idle(Duration::MAX);
        let transport = if conn.info().tls.is_some() { Transport::Tls } else { Transport::Tcp };
        let peer = Peer { idle: Some(self.idle), ..Peer::new(&conn.info().peer, transport) };
        let (mut buffers, mut tally) = (Buffers::default(), Tally::new(&cx));
        let (replies, mut ready) = mpsc::channel(1);
        let mut works = Works { running: FuturesUnordered::new(), replies, begun: false };
        let mut idle_until = Instant::now() + self.idle;
        let (mut query_until, mut open) = (None, true);
        loop {
            while buffers.answer(&self.views, &peer, &mut tally, &mut works) {
                idle_until = Instant::now() + self.idle;
                query_until = None;
                works.write(&mut conn, &buffers.out, &mut tally).await?;
                tally.flush();
            }
            if works.has_begun() || buffers.input.is_empty() {
                query_until = None;
            }
            buffers.shrink();
            if !open && works.running.is_empty() {
                break;
            }
            let reads = open && works.has_room();
            let until = match buffers.input.is_empty() {
                _ if !reads => {
                    query_until = None;
                    None
                }
                true => works.running.is_empty().then_some(idle_until),
                false => Some(*query_until.get_or_insert_with(|| Instant::now() + self.query)),
            };
            buffers.input.reserve(READ);
            tokio::select! {
                read = read(&mut conn, &mut buffers.input, until), if reads => match read {
                    Some(Ok(0)) if buffers.input.is_empty() => open = false,
                    Some(Ok(0)) => return Err(Error::peer("the connection ended in the middle of a query")),
                    Some(read) => drop(read?),
                    None if query_until.is_none() => break,
                    None => return Err(Error::limit("query", "a query did not come in time")),
                },
                Some(reply) = ready.recv() => {
                    works.write(&mut conn, &framed(&reply)?, &mut tally).await?;
                    idle_until = Instant::now() + self.idle;
                }
                Some((request, rcode)) = works.running.next() => {
                    tally.count(&request, rcode);
                    tally.flush();
                }
                () = cx.stopping(), if open => open = false,
            }
        }
        // What was ready when the last one ended.
        while let Ok(reply) = ready.try_recv() {
            works.write(&mut conn, &framed(&reply)?, &mut tally).await?;
        }
        conn.shutdown().await?;
        Ok(())
    }
}

/// Reads what there is; `None` if nothing comes in time.
async fn read(conn: &mut Connection, input: &mut BytesMut, until: Option<Instant>) -> Option<Result<usize>> {
    let read = conn.read_buf(input);
    let read = match until {
        Some(until) => timeout_at(until, read).await.ok()?,
        None => read.await,
    };
    Some(read.map_err(Error::from))
}

/// A message behind its length, to be written in one piece (RFC 7766 §8).
fn framed(message: &[u8]) -> Result<Vec<u8>> {
    let Ok(length) = u16::try_from(message.len()) else {
        return Err(Error::local("a reply of more than 65535 octets"));
    };
    Ok([&length.to_be_bytes(), message].concat())
}

impl Buffers {
    /// Answers the queries that are there as a whole, or the first of many; whether there is anything to write. Those that
    /// take longer are begun.
    fn answer(&mut self, views: &Views, peer: &Peer, tally: &mut Tally, works: &mut Works) -> bool {
        self.out.clear();
        while self.out.len() < BURST && works.has_room() {
            let Some(request) = frame(&self.input) else { break };
            let start = self.out.len();
            self.out.extend_from_slice(&[0; 2]);
            let (verdict, desk) = views.respond(request, peer, &mut self.out);
            let reply = self.out.get(start + 2..).unwrap_or_default();
            let length = match verdict {
                Verdict::Reply => u16::try_from(reply.len()).ok(),
                _ => None,
            };
            if verdict.is_later() {
                works.begin(verdict, desk, request, *peer);
            } else {
                tally.count(request, length.and_then(|_| Rcode::of(reply)));
            }
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

impl Works {
    fn has_room(&self) -> bool {
        self.running.len() < AT_ONCE
    }

    fn has_begun(&mut self) -> bool {
        std::mem::take(&mut self.begun)
    }

    /// Writes, however long the client takes for it, while all goes on that is worked off: others may wait for what that
    /// holds, as the turn to change a zone.
    async fn write(&mut self, conn: &mut Connection, octets: &[u8], tally: &mut Tally) -> Result<()> {
        let mut written = pin!(async {
            conn.write_all(octets).await?;
            conn.flush().await
        });
        loop {
            tokio::select! {
                biased;
                written = &mut written => return Ok(written?),
                Some((request, rcode)) = self.running.next() => {
                    tally.count(&request, rcode);
                    tally.flush();
                }
            }
        }
    }

    fn begin(&mut self, verdict: Verdict, desk: &Arc<Desk>, request: &[u8], peer: Peer) {
        let (desk, request, replies) = (Arc::clone(desk), request.to_vec(), self.replies.clone());
        self.begun = true;
        self.running.push(Box::pin(async move {
            let rcode = desk.answer(verdict, &request, &peer, &replies).await;
            (request, rcode)
        }));
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
