//! The small page that goes with a status.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use maud::{DOCTYPE, html};
use ropewalk_core::Fault;
use ropewalk_core::app::ConnId;

use super::{Body, Failure, Response};
use crate::wire::accept::quality;

/// The style of all pages that the server makes itself: narrow screens, dark mode, no scripts.
pub(crate) const STYLE: &str = include_str!("style.css");

/// As what a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people, in a browser.
    Html,
    /// For programs, which show or log it.
    Text,
}

impl Form {
    /// The one for whoever asks so: browsers name HTML among what they accept, other programs mostly do not.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
        let mut types = lines.flat_map(|line| line.split(',')).map(|range| range.split(';').next());
        let named =
            types.any(|range| range.is_some_and(|name| name.trim().eq_ignore_ascii_case("text/html")));
        // An extension, such as a method of WebDAV, is no browser's.
        if named && (method.is_safe() || *method == Method::POST) && quality(headers, "text/html") > 0 {
            Self::Html
        } else {
            Self::Text
        }
    }
}

/// The page of a failure, whose cause goes to the log alone.
pub(crate) fn failed(failure: Failure, form: Form, id: Option<ConnId>) -> Response {
    log(&failure);
    let (status, headers, note) = failure.into_parts();
    let mut response = with_note(status, form, note, id);
    // RFC 9110 §12.5.5: some of these are kept by caches.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
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

/// A page for who asks what cannot be read.
pub(super) fn of(status: StatusCode, id: Option<ConnId>) -> Response {
    // RFC 9110 §15.6.6: which versions there are.
    let versions = status == StatusCode::HTTP_VERSION_NOT_SUPPORTED;
    with_note(status, Form::Text, versions.then_some("Spoken here: HTTP/1.0, HTTP/1.1 and HTTP/2"), id)
}

/// What names the status and the connection, and little else.
fn with_note(status: StatusCode, form: Form, note: Option<&str>, id: Option<ConnId>) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let (page, media_type) = match form {
        Form::Html => (html(status, title, note, id), "text/html; charset=utf-8"),
        Form::Text => (text(status, title, note, id), "text/plain; charset=utf-8"),
    };
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    protect(headers);
    response
}

fn text(status: StatusCode, title: &str, note: Option<&str>, id: Option<ConnId>) -> String {
    let note = note.map(|note| format!("{note}\n")).unwrap_or_default();
    let id = id.map(|id| format!("connection {id}\n")).unwrap_or_default();
    format!("{} {title}\n{note}{id}", status.as_u16())
}

fn html(status: StatusCode, title: &str, note: Option<&str>, id: Option<ConnId>) -> String {
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
    page.into_string()
}

/// What keeps a page of ours from doing anything but being shown: no scripts, no foreign resources, and of styles
/// only the one in it, by its hash.
pub(crate) fn protect(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The same for a page with a form, which goes nowhere but to this server.
pub(crate) fn protect_form(headers: &mut HeaderMap) {
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
