//! The relay of HTTPS: requests go on as they came, and the message of a response is what the relay of messages makes of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::fault::Fault;
use super::relay::{PATIENCE, Relay};
use crate::Peer;
use crate::dns::client::Over;
use crate::dns::web::{Asked, MESSAGE, Web};
use crate::dns::wire::Message;
use crate::http::Response;

/// The path of the relay: what comes behind it goes to the server.
const PATH: &str = "/dns-query";

impl Relay {
    /// A connection of HTTP/2 to its end.
    pub(super) async fn serve_web(&self, io: DuplexStream) {
        let _turn = self.turn().await;
        let Ok(mut connection) = h2::server::handshake(io).await else { return };
        let mut running = FuturesUnordered::new();
        let mut begun = 0;
        loop {
            tokio::select! {
                accepted = connection.accept() => {
                    let Some(Ok((request, respond))) = accepted else { return };
                    begun += 1;
                    if begun == 1 || !self.is(Fault::OneStream) {
                        running.push(self.respond(request, respond));
                    }
                }
                Some(()) = running.next(), if !running.is_empty() => {}
            }
        }
    }

    /// A connection of HTTP/1.1 to its end.
    pub(super) async fn serve_old_web(&self, mut io: DuplexStream) {
        let _turn = self.turn().await;
        let mut buffer = BytesMut::new();
        loop {
            let Some((head, content)) = old_request(&mut io, &mut buffer).await else { return };
            let is_head = head.method() == Method::HEAD;
            let made = self.made(&self.asked(&head, content)).await;
            let Some(Response { status, mut fields, mut body, .. }) = made else { return };
            if !self.is(Fault::LengthOff) {
                fields.retain(|(name, _)| name != "content-length");
                fields.extend((!is_head).then(|| ("content-length".into(), body.len().to_string())));
            }
            if self.is(Fault::OtherByVersion) {
                body.last_mut().into_iter().for_each(|octet| *octet ^= 1);
            }
            let mut made = format!("HTTP/1.1 {status} \r\n");
            for (name, value) in fields {
                made.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
            }
            let sent = io.write_all(&[made.as_bytes(), b"\r\n", &body].concat()).await;
            if sent.is_err() || self.is(Fault::OneStream) {
                return;
            }
        }
    }

    async fn respond(&self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let (head, mut body) = request.into_parts();
        let mut content = Vec::new();
        while let Some(Ok(data)) = body.data().await {
            content.extend_from_slice(&data);
            let _released = body.flow_control().release_capacity(data.len());
        }
        let asked = self.asked(&Request::from_parts(head, ()), content);
        let Some(Response { status, fields, body, .. }) = self.made(&asked).await else {
            return respond.send_reset(h2::Reason::CANCEL);
        };
        let response = fields
            .iter()
            .filter(|(name, _)| name != "content-length" || self.is(Fault::LengthOff))
            .fold(http::Response::builder().status(status), |made, (name, value)| made.header(name, value));
        let Ok(response) = response.body(()) else { return };
        if let Ok(mut stream) = respond.send_response(response, body.is_empty()) {
            let _sent = body.is_empty() || stream.send_data(body.into(), true).is_ok();
        }
    }

    /// The request to the server.
    fn asked(&self, head: &Request<()>, content: Vec<u8>) -> Asked {
        let target = head.uri().path_and_query().map_or(PATH, |target| target.as_str());
        let mut rest = target.strip_prefix(PATH).unwrap_or(target).to_owned();
        let mut method = head.method().clone();
        if self.is(Fault::AnyPath) {
            rest = rest.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
        }
        if self.is(Fault::AnyMethod) && method == Method::PUT {
            method = Method::POST;
        }
        let content = Some(content).filter(|content| !content.is_empty() || method == Method::POST);
        Asked {
            method,
            url: format!("{}{rest}", self.right.url()),
            fields: self.fields(head.headers()),
            content,
        }
    }

    /// The fields of a request that matter to DNS.
    fn fields(&self, head: &HeaderMap) -> Vec<(&'static str, String)> {
        let field =
            |name| head.get(name).and_then(|value| value.to_str().ok()).map(|value| (name, value.to_owned()));
        let mut fields: Vec<_> =
            ["accept", "content-type", "content-length"].into_iter().filter_map(field).collect();
        if self.is(Fault::AnyType) {
            fields.retain(|(name, _)| *name != "content-type");
            fields.push(("content-type", MESSAGE.into()));
        }
        fields
    }

