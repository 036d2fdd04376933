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

use crate::files::Static;
use crate::server::{Request, Response};
pub(crate) use fields::{Depth, depth};
pub(crate) use guard::Guard;
pub(crate) use multistatus::statuses;
pub(crate) use stop::Stop;
pub(crate) use view::View;

/// Octets of a request's document at most.
const DOCUMENT: usize = 64 * 1024;

/// Answers the methods of WebDAV.
pub(crate) async fn answer(tree: &Static, request: Request) -> Result<Response, Stop> {
    let view = View::of(tree, &request);
    match request.method.as_str() {
        "PROPFIND" => propfind::answer(view, request).await,
        "PROPPATCH" => proppatch::answer(&view, request).await,
        "MKCOL" => mkcol::answer(&view, request).await,
        "COPY" => copy::answer(&view, &request, false).await,
        "MOVE" => copy::answer(&view, &request, true).await,
        "LOCK" => lock::lock(&view, request).await,
        "UNLOCK" => lock::unlock(&view, &request).await,
        _ => Err(StatusCode::NOT_IMPLEMENTED.into()),
    }
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
