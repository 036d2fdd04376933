//! The chunked coding (RFC 9112 §7.1), read strictly.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName};
use memchr::memchr;
use ropewalk_core::{Error, Result};

use super::head;

/// Octets of a line with a chunk's size and extensions.
const SIZE_LINE: usize = 256;
/// Octets of all extensions of a body together.
const EXTENSIONS: usize = 16 * 1024;
/// Octets of a trailer section.
const TRAILERS: usize = 8 * 1024;

/// The decoder of one body.
#[derive(Default)]
pub(super) struct Decoder {
    state: State,
    /// How much of the line that is not complete was looked at.
    seen: usize,
    extensions: usize,
    trailer_octets: usize,
    trailers: HeaderMap,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Size,
    Data(u64),
    /// The CRLF after a chunk's data.
    DataEnd,
    Trailers,
    Done,
}

/// What the next octets are.
#[derive(Debug)]
pub(super) enum Step {
    Data(Bytes),
    /// More octets are needed.
    More,
    /// The end, with the trailers.
    End(HeaderMap),
}

impl Decoder {
    /// Takes what it can use from the front of `input`. After the end, or an error, nothing more is taken.
    pub(super) fn decode(&mut self, input: &mut BytesMut) -> Result<Step> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = self.line(input, SIZE_LINE)? else { return Ok(Step::More) };
                    let (size, extensions) = size(&line).ok_or_else(|| Error::peer("no chunk size"))?;
                    self.extensions += extensions;
                    if self.extensions > EXTENSIONS {
                        return Err(Error::peer("too many chunk extensions"));
                    }
                    self.state = if size == 0 { State::Trailers } else { State::Data(size) };
                }
                State::Data(_) if input.is_empty() => return Ok(Step::More),
                State::Data(left) => {
                    let octets = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    self.state = match left - octets as u64 {
                        0 => State::DataEnd,
                        left => State::Data(left),
                    };
                    return Ok(Step::Data(input.split_to(octets).freeze()));
                }
                State::DataEnd => match (input.first(), input.get(1)) {
                    (None, _) | (Some(b'\r'), None) => return Ok(Step::More),
                    (Some(b'\r'), Some(b'\n')) => {
                        drop(input.split_to(2));
                        self.state = State::Size;
                    }
                    _ => return Err(Error::peer("chunk longer than its size")),
                },
                State::Trailers => {
                    let left = TRAILERS - self.trailer_octets;
                    let Some(line) = self.line(input, left)? else { return Ok(Step::More) };
                    if line.is_empty() {
                        self.state = State::Done;
                        continue;
                    }
                    self.trailer_octets += line.len() + 2;
                    self.trailer(&line).ok_or_else(|| Error::peer("no trailer field"))?;
                }
                State::Done => return Ok(Step::End(std::mem::take(&mut self.trailers))),
            }
        }
    }

    /// The next line, of at most that many octets with its CRLF.
    fn line(&mut self, input: &mut BytesMut, most: usize) -> Result<Option<Bytes>> {
        let window = input.get(..most).unwrap_or(input);
        let Some(found) = memchr(b'\n', window.get(self.seen..).unwrap_or_default()) else {
            self.seen = window.len();
            return if window.len() < most {
                Ok(None)
            } else {
                Err(Error::peer("line too long in a chunked body"))
            };
        };
        let end = self.seen + found;
        self.seen = 0;
        let mut line = input.split_to(end + 1);
        if !line.ends_with(b"\r\n") {
            return Err(Error::peer("line without CRLF in a chunked body"));
        }
        line.truncate(end - 1);
        Ok(Some(line.freeze()))
    }

    fn trailer(&mut self, line: &Bytes) -> Option<()> {
        let (name, value) = head::field(line, line)?;
        if !is_forbidden(&name) {
            self.trailers.try_append(name, value).ok()?;
        }
        Some(())
    }
}

/// RFC 9110 §6.5.1: what frames, routes, changes or permits a request, or says what its content is, is not heeded
/// after it.
fn is_forbidden(name: &HeaderName) -> bool {
    let named = [
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
        header::TRAILER,
        header::TE,
        header::CONNECTION,
        header::UPGRADE,
        header::HOST,
        header::EXPECT,
        header::MAX_FORWARDS,
        header::RANGE,
        header::CACHE_CONTROL,
        header::PRAGMA,
        header::AUTHORIZATION,
        header::PROXY_AUTHORIZATION,
        header::COOKIE,
        header::FORWARDED,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
    ]
    .contains(name);
    named || name.as_str().starts_with("if-") || name.as_str().starts_with("x-forwarded-")
}

/// The size that a line says, and how many octets of extensions it has.
fn size(line: &[u8]) -> Option<(u64, usize)> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 || digits > 16 {
        return None;
    }
    let (hex, rest) = line.split_at_checked(digits)?;
    let size = u64::from_str_radix(str::from_utf8(hex).ok()?, 16).ok()?;
    are_extensions(rest).then_some((size, rest.len()))
}

/// RFC 9112 §7.1.1: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
fn are_extensions(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(after) = blank(rest).strip_prefix(b";") else { return false };
        let Some(after) = token(blank(after)) else { return false };
        rest = after;
        if let Some(value) = blank(after).strip_prefix(b"=") {
            let value = blank(value);
            let Some(after) = quoted(value).or_else(|| token(value)) else { return false };
            rest = after;
        }
    }
    true
}

/// What follows whitespace.
fn blank(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    text.get(blanks..).unwrap_or_default()
}

/// What follows a token (RFC 9110 §5.6.2).
fn token(text: &[u8]) -> Option<&[u8]> {
    let octets = text.iter().take_while(|byte| head::is_tchar(**byte)).count();
    text.get(octets..).filter(|_| octets > 0)
}

/// What follows a quoted string (RFC 9110 §5.6.4).
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        rest = match rest {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', b'\t' | b' '..=b'~' | 0x80.., rest @ ..] => rest,
            [b'\t' | b' '..=b'~' | 0x80.., rest @ ..] => rest,
            _ => return None,
        };
    }
}

/// Begins a chunk of this many octets, which is not 0; CRLF ends it.
pub(super) fn begin(out: &mut BytesMut, octets: usize) {
    let digits = (octets.max(1).ilog2() / 4) + 1;
    for digit in (0..digits).rev() {
        let nibble = (octets >> (4 * digit)) & 15;
        out.extend(b"0123456789abcdef".get(nibble));
    }
    out.put_slice(b"\r\n");
}

/// Ends a body, with these trailers.
pub(super) fn end(out: &mut BytesMut, trailers: &HeaderMap) {
    out.put_slice(b"0\r\n");
    for (name, value) in trailers {
        super::encode::field(out, name, value.as_bytes());
    }
    out.put_slice(b"\r\n");
}

#[cfg(test)]
#[path = "chunked_tests.rs"]
mod tests;
