//! What a program says before its document (RFC 3875 §6).

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri};
use memchr::memchr;

/// Fields of a head.
const FIELDS: usize = 200;

/// The head of a program's output.
#[derive(Debug, PartialEq)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Octets of the document, where the program said so.
    pub(super) length: Option<u64>,
    /// Another resource of this server is to answer (§6.2.2).
    pub(super) local: Option<String>,
}

/// Why output is none that the interface allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadOutput {
    TooLong,
    NoField,
    TooMany,
    NoCgiField,
    Repeated,
    Status,
    Length,
    Location,
}

impl std::fmt::Display for BadOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the head of its output is too long",
            Self::NoField => "a line of its head is no header field",
            Self::TooMany => "its head has too many fields",
            Self::NoCgiField => "its head has neither Content-Type nor Status nor Location",
            Self::Repeated => "its head has a field twice that may be there once",
            Self::Status => "its Status is none",
            Self::Length => "its Content-Length is none",
            Self::Location => "its Location is none",
        })
    }
}

impl std::error::Error for BadOutput {}

/// The search for the end of a head that comes in pieces. A line ends in LF or CRLF (§7.2).
#[derive(Default)]
pub(super) struct Scan {
    line: usize,
    at: usize,
}

impl Scan {
    /// Where the head ends, with the empty line, once that has come. It is at most `limit` octets long.
    pub(super) fn find(&mut self, output: &[u8], limit: usize) -> Result<Option<usize>, BadOutput> {
        let window = output.get(..limit).unwrap_or(output);
        while let Some(found) = memchr(b'\n', window.get(self.at..).unwrap_or_default()) {
            let end = self.at + found;
            let is_empty = matches!(window.get(self.line..end), Some(b"" | b"\r"));
            self.at = end + 1;
            self.line = self.at;
            if is_empty {
                return Ok(Some(self.at));
            }
        }
        self.at = window.len();
        if window.len() == limit { Err(BadOutput::TooLong) } else { Ok(None) }
    }
}

/// Reads a head that [`Scan`] found.
pub(super) fn parse(head: &Bytes) -> Result<Head, BadOutput> {
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        if headers.len() == FIELDS {
            return Err(BadOutput::TooMany);
        }
        let (name, value) = field(head, line).ok_or(BadOutput::NoField)?;
        // §6.3: a field without a value is a field that is not there.
        if !value.is_empty() {
            headers.append(name, value);
        }
    }
    // §6.3: not more than once.
    let once = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        let value = values.next().cloned();
        if values.next().is_some() { Err(BadOutput::Repeated) } else { Ok(value) }
    };
    let (said, location) = (once(STATUS)?, once(header::LOCATION)?);
    let (document, length) = (once(header::CONTENT_TYPE)?, once(header::CONTENT_LENGTH)?);
    if said.is_none() && location.is_none() && document.is_none() {
        return Err(BadOutput::NoCgiField);
    }
    let status = said.as_ref().map(status).transpose()?;
    let local = match &location {
        Some(location) if status.is_none() => local(location)?,
        _ => None,
    };
    let default = if location.is_some() { StatusCode::FOUND } else { StatusCode::OK };
    let length = length.map(|length| decimal(length.as_bytes()).ok_or(BadOutput::Length)).transpose()?;
    for name in OURS {
        headers.remove(name);
    }
    Ok(Head { status: status.unwrap_or(default), headers, length, local })
}

const STATUS: HeaderName = HeaderName::from_static("status");

/// Fields that are the server's affair (§6.3.4); so is the date of an answer that it makes (RFC 9110 §6.6.1).
const OURS: [HeaderName; 10] = [
    STATUS,
    header::DATE,
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::CONTENT_LENGTH,
];

/// A name, a colon and a value, in one line.
fn field(head: &Bytes, line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = memchr(b':', line)?;
    let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
    let value = line.get(colon + 1..)?.trim_ascii();
    Some((name, HeaderValue::from_maybe_shared(head.slice_ref(value)).ok()?))
}

/// §6.3.3: three digits, and what they mean in words. An answer that is not the last one cannot be said so.
fn status(said: &HeaderValue) -> Result<StatusCode, BadOutput> {
    let (code, rest) = said.as_bytes().split_at_checked(3).ok_or(BadOutput::Status)?;
    match StatusCode::from_bytes(code) {
        Ok(status) if (200..600).contains(&status.as_u16()) && matches!(rest, [] | [b' ', ..]) => Ok(status),
        _ => Err(BadOutput::Status),
    }
}

