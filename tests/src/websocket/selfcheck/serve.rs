//! The reference server's opening handshake.

use bytes::Buf;
use ropewalk_core::net::Connection;
use tokio::io::AsyncWriteExt;

use super::echo::{CHUNK, Endpoint};
use super::fault::Fault;
use super::opening::Request;

/// Answers the opening handshake on one connection, then echoes messages.
pub(super) async fn serve(io: Connection, fault: Option<Fault>) {
    let mut server = Endpoint::new(io, fault, false);
    if server.open().await {
        server.converse().await;
    }
    let _closed = server.io.shutdown().await;
}

impl Endpoint {
    /// Whether the server has switched.
    async fn open(&mut self) -> bool {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            let late = !self.buffer.is_empty() && self.is(Fault::HandshakeInOneRead);
            if self.buffer.len() > CHUNK || late || self.read().await.is_err() {
                return false;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer.split_to(end)).into_owned();
        self.buffer.advance(4);
        let request = Request::parse(&head, self.fault);
        if request.is_err() && self.is(Fault::DropsInvalid) {
            return false;
        }
        let (answer, switches) = match request.and_then(|request| Ok((request.answer()?, request))) {
            Ok((lines, request)) => {
                self.asked = request.asks();
                let length = if self.is(Fault::BodyIsFrames) { 0 } else { request.content_length() };
                while self.buffer.len() < length {
                    if self.read().await.is_err() {
                        return false;
                    }
                }
                self.buffer.advance(length);
                let status = if self.is(Fault::Switches200) { 200 } else { 101 };
                let closes = self.is(Fault::UpgradeListCloses) && request.upgrades_by_list();
                (self.head(status, &lines), !closes)
            }
            Err(status) => (self.refusal(status), false),
        };
        if self.is(Fault::ForgetsEarly) {
            self.buffer.clear();
        }
        self.io.write_all(answer.as_bytes()).await.is_ok() && switches
    }

    fn refusal(&self, status: u16) -> String {
        let mut lines = vec!["Content-Length: 0".to_owned(), "Connection: close".to_owned()];
        if status == 426 && !self.is(Fault::VersionsUnsaid) {
            lines.push("Sec-WebSocket-Version: 13".into());
        }
        if status == 426 && !self.is(Fault::UpgradeUnsaidIn426) {
            lines.push("Upgrade: websocket".into());
        }
        self.head(status, &lines)
    }

    fn head(&self, status: u16, lines: &[String]) -> String {
        let version = if self.is(Fault::Answers10) { "HTTP/1.0" } else { "HTTP/1.1" };
        format!("{version} {status} \r\n{}\r\n\r\n", lines.join("\r\n"))
    }
}
