//! hyper's side of a connection.

use std::sync::Arc;

use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use ropewalk_core::Error as Cause;
use ropewalk_core::app::Context;
use ropewalk_core::net::{Connection, Info};
use std::time::Duration;

use super::Options;
use super::content::Sending;
use super::error::blame;
use super::hearing::Hearing;

/// What a peer may send of HTTP/2 before it is read, of one answer and of all together.
const WINDOW: u32 = 1024 * 1024;
/// How often an HTTP/2 peer is asked whether it is there, while an answer is awaited.
const PING: Duration = Duration::from_secs(20);

/// A connection that requests can be sent on.
pub(super) struct Sender {
    pub(super) engine: Engine,
    pub(super) info: Arc<Info>,
    /// Whether a proxy is at the other end, which is asked whole URLs.
    pub(super) whole: bool,
    /// Whether it has served a request already.
    pub(super) reused: bool,
}

pub(super) enum Engine {
    One(http1::SendRequest<Sending>),
    Two(http2::SendRequest<Sending>),
}

impl Sender {
    /// Begins to speak HTTP on a connection.
    pub(super) async fn start(
        conn: Connection,
        two: bool,
        whole: bool,
        options: &Options,
        cx: &Context,
    ) -> Result<Self, Cause> {
        let info = Arc::new(conn.info().clone());
        let head = options.head.max(8 * 1024);
        let engine = if two {
            let head = u32::try_from(head).unwrap_or(u32::MAX);
            let (sender, engine) = http2::Builder::new(Tasks(cx.clone()))
                .timer(TokioTimer::new())
                .max_header_list_size(head)
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .keep_alive_interval(PING)
                .handshake(TokioIo::new(conn))
                .await
                .map_err(blame)?;
            cx.spawn(async move { note(engine.await) }).detach();
            Engine::Two(sender)
        } else {
            let (sender, engine) = http1::Builder::new()
                .max_headers(options.headers)
                .max_header_size(head)
                .max_buf_size(head)
                // RFC 9112 §5.2: a fold in a value of an answer is a space.
                .allow_obsolete_multiline_headers_in_responses(true)
                .handshake(TokioIo::new(Hearing::new(conn)))
                .await
                .map_err(blame)?;
            cx.spawn(async move { note(engine.await) }).detach();
            Engine::One(sender)
        };
        Ok(Self { engine, info, whole, reused: false })
    }

    /// Whether it cannot be used any more.
    pub(super) fn is_closed(&self) -> bool {
        match &self.engine {
            Engine::One(sender) => sender.is_closed(),
            Engine::Two(sender) => sender.is_closed(),
        }
    }

    /// A second handle of the same connection, where it takes several requests at once.
    pub(super) fn share(&self) -> Option<Self> {
        let Engine::Two(sender) = &self.engine else { return None };
        Some(Self {
            engine: Engine::Two(sender.clone()),
            info: Arc::clone(&self.info),
            whole: self.whole,
            reused: self.reused,
        })
    }

    /// Sends a request for an absolute URL, in the form that this connection wants.
    ///
    /// # Errors
    /// With the request, where nothing of it was sent.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Sending>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Sending>>> {
        match &mut self.engine {
            Engine::One(sender) => {
                if !self.whole {
                    to_origin_form(&mut request);
                }
                // A connection that is about to close says so here; what is then sent is given back.
                let _ready = sender.ready().await;
                sender.try_send_request(request).await
            }
            Engine::Two(sender) => {
                to_http2(&mut request);
                let _ready = sender.ready().await;
                sender.try_send_request(request).await
            }
        }
    }
}

/// RFC 9112 §3.2.1.
fn to_origin_form(request: &mut Request<Sending>) {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(http::Uri::default, Into::into);
}

/// RFC 9113 §8.2.2, §8.3.1: no fields of the connection, and `:authority` instead of `Host`.
fn to_http2(request: &mut Request<Sending>) {
    *request.version_mut() = http::Version::HTTP_2;
    let host = request.headers_mut().remove(header::HOST);
    let mut parts = request.uri().clone().into_parts();
    if let Some(authority) = host.and_then(|host| http::uri::Authority::try_from(host.as_bytes()).ok()) {
        parts.authority = Some(authority);
        if let Ok(uri) = http::Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
        request.headers_mut().remove(name);
    }
    if request.headers().get(header::TE).is_some_and(|te| te != HeaderValue::from_static("trailers")) {
        request.headers_mut().remove(header::TE);
    }
}

/// How a connection ended is the error of the request that it ended, if there was one.
fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(error = %blame(error).chain(), "connection ended");
    }
}

/// The tasks of an HTTP/2 connection run in the client's context.
#[derive(Clone)]
struct Tasks(Context);

impl<F: Future<Output: Send + 'static> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.spawn(task).detach();
    }
}