    /// The response of the server, with the fault in it; none where it gives none.
    async fn made(&self, asked: &Asked) -> Option<Response> {
        if let Some(status) = self.refuses(asked) {
            return Some(Response { minor: 0, status, fields: Vec::new(), body: Vec::new() });
        }
        let opening = Web::open(&Peer::new(self.right.clone(), PATIENCE * 4));
        // HEAD is answered here, whether or not the server knows it.
        let is_head = asked.method == Method::HEAD;
        let asked =
            &Asked { method: if is_head { Method::GET } else { asked.method.clone() }, ..asked.clone() };
        let right = async { opening.await?.ask(asked).await };
        let mut response = right.await.ok()?;
        if let Some((over, wire)) = self.query(asked)
            && self.fault.is_some()
        {
            match self.answer(over, &wire).await.into_iter().next() {
                Some(answer) => {
                    if response.status != 200 {
                        response.fields = vec![("content-type".into(), MESSAGE.into())];
                    }
                    (response.status, response.body) = (200, answer);
                }
                None if response.status == 200 => {
                    response = Response { fields: Vec::new(), body: Vec::new(), status: 400, ..response }
                }
                None => {}
            }
        }
        self.change(&mut response);
        if is_head {
            response.body.clear();
            response.fields.retain(|_| !self.is(Fault::EmptyHead));
        }
        Some(response)
    }

    /// The message of a request, where it has one and is for what answers.
    fn query(&self, asked: &Asked) -> Option<(Over, Vec<u8>)> {
        let rest = asked.url.strip_prefix(self.right.url())?;
        let is_message =
            |(name, value): &(&str, String)| *name == "content-type" && value.eq_ignore_ascii_case(MESSAGE);
        match asked.method {
            Method::GET => Some((Over::Get, URL_SAFE_NO_PAD.decode(rest.strip_prefix("?dns=")?).ok()?)),
            Method::POST if rest.is_empty() && asked.fields.iter().any(is_message) => {
                Some((Over::Post, asked.content.clone()?))
            }
            _ => None,
        }
    }

    /// The status with which a fault refuses a request.
    fn refuses(&self, asked: &Asked) -> Option<u16> {
        let field =
            |name| asked.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        let length = asked.content.as_ref().map_or(0, Vec::len);
        let coded = asked.url.split_once("?dns=").is_some_and(|(_, coded)| coded.contains(['-', '_']));
        match self.fault? {
            Fault::PostOnly if asked.method == Method::GET => Some(405),
            Fault::GetOnly if asked.method == Method::POST => Some(405),
            Fault::OneAccepted if field("accept") != Some(MESSAGE) => Some(406),
            Fault::SmallType if field("content-type").is_some_and(|kind| kind != MESSAGE) => Some(415),
            Fault::OtherBase64 if coded => Some(400),
            Fault::ShortOnly if length > 2000 => Some(413),
            _ => None,
        }
    }

    fn change(&self, response: &mut Response) {
        let Some(fault) = self.fault else { return };
        let client = (400..500).contains(&response.status);
        let code = Message::read(&response.body).map_or(0, |message| message.rcode());
        let mut set = |name: &str, value: &str| {
            response.fields.retain(|(known, _)| known != name);
            if !value.is_empty() {
                response.fields.push((name.into(), value.into()));
            }
        };
        match fault {
            Fault::OtherType => set("content-type", "application/octet-stream"),
            Fault::NoLifetime => set("cache-control", ""),
            Fault::LongLifetime => set("cache-control", "max-age=86400"),
            Fault::LengthOff => {
                let length = (response.body.len() + 1).to_string();
                set("content-length", &length);
            }
            Fault::ErrorStatus if code != 0 => response.status = 404,
            Fault::ServerErrors if client => response.status = 500,
            Fault::NoErrors if client => {
                set("content-type", MESSAGE);
                response.status = 200;
            }
            _ => {}
        }
    }
}

/// The next request of a connection of HTTP/1.1, and its content.
async fn old_request(io: &mut DuplexStream, buffer: &mut BytesMut) -> Option<(Request<()>, Vec<u8>)> {
    let head =
        until(io, buffer, |octets| Some(octets.windows(4).position(|four| four == b"\r\n\r\n")? + 4)).await?;
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let fields = lines.filter_map(|line| line.split_once(':'));
    let request = fields.fold(Request::builder().method(method).uri(target), |made, (name, value)| {
        made.header(name, value.trim())
    });
    let request = request.body(()).ok()?;
    let field = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let content = match (field("content-length"), field("transfer-encoding")) {
        (Some(length), _) => {
            let length = length.parse().ok()?;
            until(io, buffer, |octets| (octets.len() >= length).then_some(length)).await?
        }
        (None, Some(_)) => {
            let line =
                until(io, buffer, |octets| Some(octets.windows(2).position(|two| two == b"\r\n")? + 2))
                    .await?;
            let length = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
            // The suite sends one chunk, behind which the last and two ends of lines stand.
            let all = length.checked_add(9)?;
            let mut chunk = until(io, buffer, |octets| (octets.len() >= all).then_some(all)).await?;
            chunk.truncate(length);
            chunk
        }
        (None, None) => Vec::new(),
    };
    Some((request, content))
}

/// Octets up to where they are said to end, as soon as they have come.
async fn until(
    io: &mut DuplexStream,
    buffer: &mut BytesMut,
    end: impl Fn(&[u8]) -> Option<usize>,
) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = end(buffer) {
            return Some(buffer.split_to(at).to_vec());
        }
        if io.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
