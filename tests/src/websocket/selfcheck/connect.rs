//! The reference client's opening handshake: RFC 6455 §4.1.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Buf;
use ropewalk_core::net::Connection;
use sha1::{Digest, Sha1};
use tokio::io::AsyncWriteExt;

use super::echo::{CHUNK, Endpoint};
use super::fault::Fault;
use crate::websocket::frame::Frame;
use crate::websocket::opening::accept;

/// Makes a connection a WebSocket, then echoes messages.
pub(super) async fn connect(io: Connection, fault: Option<Fault>) {
    let mut client = Endpoint::new(io, fault, true);
    if client.ask().await.is_some() {
        client.converse().await;
    }
    let _closed = client.io.shutdown().await;
}

impl Endpoint {
    /// Sends the handshake and takes the answer, if it is as it is to be.
    async fn ask(&mut self) -> Option<()> {
        let key = self.fresh_key();
        let request = self.request(&key);
        self.io.write_all(request.as_bytes()).await.ok()?;
        if self.is(Fault::SendsEarly) {
            self.queue(Frame::text("early"));
            self.flush().await.ok()?;
        }
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > CHUNK {
                return None;
            }
            self.read().await.ok()?;
        };
        let head = String::from_utf8_lossy(&self.buffer.split_to(end)).into_owned();
        self.buffer.advance(4);
        if self.is(Fault::ForgetsEarly) {
            self.buffer.clear();
        }
        self.established(&head, &key).then_some(())
    }

    /// A key that no connection had before; random it need not be, here.
    fn fresh_key(&self) -> String {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let number = if self.is(Fault::SameKey) { 0 } else { KEYS.fetch_add(1, Ordering::Relaxed) };
        let octets = if self.is(Fault::ShortKey) { 15 } else { 16 };
        STANDARD.encode(Sha1::digest(number.to_be_bytes()).get(..octets).unwrap_or_default())
    }

    fn request(&self, key: &str) -> String {
        let method = if self.is(Fault::Posts) { "POST" } else { "GET" };
        let version = if self.is(Fault::Asks10) { "HTTP/1.0" } else { "HTTP/1.1" };
        let number = if self.is(Fault::Version8) { 8 } else { 13 };
        let mut lines = vec![format!("{method} / {version}")];
        let mut say = |unless, line: String| {
            if self.fault != Some(unless) {
                lines.push(line);
            }
        };
        say(Fault::HostUnsaid, "Host: conform.test".into());
        say(Fault::UpgradeUnasked, "Upgrade: websocket".into());
        say(Fault::ConnectionUnasked, "Connection: Upgrade".into());
        lines.push(format!("Sec-WebSocket-Key: {key}"));
        lines.push(format!("Sec-WebSocket-Version: {number}"));
        lines.join("\r\n") + "\r\n\r\n"
    }

    /// RFC 6455 §4.1: what the answer is to be.
    fn established(&self, head: &str, key: &str) -> bool {
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default();
        let fields: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
        let field = |wanted: &str| {
            let found = |name: &str| {
                if self.is(Fault::AnswerByCase) { name == wanted } else { name.eq_ignore_ascii_case(wanted) }
            };
            fields.iter().find(|(name, _)| found(name)).map(|(_, value)| value.trim().to_owned())
        };
        let met = |value: Option<String>, missing, any, is: &dyn Fn(&str) -> bool| match value {
            None => self.is(missing),
            Some(value) => self.is(any) || is(&value),
        };
        let upgrades = |value: &str| value.eq_ignore_ascii_case("websocket");
        let lists = |value: &str| value.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
        (status.starts_with("HTTP/1.1 101") || self.is(Fault::TakesAnyStatus))
            && met(field("Upgrade"), Fault::TakesNoUpgrade, Fault::TakesAnyUpgrade, &upgrades)
            && met(field("Connection"), Fault::TakesNoConnection, Fault::TakesAnyConnection, &lists)
            && met(field("Sec-WebSocket-Accept"), Fault::TakesNoAccept, Fault::TakesAnyAccept, &|value| {
                value == accept(key)
            })
            && (field("Sec-WebSocket-Extensions").is_none() || self.is(Fault::TakesAnyExtension))
            && (field("Sec-WebSocket-Protocol").is_none() || self.is(Fault::TakesAnyProtocol))
    }
}
