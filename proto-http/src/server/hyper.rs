//! The engine: hyper, for both versions. The one room that knows it.
//!
//! hyper is given no timer for heads and no say over silence: this loop polls it and looks at the connection's
//! [`Activity`] afterwards.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use ropewalk_core::app::Context;
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Fault, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, timeout};

use super::Options;
use super::accept::{Major, sniff};
use super::deadlines::{Activity, Alarm, Phase, Times};
use super::handler::{BoxHandler, Facts};
use super::pipeline::{Answer, Pipeline};

/// A quiet HTTP/1 connection gives its buffers back after this time: short, so that of many connections few hold any.
const DOZE: Duration = Duration::from_millis(50);
/// A window of HTTP/2: what a peer may send before a handler reads it, of one stream and of all together.
const WINDOW: u32 = 1024 * 1024;
/// What one stream may have waiting to be sent. A peer that opens all its streams and takes nothing holds as many.
const SEND_BUFFER: usize = 64 * 1024;
/// What an HTTP/1 connection may have read ahead; and with more than this to send, it takes no further chunk of
/// an answer.
const BUFFER: usize = 64 * 1024;
/// How often an HTTP/2 peer is asked whether it is there.
const PING: Duration = Duration::from_secs(30);
/// What of a peer's last words is read after an answer that closes, so that they do not reset the connection before
/// the peer has read it (RFC 9112 §9.6).
const LINGER: (usize, Duration) = (256 * 1024, Duration::from_secs(2));

/// One connection, being served.
pub(super) struct Session {
    pub(super) handler: BoxHandler,
    pub(super) options: Arc<Options>,
    pub(super) facts: Arc<Facts>,
    pub(super) times: Times,
}

/// How an engine's turn with a connection ended.
enum Turn {
    /// The connection is done, or broken.
    Done(Result<()>),
    /// It is quiet: it can wait without an engine.
    Quiet(Instant),
    /// The peer kept us waiting in the middle of a head.
    LateHead,
    /// There is no time left.
    Ended,
}

impl Session {
    /// Serves a connection of HTTP/1.0 or 1.1.
    pub(super) async fn http1(self, mut conn: Connection) -> Result<()> {
        loop {
            // Boxed, so that a connection that waits without an engine keeps no room for one.
            let (turn, back) = Box::pin(self.http1_turn(conn)).await;
            conn = back;
            match turn {
                Turn::Done(Ok(())) => return close(conn, &self.facts.cx, self.times.write).await,
                Turn::Done(Err(error)) => {
                    if error.fault() == Fault::Peer {
                        // An answer may be on its way to whom it helps.
                        close(conn, &self.facts.cx, self.times.write).await?;
                    }
                    return Err(error);
                }
                Turn::Ended => return Ok(()),
                Turn::LateHead => {
                    conn.write_all(
                        b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
                    )
                    .await?;
                    close(conn, &self.facts.cx, self.times.write).await?;
                    return Err(Error::limit("head", "request head too slow"));
                }
                Turn::Quiet(since) => {
                    match sniff(&mut conn, since + self.times.idle, &self.times, &self.facts.cx).await {
                        Ok(Some(Major::One)) => {}
                        Ok(Some(Major::Two)) => return Err(Error::peer("HTTP/2 preface within HTTP/1")),
                        // Nobody is owed an explanation for a keep-alive that ends.
                        Ok(None) => return Ok(()),
                        Err(error) if error.limit_name() == Some("first_byte") => return Ok(()),
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }

    async fn http1_turn(&self, conn: Connection) -> (Turn, Connection) {
        let activity = Arc::new(Activity::new());
        let io = TokioIo::new(Watched { conn, activity: Arc::clone(&activity) });
        let mut http = http1::Builder::new()
            .max_headers(self.options.headers)
            .max_header_size(self.options.head)
            .max_buf_size(BUFFER.max(self.options.head))
            .half_close(true)
            .serve_connection(io, self.service(&activity));
        let turn = {
            let mut stopping = pin!(self.facts.cx.stopping());
            let mut ended = pin!(self.facts.cx.ended());
            let mut alarm = Alarm::default();
            let mut told = false;
            poll_fn(|task| {
                loop {
                    if let Poll::Ready(done) = http.poll_without_shutdown(task) {
                        return Poll::Ready(Turn::Done(done.map_err(blame)));
                    }
                    if ended.as_mut().poll(task).is_ready() {
                        return Poll::Ready(Turn::Ended);
                    }
                    if told || stopping.as_mut().poll(task).is_pending() {
                        break;
                    }
                    told = true;
                    Pin::new(&mut http).graceful_shutdown();
                }
                let (at, turn) = match activity.phase() {
                    Phase::Busy(_) => return Poll::Pending,
                    Phase::Idle(since) => (since + DOZE.min(self.times.idle), Turn::Quiet(since)),
                    Phase::Head(since) => (since + self.times.head, Turn::LateHead),
                };
                alarm.poll(task, at).map(|()| turn)
            })
            .await
        };
        let parts = http.into_parts();
        let mut conn = parts.io.into_inner().conn;
        conn.unread(parts.read_buf);
        (turn, conn)
    }

    /// Serves a connection of HTTP/2, whose preface has come.
    pub(super) async fn http2(self, conn: Connection) -> Result<()> {
        let activity = Arc::new(Activity::new());
        let cx = self.facts.cx.clone();
        let head = u32::try_from(self.options.head).unwrap_or(u32::MAX);
        let mut http = pin!(
            http2::Builder::new(Tasks(cx.clone()))
                .timer(TokioTimer::new())
                .max_concurrent_streams(self.options.streams)
                .max_header_list_size(head)
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_send_buf_size(SEND_BUFFER)
                .keep_alive_interval(PING.min(self.times.idle))
                .keep_alive_timeout(self.times.write)
                .serve_connection(TokioIo::new(conn), self.service(&activity))
        );
        let mut stopping = pin!(cx.stopping());
        let mut ended = pin!(cx.ended());
        let mut alarm = Alarm::default();
        // When we said that we go, and whether we were asked to.
        let mut going = None;
        poll_fn(|task| {
            loop {
                if let Poll::Ready(done) = http.as_mut().poll(task) {
                    // A peer that was told to go, and owes nothing, need not wait for our last frames.
                    let left = going.is_some() && matches!(activity.phase(), Phase::Idle(_));
                    return Poll::Ready(if left { Ok(()) } else { done.map_err(blame) });
                }
                if ended.as_mut().poll(task).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                if going.is_none() && stopping.as_mut().poll(task).is_ready() {
                    going = Some(Instant::now());
                    http.as_mut().graceful_shutdown();
                    continue;
                }
                let now = Instant::now();
                let (at, goes) = match (activity.phase(), going) {
                    (Phase::Busy(None), _) => (now + self.times.write / 4, false),
                    (Phase::Busy(Some(since)), _) if since + self.times.write <= now => {
                        return Poll::Ready(Err(Error::limit("write", "peer takes no bytes of an answer")));
                    }
                    (Phase::Busy(Some(since)), _) => (since + self.times.write, false),
                    (Phase::Idle(since) | Phase::Head(since), None) => (since + self.times.idle, true),
                    // All is answered: what is left is the peer's to take, and its goodbye.
                    (Phase::Idle(since) | Phase::Head(since), Some(said)) => {
                        (since.max(said) + self.times.write, true)
                    }
                };
                std::task::ready!(alarm.poll(task, at));
                match going {
                    Some(_) if goes => return Poll::Ready(Ok(())),
                    None if goes => {
                        going = Some(Instant::now());
                        http.as_mut().graceful_shutdown();
                    }
                    _ => {}
                }
            }
        })
        .await
    }

    fn service(&self, activity: &Arc<Activity>) -> Requests {
        Requests(Pipeline {
            handler: self.handler.clone(),
            options: Arc::clone(&self.options),
            facts: Arc::clone(&self.facts),
            times: self.times,
            activity: Arc::clone(activity),
        })
    }
}

/// The pipeline as hyper wants to see it.
struct Requests(Pipeline);

impl Service<http::Request<Incoming>> for Requests {
    type Response = http::Response<super::sent::Sent>;
    type Error = Infallible;
    type Future = Never<Answer>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let (head, body) = request.into_parts();
        Never(self.0.answer(head, Content(body)))
    }
}

/// A future that cannot fail.
struct Never<F>(F);

impl<F: Future + Unpin> Future for Never<F> {
    type Output = Result<F::Output, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Ok)
    }
}

/// A request's body, with our errors.
struct Content(Incoming);

impl HttpBody for Content {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>>>> {
        Pin::new(&mut self.0).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(blame)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}

/// The streams of an HTTP/2 connection run in its context.
#[derive(Clone)]
struct Tasks(Context);

impl<F: Future<Output: Send + 'static> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.spawn(task).detach();
    }
}

