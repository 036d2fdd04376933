//! DNS over QUIC (RFC 9250).

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ropewalk_core::app::{Context, Protocol};
use ropewalk_core::net::{Connection, Quic as Session, QuicOptions, QuicStream};
use ropewalk_core::{Error, Result};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::policy::KEEPALIVE;
use super::tally::Tally;
use super::{Desk, Peer, Transport, Verdict, Views};
use crate::wire::{Head, Query, Rcode};

/// Queries of a connection that are not answered yet, at most.
const AT_ONCE: u32 = 64;
/// How long queries are waited for that are on their way when the server stops: a client cannot be told to send no more.
const GRACE: Duration = Duration::from_millis(300);
/// Octets that are read at once.
const READ: usize = 2 * 1024;

/// The codes of errors (RFC 9250 §4.3).
pub(crate) mod code {
    pub(crate) const NO_ERROR: u32 = 0;
    pub(crate) const INTERNAL_ERROR: u32 = 1;
    pub(crate) const PROTOCOL_ERROR: u32 = 2;
    pub(crate) const REQUEST_CANCELLED: u32 = 3;
}

/// DNS on connections of QUIC: each query on a stream of its own, with all its replies.
#[derive(Debug)]
pub struct Quic {
    pub(super) views: Arc<Views>,
    /// Without an answer on a connection.
    pub(super) idle: Duration,
    /// From the beginning of a stream to the end of its query.
    pub(super) query: Duration,
}

/// What came of a stream.
enum Done {
    /// It was answered with this code, if at all.
    Asked(Vec<u8>, Option<Rcode>),
    /// The client gave it up.
    Abandoned,
    /// The client does what nobody may: its connection ends (RFC 9250 §4.3.3).
    Broken(Error),
}

impl Quic {
    /// What clients may do on a connection. Packets are padded, so that messages need not be (RFC 9250 §5.4).
    pub(super) fn options(&self) -> QuicOptions {
        let mut options = QuicOptions::default();
        (options.streams, options.padded, options.idle) = (AT_ONCE, true, Some(self.idle));
        options
    }

    async fn stream(&self, stream: QuicStream, peer: Peer) -> Done {
        let mut stream = stream.dropped_with(code::REQUEST_CANCELLED);
        let request = match timeout(self.query, read(&mut stream)).await {
            Ok(Ok(Ok(request))) => request,
            Ok(Ok(Err(why))) => return Done::Broken(Error::peer(why)),
            // RFC 9250 §4.3.1: a query that was reset is not answered.
            Ok(Err(_)) => return Done::Abandoned,
            Err(_) => {
                return Done::Broken(Error::limit("query", "a query did not come in time, with its end"));
            }
        };
        if let Err(why) = check(&request) {
            return Done::Broken(Error::peer(why));
        }
        let mut reply = Vec::new();
        let (verdict, desk) = self.views.respond(&request, &peer, &mut reply);
        let answered = match verdict {
            Verdict::Silence => return Done::Broken(Error::peer("what came is no query")),
            Verdict::Reply => write(&mut stream, &reply).await.map(|()| Rcode::of(&reply)),
            later => work_off(&mut stream, desk, later, &request, &peer).await,
        };
        // The client does not want it, or is gone.
        let Ok(rcode) = answered else { return Done::Abandoned };
        if rcode.is_none() {
            // RFC 9250 §4.3.2.
            drop(stream.dropped_with(code::INTERNAL_ERROR));
            return Done::Asked(request, None);
        }
        stream.finish();
        stream.delivered().await;
        Done::Asked(request, rcode)
    }
}

impl Protocol for Quic {
    async fn serve(&self, conn: Connection, cx: Context) -> Result<()> {
        let session = conn.into_quic()?;
        let peer = Peer::new(&session.info().peer, Transport::Quic);
        let result = self.session(&session, peer, &cx).await;
        match &result {
            Ok(()) => session.close(code::NO_ERROR, ""),
            Err(error) => session.close(code::PROTOCOL_ERROR, &error.to_string()),
        }
        result
    }
}

impl Quic {
    async fn session(&self, session: &Session, peer: Peer, cx: &Context) -> Result<()> {
        let (mut running, mut tally) = (FuturesUnordered::new(), Tally::new(cx));
        let (mut idle_until, mut open, mut stopping) = (Instant::now() + self.idle, true, false);
        while open || !running.is_empty() {
            tokio::select! {
                stream = session.accept(), if open => match stream? {
                    Some(stream) => running.push(self.stream(stream, peer)),
                    None => break,
                },
                Some(done) = running.next() => match done {
                    Done::Asked(request, rcode) => {
                        tally.count(&request, rcode);
                        tally.flush();
                        idle_until = if stopping { idle_until } else { Instant::now() + self.idle };
                    }
                    Done::Abandoned => {}
                    Done::Broken(error) => return Err(error),
                },
                () = sleep_until(idle_until), if open && running.is_empty() => open = false,
                () = cx.stopping(), if !stopping => {
                    stopping = true;
                    idle_until = idle_until.min(Instant::now() + GRACE);
                }
            }
        }
        Ok(())
    }
}

/// Reads the one message of a stream: without what is wrong with it, or the error of a stream that ended before.
async fn read(stream: &mut QuicStream) -> Result<Result<Vec<u8>, &'static str>> {
    let mut input = Vec::new();
    while let Some(octets) = stream.read(READ).await? {
        input.extend_from_slice(&octets);
        let length = input.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)));
        if length.is_some_and(|length| input.len() > length + 2) {
            return Ok(Err("there is more than one query on a stream"));
        }
    }
    let whole = match input.split_first_chunk() {
        Some((length, message)) if message.len() == usize::from(u16::from_be_bytes(*length)) => message,
        _ => return Ok(Err("a stream ends in the middle of a query")),
    };
    Ok(Ok(whole.to_vec()))
}

/// What may be in a query over TCP, and not over QUIC.
fn check(request: &[u8]) -> Result<(), &'static str> {
    if !request.starts_with(&[0, 0]) {
        return Err("the ID of a query is not 0");
    }
    let query = Head::read(request).and_then(|head| Query::read(head, request).ok());
    match query.and_then(|query| query.edns) {
        // RFC 9250 §5.5.2.
        Some(edns) if edns.options().any(|(option, _)| option == KEEPALIVE) => {
            Err("a query over QUIC says how long a connection over TCP is kept")
        }
        _ => Ok(()),
    }
}

/// Writes what the desk replies, and gives the code of the first.
async fn work_off(
    stream: &mut QuicStream,
    desk: &Desk,
    verdict: Verdict,
    request: &[u8],
    peer: &Peer,
) -> Result<Option<Rcode>> {
    let (replies, mut ready) = mpsc::channel(1);
    let mut work = pin!(desk.answer(verdict, request, peer, &replies));
    let rcode = loop {
        tokio::select! {
            biased;
            Some(reply) = ready.recv() => write(stream, &reply).await?,
            rcode = &mut work => break rcode,
            // RFC 9250 §4.3.1.
            () = stream.unwanted() => return Err(Error::peer("the client has cancelled its query")),
        }
    };
    while let Ok(reply) = ready.try_recv() {
        write(stream, &reply).await?;
    }
    Ok(rcode)
}

/// Writes a message behind its length.
async fn write(stream: &mut QuicStream, message: &[u8]) -> Result<()> {
    let length =
        u16::try_from(message.len()).map_err(|_| Error::local("a reply of more than 65535 octets"))?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await
}

#[cfg(test)]
#[path = "quic_tests.rs"]
mod tests;
