use std::fmt;

use bytes::{Buf as _, Bytes, BytesMut};

/// Telnet's "interpret as command" (RFC 854), which in a name travels doubled.
const IAC: u8 = 255;
/// What a record with a ClientHello begins with.
const HANDSHAKE: u8 = 0x16;

/// A command: a verb, and what stands behind the one space after it.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    verb: String,
    argument: Option<Bytes>,
}

impl Command {
    /// A command with an argument of any bytes; `None` where it holds a CR, a LF or a NUL, which no command can say, or
    /// where the verb is not one to sixteen letters.
    pub fn new(verb: &str, argument: Option<&[u8]>) -> Option<Self> {
        let clean = !argument.unwrap_or_default().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        let named = (1..=16).contains(&verb.len()) && verb.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (clean && named)
            .then(|| Self { verb: verb.to_ascii_uppercase(), argument: argument.map(Bytes::copy_from_slice) })
    }

    /// Reads a line without its end. `None` where its first word is no verb.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let space = line.iter().position(|byte| *byte == b' ');
        let (verb, argument) = match space.and_then(|at| line.split_at_checked(at)) {
            Some((verb, rest)) => (verb, rest.get(1..)),
            None => (line, None),
        };
        Self::new(str::from_utf8(verb).ok()?, argument)
    }

    /// The verb, in upper case.
    pub fn verb(&self) -> &str {
        &self.verb
    }

    /// What stands behind the space after the verb, which may be nothing; `None` without that space.
    pub fn argument(&self) -> Option<&[u8]> {
        self.argument.as_deref()
    }

    /// Appends the line, with its end.
    pub fn encode(&self, out: &mut BytesMut) {
        out.extend_from_slice(self.verb.as_bytes());
        if let Some(argument) = &self.argument {
            out.extend_from_slice(b" ");
            for byte in argument {
                out.extend_from_slice(if *byte == IAC { &[IAC, IAC] } else { std::slice::from_ref(byte) });
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Without the argument of those that hold a secret.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.argument {
            Some(_) if matches!(&*self.verb, "PASS" | "ACCT" | "ADAT") => write!(f, "{} ***", self.verb),
            Some(argument) => write!(f, "{} {:?}", self.verb, argument),
            None => f.write_str(&self.verb),
        }
    }
}

/// Why a line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BadLine {
    /// More octets than the maximum.
    TooLong,
    /// A CR or a LF by itself, or a NUL.
    Control,
    /// An IAC that begins no telnet command, and is not doubled.
    Telnet,
}

/// What was read from a control connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A line, without its end, telnet taken out.
    Line(Bytes),
    /// A line that is refused: named once, gone wholly.
    Bad(BadLine),
    /// The peer asks for an option of telnet (RFC 854): this says no (RFC 1123 §4.1.2), and is to be sent.
    Refuse([u8; 3]),
    /// A line begins as a record of TLS does (RFC 8446 §5.1), where a command begins with letters. What it begins is a
    /// line like others.
    Record,
}

/// Takes lines off a control connection: CRLF at their end, telnet commands taken out, IAC IAC one byte.
///
/// It keeps what it has of a line, at most the maximum, and leaves what is behind the line's end where it is.
#[derive(Clone, Debug)]
pub struct CommandReader {
    max: usize,
    line: BytesMut,
    /// Octets of this line on the wire, telnet among them.
    raw: usize,
    state: State,
    /// Within a line that was refused.
    skipping: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    Cr,
    Iac,
    Option(u8),
    Sub,
    SubIac,
}

impl CommandReader {
    /// Lines of at most `max` octets without their end.
    pub fn new(max: usize) -> Self {
        Self { max, line: BytesMut::new(), raw: 0, state: State::Text, skipping: false }
    }

