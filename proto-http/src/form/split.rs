//! A multipart content, cut into its parts (RFC 2046 §5.1.1): a machine without I/O.

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memmem::Finder;

use super::Bad;

/// Octets of white space that may come behind a delimiter.
const PADDING: usize = 64;

/// What comes of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The head of a part, with the empty line at its end.
    Head(Bytes),
    /// Content of that part.
    Data(Bytes),
    /// The end of that part.
    End,
    /// The end of the last part; what comes after it means nothing.
    Close,
}

/// Cuts a content at its delimiters.
pub(super) struct Splitter {
    /// CRLF, two hyphens and the boundary.
    delimiter: Finder<'static>,
    state: State,
    /// Octets of a head.
    head: usize,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    /// Before anything: a delimiter may be here without a line end before it.
    Start,
    /// Before the first delimiter.
    Preamble,
    /// Right behind a delimiter.
    Line,
    Head,
    Data,
    Epilogue,
}

impl Splitter {
    /// For this boundary, and heads of at most that many octets.
    pub(super) fn new(boundary: &[u8], head: usize) -> Result<Self, Bad> {
        let valid = (1..=70).contains(&boundary.len())
            && boundary.iter().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte))
            && !boundary.ends_with(b" ");
        if !valid {
            return Err(Bad::Boundary);
        }
        let delimiter = Finder::new(&[b"\r\n--", boundary].concat()).into_owned();
        Ok(Self { delimiter, state: State::Start, head })
    }

    /// The next event, if it can be told from what has come; the input it takes is gone from `input`.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Bad> {
        loop {
            let event = match self.state {
                State::Start => {
                    let first = self.delimiter.needle().get(2..).unwrap_or_default();
                    if input.starts_with(first) {
                        input.advance(first.len());
                        self.state = State::Line;
                    } else if first.starts_with(input) {
                        return Ok(None);
                    } else {
                        self.state = State::Preamble;
                    }
                    continue;
                }
                State::Preamble => match self.take_data(input) {
                    (_, true) => {
                        self.state = State::Line;
                        continue;
                    }
                    (_, false) => None,
                },
                State::Line => return self.line(input),
                State::Head => self.take_head(input)?,
                State::Data => match self.take_data(input) {
                    (data, _) if !data.is_empty() => {
                        // Where a delimiter follows, it is found again.
                        Some(Event::Data(data))
                    }
                    (_, true) => {
                        self.state = State::Line;
                        Some(Event::End)
                    }
                    (_, false) => None,
                },
                State::Epilogue => {
                    input.clear();
                    None
                }
            };
            return Ok(event);
        }
    }

    /// Whether the last part has come to its end.
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Epilogue
    }

    /// What certainly comes before the next delimiter, and whether that comes right there. The delimiter is taken where
    /// nothing comes before it.
    fn take_data(&self, input: &mut BytesMut) -> (Bytes, bool) {
        let needle = self.delimiter.needle();
        match self.delimiter.find(input) {
            Some(0) => {
                input.advance(needle.len());
                (Bytes::new(), true)
            }
            Some(at) if self.state == State::Preamble => {
                input.advance(at + needle.len());
                (Bytes::new(), true)
            }
            Some(at) => (input.split_to(at).freeze(), false),
            None => {
                let kept = (1..needle.len().min(input.len() + 1))
                    .rev()
                    .find(|length| needle.get(..*length).is_some_and(|start| input.ends_with(start)))
                    .unwrap_or(0);
                (input.split_to(input.len() - kept).freeze(), false)
            }
        }
    }

    /// The rest of the line of a delimiter: two hyphens at the end of all, or else nothing but white space. Where the
    /// boundary goes on there, one program would take it for a delimiter and another one not.
    fn line(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Bad> {
        let padding = input.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match input.get(padding..).unwrap_or_default() {
            [b'-', b'-', ..] if padding == 0 => {
                input.clear();
                self.state = State::Epilogue;
                Ok(Some(Event::Close))
            }
            [b'\r', b'\n', ..] => {
                input.advance(padding + 2);
                self.state = State::Head;
                self.take_head(input)
            }
            [] | [b'\r'] if padding <= PADDING => Ok(None),
            [b'-'] if padding == 0 => Ok(None),
            _ => Err(Bad::Part),
        }
    }

    fn take_head(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Bad> {
        let end = if input.starts_with(b"\r\n") {
            Some(2)
        } else {
            memchr::memmem::find(input, b"\r\n\r\n").map(|at| at + 4)
        };
        match end {
            Some(end) if end > self.head => Err(Bad::Head),
            Some(end) => {
                self.state = State::Data;
                let head = input.split_to(end).freeze();
                Ok(Some(Event::Head(head)))
            }
            None if input.len() >= self.head => Err(Bad::Head),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All events of an input that comes in these pieces, contents put together.
    fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Event>, Bad> {
        let mut splitter = Splitter::new(b"B", 50)?;
        let (mut input, mut events) = (BytesMut::new(), Vec::new());
        for piece in pieces {
            input.extend_from_slice(piece);
            while let Some(event) = splitter.next(&mut input)? {
                match (events.last_mut(), event) {
                    (Some(Event::Data(before)), Event::Data(more)) => {
                        *before = [&before[..], &more].concat().into();
                    }
                    (_, event) => events.push(event),
                }
            }
            assert!(input.len() < 60, "what can be told is told");
        }
        if splitter.is_closed() { Ok(events) } else { Err(Bad::Unfinished) }
    }

    fn head(text: &'static str) -> Event {
        Event::Head(text.into())
    }

    fn data(text: &'static str) -> Event {
        Event::Data(text.into())
    }

    #[test]
    fn parts_come_with_their_heads() {
        let form: &[u8] = b"--B\r\nA: b\r\n\r\none\r\n--B \t\r\n\r\n\r\n--two\r\n\r\n--B--\r\nepilogue";
        let expected = [
            head("A: b\r\n\r\n"),
            data("one"),
            Event::End,
            head("\r\n"),
            data("\r\n--two\r\n"),
            Event::End,
            Event::Close,
        ];
        assert_eq!(events([form]).unwrap(), expected);
        let with_preamble: &[u8] = b"preamble --B\r\n--B\r\nA: b\r\n\r\n\r\n--B--";
        assert_eq!(events([with_preamble]).unwrap(), [head("A: b\r\n\r\n"), Event::End, Event::Close]);
        assert_eq!(events([&b"--B--"[..]]).unwrap(), [Event::Close]);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for (form, bad) in [
            (&b""[..], Bad::Unfinished),
            (b"--B", Bad::Unfinished),
            (b"--C--", Bad::Unfinished),
            (b"--B\r\nA: b\r\n\r\none", Bad::Unfinished),
            (b"--B\r\nA: b\r\n\r\none\r\n--B", Bad::Unfinished),
            (b"--B\r\nA: b\r\n\r\none\n--B--", Bad::Unfinished),
            (b"--BX\r\nA: b\r\n\r\none\r\n--B--", Bad::Part),
            (b"--B\nA: b\n\none\n--B--", Bad::Part),
            (b"--B\r\nA: b\r\n\r\none\r\n--B-x", Bad::Part),
            (b"--B\r\nA: b\r\n\r\none\r\n--B --", Bad::Part),
            (
                b"--B\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\none\r\n--B--",
                Bad::Head,
            ),
        ] {
            assert_eq!(events([form]), Err(bad), "{:?}", String::from_utf8_lossy(form));
        }
        let padded = [b"--B".to_vec(), vec![b' '; 65]].concat();
        assert_eq!(events([&padded[..]]), Err(Bad::Part));
    }

    #[test]
    fn a_boundary_is_1_to_70_of_its_characters() {
        for (boundary, valid) in
            [("", false), ("a", true), ("a b", true), ("a ", false), ("a\"", false), ("é", false)]
        {
            assert_eq!(Splitter::new(boundary.as_bytes(), 1).is_ok(), valid, "{boundary:?}");
        }
        assert!(Splitter::new(&[b'a'; 70], 1).is_ok() && Splitter::new(&[b'a'; 71], 1).is_err());
    }

    /// Bytes among which are many that look like delimiters.
    fn likely() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            Just("\r\n--B"),
            Just("--B"),
            Just("--"),
            Just("\r\n"),
            Just("\r"),
            Just("\n"),
            Just("-"),
            Just("B"),
            Just("A: b\r\n\r\n"),
            Just("\r\n--B\r\n\r\n"),
            Just("x"),
            Just(" ")
        ];
        proptest::collection::vec(word, 0..12).prop_map(|words| words.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            content in likely(),
            rest in likely(),
            cuts in proptest::collection::vec(0_usize..200, 0..20),
        ) {
            let form = [b"--B\r\nA: b\r\n\r\n", &content[..], b"\r\n--B--", &rest].concat();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(form.len())).collect();
            cuts.extend([0, form.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|ends| &form[ends[0]..ends[1]]);
            prop_assert_eq!(events(pieces), events([&form[..]]));
        }

        #[test]
        fn any_content_without_the_delimiter_comes_back(content in proptest::collection::vec(any::<u8>(), 0..60)) {
            let wrapped = [b"\r\n", &content[..]].concat();
            prop_assume!(memchr::memmem::find(&wrapped, b"\r\n--B").is_none());
            let form = [b"--B\r\nA: b\r\n\r\n", &content[..], b"\r\n--B--"].concat();
            let mut expected = vec![head("A: b\r\n\r\n"), Event::Data(content.clone().into()), Event::End, Event::Close];
            expected.retain(|event| *event != data(""));
            prop_assert_eq!(events([&form[..]]).unwrap(), expected);
        }
    }
}
