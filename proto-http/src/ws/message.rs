//! Messages out of frames (RFC 6455 §5.4), without I/O.

use bytes::Bytes;

use super::close::{Close, CloseCode, Violation};
use super::frame::{CONTROL, Head, Opcode, Role};
use super::mask::{self, Key};

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Octets.
    Binary(Bytes),
}

impl Message {
    /// The octets of either kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(octets) => octets,
        }
    }
}

/// A message to send: text if made of a `&str` or `&String`, octets if of a `&[u8]`, `&Vec<u8>` or `&Bytes`; what came, as it came,
/// if of a `&Message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Text.
    Text(&'a str),
    /// Octets.
    Binary(&'a [u8]),
}

impl<'a> Payload<'a> {
    pub(super) fn into_parts(self) -> (Opcode, &'a [u8]) {
        match self {
            Self::Text(text) => (Opcode::Text, text.as_bytes()),
            Self::Binary(octets) => (Opcode::Binary, octets),
        }
    }
}

impl<'a> From<&'a Message> for Payload<'a> {
    fn from(message: &'a Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(octets) => Self::Binary(octets),
        }
    }
}

macro_rules! payloads {
    ($($from:ty => $kind:ident),+) => { $(
        impl<'a> From<&'a $from> for Payload<'a> {
            fn from(data: &'a $from) -> Self {
                Self::$kind(data)
            }
        }
    )+ };
}

payloads!(str => Text, String => Text, [u8] => Binary, Vec<u8> => Binary, Bytes => Binary);

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Message(Message),
    Ping(Vec<u8>),
    Pong,
    Close(Close),
}

/// Reads what a peer says. Memory grows with what has come, never with what was announced.
pub(super) struct Incoming {
    hearer: Role,
    /// Octets of a message.
    most: usize,
    /// Frames of a message.
    most_frames: usize,
    frame: Option<Frame>,
    message: Option<Partial>,
    control: Vec<u8>,
}

/// A frame whose head was read.
struct Frame {
    fin: bool,
    opcode: Opcode,
    key: Option<Key>,
    /// Octets of its payload that came, and that are to come.
    seen: u64,
    left: u64,
}

/// A message that has begun.
struct Partial {
    is_text: bool,
    octets: Vec<u8>,
    frames: usize,
    /// Octets that are known to be UTF-8.
    checked: usize,
}

impl Incoming {
    pub(super) fn new(hearer: Role, most: usize, most_frames: usize) -> Self {
        Self { hearer, most, most_frames, frame: None, message: None, control: Vec::new() }
    }

    /// Takes one event off the front of what came. With `None`, what is left is too short for the head of a frame.
    ///
    /// # Errors
    /// As soon as it can be told that what came is wrong. What follows is not to be read.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Violation> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match Head::parse(input, self.hearer)? {
                    Some((head, octets)) => {
                        *input = input.get(octets..).unwrap_or_default();
                        self.begin(&head)?
                    }
                    None => return Ok(None),
                },
            };
            let octets = usize::try_from(frame.left).unwrap_or(usize::MAX).min(input.len());
            let (part, rest) = input.split_at_checked(octets).unwrap_or_default();
            *input = rest;
            self.take(&mut frame, part);
            if frame.left > 0 || !frame.fin {
                self.check_text(&frame)?;
            }
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(event) = self.end(&frame)? {
                return Ok(Some(event));
            }
        }
    }

    /// Whether a frame of this head may stand here.
    fn begin(&mut self, head: &Head) -> Result<Frame, Violation> {
        let too_large = |what| Violation::new(CloseCode::TOO_LARGE, what);
        match (head.opcode, &mut self.message) {
            (Opcode::Continuation, None) => return Err("continuation of no message".into()),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err("message inside a message".into()),
            (Opcode::Text | Opcode::Binary, message @ None) => {
                let is_text = head.opcode == Opcode::Text;
                *message = Some(Partial { is_text, octets: Vec::new(), frames: 0, checked: 0 });
            }
            _ => {}
        }
        if let Some(message) = self.message.as_mut().filter(|_| !head.opcode.is_control()) {
            message.frames += 1;
            if message.frames > self.most_frames {
                return Err(too_large("message in too many frames"));
            }
            if head.octets > (self.most - message.octets.len()) as u64 {
                return Err(too_large("message too large"));
            }
        }
        let Head { fin, opcode, key, octets } = *head;
        Ok(Frame { fin, opcode, key, seen: 0, left: octets })
    }

    /// Adds a part of a payload.
    fn take(&mut self, frame: &mut Frame, part: &[u8]) {
        let octets = match &mut self.message {
            Some(message) if !frame.opcode.is_control() => &mut message.octets,
            _ => &mut self.control,
        };
        let room = octets.capacity() - octets.len();
        if room < part.len() {
            // As much again as is there, but no more than a last frame needs.
            let more = octets.len().max(part.len());
            let needed = if frame.fin { usize::try_from(frame.left).unwrap_or(usize::MAX) } else { more };
            octets.reserve_exact(more.min(needed));
        }
        let start = octets.len();
        octets.extend_from_slice(part);
        if let (Some(key), Some(part)) = (frame.key, octets.get_mut(start..)) {
            mask::apply(key, frame.seen, part);
        }
        frame.seen += part.len() as u64;
        frame.left -= part.len() as u64;
    }

    /// Text that has begun is UTF-8 as far as it came (RFC 6455 §8.1); a character may still be cut at its end.
    fn check_text(&mut self, frame: &Frame) -> Result<(), Violation> {
        let Some(message) = self.message.as_mut().filter(|m| m.is_text && !frame.opcode.is_control()) else {
            return Ok(());
        };
        match std::str::from_utf8(message.octets.get(message.checked..).unwrap_or_default()) {
            Ok(new) => message.checked += new.len(),
            Err(error) if error.error_len().is_none() => message.checked += error.valid_up_to(),
            Err(_) => return Err(not_text()),
        }
        Ok(())
    }

    /// What a frame that is whole brings.
    fn end(&mut self, frame: &Frame) -> Result<Option<Event>, Violation> {
        debug_assert!(self.control.len() <= CONTROL);
        Ok(Some(match frame.opcode {
            Opcode::Ping => Event::Ping(std::mem::take(&mut self.control)),
            Opcode::Pong => {
                self.control.clear();
                Event::Pong
            }
            Opcode::Close => Event::Close(Close::parse(&std::mem::take(&mut self.control))?),
            _ if !frame.fin => return Ok(None),
            _ => match self.message.take() {
                Some(Partial { is_text: true, octets, .. }) => {
                    Event::Message(Message::Text(String::from_utf8(octets).map_err(|_| not_text())?))
                }
                Some(message) => Event::Message(Message::Binary(message.octets.into())),
                None => return Ok(None),
            },
        }))
    }
}

fn not_text() -> Violation {
    Violation::new(CloseCode::INVALID, "text not in UTF-8")
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
