//! What a client asks, and the server's answer with every line under control: RFC 6455 §4.2.2.

use crate::peer::{Filled, quote};
use crate::websocket::opening::accept;
use crate::websocket::socket::Socket;
use crate::{Broken, Peer};

/// The longest handshake that is read.
const MOST: usize = 64 * 1024;

/// The client's opening handshake.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The request line.
    pub(super) line: String,
    fields: Vec<(String, String)>,
}

impl Asked {
    /// What the client asks on a fresh connection.
    pub(super) async fn by(peer: &mut Peer) -> Result<Self, Broken> {
        peer.reconnect();
        let end = loop {
            if let Some(end) = peer.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if peer.buffer.len() > MOST || peer.fill().await? != Filled::Some {
                return Err(Broken::new("an opening handshake", quote(&peer.buffer)));
            }
        };
        let head = String::from_utf8_lossy(&peer.buffer.split_to(end)).into_owned();
        let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
        let line = lines.next().unwrap_or_default().to_owned();
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(|| Broken::new("a field line", line))?;
            Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
        });
        Ok(Self { line, fields: fields.collect::<Result<_, _>>()? })
    }

    /// The value of a field that stands once.
    pub(super) fn one(&self, name: &str) -> Result<&str, Broken> {
        let mut all = self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        match (all.next(), all.next()) {
            (Some((_, value)), None) => Ok(value),
            (None, _) => Err(Broken::new(format!("one {name}"), "none")),
            (Some(_), Some(_)) => Err(Broken::new(format!("one {name}"), "two")),
        }
    }

    /// Whether a list has this member, whatever its case.
    pub(super) fn lists(&self, name: &str, member: &str) -> bool {
        let lines = self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        lines.flat_map(|(_, value)| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(member))
    }

    /// A good answer.
    pub(super) fn answer(&self) -> Result<Answer, Broken> {
        let accept = accept(self.one("Sec-WebSocket-Key")?);
        let lines = [
            "Upgrade: websocket".into(),
            "Connection: Upgrade".into(),
            format!("Sec-WebSocket-Accept: {accept}"),
        ];
        Ok(Answer { status: "101 Switching Protocols", lines: lines.into() })
    }
}

/// The answer to an opening handshake.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: &'static str,
    lines: Vec<String>,
}

impl Answer {
    pub(super) fn status(mut self, status: &'static str) -> Self {
        self.status = status;
        self
    }

    /// Without the lines of this field.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.lines.retain(|line| !line.starts_with(&format!("{name}:")));
        self
    }

    /// With one more line.
    pub(super) fn with(mut self, line: &str) -> Self {
        self.lines.push(line.into());
        self
    }

    /// With another value of a field.
    pub(super) fn but(self, name: &str, value: &str) -> Self {
        self.without(name).with(&format!("{name}: {value}"))
    }

    /// With its lines in another form.
    pub(super) fn form(mut self, form: impl Fn(&str) -> String) -> Self {
        self.lines = self.lines.iter().map(|line| form(line)).collect();
        self
    }

    pub(super) fn text(&self) -> String {
        format!("HTTP/1.1 {}\r\n{}\r\n\r\n", self.status, self.lines.join("\r\n"))
    }
}

/// A fresh connection on which the client's handshake was answered as it should be.
pub(super) async fn established(peer: &mut Peer) -> Result<Socket<'_>, Broken> {
    let answer = Asked::by(peer).await?.answer()?;
    peer.send(answer.text()).await?;
    Ok(Socket::of_client(peer))
}
