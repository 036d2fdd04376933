//! HTTP and WebDAV: one request on each connection.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ropewalk_core::tls::ClientTls;

use super::wire::Wire;

/// Somebody at one site.
pub(super) struct Site {
    pub(super) port: u16,
    pub(super) tls: Option<ClientTls>,
    /// `name:password`.
    pub(super) login: &'static str,
}

/// An answer, its content without transfer coding.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// What stands in the first element of this name in the document.
    pub(super) fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let inside = text.split_once(&format!("<{name}>"))?.1.split_once(&format!("</{name}>"))?.0;
        Some(inside.replace("&quot;", "\"").replace("&amp;", "&"))
    }
}

impl Site {
    /// Asks; the fields are lines with their ends. Content is sent with its length.
    #[track_caller]
    pub(super) fn ask(&self, method: &str, path: &[u8], fields: &str, content: &[u8]) -> Answer {
        let mut asked = self.begin(method, path, &format!("{fields}Content-Length: {}\r\n", content.len()));
        // Whoever is refused may find the connection closed before all is sent.
        let _ = asked.send(content);
        answer(&mut asked, method == "HEAD")
    }

    /// Sends the head of a request.
    #[track_caller]
    pub(super) fn begin(&self, method: &str, path: &[u8], fields: &str) -> Wire {
        let mut wire = Wire::connect(self.port);
        if let Some(tls) = &self.tls {
            wire = wire.secured(tls);
        }
        let head = format!(
            "{method} {} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\nAuthorization: Basic {}\r\n{fields}\r\n",
            encoded(path),
            self.port,
            STANDARD.encode(self.login),
        );
        wire.send(head.as_bytes()).unwrap();
        wire
    }
}

/// Reads the answer to a request.
#[track_caller]
pub(super) fn answer(wire: &mut Wire, headless: bool) -> Answer {
    let mut answer = head(wire);
    if headless || answer.status == 204 {
        return answer;
    }
    answer.body = if answer.field("transfer-encoding").is_some() {
        dechunked(wire)
    } else {
        let len = answer.field("content-length").unwrap().parse().unwrap();
        wire.exactly(len)
    };
    answer
}

/// Reads the head of an answer, and nothing of its content.
#[track_caller]
pub(super) fn head(wire: &mut Wire) -> Answer {
    let mut head = String::new();
    loop {
        let line = String::from_utf8(wire.line()).unwrap();
        if line == "\r\n" {
            break;
        }
        head += &line;
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: Vec::new() }
}

fn dechunked(wire: &mut Wire) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = String::from_utf8(wire.line()).unwrap();
        let len = usize::from_str_radix(line.trim_end(), 16).unwrap();
        body.extend(wire.exactly(len));
        wire.line();
        if len == 0 {
            return body;
        }
    }
}

/// A part of a body in the chunked coding; an empty one ends it.
pub(super) fn chunk(content: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat()
}

/// A path as a target: all but letters, digits and `/` by their numbers.
pub(super) fn encoded(path: &[u8]) -> String {
    path.iter().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || *byte == b'/' {
            out.push(char::from(*byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}

/// The last name of a target that ends with no `/`, or with one.
pub(super) fn last_name(target: &str) -> Vec<u8> {
    let mut bytes = target.trim_end_matches('/').rsplit('/').next().unwrap().bytes();
    let mut name = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            name.push(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            name.push(byte);
        }
    }
    name
}
