use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ropewalk_core::app::{Context, Protocol};
use ropewalk_core::net::{Connection, Info};
use ropewalk_core::{Error, Result};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep, timeout_at};

use super::deadlines::{Deadlines, Times};
use super::handler::{BoxHandler, Facts, Handler};
use super::log::AccessLog;
use super::pipeline::Pipeline;
use super::{h1, h2};

/// The HTTP server: HTTP/1.1 and HTTP/2, with one handler behind both.
///
/// Under TLS the version is what ALPN settled; in clear text, an HTTP/2 client says so by its preface (RFC 9113
/// §3.3). It ends a connection that is silent for longer than its [`Deadlines`], and answers 408 where a head
/// had begun. When its context stops, it answers what has been asked and closes.
#[derive(Clone)]
pub struct Http {
    handler: BoxHandler,
    options: Arc<Options>,
}

/// How a server behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long a peer may take.
    pub deadlines: Deadlines,
    /// Octets of a head: of the request line and all header fields. More is answered by 431.
    pub head: usize,
    /// Octets of a target. More is answered by 414.
    pub target: usize,
    /// Header fields. More are answered by 431.
    pub headers: usize,
    /// Requests at once in an HTTP/2 connection.
    pub streams: u32,
    /// What is written about each request.
    pub access_log: AccessLog,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            head: 64 * 1024,
            target: 8 * 1024,
            headers: 100,
            streams: 100,
            access_log: AccessLog::default(),
        }
    }
}

impl Http {
    /// What a TLS endpoint in front of it offers by ALPN, the best first.
    pub const ALPN: [&str; 2] = ["h2", "http/1.1"];

    /// A server that answers from this handler.
    pub fn new(handler: impl Handler) -> Self {
        Self { handler: handler.boxed(), options: Arc::default() }
    }

    /// This server with other options.
    #[must_use]
    pub fn with(self, options: Options) -> Self {
        Self { options: Arc::new(options), ..self }
    }
}

impl Protocol for Http {
    async fn serve(&self, mut conn: Connection, cx: Context) -> Result<()> {
        let times = self.options.deadlines.settle(cx.limits());
        conn.pace().write(times.write);
        let first = Instant::now() + times.first_byte;
        let Some(version) = sniff(&mut conn, first, &times, &cx).await? else { return Ok(()) };
        agree(conn.info(), version)?;
        let facts = Arc::new(Facts::new(conn.info().clone(), cx));
        let pipeline =
            Pipeline { handler: self.handler.clone(), options: Arc::clone(&self.options), facts, times };
        match version {
            Major::One => h1::serve(conn, pipeline).await,
            Major::Two => Box::pin(h2::serve(conn, pipeline)).await,
        }
    }
}

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Major {
    One,
    Two,
}

/// RFC 9113 §3.2: under TLS, what is spoken is what ALPN settled; a client that settled nothing speaks HTTP/1.1.
fn agree(info: &Info, spoken: Major) -> Result<()> {
    let Some(tls) = &info.tls else { return Ok(()) };
    let settled = match tls.alpn.as_deref() {
        Some(b"h2") => Major::Two,
        _ => Major::One,
    };
    if settled == spoken { Ok(()) } else { Err(Error::peer("not the version that ALPN settled")) }
}

/// What a peer that has just come has left to ask for something when we stop: its request may be on its way.
const GRACE: Duration = Duration::from_secs(1);

/// RFC 9113 §3.4.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits for the first bytes, which remain unread, and tells the version from them. A connection that waits here
/// holds no buffer. `None`: the peer is gone, or we are to stop.
async fn sniff(
    conn: &mut Connection,
    first_byte: Instant,
    times: &Times,
    cx: &Context,
) -> Result<Option<Major>> {
    let mut start = [0; PREFACE.len()];
    let mut have = 0;
    let mut deadline = first_byte;
    let mut stopped = pin!(async {
        cx.stopping().await;
        sleep(GRACE).await;
    });
    let mut ended = pin!(cx.ended());
    let major = loop {
        let Some(room) = start.get_mut(have..).filter(|room| !room.is_empty()) else { break Major::Two };
        let read = tokio::select! {
            biased;
            read = timeout_at(deadline, conn.read(room)) => read.map_err(|_| late(have))??,
            () = &mut ended => return Ok(None),
            // Whoever has begun to speak is heard.
            () = &mut stopped, if have == 0 => return Ok(None),
        };
        if read == 0 && have == 0 {
            return Ok(None);
        }
        if have == 0 {
            deadline = Instant::now() + times.head;
        }
        have += read;
        if read == 0 || start.get(..have) != PREFACE.get(..have) {
            break Major::One;
        }
    };
    conn.unread(Bytes::copy_from_slice(start.get(..have).unwrap_or_default()));
    Ok(Some(major))
}

fn late(have: usize) -> Error {
    match have {
        0 => Error::limit("first_byte", "no request in time"),
        _ => Error::limit("head", "half an HTTP/2 preface"),
    }
}
