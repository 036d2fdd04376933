//! How the reference server reads a request: RFC 9112 §2 to §7.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use ropewalk_core::net::Connection;

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

    fn parse(&self, head: &str) -> Result<Request> {
        let bad = || Stop::Refuse(400);
        let split = if self.is(Fault::BareCrEndsLine) {
            head.replace("\r\n", "\r")
        } else {
            head.replace("\r\n", "\n")
        };
        let folds = [Fault::LastFold, Fault::JoinsFolds].into_iter().any(|fault| self.is(fault));
        let split = if folds { self.unfolded(&split) } else { split };
        let mut lines = split.split(if self.is(Fault::BareCrEndsLine) { '\r' } else { '\n' });
        let words: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, target, version] = words.as_slice() else { return Err(bad()) };
        let minor = self.minor(version)?;
        let mut fields = Vec::new();
        for line in lines {
            fields.extend(self.field(line)?);
        }
        let mut request = Request {
            method: (*method).into(),
            target: (*target).into(),
            minor,
            fields,
            ..Request::unread()
        };
        self.host(&request)?;
        request.target = self.target(&request)?;
        request.close = self.closes(&request);
        Ok(request)
    }

    /// The lines with folds taken away, wrongly.
    fn unfolded(&self, head: &str) -> String {
        let mut out: Vec<String> = Vec::new();
        for line in head.split('\n') {
            match out.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => {
                    let name = last.split(':').next().unwrap_or_default().to_owned();
                    if self.is(Fault::LastFold) {
                        *last = format!("{name}:{line}");
                    } else {
                        last.push_str(line.trim_start());
                    }
                }
                _ => out.push(line.into()),
            }
        }
        out.join("\n")
    }

    fn minor(&self, version: &str) -> Result<u8> {
        match version {
            "HTTP/1.0" => Ok(0),
            "HTTP/1.2" if self.is(Fault::MinorUnknown) => Err(Stop::Refuse(505)),
            _ if self.is(Fault::AnyVersion) => Ok(1),
            "HTTP/2.0" | "HTTP/3.0" => Err(Stop::Refuse(505)),
            _ if version.len() == 8
                && version.starts_with("HTTP/1.")
                && version.ends_with(|c: char| c.is_ascii_digit()) =>
            {
                Ok(1)
            }
            _ => Err(Stop::Refuse(400)),
        }
    }

    fn field(&self, line: &str) -> Result<Option<(String, String)>> {
        let line = if self.is(Fault::FoldsAreFields) { line.trim_start() } else { line };
        let Some((name, value)) = line.split_once(':') else {
            return if self.is(Fault::SkipsBadFields) { Ok(None) } else { Err(Stop::Refuse(400)) };
        };
        let name = if self.is(Fault::SpaceBeforeColon) { name.trim_end() } else { name };
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return if self.is(Fault::SkipsBadFields) { Ok(None) } else { Err(Stop::Refuse(400)) };
        }
        let mut value = if self.is(Fault::KeepsWhitespace) { value } else { value.trim_matches([' ', '\t']) };
        if self.is(Fault::KeepsWhitespace) {
            value = value.strip_prefix(' ').unwrap_or(value);
        }
        if self.is(Fault::NulEndsValue) {
            value = value.split('\0').next().unwrap_or_default();
        }
        if self.is(Fault::KeepsControls) {
            return Ok(Some((name.into(), value.replace(['\r', '\0'], "\u{b}"))));
        }
        if value.contains(['\r', '\n', '\0']) || (self.is(Fault::AsciiOnly) && !value.is_ascii()) {
            return Err(Stop::Refuse(400));
        }
        Ok(Some((name.into(), value.into())))
    }

    fn host(&self, request: &Request) -> Result<()> {
        let valid = |host: &str| {
            let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((name, port)) => (name, port.strip_prefix(':').unwrap_or(port)),
                None => host.split_once(':').unwrap_or((host, "")),
            };
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&b);
            let literal = host.starts_with('[') && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
            (literal || name.bytes().all(plain)) && port.bytes().all(|b| b.is_ascii_digit())
        };
        let hosts: Vec<_> = request.all("host").collect();
        match hosts.as_slice() {
            _ if self.is(Fault::AnyHost) => Ok(()),
            [host] if valid(host) => Ok(()),
            [] if request.minor == 0 => Ok(()),
            _ => Err(Stop::Refuse(400)),
        }
    }

    /// The target in origin form, or `*`.
    fn target(&self, request: &Request) -> Result<String> {
        let target = request.target.as_str();
        if target.bytes().any(|b| b <= b' ' || b >= 127) || target.contains('#') {
            return Err(Stop::Refuse(400));
        }
        let options = request.method == "OPTIONS" && target == "*";
        if target.starts_with('/') || (options && !self.is(Fault::OriginFormOnly)) {
            return Ok(target.into());
        }
        if self.is(Fault::AnyTarget) || (self.is(Fault::ConnectsAnywhere) && request.method == "CONNECT") {
            return Ok(format!("/{target}"));
        }
        let scheme = target.get(..7).unwrap_or_default();
        let http = if self.is(Fault::SchemeByCase) {
            scheme == "http://"
        } else {
            scheme.eq_ignore_ascii_case("http://")
        };
        let https = target.strip_prefix("https://").filter(|_| self.is(Fault::TakesHttps));
        let Some(rest) = https.or(target.get(7..).filter(|_| http && !self.is(Fault::OriginFormOnly))) else {
            return Err(Stop::Refuse(400));
        };
        let (authority, path) = match rest.split_once('/') {
            Some(halves) => halves,
            None if self.is(Fault::NeedsPath) => return Err(Stop::Refuse(400)),
            None => (rest, ""),
        };
        if authority.contains('@') && !self.is(Fault::TakesUserinfo) {
            return Err(Stop::Refuse(400));
        }
        if authority.is_empty() && !self.is(Fault::EmptyHost) {
            return Err(Stop::Refuse(400));
        }
        if self.is(Fault::ComparesHost) && request.field("host").as_deref() != Some(authority) {
            return Err(Stop::Refuse(400));
        }
        Ok(format!("/{path}"))
    }

    fn closes(&self, request: &Request) -> bool {
        let asked = if self.is(Fault::CloseAlone) {
            request.field("connection").as_deref() == Some("close")
        } else {
            request.lists("connection", "close")
        };
        let by_version = request.minor == 0
            && !self.is(Fault::PersistentIn10)
            && (!request.lists("connection", "keep-alive") || self.is(Fault::FalseKeepAlive));
        (asked && !self.is(Fault::IgnoresClose)) || by_version
    }

    fn framing(&self, request: &mut Request) -> Result<Body> {
        let mut coding = request.field("transfer-encoding");
        if self.is(Fault::FirstLineOnly) {
            coding = request.all("transfer-encoding").next().map(str::to_owned);
        }
        if self.is(Fault::OtherCodingIgnored) {
            coding = coding.filter(|coding| coding == "chunked");
        }
        if self.is(Fault::CodingParameters) {
            coding = coding.map(|coding| coding.replace(";a=b", "").replace("gzip, ", ""));
        }
        let length = request.field("content-length");
        if let Some(coding) = coding.filter(|_| !(self.is(Fault::LengthWins) && length.is_some())) {
            request.close |= length.is_some() && !self.is(Fault::CodingWins);
            request.close |= request.minor == 0 && !self.is(Fault::CodingIn10);
            let chunked = if self.is(Fault::CodingByCase) {
                coding == "chunked"
            } else {
                coding.eq_ignore_ascii_case("chunked")
            };
            return match coding.rsplit(',').next().map(str::trim) {
                _ if chunked || self.is(Fault::AnyCoding) => Ok(Body::Chunked),
                Some("chunked") => Err(Stop::Refuse(501)),
                _ => Err(Stop::Refuse(400)),
            };
        }
        let Some(length) = length else {
            let waits = self.is(Fault::PostNeedsLength) && request.method == "POST";
            return Ok(Body::Length(if waits { 20 } else { 0 }));
        };
        let mut length = length.as_str();
        if self.is(Fault::LengthByPrefix) {
            let end = length.find(|c: char| !c.is_ascii_digit()).unwrap_or(length.len());
            length = length.get(..end).filter(|digits| !digits.is_empty()).unwrap_or("0");
        }
        if self.is(Fault::SignedLength) {
            length = length.trim_start_matches(['+', '-']);
        }
        if self.is(Fault::FirstLength) {
            length = length.split(',').next().unwrap_or_default();
        }
        if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Stop::Refuse(400));
        }
        match length.parse::<u128>() {
            Ok(length) if self.is(Fault::LengthWraps) => Ok(Body::Length((length & 0xffff_ffff) as usize)),
            Ok(length) if length < 1 << 40 => Ok(Body::Length(length as usize)),
            _ => Err(Stop::Refuse(413)),
        }
    }

    async fn take(&mut self, length: usize, request: &mut Request) -> Result<()> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        request.content.extend_from_slice(&self.buffer.split_to(length));
        Ok(())
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if self.buffer.len() > HEAD_MOST && !self.is(Fault::Unlimited) {
                let early = self.buffer.iter().take(HEAD_MOST).any(|b| *b == b'\n');
                if !early {
                    return Err(Stop::Refuse(400));
                }
            }
            if let Some(at) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: String =
                    self.buffer.split_to(at + 1).iter().take(at).map(|b| char::from(*b)).collect();
                return match line.strip_suffix('\r') {
                    Some(line) => Ok(line.into()),
                    None if self.is(Fault::BareLfEndsChunkLine) => Ok(line),
                    None => Err(Stop::Refuse(400)),
                };
            }
            self.more().await?;
        }
    }

    async fn chunked(&mut self, request: &mut Request) -> Result<()> {
        loop {
            let line = self.line().await?;
            let (size, extensions) = line.split_once(';').unwrap_or((&line, ""));
            let whitespace = line.contains(' ') && self.is(Fault::NoBadWhitespace);
            let pair = line.contains('\\') && self.is(Fault::NoQuotedPairs);
            if whitespace || pair || (line.contains(';') && self.is(Fault::NoExtensions)) {
                return Err(Stop::Refuse(400));
            }
            if self.is(Fault::ExtensionsAreContent) {
                request.content.extend_from_slice(extensions.as_bytes());
            }
            let size = if line.contains(';') { size.trim_end_matches([' ', '\t']) } else { size };
            match self.chunk_size(size)? {
                0 => break,
                size => self.take(size, request).await?,
            }
            while self.buffer.len() < 2 {
                self.more().await?;
            }
            if self.is(Fault::ChunkEndUnchecked) {
                self.line().await?;
            } else if !self.buffer.starts_with(b"\r\n") {
                return Err(Stop::Refuse(400));
            } else {
                self.buffer.advance(2);
            }
        }
        if self.is(Fault::LosesChunk) {
            request.content.truncate(5);
        }
        let mut read = 0;
        loop {
            let line = self.line().await?;
            read += line.len();
            if line.is_empty() {
                return Ok(());
            }
            if read > HEAD_MOST && !self.is(Fault::Unlimited) {
                return Err(Stop::Refuse(400));
            }
            if self.is(Fault::TrailersAreContent) {
                request.content.extend_from_slice(line.as_bytes());
            }
            if self.is(Fault::NoTrailers) {
                return Err(Stop::Refuse(400));
            }
            let trailer = self.field(&line)?;
            if self.is(Fault::MergesTrailers) {
                request.fields.extend(trailer);
            }
        }
    }

    fn chunk_size(&self, text: &str) -> Result<usize> {
        let digits = if self.is(Fault::ChunkSizeLenient) {
            let digits = text.trim_start_matches("0x").trim_start_matches(['+', '-']);
            let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            digits.get(..end).filter(|digits| !digits.is_empty()).unwrap_or("0")
        } else {
            text
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Stop::Refuse(400));
        }
        if self.is(Fault::ChunkSizeWraps) {
            let low = digits.get(digits.len().saturating_sub(8)..).unwrap_or_default();
            return usize::from_str_radix(low, 16).map_err(|_| Stop::Refuse(400));
        }
        usize::from_str_radix(digits, 16).ok().filter(|size| *size < 1 << 40).ok_or(Stop::Refuse(413))
    }
}

enum Body {
    Length(usize),
    Chunked,
}
