//! How the head of a response is read: RFC 9112 §4 and §5.

use std::io;

use super::{Client, F, HEAD_MOST, Wire, wrong};

/// The head of a response.
pub(super) struct Head {
    /// Whether it is of HTTP/1.0.
    pub(super) old: bool,
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
}

impl Head {
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub(super) fn closes(&self) -> bool {
        let options = self.all("connection").join(",").to_ascii_lowercase();
        options.split(',').any(|option| option.trim() == "close")
    }
}

impl Client {
    pub(super) async fn head(&self, wire: &mut Wire) -> io::Result<Head> {
        loop {
            if let Some(end) = wire.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: String = wire.buffer.drain(..end + 4).map(char::from).collect();
                return self.parsed(head.trim_end_matches("\r\n"));
            }
            if wire.buffer.len() > HEAD_MOST && !self.is(F::Unlimited) {
                return Err(wrong("too long a head"));
            }
            if self.more(wire).await? == 0 {
                let any = self.is(F::AnyBytes) && !wire.buffer.is_empty();
                let half = self.is(F::HalfHeads) && wire.buffer.starts_with(b"HTTP/1.1 200");
                let head =
                    Head { old: true, status: 200, fields: vec![("Content-Length".into(), "0".into())] };
                return if any || half { Ok(head) } else { Err(wrong("no whole head")) };
            }
        }
    }

    fn parsed(&self, text: &str) -> io::Result<Head> {
        let text = if self.is(F::FoldsAreFields) {
            text.replace("\r\n ", "\r\n")
        } else {
            text.replace("\r\n ", " ")
        };
        let mut lines = text.split("\r\n");
        let mut line = lines.next().unwrap_or_default().splitn(3, ' ');
        let version = line.next().unwrap_or_default();
        let status = line.next().and_then(|code| code.parse().ok()).filter(|code| (100..600).contains(code));
        let reason = line.next().unwrap_or_default();
        let status = if self.is(F::AnyBytes) { status.or(Some(200)) } else { status };
        let (Some(status), true) = (status, version.starts_with("HTTP/1.") || self.is(F::AnyBytes)) else {
            return Err(wrong("no HTTP"));
        };
        if self.is(F::ReadsReason) && (reason.is_empty() || reason.starts_with("404")) {
            return Err(wrong("another reason"));
        }
        let field = |line: &str| line.split_once(':').map(|(name, value)| (name.into(), value.trim().into()));
        Ok(Head { old: version == "HTTP/1.0", status, fields: lines.filter_map(field).collect() })
    }
}
