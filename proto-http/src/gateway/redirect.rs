//! Answers that another resource of this server makes (RFC 3875 §6.2.2).

use std::sync::{Arc, Mutex, PoisonError};

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use ropewalk_core::data::cred::Principal;

use crate::server::{Body, BoxHandler, Failure, Handler, Request, Response};
use crate::wire::target;

/// Redirects that are followed for one request.
const MOST: usize = 5;

/// Follows the local redirects of programs.
///
/// Where a [`Cgi`](super::Cgi) below it says `Location: /path` and nothing else, this asks the handler again, for that path, by
/// GET and without content; at most five times, then the answer is 502. Put it around what checks who may see what,
/// so that the second path is checked as the first one was. Without it such an answer is a redirect for the client, 302.
pub struct LocalRedirects(BoxHandler);

impl LocalRedirects {
    /// This handler, with its local redirects followed.
    pub fn new(handler: impl Handler) -> Self {
        Self(handler.boxed())
    }
}

impl Handler for LocalRedirects {
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        // A login takes it out of the request, and looks for it in the next one.
        let secret = request.headers.get(header::AUTHORIZATION).cloned();
        let mut response = self.0.handle(request).await?;
        for _ in 0..MOST {
            let Some(Elsewhere(next)) = response.extensions_mut().remove() else { return Ok(response) };
            let next = next.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(mut next) = next else { return Ok(response) };
            if let Some(secret) = &secret {
                next.headers.insert(header::AUTHORIZATION, secret.clone());
            }
            response = self.0.handle(next).await?;
        }
        match response.extensions().get::<Elsewhere>() {
            None => Ok(response),
            Some(_) => Err(Failure::new(StatusCode::BAD_GATEWAY)),
        }
    }
}

/// The request that is to be answered in place of another one; in an answer's extensions.
#[derive(Clone)]
struct Elsewhere(Arc<Mutex<Option<Request>>>);

/// Fields about the content that the second request has not.
const CONTENT: [HeaderName; 6] = [
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::TRANSFER_ENCODING,
    header::EXPECT,
];

/// An answer that sends the client to this path of ours, unless [`LocalRedirects`] goes there first.
pub(super) fn elsewhere(mut request: Request, place: &str) -> Result<Response, Failure> {
    let bad = || Failure::new(StatusCode::BAD_GATEWAY);
    let mut parts = std::mem::take(&mut request.uri).into_parts();
    parts.path_and_query = Some(place.parse().map_err(|_| bad())?);
    request.uri = Uri::from_parts(parts).map_err(|_| bad())?;
    let decoded = target::decode(request.uri.path()).ok_or_else(bad)?;
    // Made of the decoded path, so that no client takes its first segment for an authority.
    let mut location = target::encode_path(&decoded.path);
    if decoded.slash {
        location.push('/');
    }
    if let Some(query) = request.uri.query() {
        location.push('?');
        location.push_str(query);
    }
    request.rest = decoded.path.clone();
    (request.path, request.slash) = (decoded.path, decoded.slash);
    if request.method != Method::HEAD {
        request.method = Method::GET;
    }
    request.body = Body::empty();
    request.extensions.remove::<Principal>();
    for name in CONTENT {
        request.headers.remove(name);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, HeaderValue::try_from(location).map_err(|_| bad())?);
    response.extensions_mut().insert(Elsewhere(Arc::new(Mutex::new(Some(request)))));
    Ok(response)
}
