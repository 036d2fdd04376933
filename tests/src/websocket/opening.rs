//! The client's opening handshake, with every line under control: RFC 6455 §4.1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::case::{Verdict, check};
use crate::http::Response;
use crate::{Broken, Peer};

/// The key of the example in RFC 6455 §1.3.
pub(super) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// An opening handshake: a good one, unless it is told otherwise.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    method: &'static str,
    target: String,
    version: &'static str,
    lines: Vec<String>,
}

impl Opening {
    pub(super) fn to(peer: &Peer) -> Self {
        let lines = [
            format!("Host: {}", peer.host()),
            "Upgrade: websocket".into(),
            "Connection: Upgrade".into(),
            format!("Sec-WebSocket-Key: {KEY}"),
            "Sec-WebSocket-Version: 13".into(),
        ];
        Self { method: "GET", target: peer.path().into(), version: "HTTP/1.1", lines: lines.into() }
    }

    pub(super) fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(super) fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    pub(super) fn target(mut self, target: &str) -> Self {
        self.target = target.into();
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

    /// With its lines in reverse order.
    pub(super) fn reversed(mut self) -> Self {
        self.lines.reverse();
        self
    }

    /// With field names in this form.
    pub(super) fn names(mut self, form: fn(&str) -> String) -> Self {
        for line in &mut self.lines {
            if let Some((name, value)) = line.split_once(':') {
                *line = format!("{}:{value}", form(name));
            }
        }
        self
    }

    pub(super) fn text(&self) -> String {
        let Self { method, target, version, lines } = self;
        format!("{method} {target} {version}\r\n{}\r\n\r\n", lines.join("\r\n"))
    }

    /// Sends it on a fresh connection; the answer may be interim, as 101 is.
    pub(super) async fn send(&self, peer: &mut Peer) -> Result<Response, Broken> {
        peer.reconnect();
        peer.send(self.text()).await?;
        peer.response(self.method).await
    }
}

/// What `Sec-WebSocket-Accept` must say to this key: RFC 6455 §4.2.2.
pub(super) fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

/// The handshake is answered with an error.
pub(super) fn refused(response: &Response) -> Verdict {
    check((400..600).contains(&response.status), "an error: 4xx or 5xx", response.brief())
}

/// The server switches to WebSocket.
pub(super) fn switched(response: &Response) -> Verdict {
    check(response.status == 101, "101", response.brief())
}

/// Every one of these values of a field is answered with an error.
pub(super) async fn refuses(peer: &mut Peer, name: &str, values: &[&str]) -> Verdict {
    for value in values {
        let response = Opening::to(peer).but(name, value).send(peer).await?;
        check(
            (400..600).contains(&response.status),
            format!("an error to {name}: {value}"),
            response.brief(),
        )?;
    }
    Ok(crate::Outcome::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accepted_key_is_that_of_the_example_in_the_document() {
        assert_eq!(accept(KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
