//! The small page that goes with a status.

use http::{HeaderValue, StatusCode, header};
use maud::{DOCTYPE, html};
use ropewalk_core::Fault;
use ropewalk_core::app::ConnId;

use super::{Body, Failure, Response};

/// The style of all pages that the server makes itself: narrow screens, dark mode, no scripts.
pub(crate) const STYLE: &str = include_str!("style.css");

/// The page of a failure, whose cause goes to the log alone.
pub(crate) fn failed(failure: Failure, id: Option<ConnId>) -> Response {
    log(&failure);
    let (status, headers, note) = failure.into_parts();
    let mut response = with_note(status, note, id);
    response.headers_mut().extend(headers);
    response
}

/// Says in the log what caused a failure, where something did.
pub(crate) fn log(failure: &Failure) {
    if let Some(error) = failure.cause() {
        match error.fault() {
            Fault::Local => tracing::error!(error = %error.chain(), "request failed"),
            _ => tracing::debug!(error = %error.chain(), "request failed"),
        }
    }
}

/// A page that names the status and the connection, and little else.
pub(super) fn of(status: StatusCode, id: Option<ConnId>) -> Response {
    // RFC 9110 §15.6.6: which versions there are.
    let versions = status == StatusCode::HTTP_VERSION_NOT_SUPPORTED;
    with_note(status, versions.then_some("Spoken here: HTTP/1.0, HTTP/1.1 and HTTP/2"), id)
}

fn with_note(status: StatusCode, note: Option<&str>, id: Option<ConnId>) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (status.as_u16()) " " (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                main.error {
                    h1 { (status.as_u16()) }
                    p { (title) }
                    @if let Some(note) = note { p { (note) } }
                    @if let Some(id) = id { p.id { "connection " (id) } }
                }
            }
        }
    };
    let mut response = Response::new(Body::from(page.into_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    protect(headers);
    response
}

/// What keeps a page of ours from doing anything but being shown: no scripts, no foreign resources, and of styles
/// only the one in it, by its hash.
pub(crate) fn protect(headers: &mut http::HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The same for a page with a form, which goes nowhere but to this server.
pub(crate) fn protect_form(headers: &mut http::HeaderMap) {
    protect(headers);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(FORM_POLICY));
}

macro_rules! policy {
    ($form:literal) => {
        concat!(
            "default-src 'none'; base-uri 'none'; form-action '",
            $form,
            "'; frame-ancestors 'none'; style-src '",
            include_str!("style.hash"),
            "'"
        )
    };
}

const POLICY: &str = policy!("none");
const FORM_POLICY: &str = policy!("self");
