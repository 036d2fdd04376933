//! The client: HTTP/1.1 and HTTP/2 over kept connections.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ropewalk_http::client::Client;
//!
//! let client = Client::new();
//! let answer = client.get("https://example.org/").await?;
//! println!("{}", answer.status());
//! let page = answer.into_body().read(1 << 20).await.map_err(|failure| format!("{failure:?}"))?;
//! # Ok(())
//! # }
//! ```
//!
//! An [`Error`] names the [`Phase`] that failed. How an answer came (times, TLS, redirects) is the [`Report`] among its
//! extensions. hyper speaks HTTP on connections of the core; only this room and the server's engine know it.

mod ask;
mod content;
mod cookie;
mod cookie_date;
mod decode;
pub(crate) mod dial;
mod engine;
mod error;
mod exchange;
mod hearing;
mod options;
pub(crate) mod origin;
mod pool;
mod proxy;
mod reference;
mod report;

pub use dial::Spent;
pub use error::{Error, Phase};
pub use options::{Options, Times, Versions};
pub use proxy::{Proxies, Proxy, basic};
pub use report::{Hop, Report};

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Response, StatusCode, header};
use http_body::Body as _;
use ropewalk_core::app::Context;
use ropewalk_core::{Error as Cause, Limits};
use tokio::time::{Instant, timeout};

use crate::server::Frames;
use crate::{Body, Method};
use ask::Ask;
use content::Receiving;
use cookie::Jar;
use dial::Dialer;
use exchange::Received;
use pool::Pool;

/// Octets of an answer that redirects which are read, so that its connection can be used again.
const PASSED_OVER: usize = 64 * 1024;

/// Asks servers.
///
/// Clones share connections and cookies. Connections run as tasks of the client's [`Context`] and end with it; those
/// that nobody needs are closed when the last clone is dropped. A request that is dropped before its answer, or an
/// answer before its end, closes its connection (HTTP/1.1) or its stream (HTTP/2).
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    dialer: Dialer,
    pool: Pool,
    cookies: Option<Mutex<Jar>>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client that belongs to nothing else.
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    /// The same, with these options.
    pub fn with(options: Options) -> Self {
        Self::within(Context::root(Limits::default()), options)
    }

    /// A client whose tasks belong to this context.
    pub fn within(cx: Context, options: Options) -> Self {
        let cookies = options.cookies.then(Mutex::default);
        let pool = Pool::new(&options, cx.clone());
        Self(Arc::new(Inner { dialer: Dialer::new(cx, options), pool, cookies }))
    }

    /// Asks for this URL. What cannot stand in one, such as a space, is encoded; a name and password in it are sent
    /// by the Basic scheme.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub async fn get(&self, url: &str) -> Result<Response<Body>, Error> {
        let uri = Self::url(url)?;
        let mut request = http::Request::new(Body::empty());
        *request.uri_mut() = uri;
        self.request(request).await
    }

    /// A URL as [`get`](Self::get) reads it.
    ///
    /// # Errors
    /// [`Phase::Request`], where it is none of http or https.
    pub fn url(text: &str) -> Result<http::Uri, Error> {
        reference::parse(text).map_err(|cause| Phase::Request.failed(cause))
    }

    /// Sends a request for an absolute URL, and gives the answer once its head has come: to a redirect, that of where
    /// it leads. The framing of the content is ours: `Content-Length` and `Transfer-Encoding` of the request are not
    /// sent. `Host`, `User-Agent`, `Accept` and `Accept-Encoding` are added where they are missing.
    ///
    /// A request is sent a second time only where its connection had served another and turned out to be closed, and
    /// the method is idempotent or nothing of it was sent (RFC 9110 §9.2.2); and after a 417, without its `Expect`.
    ///
    /// # Errors
    /// With the phase that failed. An answer of any status is no error. What goes wrong with the content that is read
    /// afterwards is an error of the body that begins with `body`.
    pub async fn request(&self, request: http::Request<impl Into<Body>>) -> Result<Response<Body>, Error> {
        let options = &self.0.dialer.options;
        let by = options.times.whole.map(|whole| dial::until(Instant::now(), whole, None));
        let (head, content) = request.into_parts();
        let mut ask = Ask::new(head, content.into()).map_err(|cause| Phase::Request.failed(cause))?;
        let mut hops = Vec::new();
        loop {
            let Received { parts, content, mut report, expected } = self.exchange(&mut ask, by).await?;
            if let Some(jar) = &self.0.cookies {
                let mut jar = jar.lock().unwrap_or_else(PoisonError::into_inner);
                jar.store(&ask.origin, ask.uri.path(), parts.headers.get_all(header::SET_COOKIE));
            }
            if parts.status == StatusCode::EXPECTATION_FAILED && ask.expects_less(expected) {
                pass_over(content).await;
                continue;
            }
            let target = ask::redirects(parts.status).then(|| parts.headers.get(header::LOCATION)).flatten();
            if let (Some(target), Some(most)) = (target, options.redirects) {
                let hop = Hop { status: parts.status, url: ask.uri.clone() };
                let followed = if hops.len() < most {
                    ask.follow(parts.status, target, options.downgrade)
                } else {
                    Err(Cause::limit("redirects", format!("more than {most} redirects")))
                };
                followed.map_err(|cause| Phase::Redirect.failed(cause))?;
                hops.push(hop);
                pass_over(content).await;
                continue;
            }
            report.url = ask.uri;
            report.hops = hops;
            return answer(parts, content, report, ask.decode && ask.method != Method::HEAD, options);
        }
    }

    /// What connects, for protocols that begin with HTTP or are carried by it.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the client of WebSocket and the gateway"))]
    pub(crate) fn dialer(&self) -> &Dialer {
        &self.0.dialer
    }
}

fn answer(
    mut parts: http::response::Parts,
    content: Receiving,
    mut report: Report,
    decode: bool,
    options: &Options,
) -> Result<Response<Body>, Error> {
    let codings = if decode && options.decode && !content.is_end_stream() {
        decode::codings(&parts.headers).map_err(|cause| Phase::Head.failed(cause))?
    } else {
        Vec::new()
    };
    let body = if codings.is_empty() {
        Frames::new(content)
    } else {
        for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        let body = decode::Decoding::new(content, &codings, options.expansion);
        report.decoded = codings;
        Frames::new(body)
    };
    parts.extensions.insert(report);
    Ok(Response::from_parts(parts, Body::Stream(body)))
}

/// Reads what nobody wants, if it is short and comes soon.
async fn pass_over(content: Receiving) {
    if content.size_hint().lower() <= PASSED_OVER as u64 {
        // Where it fails, the connection is closed, which is all that there is to do.
        let _ = timeout(Duration::from_secs(1), Body::Stream(Frames::new(content)).read(PASSED_OVER)).await;
    }
}

#[cfg(test)]
mod tests;
