//! The head of a request (RFC 9112 §2 to §6), read strictly: what two programs might read in two ways is refused.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};
use memchr::{memchr, memchr2};

use crate::wire::list;

/// Empty lines that may come before a request line (RFC 9112 §2.2).
const EMPTY_LINES: usize = 4;
/// A method longer than any that is known.
const METHOD: usize = 32;

/// A head that could be read.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) parts: Parts,
    pub(super) framing: Framing,
    /// Whether the client wants to go on after this request.
    pub(super) keep_alive: bool,
    /// Whether it waits for a 100 before it sends the content.
    pub(super) expects: bool,
}

/// How long the content of a request is (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

/// The search for the end of a head that comes in pieces: no octet is looked at twice.
#[derive(Default)]
pub(super) struct Scan {
    /// Up to here all is known.
    at: usize,
    /// Where the line that `at` is in begins.
    line: usize,
    /// Where the request line begins.
    start: usize,
    lines: usize,
}

impl Scan {
    /// Where the head in `input` begins and ends, once it is there. It is at most `limit` octets long, with the empty
    /// lines before it.
    pub(super) fn find(&mut self, input: &[u8], limit: usize) -> Result<Option<(usize, usize)>, StatusCode> {
        let window = input.get(..limit).unwrap_or(input);
        self.begin(window)?;
        while let Some(found) = memchr2(b'\r', b'\n', window.get(self.at..).unwrap_or_default()) {
            let end = self.at + found;
            self.at = end;
            match (window.get(end), window.get(end + 1)) {
                (Some(b'\r'), Some(b'\n')) => {}
                (Some(b'\r'), None) => break,
                // A line ends in CRLF, and neither of them is anywhere else.
                _ => return Err(StatusCode::BAD_REQUEST),
            }
            let is_empty = end == self.line;
            self.at = end + 2;
            self.line = self.at;
            match (is_empty, self.lines) {
                (false, _) => self.lines += 1,
                (true, 0) if self.at > 2 * EMPTY_LINES => return Err(StatusCode::BAD_REQUEST),
                (true, 0) => {
                    self.start = self.at;
                    self.begin(window)?;
                }
                (true, _) => return Ok(Some((self.start, self.at))),
            }
        }
        if window.len() == limit {
            return Err(self.too_long());
        }
        if window.get(self.at) != Some(&b'\r') {
            self.at = window.len();
        }
        Ok(None)
    }

    /// Refuses what can become no method before its line is complete: who speaks another protocol, such as TLS, waits
    /// for an answer.
    fn begin(&self, window: &[u8]) -> Result<(), StatusCode> {
        match window.get(self.start..) {
            Some(line @ [first, ..]) if self.lines == 0 && !matches!(first, b'\r' | b'\n') => is_method(line),
            _ => Ok(()),
        }
    }

