//! WebDAV, classes 1, 2 and 3 (RFC 4918), over the same tree as all other methods: what can be asked of a resource
//! beside its content, and locks.
#![deny(clippy::indexing_slicing)]

mod aside;
mod condition;
mod copy;
mod fields;
mod guard;
mod live;
mod lock;
mod mkcol;
mod multistatus;
mod propfind;
mod proppatch;
mod stop;
mod view;
mod xml;

use http::StatusCode;
use http_body::Body as _;

use crate::files::{Static, conditions, is_conditional};
use crate::server::{Request, Response};
pub(crate) use fields::{Depth, depth};
pub(crate) use guard::Guard;
pub(crate) use multistatus::statuses;
pub(crate) use stop::Stop;
pub(crate) use view::View;

/// Octets of a request's document at most.
const DOCUMENT: usize = 64 * 1024;

/// Answers the methods of WebDAV.
pub(crate) async fn answer(tree: &Static, mut request: Request) -> Result<Response, Stop> {
    let view = View::of(tree, &request);
    if matches!(request.method.as_str(), "MKCOL" | "COPY" | "MOVE" | "UNLOCK") {
        bodiless(&mut request).await?;
    }
    if is_conditional(&request.headers) && request.method != "PROPFIND" {
        conditions(&request.headers, view.there(&view.path).await?.as_ref())?;
    }
    match request.method.as_str() {
        "PROPFIND" => propfind::answer(view, request).await,
        "PROPPATCH" => proppatch::answer(&view, request).await,
        "MKCOL" => mkcol::answer(&view, &request).await,
        "COPY" => copy::answer(&view, &request, false).await,
        "MOVE" => copy::answer(&view, &request, true).await,
        "LOCK" => lock::lock(&view, request).await,
        "UNLOCK" => lock::unlock(&view, &request).await,
        _ => Err(StatusCode::NOT_IMPLEMENTED.into()),
    }
}

/// RFC 4918 §8.4: what is in a body that nothing is known of is not to be left out.
async fn bodiless(request: &mut Request) -> Result<(), Stop> {
    if !request.body.is_end_stream() && request.body.chunk().await?.is_some() {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into());
    }
    Ok(())
}

/// What the fuzzer reaches.
#[cfg(fuzzing)]
pub(crate) mod fuzzing {
    /// Whether a field `If` can be understood.
    pub fn conditions(field: &[u8]) -> bool {
        super::condition::If::parse(field).is_some()
    }

    /// A document, written again.
    pub fn document(bytes: &[u8]) -> Option<String> {
        super::xml::Element::parse(bytes).ok().map(|element| element.written())
    }
}
