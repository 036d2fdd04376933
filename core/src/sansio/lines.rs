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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testkit::every_chunking;
    use crate::testkit::toy::{Brick, cut};

    type Found = Result<Bytes, LineError>;

    fn lines(input: &[u8], cuts: &[usize], mut lines: Lines) -> Vec<Found> {
        let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
        for chunk in cut(input, cuts) {
            buffer.extend_from_slice(chunk);
            while let Some(line) = lines.next(&mut buffer).transpose() {
                found.push(line);
            }
        }
        found
    }

    fn strict(input: &[u8]) -> Vec<Found> {
        lines(input, &[], Lines::new(8))
    }

    #[test]
    fn a_line_has_at_most_the_maximum_with_its_end() {
        assert_eq!(strict(b"123456\r\n"), [Ok("123456".into())]);
        assert_eq!(strict(b"1234567\r\n"), [Err(LineError::TooLong)]);
        assert_eq!(strict(b"1234567"), [Err(LineError::TooLong)]);
        assert_eq!(strict(b"123456"), []);
    }

    #[test]
    fn a_refused_line_is_named_once_and_goes_wholly() {
        assert_eq!(strict(b"123456789012345\r\nx\r\n"), [Err(LineError::TooLong), Ok("x".into())]);
        assert_eq!(strict(b"a\nQUIT\n\r\nx\r\n"), [Err(LineError::BareLf), Ok("x".into())]);
        assert_eq!(strict(b"a\rb\r\nx\r\n"), [Err(LineError::BareCr), Ok("x".into())]);
        assert_eq!(strict(b"a\r\r\nx\r\n"), [Err(LineError::BareCr), Ok("x".into())]);
    }

    #[test]
    fn a_lone_lf_ends_a_line_where_it_is_accepted_and_a_lone_cr_never() {
        let lenient = Lines::new(8).accept_lone_lf();
        assert_eq!(
            lines(b"a\nb\r\nc\rd\ne\n", &[], lenient),
            [Ok("a".into()), Ok("b".into()), Err(LineError::BareCr), Ok("e".into())]
        );
    }

    #[test]
    fn a_refused_line_takes_no_memory() {
        let mut lines = Lines::new(80);
        let mut buffer = BytesMut::new();
        for _ in 0..1000 {
            buffer.extend_from_slice(&[b'x'; 1000]);
            let _ = lines.next(&mut buffer);
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn octet_by_octet_takes_linear_time() {
        // Scanned anew each time, this would be half a million million octets.
        let mut lines = Lines::new(2_000_000);
        let mut buffer = BytesMut::new();
        for _ in 0..1_000_000 {
            buffer.extend_from_slice(b"x");
            assert_eq!(lines.next(&mut buffer), Ok(None));
        }
        assert_eq!(lines.seen, 1_000_000);
    }

    #[test]
    fn every_chunking_gives_the_same_lines() {
        for input in
            [&b"a\r\n\r\nbc\r\n"[..], b"a\rb\r\nc\r\n", b"\n\r\r\na\r\n", b"123456789\r\na\nb\r\nc\r\n"]
        {
            for brick in [Lines::new(6), Lines::new(6).accept_lone_lf()] {
                let make = |now| {
                    let mut brick = brick.clone();
                    Brick::new(now, move |input| brick.next(input).transpose())
                };
                every_chunking(make, |_| (), input).unwrap();
            }
        }
    }

    /// Splits the whole input at line ends first, and looks at what is between them then.
    fn naive(mut input: &[u8], max: usize, lone_lf: bool) -> Vec<Found> {
        let least = if lone_lf { 1 } else { 2 };
        let mut found = Vec::new();
        loop {
            let end = (0..input.len())
                .find(|at| if lone_lf { input[*at] == b'\n' } else { input[*at..].starts_with(b"\r\n") });
            let (line, size) = match end {
                Some(at) if lone_lf && at > 0 && input[at - 1] == b'\r' => (&input[..at - 1], 2),
                Some(at) => (&input[..at], least),
                None => (input, least),
            };
            let stray = line.iter().position(|octet| b"\r\n".contains(octet));
            if stray.unwrap_or(line.len()) + least > max {
                found.push(Err(LineError::TooLong));
            } else if let Some(at) = stray {
                match line[at] {
                    b'\r' if end.is_none() && at + 1 == line.len() => {}
                    b'\r' => found.push(Err(LineError::BareCr)),
                    _ => found.push(Err(LineError::BareLf)),
                }
            } else if end.is_some() {
                let fits = line.len() + size <= max;
                found.push(if fits { Ok(Bytes::copy_from_slice(line)) } else { Err(LineError::TooLong) });
            }
            match end {
                Some(_) => input = &input[line.len() + size..],
                None => return found,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn lines_are_those_of_a_naive_reader(
            input in "[a\r\n]{0,40}",
            cuts in prop::collection::vec(0..40_usize, 0..8),
            max in 2..12_usize,
            lone_lf: bool,
        ) {
            let mut brick = Lines::new(max);
            brick.lone_lf = lone_lf;
            prop_assert_eq!(lines(input.as_bytes(), &cuts, brick), naive(input.as_bytes(), max, lone_lf));
        }
    }
}
