use bytes::{Bytes, BytesMut};

use super::{LineError, Lines};
use crate::Error;

/// A reply of a code and one or more lines: SMTP (RFC 5321 §4.2), FTP (RFC 959 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    lines: Vec<Bytes>,
}

impl Reply {
    /// A reply with a line for each line of `text`. Where the code is none (below 100 or above 599) it
    /// becomes 554, and control characters become question marks, so that no text can forge a reply.
    pub fn new(code: u16, text: &str) -> Self {
        let code = if (100..=599).contains(&code) { code } else { 554 };
        let clean = |line: &str| line.replace(|c: char| c.is_control() && c != '\t', "?").into();
        let mut lines: Vec<Bytes> = text.lines().map(clean).collect();
        if lines.is_empty() {
            lines.push(Bytes::new());
        }
        Self { code, lines }
    }

    /// The three digits: 100 to 599.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The lines, without code and line end; at least one.
    pub fn lines(&self) -> &[Bytes] {
        &self.lines
    }

    /// Appends the reply as it goes over the wire, the code before every line.
    pub fn encode(&self, out: &mut BytesMut) {
        let last = self.lines.len().saturating_sub(1);
        for (index, line) in self.lines.iter().enumerate() {
            let mark = if index == last { ' ' } else { '-' };
            out.extend_from_slice(format!("{:03}{mark}", self.code).as_bytes());
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Replies as a client reads them.
///
/// A line of the code alone, without the space, ends a reply as well (RFC 5321 §4.2: clients accept it).
#[derive(Clone, Debug)]
pub struct ReplyLines {
    lines: Lines,
    max_lines: usize,
    free_text: bool,
    begun: Option<Reply>,
}

/// Why a reply was refused. Nothing that follows can be trusted: close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line does not end as it must.
    Line(LineError),
    /// A line does not begin with three digits and a space or hyphen.
    NoCode,
    /// A line has another code than the first of its reply.
    OtherCode,
    /// A reply has more lines than the maximum.
    TooManyLines,
}

impl ReplyLines {
    /// Replies of at most `max_lines` lines, each of at most `max_line` octets with its CRLF.
    pub fn new(max_line: usize, max_lines: usize) -> Self {
        Self { lines: Lines::new(max_line), max_lines, free_text: false, begun: None }
    }

    /// Between the first line of a reply and its last, lines may be anything, as FTP has it (RFC 959 §4.2). The code and hyphen are
    /// taken off such a line where they are there.
    #[must_use]
    pub fn free_text(mut self) -> Self {
        self.free_text = true;
        self
    }

    /// The next whole reply; `None` until it is there.
    ///
    /// # Errors
    /// What comes is no reply, or too long a one.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Reply>, ReplyError> {
        while let Some(line) = self.lines.next(input).map_err(ReplyError::Line)? {
            let (code, last) = match (split(&line), &self.begun) {
                (Some(head), None) => head,
                (Some(head), Some(begun)) if head.0 == begun.code && !(self.free_text && line.len() == 3) => {
                    head
                }
                (_, Some(begun)) if self.free_text => {
                    let code = begun.code;
                    self.add(code, line)?;
                    continue;
                }
                (Some(_), Some(_)) => return Err(ReplyError::OtherCode),
                (None, _) => return Err(ReplyError::NoCode),
            };
            self.add(code, line.slice(line.len().min(4)..))?;
            if last {
                return Ok(self.begun.take());
            }
        }
        Ok(None)
    }

    fn add(&mut self, code: u16, line: Bytes) -> Result<(), ReplyError> {
        let reply = self.begun.get_or_insert(Reply { code, lines: Vec::new() });
        if reply.lines.len() >= self.max_lines {
            return Err(ReplyError::TooManyLines);
        }
        reply.lines.push(line);
        Ok(())
    }
}

/// The code, and whether the line ends its reply.
fn split(line: &[u8]) -> Option<(u16, bool)> {
    let (digits, mark) = line.split_at_checked(3)?;
    let last = match mark.first() {
        Some(b' ') | None => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let digit = |octet: &u8| octet.is_ascii_digit().then(|| u16::from(octet - b'0'));
    let code = digits.iter().try_fold(0, |code, octet| Some(code * 10 + digit(octet)?))?;
    (100..=599).contains(&code).then_some((code, last))
}

impl std::fmt::Display for ReplyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Line(error) => return error.fmt(f),
            Self::NoCode => "reply without a code",
            Self::OtherCode => "reply of several codes",
            Self::TooManyLines => "reply of too many lines",
        })
    }
}

impl std::error::Error for ReplyError {}

