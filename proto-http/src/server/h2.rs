//! The engine for HTTP/2: hyper. The one room that knows it.
//!
//! hyper has no say over silence: this loop polls it and looks at the connection's [`Activity`] afterwards.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use http_body::{Body as HttpBody, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use ropewalk_core::app::Context;
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Fault, Result};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use super::Body;
use super::deadlines::{Activity, Alarm, Phase};
use super::handler::Facts;
use super::pipeline::{Answer, Pipeline, SKIP};
use super::sent::Exchange;
use super::upgrade::{Offers, Upgrade};

/// A window of HTTP/2: what a peer may send before a handler reads it, of one stream and of all together.
const WINDOW: u32 = 1024 * 1024;
/// What one stream may have waiting to be sent. A peer that opens all its streams and takes nothing holds as many.
const SEND_BUFFER: usize = 64 * 1024;
/// How often an HTTP/2 peer is asked whether it is there.
const PING: Duration = Duration::from_secs(30);

/// Serves a connection of HTTP/2, whose preface has come.
pub(super) async fn serve(conn: Connection, pipeline: Pipeline) -> Result<()> {
    let activity = Arc::new(Activity::new());
    let cx = pipeline.facts.cx.clone();
    let times = pipeline.times;
    let head = u32::try_from(pipeline.options.head).unwrap_or(u32::MAX);
    let mut http = pin!(
        http2::Builder::new(Tasks(cx.clone()))
            .timer(TokioTimer::new())
            .max_concurrent_streams(pipeline.options.streams)
            .enable_connect_protocol()
            .max_header_list_size(head)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(PING.min(times.idle))
            .keep_alive_timeout(times.write)
            .serve_connection(TokioIo::new(conn), Requests { pipeline, activity: Arc::clone(&activity) })
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
                (Phase::Busy(None), _) => (now + times.write / 4, false),
                (Phase::Busy(Some(since)), _) if since + times.write <= now => {
                    return Poll::Ready(Err(Error::limit("write", "peer takes no bytes of an answer")));
                }
                (Phase::Busy(Some(since)), _) => (since + times.write, false),
                (Phase::Idle(since), None) => (since + times.idle, true),
                // All is answered: what is left is the peer's to take, and its goodbye.
                (Phase::Idle(since), Some(said)) => (since.max(said) + times.write, true),
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

/// The pipeline as hyper wants to see it.
struct Requests {
    pipeline: Pipeline,
    activity: Arc<Activity>,
}

impl Service<http::Request<Incoming>> for Requests {
    type Response = http::Response<super::sent::Sent>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: http::Request<Incoming>) -> Self::Future {
        // RFC 8441 §4: a stream is to become a tunnel to another protocol.
        let tunnel = request.extensions_mut().remove::<hyper::ext::Protocol>().map(|protocol| {
            let stream = hyper::upgrade::on(&mut request);
            request.extensions_mut().insert(Offers::connect(protocol.as_str()));
            let Pipeline { facts, times, .. } = &self.pipeline;
            let exchange = Exchange::begin(&self.activity);
            Tunnel { stream, facts: Arc::clone(facts), write: times.write, exchange }
        });
        let (head, body) = request.into_parts();
        let Pipeline { facts, times, .. } = &self.pipeline;
        let incoming = tunnel.is_none().then_some(body);
        let body = Content { incoming, facts: Arc::clone(facts), patience: times.body };
        let answer = self.pipeline.answer(head, body, Some(Exchange::begin(&self.activity)));
        Answering { answer, tunnel }
    }
}

/// An answer, behind which a tunnel may begin.
struct Answering {
    answer: Answer,
    tunnel: Option<Tunnel>,
}

impl Future for Answering {
    type Output = Result<http::Response<super::sent::Sent>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Self::Output> {
        let mut response = std::task::ready!(Pin::new(&mut self.answer).poll(cx));
        // RFC 9113 §8.2.2: HTTP/2 has no such field, and no 101.
        response.headers_mut().remove(header::UPGRADE);
        if let Some(upgrade) = response.extensions_mut().remove::<Upgrade>()
            && let Some(tunnel) = self.tunnel.take()
        {
            *response.status_mut() = StatusCode::OK;
            response.body_mut().replace(StatusCode::OK, Body::empty());
            tunnel.begin(upgrade);
        }
        Poll::Ready(Ok(response))
    }
}

/// A stream that another protocol may get. The connection is not idle while there is one.
struct Tunnel {
    stream: OnUpgrade,
    facts: Arc<Facts>,
    write: Duration,
    exchange: Exchange,
}

impl Tunnel {
    fn begin(self, upgrade: Upgrade) {
        let Self { stream, facts, write, exchange } = self;
        let tasks = facts.cx.clone();
        let serve = async move {
            let stream = stream.await.map_err(blame)?;
            let mut conn = Connection::new(TokioIo::new(stream), facts.info.clone());
            conn.pace().write(write);
            upgrade.run(conn, facts.cx.clone()).await
        };
        let task = async move {
            if let Err(error) = serve.await {
                match error.fault() {
                    Fault::Local => tracing::error!(error = %error.chain(), "stream failed"),
                    _ => tracing::debug!(error = %error.chain(), "stream ended"),
                }
            }
            drop(exchange);
        };
        tasks.spawn(task).detach();
    }
}

/// A request's body, with our errors. What a tunnel brings is none.
struct Content {
    incoming: Option<Incoming>,
    facts: Arc<Facts>,
    patience: Duration,
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>>>> {
        let Some(body) = &mut self.incoming else { return Poll::Ready(None) };
        Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(blame)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Content {
    /// Where a handler leaves some of it, the rest is passed over, as long as the connection lives.
    fn drop(&mut self) {
        let Some(rest) = self.incoming.take().filter(|body| !body.is_end_stream()) else { return };
        // A handler may have taken it to a thread without a runtime.
        if Handle::try_current().is_ok() {
            self.facts.cx.spawn(skip(rest, self.patience)).detach();
        }
    }
}

/// Reads what is left of a content, if that is not too much. The stream of one that is dropped is reset, once it
/// has been answered, and there are clients that lose the answer by that, against RFC 9113 §8.1.
async fn skip(mut rest: Incoming, patience: Duration) {
    let skip = async {
        let mut skipped = 0;
        while skipped <= SKIP
            && let Some(Ok(frame)) = rest.frame().await
        {
            skipped += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
    };
    // The stream ends so or so.
    drop(timeout(patience, skip).await);
}

/// The streams of an HTTP/2 connection run in its context.
#[derive(Clone)]
struct Tasks(Context);

impl<F: Future<Output: Send + 'static> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.spawn(task).detach();
    }
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
