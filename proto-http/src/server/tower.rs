use std::error::Error as StdError;
use std::future::poll_fn;

use bytes::Bytes;
use http_body::Body as HttpBody;
use ropewalk_core::Error;
use tower_service::Service;

use super::handler::Handler;
use super::{Body, Failure, Request, Response};

/// Any tower service of HTTP requests, as a handler: a router of another framework, say.
///
/// Each request gets a clone of it. It finds who asks as an `Arc<Facts>` in the request's extensions. Its error answers
/// 500.
#[derive(Clone, Debug)]
pub struct Tower<S>(pub S);

impl<S, B> Handler for Tower<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: HttpBody<Data: Into<Bytes>, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        let failed = |error: S::Error| Error::local("tower service failed").caused_by(error);
        let mut service = self.0.clone();
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
        let response = service.call(request.into_http()).await.map_err(failed)?;
        Ok(response.map(Body::wrap))
    }
}
