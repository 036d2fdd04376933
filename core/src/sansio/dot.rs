use bytes::{Buf as _, Bytes, BytesMut};
use memchr::{memchr, memchr2};

/// A body that ends in a line of one dot, as it comes in: SMTP's `DATA` (RFC 5321 §4.5.2), POP3's multi-line
/// responses (RFC 1939 §3), with the stuffed dots taken out.
///
/// Only CRLF `.` CRLF ends it. A lone CR or LF is an octet of the body like any other, so that nobody who
/// counts lone ones as line ends sees the end of the message elsewhere; whether there was one is told by
/// [`lone_ends`](DotBody::lone_ends), and a server that passes mail on does well to refuse the message then.
///
/// One value is one body. It holds none of it: parts are cut from the buffer as they come, and their sizes
/// add up to that of the body, which the caller bounds. At most two octets stay in the buffer unused.
#[derive(Clone, Debug, Default)]
pub struct DotBody {
    at: At,
    lone_ends: bool,
}

/// What came last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// A line's end, or nothing.
    #[default]
    Start,
    Text,
    Cr,
    /// The end.
    End,
}

/// What [`DotBody`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Octets of the body; where they are cut says nothing.
    Data(Bytes),
    /// The line of one dot. The body had ended in CRLF before it, or was empty.
    End,
}

impl DotBody {
    /// A body that begins with the next octet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next part, or `None` until more has come. After [`Part::End`] nothing is taken.
    pub fn next(&mut self, input: &mut BytesMut) -> Option<Part> {
        if self.at == At::End {
            return None;
        }
        if self.at == At::Start && input.first() == Some(&b'.') {
            match (input.get(1), input.get(2)) {
                (None, _) | (Some(b'\r'), None) => return None,
                (Some(b'\r'), Some(b'\n')) => {
                    input.advance(3);
                    self.at = At::End;
                    return Some(Part::End);
                }
                _ => {
                    input.advance(1);
                    self.at = At::Text;
                }
            }
        }
        let octets = self.run(input);
        (octets > 0).then(|| Part::Data(input.split_to(octets).freeze()))
    }

    /// How many octets go on without a dot that begins a line.
    fn run(&mut self, input: &[u8]) -> usize {
        let mut rest = input;
        while let Some(first) = rest.first() {
            if self.at == At::Start && *first == b'.' {
                break;
            }
            let text = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            if text > 0 {
                self.lone_ends |= self.at == At::Cr;
                self.at = At::Text;
            }
            let Some((end, after)) = rest.get(text..).and_then(<[u8]>::split_first) else {
                rest = &[];
                break;
            };
            rest = after;
            self.at = match (self.at, end) {
                (At::Cr, b'\n') => At::Start,
                (was, b'\r') => {
                    self.lone_ends |= was == At::Cr;
                    At::Cr
                }
                _ => {
                    self.lone_ends = true;
                    At::Text
                }
            };
        }
        input.len() - rest.len()
    }

    /// Whether a CR without LF, or a LF without CR, was in the body so far.
    pub fn lone_ends(&self) -> bool {
        self.lone_ends
    }
}

/// Writes a body that ends in a line of one dot, part by part.
///
/// Lone CR and LF go through as they are: they are the business of whoever accepted the message.
#[derive(Clone, Debug, Default)]
pub struct DotStuffer {
    at: At,
}

impl DotStuffer {
    /// A body that begins now.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a part of the body to `out`, with a dot before each dot that begins a line.
    pub fn put(&mut self, part: &[u8], out: &mut BytesMut) {
        let mut rest = part;
        while let Some(first) = rest.first() {
            if self.at == At::Start && *first == b'.' {
                out.extend_from_slice(b".");
            }
            // Through the next LF, before which a CR may stand, perhaps in the part before this one.
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.at = match line {
                [b'\n'] if self.at == At::Cr => At::Start,
                [.., b'\r', b'\n'] => At::Start,
                [.., b'\r'] => At::Cr,
                _ => At::Text,
            };
            out.extend_from_slice(line);
            rest = after;
        }
    }

