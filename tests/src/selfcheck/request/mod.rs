//! How the reference server reads a request: RFC 9112 §2 to §7.

mod content;
mod head;

use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use ropewalk_core::net::Connection;

use self::content::Body;
use super::fault::Fault;

const TARGET_MOST: usize = 16 * 1024;
const HEAD_MOST: usize = 64 * 1024;
const GIVE_UP: Duration = Duration::from_millis(500);

/// Why there is no request.
pub(super) enum Stop {
    /// To be answered with this status code, and then the end.
    Refuse(u16),
    /// The client is gone, or gave no sign of life.
    Gone,
}

type Result<T> = std::result::Result<T, Stop>;

pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) minor: u8,
    pub(super) fields: Vec<(String, String)>,
    pub(super) close: bool,
    pub(super) content: Vec<u8>,
    /// Whether the content was to be waited for with 100.
    pub(super) expects: bool,
}

impl Request {
    /// A request that could not be read, to answer it.
    pub(super) fn unread() -> Self {
        let (method, target) = ("GET".into(), "/".into());
        Self { method, target, minor: 1, fields: vec![], close: true, content: vec![], expects: false }
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn field(&self, name: &str) -> Option<String> {
        let all: Vec<_> = self.all(name).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    pub(super) fn lists(&self, name: &str, member: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|m| m.trim().eq_ignore_ascii_case(member))
    }
}

pub(super) struct Reader<'a> {
    pub(super) io: &'a mut Connection,
    pub(super) buffer: &'a mut BytesMut,
    pub(super) fault: Option<Fault>,
}

impl Reader<'_> {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// A request, its body read and forgotten.
    pub(super) async fn request(&mut self) -> Result<Request> {
        let head = self.head().await;
        if head.is_err() {
            // Where the end of this request lies nobody knows.
            self.buffer.clear();
        }
        let head = head?;
        let mut request = self.parse(&head)?;
        let body = self.framing(&mut request)?;
        let continues = request.field("expect").is_some_and(|e| {
            if self.is(Fault::ContinueByCase) {
                e == "100-continue"
            } else {
                e.eq_ignore_ascii_case("100-continue")
            }
        });
        if self.is(Fault::ContinueByCase)
            && !continues
            && request.field("expect").is_some_and(|e| e != "rope")
        {
            return Err(Stop::Refuse(417));
        }
        if self.is(Fault::DropsSender) && request.method == "POST" && !matches!(body, Body::Length(0)) {
            return Err(Stop::Gone);
        }
        let expects = continues && (request.minor >= 1 || self.is(Fault::ContinueIn10));
        request.expects = expects && !matches!(body, Body::Length(0));
        if request.expects && request.target == "/missing" {
            // RFC 9110 §10.1.1: the final status code is known by the head.
            request.close = true;
            return Ok(request);
        }
        if self.is(Fault::SwitchesBeforeContinue) && request.field("upgrade").is_some() {
            return Ok(request);
        }
        if request.expects && !self.is(Fault::NoContinue) {
            self.io.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.map_err(|_| Stop::Gone)?;
            if self.is(Fault::OnlyContinue) {
                return std::future::pending().await;
            }
        }
        if !self.is(Fault::BodyIsRequest) {
            match body {
                Body::Length(length) => self.take(length, &mut request).await?,
                Body::Chunked => self.chunked(&mut request).await?,
            }
        }
        if self.is(Fault::LosesOctet) {
            request.content.pop();
        }
        Ok(request)
    }

    async fn more(&mut self) -> Result<()> {
        let patient = self.is(Fault::Patient);
        self.buffer.reserve(16 * 1024);
        let read = self.io.read_buf(self.buffer);
        let read = if patient { Ok(read.await) } else { timeout(GIVE_UP, read).await };
        if self.is(Fault::IgnoresEnd) && matches!(read, Ok(Ok(0))) {
            return std::future::pending().await;
        }
        if matches!(read, Ok(Ok(octets)) if octets > 0) { Ok(()) } else { Err(Stop::Gone) }
    }

    async fn head(&mut self) -> Result<String> {
        loop {
            while self.buffer.starts_with(b"\r\n") && !self.is(Fault::NoLeadingLine) {
                self.buffer.advance(2);
            }
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            let seen = self.buffer.get(..end.map_or(self.buffer.len(), |end| end + 2)).unwrap_or_default();
            let bare_lf =
                seen.iter().enumerate().any(|(at, b)| *b == b'\n' && (at == 0 || seen[at - 1] != b'\r'));
            let line = seen.windows(2).position(|two| two == b"\r\n");
            if bare_lf || seen.starts_with(b"\r\n") {
                return Err(Stop::Refuse(400));
            }
            if line.unwrap_or(seen.len()) > TARGET_MOST {
                return Err(Stop::Refuse(if self.is(Fault::LongTargetIsMalformed) { 400 } else { 414 }));
            }
            if self.is(Fault::ShortLines) && line.unwrap_or(seen.len()) > 4000 {
                return Err(Stop::Refuse(400));
            }
            if seen.len() > HEAD_MOST {
                return Err(Stop::Refuse(if self.is(Fault::LargeHeadIs500) { 500 } else { 431 }));
            }
            if let Some(end) = end {
                let head = self.buffer.split_to(end + 4);
                return Ok(head.iter().take(end).map(|b| char::from(*b)).collect());
            }
            self.more().await?;
        }
    }
}
