use std::fmt;

use bytes::{BufMut as _, Bytes, BytesMut};

/// A reply: three digits and one or more lines of text (RFC 959 §4.2).
///
/// Text holds bytes, since names do. What could end a line or be obeyed by a terminal is escaped as it is added, and
/// IAC is doubled on the wire; so no name makes a client see a line that was not meant.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    first: Bytes,
    body: Vec<Bytes>,
    last: Option<Bytes>,
}

impl Reply {
    /// A reply of one line.
    pub fn new(code: u16, text: impl AsRef<[u8]>) -> Self {
        Self { code, first: clean(text.as_ref()), body: Vec::new(), last: None }
    }

    /// This reply with one more line between its first and its last.
    #[must_use]
    pub fn line(mut self, text: impl AsRef<[u8]>) -> Self {
        self.body.push(clean(text.as_ref()));
        self
    }

    /// This reply, ended by a line of its own.
    #[must_use]
    pub fn end(mut self, text: impl AsRef<[u8]>) -> Self {
        self.last = Some(clean(text.as_ref()));
        self
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Whether what was asked is done, or is on its way to be: a code below 400.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// The lines between the first and the last.
    pub fn body(&self) -> &[Bytes] {
        &self.body
    }

    /// The text of the first line.
    pub fn text(&self) -> &[u8] {
        &self.first
    }

    /// Appends the reply as it goes over the wire. The lines within begin with a space, so that none of them looks
    /// like the last (RFC 959 §4.2, RFC 2389 §3.2).
    pub fn encode(&self, out: &mut BytesMut) {
        let Some(last) = self.last.as_ref().or((!self.body.is_empty()).then_some(&self.first)) else {
            return self.put(out, b' ', &self.first);
        };
        self.put(out, b'-', &self.first);
        for line in &self.body {
            out.put_u8(b' ');
            put_text(out, line);
        }
        self.put(out, b' ', last);
    }

    fn put(&self, out: &mut BytesMut, mark: u8, text: &[u8]) {
        let code = self.code % 1000;
        for digit in [code / 100, code / 10 % 10, code % 10] {
            out.put_u8(b'0' + (digit % 10) as u8);
        }
        out.put_u8(mark);
        put_text(out, text);
    }
}

fn put_text(out: &mut BytesMut, text: &[u8]) {
    for byte in text {
        if *byte == 255 {
            out.put_u8(255);
        }
        out.put_u8(*byte);
    }
    out.extend_from_slice(b"\r\n");
}

/// The text without what could end its line.
fn clean(text: &[u8]) -> Bytes {
    if !text.iter().any(u8::is_ascii_control) {
        return Bytes::copy_from_slice(text);
    }
    let mut clean = Vec::with_capacity(text.len() + 8);
    for byte in text {
        match byte.is_ascii_control() {
            true => clean.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            false => clean.push(*byte),
        }
    }
    clean.into()
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.code, self.first)?;
        if !self.body.is_empty() {
            write!(f, " {:?}", self.body)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(reply: &Reply) -> Vec<u8> {
        let mut out = BytesMut::new();
        reply.encode(&mut out);
        out.to_vec()
    }

    #[test]
    fn one_line_and_several() {
        assert_eq!(wire(&Reply::new(200, "ok")), b"200 ok\r\n");
        let features = Reply::new(211, "Features:").line("SIZE").line("211 not the end").end("End");
        assert_eq!(wire(&features), b"211-Features:\r\n SIZE\r\n 211 not the end\r\n211 End\r\n");
        assert_eq!(wire(&Reply::new(250, "x").line("y")), b"250-x\r\n y\r\n250 x\r\n");
        assert_eq!(wire(&Reply::new(211, "none").end("End")), b"211-none\r\n211 End\r\n");
    }

    #[test]
    fn no_name_makes_a_line_and_its_bytes_survive() {
        let reply = Reply::new(250, b"a\r\n221 bye\x1b[0m \xff\xe9");
        assert_eq!(wire(&reply), b"250 a\\x0d\\x0a221 bye\\x1b[0m \xff\xff\xe9\r\n");
    }
}
