//! The server's side of the opening handshake (RFC 6455 §4.2), without I/O.

use std::collections::HashSet;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version};

use crate::server::{Failure, Request};
use crate::wire::host;

/// The only version there is (RFC 6455 §4.1).
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("13");

/// Which pages may open a WebSocket. A client that names no origin is no browser, and may always.
#[derive(Clone, Debug, Default)]
pub(super) enum Origins {
    /// Those of the same host and port.
    #[default]
    Same,
    Listed(Vec<String>),
    Any,
}

/// What was agreed on.
#[derive(Debug)]
pub(super) struct Agreed {
    /// Fields of the answer.
    pub(super) headers: HeaderMap,
    pub(super) protocol: Option<String>,
}

/// Answers a request that upgrades to a WebSocket. Over HTTP/2 there is no key (RFC 8441 §5).
pub(super) fn agree(request: &Request, origins: &Origins, protocols: &[String]) -> Result<Agreed, Failure> {
    let fields = &request.headers;
    match one(fields, &header::SEC_WEBSOCKET_VERSION) {
        Ok(Some(version)) if version == VERSION => {}
        Ok(Some(_)) => {
            let failure = Failure::new(StatusCode::UPGRADE_REQUIRED)
                .with(header::UPGRADE, HeaderValue::from_static("websocket"));
            return Err(failure.with(header::SEC_WEBSOCKET_VERSION, VERSION));
        }
        _ => return Err(Failure::bad_request()),
    }
    let mut headers = HeaderMap::new();
    if request.version < Version::HTTP_2 {
        let key = one(fields, &header::SEC_WEBSOCKET_KEY).map_err(|()| Failure::bad_request())?;
        let key = key.filter(|key| request.method == Method::GET && is_nonce(key));
        let accept = accept(key.ok_or_else(Failure::bad_request)?.as_bytes());
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    check_origin(request, origins)?;
    if !fields.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter().all(are_extensions) {
        return Err(Failure::bad_request());
    }
    let protocol = choose(fields, protocols)?;
    if let Some(protocol) = &protocol {
        let value = HeaderValue::from_str(protocol).map_err(|_| Failure::bad_request())?;
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value);
    }
    Ok(Agreed { headers, protocol })
}

/// What shows that a key was understood (RFC 6455 §4.2.2).
pub(super) fn accept(key: &[u8]) -> HeaderValue {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat());
    // Base64 is always a valid value.
    HeaderValue::try_from(BASE64_STANDARD.encode(digest)).unwrap_or(HeaderValue::from_static(""))
}

/// Sixteen octets in base64 (RFC 6455 §4.1).
fn is_nonce(key: &HeaderValue) -> bool {
    BASE64_STANDARD.decode(key).is_ok_and(|octets| octets.len() == 16)
}

/// A field that may stand once.
pub(super) fn one<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ()> {
    let mut values = fields.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(()),
    }
}

/// A page of elsewhere may open a connection in its visitor's name, and is to be told by its origin (RFC 6455 §10.2).
fn check_origin(request: &Request, origins: &Origins) -> Result<(), Failure> {
    let forbidden = || Failure::new(StatusCode::FORBIDDEN);
    let origin = one(&request.headers, &header::ORIGIN).map_err(|()| forbidden())?;
    let Some(origin) = origin else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| forbidden())?;
    let is_welcome = match origins {
        Origins::Any => true,
        Origins::Listed(listed) => listed.iter().any(|listed| listed.eq_ignore_ascii_case(origin)),
        Origins::Same => host::is_origin(origin, &request.uri, &request.headers),
    };
    if is_welcome { Ok(()) } else { Err(forbidden()) }
}

/// Whether extensions are offered as RFC 6455 §9.1 says. None is taken.
fn are_extensions(offer: &HeaderValue) -> bool {
    let Ok(offer) = offer.to_str() else { return false };
    // What is quoted has to be a token as well, so that no comma or semicolon is inside.
    offer.split(',').map(trim).filter(|extension| !extension.is_empty()).all(|extension| {
        let mut parts = extension.split(';');
        parts.next().is_some_and(|name| is_token(trim(name))) && parts.all(is_parameter)
    })
}

fn is_parameter(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else { return is_token(trim(text)) };
    let value = trim(value);
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    is_token(trim(name)) && quoted.map_or(is_token(value), |value| is_token(&value.replace('\\', "")))
}

/// Without whitespace around it (RFC 9110 §5.6.3).
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The first subprotocol that the client offers and we speak (RFC 6455 §4.2.2).
fn choose(fields: &HeaderMap, spoken: &[String]) -> Result<Option<String>, Failure> {
    let mut offered = HashSet::new();
    let mut chosen = None;
    for value in fields.get_all(header::SEC_WEBSOCKET_PROTOCOL) {
        let names = value.to_str().map_err(|_| Failure::bad_request())?.split(',').map(trim);
        for name in names.filter(|name| !name.is_empty()) {
            if !is_token(name) || !offered.insert(name) {
                return Err(Failure::bad_request());
            }
            if chosen.is_none() && spoken.iter().any(|spoken| spoken == name) {
                chosen = Some(name.to_owned());
            }
        }
    }
    Ok(chosen)
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}