/// A connection that tells its [`Activity`] what comes.
struct Watched {
    conn: Connection,
    activity: Arc<Activity>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.conn).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.arrived();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.activity.flushed(false);
        Pin::new(&mut self.conn).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity.flushed(false);
        Pin::new(&mut self.conn).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.conn.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.conn).poll_flush(cx);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.activity.flushed(true);
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.conn).poll_shutdown(cx)
    }
}

/// Says that no more comes, and lets the peer finish speaking. Boxed, for it is the end of many a connection, and the
/// most of none.
fn close(
    conn: Connection,
    cx: &Context,
    write: Duration,
) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
    Box::pin(linger(conn, cx, write))
}

async fn linger(mut conn: Connection, cx: &Context, write: Duration) -> Result<()> {
    let (most, longest) = LINGER;
    timeout(write, conn.shutdown()).await.map_err(|_| Error::limit("write", "peer takes no bytes"))??;
    let mut scrap = [0; 1024];
    let drain = async {
        let mut left = most;
        while let Ok(octets @ 1..) = conn.read(&mut scrap).await
            && left > octets
        {
            left -= octets;
        }
    };
    tokio::select! {
        _ = timeout(longest, drain) => {}
        () = cx.stopping() => {}
    }
    Ok(())
}

/// hyper's error as ours. An error of ours that went through hyper keeps its fault.
fn blame(error: hyper::Error) -> Error {
    let mut source = error.source();
    while let Some(below) = source {
        let ours = below.downcast_ref::<Error>().or_else(|| {
            below
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
                .and_then(|inner| inner.downcast_ref())
        });
        if let Some(ours) = ours {
            let text = ours.to_string();
            return match (ours.fault(), ours.limit_name()) {
                (Fault::Limit, Some(name)) => Error::limit(name, text),
                (Fault::Peer, _) => Error::peer(text),
                _ => Error::local(text),
            };
        }
        source = below.source();
    }
    if error.is_user() {
        Error::local("hyper").caused_by(error)
    } else {
        Error::peer("HTTP").caused_by(error)
    }
}
