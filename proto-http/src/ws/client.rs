//! The client's side of the opening handshake (RFC 6455 §4.1).

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{BufMut as _, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri};
use memchr::memmem;
use ropewalk_core::app::Context;
use ropewalk_core::net::{Connection, Endpoint, Handshake, Transport as _};
use ropewalk_core::tls::{Authorities, ClientTls};
use ropewalk_core::{Error, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::frame::Role;
use super::handshake::{VERSION, accept, is_token, one};
use super::options::Options;
use super::socket::{WebSocket, open};
use crate::wire::{host, list};

/// Octets of the head of a server's answer.
const HEAD: usize = 16 * 1024;

/// Header fields of an answer.
const FIELDS: usize = 100;

/// Interim answers before the one that counts.
const INTERIM: usize = 8;

/// What a client asks for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Connect {
    /// The bounds of the WebSocket.
    pub options: Options,
    /// Subprotocols to offer, the most wanted first. The server may choose one, or none.
    pub protocols: Vec<String>,
    /// The origin to name, such as `https://example.org`: for what stands in for a page.
    pub origin: Option<HeaderValue>,
    /// More fields of the request, such as `Authorization`.
    pub headers: HeaderMap,
    /// For `wss`. By default, the system's authorities are trusted.
    pub tls: Option<ClientTls>,
    /// What the opening handshake may take, from the request to the answer. By default
    /// [`Limits::handshake`](ropewalk_core::Limits::handshake).
    pub deadline: Option<Duration>,
}

/// Opens a WebSocket to a `ws:` or `wss:` URL. A task of the context moves its connection.
///
/// # Errors
/// A local error where the URL or an option cannot be used, or nobody answers; the peer's where its answer is not the one that
/// RFC 6455 §4.1 asks for, a redirect or a 401 among them; a limit where it takes too long.
pub async fn connect(url: &str, how: &Connect, cx: &Context) -> Result<WebSocket> {
    let to = Target::parse(url)?;
    let mut conn = to.endpoint()?.connect().await?;
    if to.is_tls {
        let tls = match &how.tls {
            Some(tls) => tls.clone(),
            None => ClientTls::new(&Authorities::system()?)?,
        };
        let tls = tls.with_alpn(["http/1.1"]);
        conn = conn.connect_tls(&tls, &to.host().parse()?, Handshake::default()).await?;
    }
    shake(conn, &to, how, cx).await
}

/// Opens a WebSocket over a connection that is there: a UNIX socket, or one through a proxy. Whether it is
/// protected is not asked.
///
/// # Errors
/// As [`connect`].
pub async fn connect_over(conn: Connection, url: &str, how: &Connect, cx: &Context) -> Result<WebSocket> {
    shake(conn, &Target::parse(url)?, how, cx).await
}

async fn shake(mut conn: Connection, to: &Target, how: &Connect, cx: &Context) -> Result<WebSocket> {
    let key = nonce()?;
    let request = request(to, how, &key)?;
    let deadline = how.deadline.unwrap_or(cx.limits().handshake);
    let answer = async {
        conn.write_all(&request).await?;
        conn.flush().await?;
        read_head(&mut conn).await
    };
    let (status, fields) = timeout(deadline, answer)
        .await
        .map_err(|_| Error::limit("handshake", "no answer to the opening handshake in time"))??;
    let protocol = verify(status, &fields, &accept(key.as_bytes()), &how.protocols)?;
    let (socket, pump) = open(conn, Role::Client, protocol, &how.options, cx);
    cx.spawn(pump.run(cx.clone())).detach();
    Ok(socket)
}

/// What a URL names (RFC 6455 §3).
#[derive(Debug)]
struct Target {
    is_tls: bool,
    uri: Uri,
}

impl Target {
    fn parse(url: &str) -> Result<Self> {
        let wrong = |why: &str| Error::local(format!("{url:?} is no URL of a WebSocket: {why}"));
        let uri = url.parse::<Uri>().map_err(|error| wrong("it cannot be read").caused_by(error))?;
        let is_tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(wrong("it begins with neither ws: nor wss:")),
        };
        if url.contains('#') {
            return Err(wrong("it has a fragment"));
        }
        match uri.authority() {
            Some(authority) if host::valid(authority.as_str()) => Ok(Self { is_tls, uri }),
            _ => Err(wrong("behind // stand a host, and a port if need be")),
        }
    }

    fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    fn endpoint(&self) -> Result<Endpoint> {
        let port = self.uri.port_u16().unwrap_or(if self.is_tls { 443 } else { 80 });
        format!("tcp:{port}:host={}", self.host()).parse()
    }
}

/// Sixteen octets that nobody can foretell, in base64.
fn nonce() -> Result<String> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets).map_err(|error| Error::local("no randomness").caused_by(error))?;
    Ok(BASE64_STANDARD.encode(octets))
}

