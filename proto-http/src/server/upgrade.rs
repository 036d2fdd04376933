use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use ropewalk_core::Result;
use ropewalk_core::app::Context;
use ropewalk_core::net::Connection;

use super::{Body, Response};
use crate::wire::list;

/// Another protocol that takes a connection over once the answer is sent (RFC 9110 §7.8; over HTTP/2, one stream of
/// it: RFC 8441).
///
/// An answer made by [`Upgrade::to`] switches where the request asked for that protocol; where it did not, the peer
/// gets a 426 in its place.
#[derive(Clone)]
pub struct Upgrade {
    protocol: &'static str,
    run: Arc<Mutex<Option<Run>>>,
}

type Run = Box<dyn FnOnce(Connection, Context) -> Serving + Send>;
type Serving = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

impl Upgrade {
    /// The answer after which `run` owns the connection, and ends with it. Its context is that of the HTTP connection: when
    /// that stops, `run` is to say goodbye.
    pub fn to<F, S>(protocol: &'static str, run: F) -> Response
    where
        F: FnOnce(Connection, Context) -> S + Send + 'static,
        S: Future<Output = Result<()>> + Send + 'static,
    {
        let run: Run = Box::new(move |conn, cx| Box::pin(run(conn, cx)));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.extensions_mut().insert(Self { protocol, run: Arc::new(Mutex::new(Some(run))) });
        response
    }

    pub(super) fn protocol(&self) -> &'static str {
        self.protocol
    }

    /// Hands the connection over.
    pub(super) async fn run(self, conn: Connection, cx: Context) -> Result<()> {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner).take();
        match run {
            Some(run) => run(conn, cx).await,
            // A handler gave one answer twice.
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upgrade({})", self.protocol)
    }
}

/// The protocols that a request asks to go on with.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers(Vec<HeaderValue>);

impl Offers {
    /// What a head says: RFC 9110 §7.8: by `Upgrade`, where `Connection` says so too, and not in 1.0. An engine of HTTP/2
    /// leaves what an extended CONNECT asks for among the extensions.
    pub(super) fn of(head: &Parts) -> Self {
        if let Some(connect) = head.extensions.get::<Self>() {
            return connect.clone();
        }
        let asks = head.version == Version::HTTP_11
            && head.method != Method::CONNECT
            && head.headers.contains_key(header::UPGRADE)
            && list::has(&head.headers, header::CONNECTION, "upgrade");
        Self(if asks { head.headers.get_all(header::UPGRADE).iter().cloned().collect() } else { Vec::new() })
    }

    /// What an extended CONNECT of HTTP/2 asks for (RFC 8441 §4).
    pub(super) fn connect(protocol: &str) -> Self {
        Self(HeaderValue::try_from(protocol).into_iter().collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, protocol: &str) -> bool {
        list::members(self.0.iter()).any(|it| it.eq_ignore_ascii_case(protocol.as_bytes()))
    }
}