    /// What comes next; `None` until there is more.
    pub fn next(&mut self, input: &mut BytesMut) -> Option<Heard> {
        let mut taken = 0;
        let mut heard = None;
        for byte in input.iter() {
            taken += 1;
            self.raw += 1;
            heard = self.push(*byte);
            // Telnet commands take no place in the line, and are not to go on for ever either.
            if heard.is_none() && self.raw > 2 * self.max + 64 {
                heard = Some(self.refuse(BadLine::TooLong));
            }
            if heard.is_some() {
                break;
            }
        }
        input.advance(taken);
        heard
    }

    fn push(&mut self, byte: u8) -> Option<Heard> {
        match (self.state, byte) {
            (State::Cr, b'\n') => return self.end(),
            (State::Cr, _) => {
                self.state = State::Text;
                let bad = self.bad(BadLine::Control);
                // The CR was the bad one; what follows it may be the CR of the line's end.
                let then = self.push(byte);
                return bad.or(then);
            }
            (State::Text, b'\r') => self.state = State::Cr,
            (State::Text, b'\n' | 0) => return self.bad(BadLine::Control),
            (State::Text, IAC) => self.state = State::Iac,
            // Of a "synch", what is left of it where a part was sent as urgent, and left the stream or came in another
            // order. No verb begins so.
            (State::Text, 240..=249) if self.line.is_empty() => {}
            (State::Text, HANDSHAKE) if self.raw == 1 && !self.skipping => {
                return self.keep(byte).or(Some(Heard::Record));
            }
            (State::Text, _) => return self.keep(byte),
            (State::Iac, IAC) => {
                self.state = State::Text;
                return self.keep(IAC);
            }
            (State::Iac, 251..=254) => self.state = State::Option(byte),
            (State::Iac, 250) => self.state = State::Sub,
            // IP, AO, DM and their like: what they interrupt is said by the command behind them.
            (State::Iac, 240..=249) => self.state = State::Text,
            (State::Iac, _) if self.line.is_empty() => {
                self.state = State::Text;
                return self.push(byte);
            }
            (State::Iac, _) => {
                self.state = State::Text;
                let bad = self.bad(BadLine::Telnet);
                let then = self.push(byte);
                return bad.or(then);
            }
            (State::Option(verb), option) => {
                self.state = State::Text;
                // WILL is answered by DONT, DO by WONT; WONT and DONT are what we say ourselves.
                return match verb {
                    251 => Some(Heard::Refuse([IAC, 254, option])),
                    253 => Some(Heard::Refuse([IAC, 252, option])),
                    _ => None,
                };
            }
            (State::Sub, IAC) => self.state = State::SubIac,
            (State::Sub, _) => {}
            (State::SubIac, 240) => self.state = State::Text,
            (State::SubIac, _) => self.state = State::Sub,
        }
        None
    }

    fn keep(&mut self, byte: u8) -> Option<Heard> {
        if self.skipping {
            return None;
        }
        if self.line.len() >= self.max {
            return Some(self.refuse(BadLine::TooLong));
        }
        self.line.extend_from_slice(&[byte]);
        None
    }

    fn end(&mut self) -> Option<Heard> {
        self.state = State::Text;
        self.raw = 0;
        let skipped = std::mem::take(&mut self.skipping);
        let line = std::mem::take(&mut self.line).freeze();
        (!skipped).then_some(Heard::Line(line))
    }

    fn bad(&mut self, why: BadLine) -> Option<Heard> {
        (!self.skipping).then(|| self.refuse(why))
    }

    fn refuse(&mut self, why: BadLine) -> Heard {
        self.line = BytesMut::new();
        self.raw = 0;
        self.skipping = true;
        Heard::Bad(why)
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "line too long",
            Self::Control => "CR, LF or NUL in a line",
            Self::Telnet => "IAC that is not doubled",
        })
    }
}

impl std::error::Error for BadLine {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<Heard> {
        let (mut reader, mut input, mut all) = (CommandReader::new(16), BytesMut::new(), Vec::new());
        for chunk in chunks {
            input.extend_from_slice(chunk);
            while let Some(heard) = reader.next(&mut input) {
                all.push(heard);
            }
        }
        all
    }

    fn line(text: &'static [u8]) -> Heard {
        Heard::Line(Bytes::from_static(text))
    }