fn request(to: &Target, how: &Connect, key: &str) -> Result<BytesMut> {
    let mut out = BytesMut::new();
    let path = to.uri.path_and_query().map_or("/", |path| path.as_str());
    for part in ["GET ", path, " HTTP/1.1\r\n"] {
        out.put_slice(part.as_bytes());
    }
    let mut field = |name: &HeaderName, value: &[u8]| {
        for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
            out.put_slice(part);
        }
    };
    let host = to.uri.authority().map_or("", |authority| authority.as_str());
    field(&header::HOST, host.as_bytes());
    field(&header::UPGRADE, b"websocket");
    field(&header::CONNECTION, b"Upgrade");
    field(&header::SEC_WEBSOCKET_KEY, key.as_bytes());
    field(&header::SEC_WEBSOCKET_VERSION, VERSION.as_bytes());
    if let Some(wrong) = how.protocols.iter().find(|name| !is_token(name)) {
        return Err(Error::local(format!("{wrong:?} is no name of a subprotocol")));
    }
    if !how.protocols.is_empty() {
        field(&header::SEC_WEBSOCKET_PROTOCOL, how.protocols.join(", ").as_bytes());
    }
    if let Some(origin) = &how.origin {
        field(&header::ORIGIN, origin.as_bytes());
    }
    for (name, value) in &how.headers {
        let is_ours = [header::HOST, header::UPGRADE, header::CONNECTION].contains(name);
        if is_ours || name.as_str().starts_with("sec-websocket-") {
            return Err(Error::local(format!("{name} is written by the handshake itself")));
        }
        field(name, value.as_bytes());
    }
    out.put_slice(b"\r\n");
    Ok(out)
}

/// Reads the head of the answer that counts. What follows it remains unread.
async fn read_head(conn: &mut Connection) -> Result<(StatusCode, HeaderMap)> {
    let mut input = BytesMut::new();
    for _ in 0..=INTERIM {
        let end = loop {
            if let Some(end) = memmem::find(&input, b"\r\n\r\n") {
                break end;
            }
            if input.len() >= HEAD {
                return Err(Error::limit("head", "answer's head too large"));
            }
            if conn.read_buf(&mut input).await? == 0 {
                return Err(Error::peer("connection ended in the opening handshake"));
            }
        };
        let head = input.split_to(end + 4);
        let (status, fields) = parse_head(head.get(..end).unwrap_or_default())?;
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            conn.unread(input.freeze());
            return Ok((status, fields));
        }
    }
    Err(Error::peer("too many interim answers"))
}

/// A status line and fields (RFC 9112 §4 and §5), with CRLF between them.
fn parse_head(head: &[u8]) -> Result<(StatusCode, HeaderMap)> {
    let wrong = || Error::peer("no HTTP/1.1 answer");
    let head = std::str::from_utf8(head).map_err(|_| wrong())?;
    let mut lines = head.split("\r\n");
    let rest = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or_else(wrong)?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    if code.len() != 3 || reason.contains(|c: char| c.is_control() && c != '\t') {
        return Err(wrong());
    }
    let status = code.parse().map_err(|_| wrong())?;
    let mut fields = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name = name.parse::<HeaderName>().map_err(|_| wrong())?;
        let value = value.trim_matches([' ', '\t']).parse().map_err(|_| wrong())?;
        if fields.len() == FIELDS {
            return Err(Error::limit("head", "too many fields in the answer"));
        }
        fields.append(name, value);
    }
    Ok((status, fields))
}

/// Checks what RFC 6455 §4.1 says of an answer; the subprotocol that was chosen.
fn verify(
    status: StatusCode,
    fields: &HeaderMap,
    accept: &HeaderValue,
    offered: &[String],
) -> Result<Option<String>> {
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::peer(format!("server answers {status} and opens no WebSocket")));
    }
    let only = |name: HeaderName| match one(fields, &name) {
        Ok(value) => Ok(value.map(HeaderValue::as_bytes)),
        Err(()) => Err(Error::peer(format!("{name} twice in the answer"))),
    };
    if !only(header::UPGRADE)?.is_some_and(|to| to.eq_ignore_ascii_case(b"websocket")) {
        return Err(Error::peer("server upgrades to something else"));
    }
    if !list::has(fields, header::CONNECTION, "upgrade") {
        return Err(Error::peer("server does not upgrade"));
    }
    if only(header::SEC_WEBSOCKET_ACCEPT)? != Some(accept.as_bytes()) {
        return Err(Error::peer("server did not understand the key"));
    }
    if fields.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        return Err(Error::peer("server uses an extension that was not offered"));
    }
    let chosen = only(header::SEC_WEBSOCKET_PROTOCOL)?;
    match chosen.map(|chosen| offered.iter().find(|name| name.as_bytes() == chosen)) {
        Some(None) => Err(Error::peer("server chose a subprotocol that was not offered")),
        Some(Some(name)) => Ok(Some(name.clone())),
        None => Ok(None),
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
