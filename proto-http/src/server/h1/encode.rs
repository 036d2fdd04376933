//! The head of an answer.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{BufMut as _, BytesMut};
use http::header::{self, HeaderMap, HeaderName};
use http::{StatusCode, Version};
use http_body::Body as _;

use super::super::Body;
use crate::wire::date;

/// How the content of an answer is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none, whatever the fields say.
    Nothing,
    Length(u64),
    Chunked,
    /// The end of the connection is its end.
    Close,
}

/// How this content goes out. A length that the handler said counts where the content does not know its own.
pub(super) fn framing(
    is_head: bool,
    version: Version,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Body,
) -> Framing {
    if is_head
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    {
        return Framing::Nothing;
    }
    let said = || headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    match body.size_hint().exact().or_else(said) {
        Some(length) => Framing::Length(length),
        // RFC 9112 §6.1: no transfer coding for a client of 1.0.
        None if version < Version::HTTP_11 => Framing::Close,
        None => Framing::Chunked,
    }
}

/// What is said of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persistence {
    /// It goes on, as is usual.
    Usual,
    /// It goes on, which a client of 1.0 has to be told.
    KeepAlive,
    Close,
}

/// Writes a status line and header fields, with those that frame the message and belong to this connection.
pub(super) fn head(
    out: &mut BytesMut,
    status: StatusCode,
    headers: &HeaderMap,
    framing: Framing,
    persistence: Persistence,
) {
    out.reserve(192 + 48 * headers.len());
    status_line(out, status);
    // RFC 9110 §8.6: what HEAD and 304 say of a length is about another answer; a 204 says nothing of it.
    let keeps_length = framing == Framing::Nothing && status != StatusCode::NO_CONTENT;
    for (name, value) in headers {
        if is_ours(name) || (*name == header::CONTENT_LENGTH && !keeps_length) {
            continue;
        }
        field(out, name, value.as_bytes());
    }
    match framing {
        Framing::Length(length) => {
            out.put_slice(b"content-length: ");
            decimal(out, length);
            out.put_slice(b"\r\n");
        }
        Framing::Chunked => out.put_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Nothing | Framing::Close => {}
    }
    match persistence {
        Persistence::Usual => {}
        Persistence::KeepAlive => out.put_slice(b"connection: keep-alive\r\n"),
        Persistence::Close => out.put_slice(b"connection: close\r\n"),
    }
    // RFC 9110 §7.8: what is said of this connection is named there.
    if headers.contains_key(header::UPGRADE) {
        out.put_slice(b"connection: upgrade\r\n");
    }
    if !headers.contains_key(header::DATE) {
        date(out);
    }
    out.put_slice(b"\r\n");
}

/// Writes an interim answer, which has a head alone (RFC 9110 §15.2).
pub(in crate::server) fn interim(out: &mut BytesMut, status: StatusCode, headers: &HeaderMap) {
    status_line(out, status);
    for (name, value) in headers {
        // RFC 9110 §8.6: no length in a 1xx.
        if !is_ours(name) && *name != header::CONTENT_LENGTH {
            field(out, name, value.as_bytes());
        }
    }
    out.put_slice(b"\r\n");
}

/// RFC 9110 §6.2: with our own version, whatever that of the request.
fn status_line(out: &mut BytesMut, status: StatusCode) {
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.put_slice(b"\r\n");
}

/// Fields of the connection: no handler's business (RFC 9110 §7.6.1).
fn is_ours(name: &HeaderName) -> bool {
    *name == header::CONNECTION || *name == header::TRANSFER_ENCODING || name.as_str() == "keep-alive"
}

/// One field line. Neither a name nor a value can hold a line end: their types see to it.
pub(super) fn field(out: &mut BytesMut, name: &HeaderName, value: &[u8]) {
    out.put_slice(name.as_str().as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

fn decimal(out: &mut BytesMut, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// The date (RFC 9110 §6.6.1), which each thread makes once a second.
fn date(out: &mut BytesMut) {
    thread_local! {
        static LAST: Cell<(u64, [u8; 29])> = const { Cell::new((u64::MAX, [0; 29])) };
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (mut second, mut text) = LAST.get();
    if second != now {
        let Some(made) = date::encode(now).and_then(|value| value.as_bytes().try_into().ok()) else { return };
        (second, text) = (now, made);
        LAST.set((second, text));
    }
    out.put_slice(b"date: ");
    out.put_slice(&text);
    out.put_slice(b"\r\n");
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
