//! Messages over HTTPS (RFC 8484): by HTTP/2 without more of a client than its frames, and by HTTP/1.1 without more than its
//! octets.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use h2::client::{Connection, SendRequest};
use http::{Method, Request};
use tokio::time::timeout;

use super::client::Over;
use crate::doors::Door;
use crate::http::Response;
use crate::{Broken, Io, Peer};

/// The type of a message (RFC 8484 §6).
pub(super) const MESSAGE: &str = "application/dns-message";

/// A connection.
pub(super) enum Web {
    /// Of HTTP/2: it is read and written while a response is waited for.
    New { send: SendRequest<Bytes>, connection: Box<Connection<Box<dyn Io>, Bytes>>, patience: Duration },
    /// Of HTTP/1.1.
    Old(Box<Peer>),
}

/// A request.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) content: Option<Vec<u8>>,
}

impl Asked {
    /// As a client asks that does all that is recommended.
    pub(super) fn new(peer: &Peer, over: Over, message: &[u8]) -> Self {
        let (accept, url) = (("accept", MESSAGE.to_owned()), peer.subject().url());
        match over {
            Over::Post => Self {
                method: Method::POST,
                url: url.into(),
                fields: vec![
                    accept,
                    ("content-type", MESSAGE.into()),
                    ("content-length", message.len().to_string()),
                ],
                content: Some(message.to_vec()),
            },
            _ => Self {
                method: Method::GET,
                url: format!("{url}?dns={}", URL_SAFE_NO_PAD.encode(message)),
                fields: vec![accept],
                content: None,
            },
        }
    }

    /// The request by HTTP/1.1: content whose length is not said goes in one chunk.
    fn octets(&self) -> Vec<u8> {
        let url = self.url.strip_prefix("https://").unwrap_or(&self.url);
        let (host, target) = url.find('/').and_then(|at| url.split_at_checked(at)).unwrap_or((url, "/"));
        let mut made = format!("{} {target} HTTP/1.1\r\nhost: {host}\r\n", self.method);
        for (name, value) in &self.fields {
            made.extend([*name, ": ", value.as_str(), "\r\n"]);
        }
        let content = self.content.as_deref().unwrap_or_default();
        let is_chunked =
            self.content.is_some() && !self.fields.iter().any(|(name, _)| *name == "content-length");
        if !is_chunked {
            return [made.as_bytes(), b"\r\n", content].concat();
        }
        let head = format!("{made}transfer-encoding: chunked\r\n\r\n{:x}\r\n", content.len());
        [head.as_bytes(), content, b"\r\n0\r\n\r\n"].concat()
    }

    /// With another value of a field, or without it where that is empty.
    pub(super) fn field(mut self, name: &'static str, value: &str) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            self.fields.push((name, value.into()));
        }
        self
    }
}

fn wrong(error: impl std::fmt::Display) -> Broken {
    Broken::new("a response", error.to_string())
}

impl Web {
    /// By the version of HTTP that the peer is to ask by.
    pub(super) fn open(peer: &Peer) -> impl Future<Output = Result<Self, Broken>> + Send + use<> {
        let (subject, patience, door) = (peer.subject().clone(), peer.patience(), peer.web());
        async move {
            let mut peer = Peer::new(subject, patience);
            if door == Door::OldWeb {
                peer.reconnect_at(door);
                peer.send(b"").await?;
                return Ok(Self::Old(Box::new(peer)));
            }
            match timeout(patience, h2::client::handshake(peer.dial(door).await?)).await {
                Ok(Ok((send, connection))) => {
                    Ok(Self::New { send, connection: Box::new(connection), patience })
                }
                Ok(Err(error)) => Err(Broken::new("a connection of HTTP/2", error.to_string())),
                Err(_) => Err(Broken::new("a connection of HTTP/2", "silence")),
            }
        }
    }

    /// Asks all of these, at once where the version can; the responses are in the order of the requests.
    pub(super) async fn ask_all(&mut self, asked: &[Asked]) -> Result<Vec<Response>, Broken> {
        let (send, connection, patience) = match self {
            Self::New { send, connection, patience } => (send, connection, *patience),
            Self::Old(peer) => {
                let mut responses = Vec::new();
                for asked in asked {
                    peer.send(asked.octets()).await?;
                    responses.push(peer.final_response(asked.method.as_str()).await?);
                }
                return Ok(responses);
            }
        };
        let each = asked.iter().map(|asked| ask(send.clone(), asked));
        let all = timeout(patience, futures_util::future::try_join_all(each));
        tokio::select! {
            biased;
            all = all => all.map_err(|_| Broken::new("a response by HTTP/2", "silence"))?,
            ended = connection => Err(match ended {
                Ok(()) => Broken::new("a response by HTTP/2", "the end of the connection"),
                Err(error) => wrong(error),
            }),
        }
    }

    pub(super) async fn ask(&mut self, asked: &Asked) -> Result<Response, Broken> {
        let one = self.ask_all(std::slice::from_ref(asked)).await?.pop();
        one.ok_or_else(|| Broken::new("a response", "none"))
    }
}

async fn ask(send: SendRequest<Bytes>, asked: &Asked) -> Result<Response, Broken> {
    let mut send = send.ready().await.map_err(wrong)?;
    let request = Request::builder().method(&asked.method).uri(&asked.url);
    let request = asked.fields.iter().fold(request, |request, (name, value)| request.header(*name, value));
    let request = request.body(()).map_err(wrong)?;
    let (response, mut stream) = send.send_request(request, asked.content.is_none()).map_err(wrong)?;
    if let Some(content) = &asked.content {
        stream.send_data(content.clone().into(), true).map_err(wrong)?;
    }
    let (head, mut content) = response.await.map_err(wrong)?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = content.data().await {
        let data = data.map_err(wrong)?;
        body.extend_from_slice(&data);
        content.flow_control().release_capacity(data.len()).map_err(wrong)?;
    }
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let fields = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(Response { minor: 0, status: head.status.as_u16(), fields, body })
}

/// Whether the subject speaks HTTP/1.1 where DNS is asked.
pub(super) fn speaks_old(peer: &Peer) -> impl Future<Output = bool> + Send + use<> {
    let dialing = peer.dial(Door::OldWeb);
    async { dialing.await.is_ok() }
}

/// The message that a response has: its status is 200, and its type that of messages.
pub(super) fn message(response: Response) -> Result<Vec<u8>, Broken> {
    let kind = response.field("content-type").unwrap_or_default();
    if response.status == 200 && kind.trim().eq_ignore_ascii_case(MESSAGE) {
        return Ok(response.body);
    }
    Err(Broken::new(format!("200 with {MESSAGE}"), response.brief()))
}