    /// Ends the body: with the line of one dot, and with CRLF before it where the body had none at its end.
    pub fn end(self, out: &mut BytesMut) {
        if self.at != At::Start {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testkit::Chunking;
    use crate::testkit::toy::{Brick, cut};

    /// The body, whether it ended, what is left behind it, and whether lone ends were in it.
    fn read(input: &[u8], cuts: &[usize]) -> (Vec<u8>, bool, Vec<u8>, bool) {
        let (mut body, mut buffer, mut dot) = (Vec::new(), BytesMut::new(), DotBody::new());
        let mut ended = false;
        for chunk in cut(input, cuts) {
            buffer.extend_from_slice(chunk);
            while let Some(part) = dot.next(&mut buffer) {
                match part {
                    Part::Data(data) => body.extend_from_slice(&data),
                    Part::End => ended = true,
                }
            }
        }
        (body, ended, buffer.to_vec(), dot.lone_ends())
    }

    #[test]
    fn only_crlf_dot_crlf_ends_a_body() {
        for other in
            ["\n.\n", "\r\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n.\r\r\n", "\r\n.\0\r\n"]
        {
            let input = format!("a{other}MAIL FROM:<x>\r\n");
            let (body, ended, ..) = read(input.as_bytes(), &[]);
            assert!(!ended, "{other:?}");
            assert!(body.ends_with(b"MAIL FROM:<x>\r\n"), "{other:?}");
        }
    }

    #[test]
    fn lone_ends_are_told_and_whole_ones_are_not() {
        assert_eq!(read(b"a\r\n\r\nb\r\n.\r\n", &[]), (b"a\r\n\r\nb\r\n".into(), true, vec![], false));
        for lone in ["a\nb\r\n", "a\rb\r\n", "a\r\r\n", "\n\r\n", "..\r.\r\n"] {
            assert!(read(format!("{lone}.\r\n").as_bytes(), &[]).3, "{lone:?}");
        }
    }

    #[test]
    fn what_comes_behind_the_end_stays() {
        assert_eq!(read(b".\r\nQUIT\r\n", &[]), (vec![], true, b"QUIT\r\n".into(), false));
    }

    fn data(part: &Part) -> Option<&[u8]> {
        match part {
            Part::Data(data) => Some(data),
            Part::End => None,
        }
    }

    #[test]
    fn every_chunking_gives_the_same_body() {
        let make = |now| {
            let mut body = DotBody::new();
            Brick::new(now, move |input| body.next(input))
        };
        for input in
            ["a\r\n..\r\n.\r\n", ".\r\n", "..a\r.\r\n\r\n.\n.\r\n.\r\nx", "a\r\n.\rb\r\n.\r", "\r\n\r\n.\r\n"]
        {
            Chunking::of(input.as_bytes()).joining(data).check(make, |_| ()).unwrap();
        }
    }

    /// Line by line over the whole input.
    fn naive(input: &str) -> (Vec<u8>, bool) {
        let mut body = String::new();
        for line in input.split_inclusive("\r\n") {
            match line.strip_prefix('.') {
                Some("\r\n") => return (body.into(), true),
                Some(rest) => body += rest,
                None => body += line,
            }
        }
        (body.into(), false)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn bodies_are_those_of_a_naive_reader(
            input in "[a.\r\n]{0,30}",
            cuts in prop::collection::vec(0..30_usize, 0..8),
        ) {
            // Behind a tail that decides what a dot at the end was.
            let input = format!("{input}x");
            let (body, ended, ..) = read(input.as_bytes(), &cuts);
            prop_assert_eq!((body, ended), naive(&input));
        }

        #[test]
        fn what_was_stuffed_comes_out(
            body in "[a.\r\n]{0,30}",
            stuff in prop::collection::vec(0..30_usize, 0..8),
            cuts in prop::collection::vec(0..60_usize, 0..8),
        ) {
            let (mut out, mut stuffer) = (BytesMut::new(), DotStuffer::new());
            for part in cut(body.as_bytes(), &stuff) {
                stuffer.put(part, &mut out);
            }
            stuffer.end(&mut out);
            let whole = body.is_empty() || body.ends_with("\r\n");
            let expected = if whole { body } else { body + "\r\n" };
            let (got, ended, rest, _) = read(&out, &cuts);
            prop_assert_eq!((got, ended, rest), (expected.into_bytes(), true, vec![]));
        }
    }
}
