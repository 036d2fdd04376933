use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr2;

use crate::Error;

/// Lines that end in CRLF, taken from the front of a buffer.
///
/// A CR or LF by itself is refused: programs that disagree on where a line ends can be made to see two
/// commands where there is one (RFC 5321 §2.3.8). A line that is refused or too long is named by one error, and
/// goes wholly: the next call goes on behind its end. So a server may answer the error and go on, or close.
///
/// The bytes behind a line stay in the buffer, and so does an unfinished line, of which no byte is looked at
/// twice. Use one value per stream, and hand it the same buffer each time: between two calls that found no
/// whole line, bytes are only added to its end.
#[derive(Clone, Debug)]
pub struct Lines {
    max: usize,
    lone_lf: bool,
    /// Octets at the front of the buffer that hold no line end.
    seen: usize,
    /// Within a line that was refused.
    skipping: bool,
}

/// Why a line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LineError {
    /// A CR without LF behind it.
    BareCr,
    /// A LF without CR before it.
    BareLf,
    /// More octets than the maximum.
    TooLong,
}

impl Lines {
    /// Lines of at most `max` octets, the CRLF among them, as RFC 5321 §4.5.3.1.4 and RFC 2812 §2.3 count.
    pub fn new(max: usize) -> Self {
        Self { max, lone_lf: false, seen: 0, skipping: false }
    }

    /// Takes a LF without CR for a line's end as well: for people who type, and old clients of protocols
    /// without a body. Never where another program will read the same bytes.
    #[must_use]
    pub fn accept_lone_lf(mut self) -> Self {
        self.lone_lf = true;
        self
    }

    /// The next line, without its end; `None` until there is a whole one.
    ///
    /// # Errors
    /// A line that is refused, once.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, LineError> {
        if self.skipping && !self.skip(input) {
            return Ok(None);
        }
        let end = if self.lone_lf { 1 } else { 2 };
        let found = self.find(input);
        if found.unwrap_or(input.len()) + end > self.max.max(end) {
            return Err(self.refuse(input, 0, LineError::TooLong));
        }
        let Some(at) = found else { return Ok(None) };
        match (input.get(at), input.get(at + 1)) {
            (Some(b'\r'), None) => Ok(None),
            (Some(b'\r'), Some(b'\n')) if at + 2 > self.max.max(2) => {
                Err(self.refuse(input, at, LineError::TooLong))
            }
            (Some(b'\r'), Some(b'\n')) => Ok(Some(self.take(input, at, 2))),
            (Some(b'\r'), _) => Err(self.refuse(input, at + 1, LineError::BareCr)),
            _ if self.lone_lf => Ok(Some(self.take(input, at, 1))),
            _ => Err(self.refuse(input, at + 1, LineError::BareLf)),
        }
    }

    /// Where the first CR or LF is.
    fn find(&mut self, input: &BytesMut) -> Option<usize> {
        let seen = self.seen.min(input.len());
        let found = memchr2(b'\r', b'\n', input.get(seen..)?).map(|at| seen + at);
        self.seen = found.unwrap_or(input.len());
        found
    }

    fn take(&mut self, input: &mut BytesMut, text: usize, end: usize) -> Bytes {
        self.seen = 0;
        let line = input.split_to(text).freeze();
        input.advance(end);
        line
    }

    fn refuse(&mut self, input: &mut BytesMut, octets: usize, why: LineError) -> LineError {
        input.advance(octets);
        self.seen = 0;
        self.skipping = true;
        self.skip(input);
        why
    }

    /// Drops what is left of a refused line; whether its end was there.
    fn skip(&mut self, input: &mut BytesMut) -> bool {
        while let Some(at) = memchr2(b'\r', b'\n', input) {
            let end = match (input.get(at), input.get(at + 1)) {
                (Some(b'\r'), None) => {
                    input.advance(at);
                    return false;
                }
                (Some(b'\r'), Some(b'\n')) => 2,
                (Some(b'\n'), _) if self.lone_lf => 1,
                _ => {
                    input.advance(at + 1);
                    continue;
                }
            };
            input.advance(at + end);
            self.skipping = false;
            return true;
        }
        input.clear();
        false
    }
}

impl std::fmt::Display for LineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::BareCr => "CR without LF",
            Self::BareLf => "LF without CR",
            Self::TooLong => "line too long",
        })
    }
}

impl std::error::Error for LineError {}

impl From<LineError> for Error {
    fn from(error: LineError) -> Self {
        match error {
            LineError::TooLong => Self::limit("line", "line too long"),
            LineError::BareCr | LineError::BareLf => Self::peer("broken line").caused_by(error),
        }
    }
}