    #[test]
    fn an_abort_is_heard_behind_every_form_of_interrupt() {
        for abort in [
            &b"ABOR\r\n"[..],
            b"\xff\xf4\xff\xf2ABOR\r\n",
            b"\xff\xf4\xf2ABOR\r\n",
            b"\xf2ABOR\r\n",
            b"\xf4\xffABOR\r\n",
        ] {
            assert_eq!(read(&[abort]), [line(b"ABOR")], "{abort:?}");
        }
        assert_eq!(read(&[b"\xff\xf4\xff", b"\xf2ABOR\r\n"]), [line(b"ABOR")]);
    }

    #[test]
    fn options_are_refused_and_subnegotiation_is_dropped() {
        assert_eq!(
            read(&[b"\xff\xfb\x01NO\xff\xfd\x03OP\xff\xfe\x05\xff\xfa\x18junk\r\n\xff\xf0\r\n"]),
            [Heard::Refuse([255, 254, 1]), Heard::Refuse([255, 252, 3]), line(b"NOOP")]
        );
    }

    #[test]
    fn a_doubled_iac_is_one_byte_and_a_single_one_is_refused() {
        assert_eq!(read(&[b"DELE \xff\xff\r\n"]), [line(b"DELE \xff")]);
        assert_eq!(read(&[b"DELE a\xffb\r\nNOOP\r\n"]), [Heard::Bad(BadLine::Telnet), line(b"NOOP")]);
    }

    #[test]
    fn a_bad_line_is_named_once_and_goes_wholly() {
        for bad in [&b"DELE a\nDELE b\r\n"[..], b"DELE a\rDELE b\r\n", b"DELE a\0b\r\n", b"DELE \r\0\r\n"] {
            assert_eq!(read(&[bad, b"NOOP\r\n"]), [Heard::Bad(BadLine::Control), line(b"NOOP")], "{bad:?}");
        }
    }

    #[test]
    fn a_line_has_at_most_the_maximum_and_an_endless_one_is_named_again_and_again() {
        assert_eq!(read(&[b"0123456789abcdef\r\n"]), [line(b"0123456789abcdef")]);
        assert_eq!(read(&[b"0123456789abcdefg\r\nNOOP\r\n"]), [Heard::Bad(BadLine::TooLong), line(b"NOOP")]);
        let endless = [b'x'; 400];
        assert_eq!(read(&[&endless]), vec![Heard::Bad(BadLine::TooLong); 4]);
        // Nothing of it is a line, and nothing of it is kept.
        let telnet = b"\xff\xf1".repeat(400);
        assert!(read(&[&telnet]).iter().all(|heard| *heard == Heard::Bad(BadLine::TooLong)));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read(
            verb in "[A-Z]{3,4}",
            argument in prop::option::of(prop::collection::vec(any::<u8>(), 0..30)),
        ) {
            if let Some(command) = Command::new(&verb, argument.as_deref()) {
                let mut wire = BytesMut::new();
                command.encode(&mut wire);
                let heard = CommandReader::new(64).next(&mut wire);
                let Some(Heard::Line(line)) = heard else { return Err(TestCaseError::fail("no line")) };
                prop_assert_eq!(Command::parse(&line), Some(command));
                prop_assert!(wire.is_empty());
            }
        }

        #[test]
        fn no_chunking_changes_what_is_heard(
            input in prop::collection::vec(prop_oneof![
                Just(b'\r'), Just(b'\n'), Just(IAC), Just(250_u8), Just(240_u8), Just(251_u8), any::<u8>()
            ], 0..80),
            cut in 0..80_usize,
        ) {
            let (left, right) = input.split_at(cut.min(input.len()));
            prop_assert_eq!(read(&[&input]), read(&[left, right]));
        }

        #[test]
        fn no_line_holds_what_ends_one(input in prop::collection::vec(any::<u8>(), 0..80)) {
            for heard in read(&[&input, b"\r\n"]) {
                if let Heard::Line(line) = heard {
                    prop_assert!(!line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                }
            }
        }
    }
}
