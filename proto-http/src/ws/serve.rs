use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use ropewalk_core::Result;

use super::handshake::{self, Agreed, Origins};
use super::options::Options;
use super::socket::{self, WebSocket};
use crate::server::{Failure, Handler, Request, Response, Upgrade};

/// A handler that opens WebSockets: over HTTP/1.1 by an upgrade (RFC 6455 §4.2), over HTTP/2 by an extended CONNECT
/// (RFC 8441).
///
/// Each is served by a call of one function, such as `async fn chat(socket: WebSocket, request: Request) -> Result<()>`.
/// When it returns, the WebSocket is closed: by 1000, or, where it returns an error, by 1011 if that is ours and
/// 1008 otherwise. When the connection is gone, the function has [`Options::close`] to return; then it is dropped.
///
/// A request that is no opening handshake is answered by 400, by 426 where another version or none is asked for, and by
/// 403 where its `Origin` is not welcome: unless said otherwise, pages of this host and port are, and clients that name no
/// origin. Extensions are not spoken: RFC 7692 is declined.
pub struct WebSockets<F>(Arc<Inner<F>>);

struct Inner<F> {
    app: F,
    options: Options,
    protocols: Vec<String>,
    origins: Origins,
}

impl<F> WebSockets<F> {
    /// WebSockets that are served by this function.
    pub fn new(app: F) -> Self {
        Self(Arc::new(Inner {
            app,
            options: Options::default(),
            protocols: Vec::new(),
            origins: Origins::default(),
        }))
    }

    /// Within other bounds.
    #[must_use]
    pub fn with(self, options: Options) -> Self {
        self.change(|inner| inner.options = options)
    }

    /// Speaking these subprotocols: the first of the client's that is among them is agreed on. A client that wants none of
    /// them is served all the same; see [`WebSocket::protocol`].
    #[must_use]
    pub fn protocols<P: Into<String>>(self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.change(|inner| inner.protocols = protocols.into_iter().map(Into::into).collect())
    }

    /// For the pages of these origins alone, each written as browsers do: `https://example.org`, with the port only where it is
    /// not the default.
    #[must_use]
    pub fn origins<O: Into<String>>(self, origins: impl IntoIterator<Item = O>) -> Self {
        let listed = origins.into_iter().map(Into::into).collect();
        self.change(|inner| inner.origins = Origins::Listed(listed))
    }

    /// For pages of any origin: what cookies or an address would allow, any page then may do in its visitor's name.
    #[must_use]
    pub fn any_origin(self) -> Self {
        self.change(|inner| inner.origins = Origins::Any)
    }

    fn change(mut self, change: impl FnOnce(&mut Inner<F>)) -> Self {
        // Not shared before it is a handler.
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }
}

impl<F, R> Handler for WebSockets<F>
where
    F: Fn(WebSocket, Request) -> R + Send + Sync + 'static,
    R: Future<Output = Result<()>> + Send + 'static,
{
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        let inner = &self.0;
        if !request.upgrades_to("websocket") {
            let failure = Failure::new(StatusCode::UPGRADE_REQUIRED);
            return Err(failure.with(header::UPGRADE, HeaderValue::from_static("websocket")));
        }
        let Agreed { headers, protocol } = handshake::agree(&request, &inner.origins, &inner.protocols)?;
        let inner = Arc::clone(inner);
        let mut response = Upgrade::to("websocket", |conn, cx| async move {
            socket::serve(conn, protocol, &inner.options, cx, |socket| (inner.app)(socket, request)).await
        });
        response.headers_mut().extend(headers);
        Ok(response)
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