/// §6.3.2: a path of this server, or an address.
fn local(location: &HeaderValue) -> Result<Option<String>, BadOutput> {
    let text = location.to_str().map_err(|_| BadOutput::Location)?;
    if !text.starts_with('/') {
        return Ok(None);
    }
    let uri: Uri = text.parse().map_err(|_| BadOutput::Location)?;
    Ok(uri.path_and_query().map(|target| target.as_str().to_owned()))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|digit| digit.is_ascii_digit()).then_some(text)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(head: &'static str) -> Result<Head, BadOutput> {
        parse(&Bytes::from(head))
    }

    #[test]
    fn a_document_is_200_unless_it_says_otherwise() {
        let head = read("Content-Type: text/plain\nX-A: 1\nX-A: 2\r\n\n").unwrap();
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.headers["content-type"], "text/plain");
        assert_eq!(head.headers.get_all("x-a").iter().count(), 2);
        let head =
            read("Status: 404 Not Here\r\nContent-type:text/html\r\nContent-Length: 12\r\n\r\n").unwrap();
        assert_eq!((head.status, head.length), (StatusCode::NOT_FOUND, Some(12)));
        assert!(!head.headers.contains_key("status"));
        assert_eq!(read("status: 204\n\n").unwrap().status, StatusCode::NO_CONTENT);
    }

    #[test]
    fn redirects_are_told_apart() {
        let local = |head| read(head).map(|head| (head.status.as_u16(), head.local));
        assert_eq!(local("Location: /a?b\n\n"), Ok((302, Some("/a?b".into()))));
        assert_eq!(local("Location: //evil/x\n\n"), Ok((302, Some("//evil/x".into()))));
        assert_eq!(local("Location: http://x/\n\n"), Ok((302, None)));
        assert_eq!(local("Location: /a\nStatus: 303 See Other\nContent-Type: a/b\n\n"), Ok((303, None)));
        assert_eq!(local("Location: /a\nStatus: 201\n\n"), Ok((201, None)));
        assert_eq!(local("Location: /a b\n\n"), Err(BadOutput::Location));
    }

    #[test]
    fn the_servers_fields_are_not_the_programs() {
        let head = read(
            "Content-Type: a/b\nConnection: close\nTransfer-Encoding: chunked\nKeep-Alive: 1\nDate: x\n\n",
        );
        assert_eq!(head.unwrap().headers.len(), 1);
    }

    #[test]
    fn what_is_no_head_is_told() {
        for (head, bad) in [
            ("X-A: b\n\n", BadOutput::NoCgiField),
            ("Content-Type:\n\n", BadOutput::NoCgiField),
            ("\n", BadOutput::NoCgiField),
            ("Content-Type : a/b\n\n", BadOutput::NoField),
            ("Content-Type: a/b\n folded\n\n", BadOutput::NoField),
            ("HTTP/1.1 200 OK\nContent-Type: a/b\n\n", BadOutput::NoField),
            ("Content-Type: a/b\nX: a\rb\n\n", BadOutput::NoField),
            ("Content-Type: a/b\nX: a\0b\n\n", BadOutput::NoField),
            ("Content-Type: a/b\nContent-Type: c/d\n\n", BadOutput::Repeated),
            ("Content-Type: a/b\nContent-Length: 1\nContent-Length: 1\n\n", BadOutput::Repeated),
            ("Content-Type: a/b\nContent-Length: +1\n\n", BadOutput::Length),
            ("Status: OK\n\n", BadOutput::Status),
            ("Status: 101 Go\n\n", BadOutput::Status),
            ("Status: 2000\n\n", BadOutput::Status),
            ("Status: 999\n\n", BadOutput::Status),
        ] {
            assert_eq!(read(head), Err(bad), "{head:?}");
        }
        let many = Bytes::from("A: b\n".repeat(201) + "\n");
        assert_eq!(parse(&many), Err(BadOutput::TooMany));
    }

    #[test]
    fn a_head_without_end_is_too_long() {
        let mut scan = Scan::default();
        assert_eq!(scan.find(b"Content-Type: a/b\n", 30), Ok(None));
        assert_eq!(scan.find(b"Content-Type: a/b\nxxxxxxxxxxxx", 30), Err(BadOutput::TooLong));
        assert_eq!(Scan::default().find(b"A: b\n\n", 6), Ok(Some(6)));
        assert_eq!(Scan::default().find(b"A: b\n\nmore", 7), Ok(Some(6)));
    }

    proptest! {
        #[test]
        fn the_end_is_found_however_it_comes(
            output in "[a:\\r\\n]{0,40}",
            cuts in proptest::collection::vec(0_usize..41, 0..6),
        ) {
            let output = output.as_bytes();
            let mut scan = Scan::default();
            let mut cuts = cuts;
            cuts.sort_unstable();
            let found = cuts.iter().map(|cut| &output[..output.len().min(*cut)]).chain([output])
                .find_map(|part| scan.find(part, 100).unwrap());
            prop_assert_eq!(found, Scan::default().find(output, 100).unwrap());
        }

        #[test]
        fn no_head_panics(head in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&head.into());
        }
    }
}