impl From<ReplyError> for Error {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::Line(error) => error.into(),
            ReplyError::TooManyLines => Self::limit("message", "reply of too many lines"),
            ReplyError::NoCode | ReplyError::OtherCode => Self::peer("broken reply").caused_by(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testkit::every_chunking;
    use crate::testkit::toy::{Brick, cut};

    fn first(input: &str) -> Result<Option<Reply>, ReplyError> {
        ReplyLines::new(40, 3).next(&mut input.into())
    }

    fn reply(code: u16, lines: &[&'static str]) -> Reply {
        Reply { code, lines: lines.iter().map(|line| Bytes::from(*line)).collect() }
    }

    #[test]
    fn a_reply_is_all_its_lines() {
        assert_eq!(
            first("250-mx\r\n250-SIZE 10\r\n250 HELP\r\n"),
            Ok(Some(reply(250, &["mx", "SIZE 10", "HELP"])))
        );
        assert_eq!(first("250-mx\r\n"), Ok(None));
        assert_eq!(first("220\r\n"), Ok(Some(reply(220, &[""]))));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for input in [
            "hello\r\n",
            "25 x\r\n",
            "2500 x\r\n",
            "099 x\r\n",
            "600 x\r\n",
            "+50 x\r\n",
            "\r\n",
            "250-a\r\nb\r\n",
        ] {
            assert_eq!(first(input), Err(ReplyError::NoCode), "{input:?}");
        }
        assert_eq!(first("250-a\r\n251 b\r\n"), Err(ReplyError::OtherCode));
        assert_eq!(first("250-a\r\n250-b\r\n250-c\r\n250 d\r\n"), Err(ReplyError::TooManyLines));
        assert_eq!(first(&"1".repeat(40)), Err(ReplyError::Line(LineError::TooLong)));
        assert_eq!(first("250 a\n"), Err(ReplyError::Line(LineError::BareLf)));
    }

    #[test]
    fn ftp_replies_have_free_text_between() {
        // The example of RFC 959 §4.2.
        let mut input =
            "123-First line\r\nSecond line\r\n  234 A line\r\n123\r\n123-e\r\n123 The last line\r\n".into();
        let lines = ["First line", "Second line", "  234 A line", "123", "e", "The last line"];
        let mut replies = ReplyLines::new(40, 9).free_text();
        assert_eq!(replies.next(&mut input), Ok(Some(reply(123, &lines))));
    }

    #[test]
    fn no_text_can_forge_a_reply() {
        let mut out = BytesMut::new();
        Reply::new(550, "no such user <a\r250 ok\0\u{85}>\n250 ok\r\nend").encode(&mut out);
        assert_eq!(out, "550-no such user <a?250 ok??>\r\n550-250 ok\r\n550 end\r\n");
        assert_eq!(Reply::new(250, ""), reply(250, &[""]));
        assert_eq!(Reply::new(7, "x").code(), 554);
    }

    #[test]
    fn every_chunking_gives_the_same_replies() {
        let make = |now| {
            let mut replies = ReplyLines::new(12, 3);
            Brick::new(now, move |input| replies.next(input).transpose())
        };
        for input in
            ["220 hi\r\n250-a\r\n250 b\r\n221\r\n", "250-a\r\n25", "1-\r\n", "250 aaaaaaaaaaaaaaaaa\r\n"]
        {
            every_chunking(make, |_| (), input.as_bytes()).unwrap();
        }
    }

    /// Splits a whole, well-formed input at its line ends.
    fn naive(wire: &str) -> Vec<Reply> {
        let mut replies = Vec::new();
        let mut lines = Vec::new();
        for line in wire.split_terminator("\r\n") {
            lines.push(Bytes::copy_from_slice(&line.as_bytes()[4..]));
            if &line[3..4] == " " {
                replies.push(Reply { code: line[..3].parse().unwrap(), lines: std::mem::take(&mut lines) });
            }
        }
        replies
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            all in prop::collection::vec((100..600_u16, "[ -~\n]{0,20}"), 0..5),
            cuts in prop::collection::vec(0..150_usize, 0..10),
        ) {
            let sent: Vec<_> = all.iter().map(|(code, text)| Reply::new(*code, text)).collect();
            let mut wire = BytesMut::new();
            sent.iter().for_each(|reply| reply.encode(&mut wire));
            let mut replies = ReplyLines::new(40, 21);
            let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
            for chunk in cut(&wire, &cuts) {
                buffer.extend_from_slice(chunk);
                while let Some(reply) = replies.next(&mut buffer).unwrap() {
                    got.push(reply);
                }
            }
            prop_assert_eq!(&got, &sent);
            prop_assert_eq!(got, naive(std::str::from_utf8(&wire).unwrap()));
        }
    }
}