    /// What was too long. RFC 9112 §3: 414 for a target.
    fn too_long(&self) -> StatusCode {
        match self.lines {
            0 => StatusCode::URI_TOO_LONG,
            _ => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }

    /// Whether more has come than empty lines.
    pub(super) fn has_begun(&self, input: &[u8]) -> bool {
        input.len() > self.start
    }

    /// Field lines of the head that was found.
    pub(super) fn fields(&self) -> usize {
        self.lines.saturating_sub(1)
    }
}

/// Reads a head that [`Scan`] found, with this many fields at most.
pub(super) fn parse(head: &Bytes, fields: usize, most: usize) -> Result<Head, StatusCode> {
    let mut lines = Lines(head);
    let (method, uri, version) = request_line(head, lines.next().unwrap_or_default())?;
    if fields > most {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let too_many = |_| StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let mut headers = HeaderMap::try_with_capacity(fields).map_err(too_many)?;
    for line in lines {
        let (name, value) = field(head, line).ok_or(StatusCode::BAD_REQUEST)?;
        headers.try_append(name, value).map_err(too_many)?;
    }
    let framing = framing(version, &headers)?;
    let modern = version == Version::HTTP_11;
    let keep_alive = !list::has(&headers, header::CONNECTION, "close")
        && (modern || list::has(&headers, header::CONNECTION, "keep-alive"));
    // RFC 9110 §10.1.1: not of 1.0.
    let expects = modern && list::has(&headers, header::EXPECT, "100-continue");
    let mut parts = http::Request::new(()).into_parts().0;
    (parts.method, parts.uri, parts.version, parts.headers) = (method, uri, version, headers);
    Ok(Head { parts, framing, keep_alive, expects })
}

/// The lines of a head, up to the empty one.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr(b'\r', self.0).filter(|end| *end > 0)?;
        let (line, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(2..).unwrap_or_default();
        Some(line)
    }
}

/// Whether what has come of a request line begins with a method. RFC 9112 §3: 501 for one that is longer than any.
fn is_method(line: &[u8]) -> Result<(), StatusCode> {
    let octets = line.iter().take(METHOD + 1).take_while(|byte| is_tchar(**byte)).count();
    match line.get(octets) {
        _ if octets > METHOD => Err(StatusCode::NOT_IMPLEMENTED),
        None | Some(b' ') if octets > 0 => Ok(()),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// Whether a token may have it (RFC 9110 §5.6.2).
pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9112 §3: three words with one space between them.
fn request_line(head: &Bytes, line: &[u8]) -> Result<(Method, Uri, Version), StatusCode> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let version = match version {
        b"HTTP/1.0" => Version::HTTP_10,
        // RFC 9110 §6.2: a higher minor version is read as the highest that is known.
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Version::HTTP_11,
        [b'H', b'T', b'T', b'P', b'/', b'0' | b'2'..=b'9', b'.', b'0'..=b'9'] => {
            return Err(StatusCode::HTTP_VERSION_NOT_SUPPORTED);
        }
        _ => return Err(StatusCode::BAD_REQUEST),
    };
    let method = Method::from_bytes(method).map_err(|_| StatusCode::BAD_REQUEST)?;
    let uri = target_of(&method, head.slice_ref(target))?;
    Ok((method, uri, version))
}

/// RFC 9112 §3.2: the four forms of a target, each with the methods that may have it.
fn target_of(method: &Method, target: Bytes) -> Result<Uri, StatusCode> {
    if target.len() > usize::from(u16::MAX - 1) {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~') && *byte != b'#';
    let fits = target.iter().all(printable)
        && match target.first() {
            Some(b'/') => method != Method::CONNECT,
            Some(b'*') => method == Method::OPTIONS && target.len() == 1,
            _ => true,
        };
    let uri = Uri::from_maybe_shared(target.clone()).ok().filter(|_| fits).ok_or(StatusCode::BAD_REQUEST)?;
    let is_form = match target.first() {
        Some(b'/' | b'*') => true,
        _ if method == Method::CONNECT => uri.scheme().is_none() && uri.port_u16().is_some(),
        _ => matches!(uri.scheme_str(), Some("http" | "https")),
    };
    if is_form { Ok(uri) } else { Err(StatusCode::BAD_REQUEST) }
}

/// One field line (RFC 9112 §5) of a head or a trailer section: the name is a token right before the colon, so that neither a fold nor a space before
/// the colon is one; the value has no control but the tab.
pub(super) fn field(head: &Bytes, line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = memchr(b':', line)?;
    let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
    let mut value = line.get(colon + 1..)?;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    Some((name, HeaderValue::from_maybe_shared(head.slice_ref(value)).ok()?))
}

/// RFC 9112 §6: a length or the chunked coding, said once.
fn framing(version: Version, headers: &HeaderMap) -> Result<Framing, StatusCode> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // RFC 9112 §6.1: with a length, or in 1.0, this is an attempt to have two programs see two requests.
        if length.is_some() || version < Version::HTTP_11 {
            return Err(StatusCode::BAD_REQUEST);
        }
        return coding(headers).map(|()| Framing::Chunked);
    }
    match length {
        None => Ok(Framing::Length(0)),
        Some(length) if lengths.next().is_none() => {
            decimal(length.as_bytes()).map(Framing::Length).ok_or(StatusCode::BAD_REQUEST)
        }
        Some(_) => Err(StatusCode::BAD_REQUEST),
    }
}

/// Whether the codings are just `chunked`: 400 where it is not the last one, 501 where there are others before.
fn coding(headers: &HeaderMap) -> Result<(), StatusCode> {
    let mut before = 0;
    let mut chunked = false;
    for coding in list::members(headers.get_all(header::TRANSFER_ENCODING).iter()) {
        if chunked {
            return Err(StatusCode::BAD_REQUEST);
        }
        chunked = coding.eq_ignore_ascii_case(b"chunked");
        before += usize::from(!chunked);
    }
    match (chunked, before) {
        (true, 0) => Ok(()),
        (true, _) => Err(StatusCode::NOT_IMPLEMENTED),
        (false, _) => Err(StatusCode::BAD_REQUEST),
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
