use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};
use ropewalk_core::app::{ConnId, Context};
use ropewalk_core::data::files::VPath;
use ropewalk_core::net::Info;
use ropewalk_core::{Error, Fault};
use tokio::sync::Semaphore;

use super::Body;
use super::interim::{Interim, Interims};
use super::upgrade::Offers;

/// Answers requests.
///
/// A request reaches it only after the checks of the server: its head is within the limits, its host is one and
/// valid, its path was decoded once. Write it as
/// `async fn handle(&self, request: Request) -> Result<Response, Failure>`; a function of that shape is one.
/// The future is dropped when the connection is reset or has no more time; a peer that merely says no more (TCP's
/// half-close) may still wait for its answer. A panic answers 500.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request; a [`Failure`] becomes a small page.
    fn handle(&self, request: Request) -> impl Future<Output = Result<Response, Failure>> + Send;

    /// This handler as a value of one type, whatever it is.
    fn boxed(self) -> BoxHandler
    where
        Self: Sized,
    {
        BoxHandler::of(self)
    }
}

impl<F, R> Handler for F
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response, Failure>> + Send,
{
    fn handle(&self, request: Request) -> impl Future<Output = Result<Response, Failure>> + Send {
        self(request)
    }
}

/// Any [`Handler`]. Clones share it.
#[derive(Clone)]
pub struct BoxHandler(Arc<dyn DynHandler>);

/// What a handler's answer waits in.
pub(super) type Answering = Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

trait DynHandler: Send + Sync {
    fn handle(self: Arc<Self>, request: Request) -> Answering;
}

impl<H: Handler> DynHandler for H {
    fn handle(self: Arc<Self>, request: Request) -> Answering {
        Box::pin(async move { Handler::handle(&*self, request).await })
    }
}

impl BoxHandler {
    /// This handler, whatever its own way of becoming one.
    pub(crate) fn of(handler: impl Handler) -> Self {
        Self(Arc::new(handler))
    }

    pub(super) fn start(&self, request: Request) -> Answering {
        Arc::clone(&self.0).handle(request)
    }
}

impl Handler for BoxHandler {
    fn handle(&self, request: Request) -> impl Future<Output = Result<Response, Failure>> + Send {
        self.start(request)
    }

    fn boxed(self) -> BoxHandler {
        self
    }
}

/// A request whose head has been read and checked.
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target as it was sent.
    pub uri: Uri,
    /// The version of the protocol.
    pub version: Version,
    /// The target's path, decoded once: what is routed by, and what files are found by.
    pub path: VPath,
    /// What of the path lies below the place where the handler is mounted; all of it at first.
    pub rest: VPath,
    /// Whether the path ended with a slash.
    pub slash: bool,
    /// The header fields.
    pub headers: HeaderMap,
    /// For what handlers tell each other.
    pub extensions: Extensions,
    /// The content, as it comes in. What a handler leaves unread is passed over, up to 1 MiB; more may cost the
    /// connection, or the stream.
    pub body: Body,
    /// Who asks, over what.
    pub facts: Arc<Facts>,
    pub(super) offers: Offers,
    pub(super) exchange: u64,
}

impl Request {
    /// Whether it asks to go on with this protocol, so that [`Upgrade::to`](super::Upgrade::to) can answer.
    pub fn upgrades_to(&self, protocol: &str) -> bool {
        self.offers.has(protocol)
    }

    /// The same request once more, with these fields and without content.
    pub(crate) fn again(&self, headers: HeaderMap) -> Self {
        Self {
            method: self.method.clone(),
            uri: self.uri.clone(),
            version: self.version,
            path: self.path.clone(),
            rest: self.rest.clone(),
            slash: self.slash,
            headers,
            extensions: self.extensions.clone(),
            body: Body::empty(),
            facts: Arc::clone(&self.facts),
            offers: self.offers.clone(),
            exchange: self.exchange,
        }
    }

    /// Where interim answers go.
    pub fn interim(&self) -> Interim {
        Interim::new(&self.facts, self.exchange)
    }

    /// The request as other libraries know it, with the facts and the [`Interim`] among its extensions.
    pub fn into_http(self) -> http::Request<Body> {
        let interim = self.interim();
        let mut request = http::Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        *request.headers_mut() = self.headers;
        *request.extensions_mut() = self.extensions;
        request.extensions_mut().insert(self.facts);
        request.extensions_mut().insert(interim);
        request
    }
}

/// What is known about the connection of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Facts {
    /// Peer, local address and TLS.
    pub info: Info,
    /// The context of the connection: where a handler makes its tasks.
    pub cx: Context,
    /// For answers of which a peer is not to hold many at once.
    pub(crate) costly: Arc<Semaphore>,
    pub(super) interim: Arc<Interims>,
}

/// Costly answers that one connection may have at once.
const COSTLY: usize = 2;

impl Facts {
    pub(super) fn new(info: Info, cx: Context) -> Self {
        Self { info, cx, costly: Arc::new(Semaphore::new(COSTLY)), interim: Arc::default() }
    }

    /// The id of the connection.
    pub fn id(&self) -> Option<ConnId> {
        self.cx.id()
    }
}

/// The answer to a request.
pub type Response = http::Response<Body>;

/// A status other than success that a handler answers with: the server makes the page, and never shows the cause.
pub struct Failure {
    status: StatusCode,
    headers: Option<Box<HeaderMap>>,
    note: Option<&'static str>,
    cause: Option<Error>,
}

impl Failure {
    /// An answer with this status and no more said.
    pub fn new(status: StatusCode) -> Self {
        Self { status, headers: None, note: None, cause: None }
    }

    /// With a header field, such as `Allow` in a 405.
    #[must_use]
    pub fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().append(name, value);
        self
    }

    /// With a sentence on the page, for the peer.
    #[must_use]
    pub fn saying(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }

    /// Caused by this error, which goes to the log and never to the peer.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The connection ends with this answer: what follows cannot be trusted.
    #[must_use]
    pub(crate) fn closing(self) -> Self {
        self.with(header::CONNECTION, HeaderValue::from_static("close"))
    }

    pub(crate) fn bad_request() -> Self {
        Self::new(StatusCode::BAD_REQUEST)
    }

    pub(crate) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE).closing()
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn cause(&self) -> Option<&Error> {
        self.cause.as_ref()
    }

    pub(super) fn into_parts(self) -> (StatusCode, HeaderMap, Option<&'static str>) {
        (self.status, self.headers.map(|headers| *headers).unwrap_or_default(), self.note)
    }
}

impl From<StatusCode> for Failure {
    fn from(status: StatusCode) -> Self {
        Self::new(status)
    }
}

/// The peer's fault is 400, a peer too slow 408, any other limit 503, and ours 500.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = match error.fault() {
            Fault::Peer => Self::bad_request().closing(),
            Fault::Limit if error.limit_name() == Some("body") => {
                Self::new(StatusCode::REQUEST_TIMEOUT).closing()
            }
            Fault::Limit => Self::new(StatusCode::SERVICE_UNAVAILABLE),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR),
        };
        failure.caused_by(error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status.as_u16(), self.cause)
    }
}
