//! The answer about many resources (RFC 4918 §13), written as it is sent.

use std::fmt::Write as _;

use http::StatusCode;
use ropewalk_core::data::files::{PropName, VPath};

use super::xml::{DAV, escape};
use super::{View, stop};
use crate::server::Response;

pub(super) const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
pub(super) const OPEN: &str =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">\n";
pub(super) const CLOSE: &str = "</D:multistatus>\n";

/// An answer that says of each of these what came of it.
pub(crate) fn statuses<'a>(view: &View, all: impl IntoIterator<Item = (&'a VPath, StatusCode)>) -> Response {
    let mut out = OPEN.to_owned();
    for (path, code) in all {
        out.push_str("<D:response><D:href>");
        out.push_str(&view.href(path, false));
        out.push_str("</D:href>");
        status(&mut out, code);
        if code == StatusCode::LOCKED {
            out.push_str("<D:error><D:lock-token-submitted><D:href>");
            out.push_str(&view.href(path, false));
            out.push_str("</D:href></D:lock-token-submitted></D:error>");
        }
        out.push_str("</D:response>\n");
    }
    out.push_str(CLOSE);
    response(out)
}

/// A document as 207.
pub(super) fn response(body: impl Into<crate::Body>) -> Response {
    let mut response = stop::xml(body);
    *response.status_mut() = StatusCode::MULTI_STATUS;
    response
}

/// Some properties that share a status: nothing where there are none.
pub(super) fn propstat(out: &mut String, props: &str, code: StatusCode, condition: &str) {
    if props.is_empty() {
        return;
    }
    out.push_str("<D:propstat><D:prop>");
    out.push_str(props);
    out.push_str("</D:prop>");
    status(out, code);
    if !condition.is_empty() {
        let _ = write!(out, "<D:error><D:{condition}/></D:error>");
    }
    out.push_str("</D:propstat>");
}

fn status(out: &mut String, code: StatusCode) {
    let reason = code.canonical_reason().unwrap_or_default();
    let _ = write!(out, "<D:status>HTTP/1.1 {} {reason}</D:status>", code.as_u16());
}

/// A property of which only the name is said.
pub(super) fn empty(out: &mut String, name: &PropName) {
    // A name that was read is fit to be written: it has been checked.
    if &*name.namespace == DAV {
        let _ = write!(out, "<D:{}/>", name.local);
    } else {
        let _ = write!(out, "<{} xmlns=\"{}\"/>", name.local, escape(&name.namespace));
    }
}
