//! A conversation in frames: what is read is judged by RFC 6455 §5, frame by frame.

use std::fmt;

use bytes::Buf;

use super::frame::{BINARY, CLOSE, CONTINUATION, Frame, Head, PING, PONG, TEXT, joined, mask};
use super::opening::{Opening, switched};
use crate::case::{Verdict, check};
use crate::peer::{End, Filled, quote};
use crate::{Broken, Outcome, Peer};

/// The longest message that a subject is taken to send.
const MOST: u64 = 16 * 1024 * 1024;
const FAILED: &str = "the connection failed: at most a Close, then its end";

/// An established connection with a subject.
pub(super) struct Socket<'a> {
    pub(super) peer: &'a mut Peer,
    /// Whether the subject is the client.
    of_client: bool,
    /// The type and the data of a message whose end has not come.
    unfinished: Option<(u8, Vec<u8>)>,
}

/// What the subject did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A whole message: its type and its data.
    Message(u8, Vec<u8>),
    Pong(Vec<u8>),
    /// The status code, if there is one, and the reason.
    Close(Option<u16>, Vec<u8>),
    End(End),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(TEXT, text) => write!(f, "the text {}", quote(text)),
            Self::Message(_, data) => write!(f, "the binary message {}", quote(data)),
            Self::Pong(data) => write!(f, "a Pong with {}", quote(data)),
            Self::Close(Some(code), reason) => write!(f, "a Close with {code} {}", quote(reason)),
            Self::Close(None, _) => f.write_str("a Close without a code"),
            Self::End(End::Closed) => f.write_str("the end of the connection"),
            Self::End(End::Reset) => f.write_str("a reset of the connection"),
        }
    }
}

impl<'a> Socket<'a> {
    /// A fresh connection on which the opening handshake has succeeded.
    pub(super) async fn open(peer: &'a mut Peer) -> Result<Self, Broken> {
        switched(&Opening::to(peer).send(peer).await?)?;
        Ok(Self::on(peer))
    }

    /// The connection of a handshake that has succeeded.
    pub(super) fn on(peer: &'a mut Peer) -> Self {
        Self { peer, of_client: false, unfinished: None }
    }

    /// The connection of a client whose handshake was answered.
    pub(super) fn of_client(peer: &'a mut Peer) -> Self {
        Self { peer, of_client: true, unfinished: None }
    }

    /// Sends frames in one write: to a client, without their masks.
    pub(super) async fn send(&mut self, frames: &[Frame]) -> Result<(), Broken> {
        if self.of_client {
            let bare: Vec<_> = frames.iter().map(|frame| frame.clone().unmasked()).collect();
            return self.peer.send(joined(&bare)).await;
        }
        self.peer.send(joined(frames)).await
    }

    /// The next frame: its head, and its payload unmasked.
    pub(super) async fn frame(&mut self, expected: &str) -> Result<Result<(Head, Vec<u8>), End>, Broken> {
        loop {
            let buffer = &mut self.peer.buffer;
            if let Some(head) = Head::at_front(buffer) {
                if head.length > MOST {
                    return Err(Broken::new(expected, format!("a frame of {} octets", head.length)));
                }
                let length = head.length as usize;
                if buffer.len() - head.octets >= length {
                    buffer.advance(head.octets);
                    let mut payload = buffer.split_to(length).to_vec();
                    mask(head.key.unwrap_or_default(), &mut payload);
                    return Ok(Ok((head, payload)));
                }
            }
            match self.peer.fill().await? {
                Filled::Some => {}
                Filled::Ended(_) if !self.peer.buffer.is_empty() => {
                    let cut = format!("the end amid a frame: {}", quote(&self.peer.buffer));
                    return Err(Broken::new(expected, cut));
                }
                Filled::Ended(end) => return Ok(Err(end)),
                Filled::Silent => {
                    let had = if self.peer.buffer.is_empty() { "" } else { " amid a frame" };
                    return Err(Broken::new(expected, format!("silence{had}")));
                }
            }
        }
    }

    /// What the subject does next, its Pings left away.
    pub(super) async fn event(&mut self, expected: &str) -> Result<Event, Broken> {
        loop {
            let (head, payload) = match self.frame(expected).await? {
                Ok(frame) => frame,
                Err(end) => return Ok(Event::End(end)),
            };
            judge(&head, self.of_client)?;
            match head.opcode {
                PING => {}
                PONG => return Ok(Event::Pong(payload)),
                CLOSE => return closing(&payload),
                _ => {
                    if let Some((opcode, data)) = self.assemble(&head, payload)? {
                        return Ok(Event::Message(opcode, data));
                    }
                }
            }
        }
    }

    fn assemble(&mut self, head: &Head, payload: Vec<u8>) -> Result<Option<(u8, Vec<u8>)>, Broken> {
        let (opcode, data) = match (self.unfinished.take(), head.opcode) {
            (None, CONTINUATION) => {
                return Err(Broken::new("a frame that begins a message", "a continuation"));
            }
            (None, opcode) => (opcode, payload),
            (Some((opcode, data)), CONTINUATION) => (opcode, [data, payload].concat()),
            (Some(_), _) => return Err(Broken::new("a continuation", "a frame that begins a message")),
        };
        if !head.last {
            self.unfinished = Some((opcode, data));
            return Ok(None);
        }
        if opcode == TEXT && std::str::from_utf8(&data).is_err() {
            return Err(Broken::new("text in UTF-8", quote(&data)));
        }
        Ok(Some((opcode, data)))
    }

    /// The next message is this one.
    pub(super) async fn hears(&mut self, opcode: u8, data: impl AsRef<[u8]>) -> Verdict {
        let data = data.as_ref();
        let wanted = Event::Message(opcode, data.to_vec());
        let expected = wanted.to_string();
        loop {
            match self.event(&expected).await? {
                Event::Pong(_) => {}
                other => return check(other == wanted, expected, other),
            }
        }
    }

    /// A message in one frame is echoed.
    pub(super) async fn echoes(&mut self, opcode: u8, data: impl AsRef<[u8]>) -> Verdict {
        self.send(&[Frame::new(opcode, data.as_ref())]).await?;
        self.hears(opcode, data).await
    }

    /// The connection is as usable as at its beginning.
    pub(super) async fn is_usable(&mut self) -> Verdict {
        self.echoes(TEXT, "still here").await?;
        self.echoes(BINARY, [0, 0xff]).await
    }

    /// A Pong with this payload comes next.
    pub(super) async fn hears_pong(&mut self, payload: &[u8]) -> Verdict {
        let expected = format!("a Pong with {}", quote(payload));
        let event = self.event(&expected).await?;
        check(event == Event::Pong(payload.to_vec()), expected, event)
    }

    /// The subject fails the connection, RFC 6455 §7.1.7: it ends, with or without a Close before.
    pub(super) async fn fails(&mut self) -> Verdict {
        let event = match self.event(FAILED).await? {
            Event::Close(..) => {
                if self.of_client {
                    // A client leaves it to the server to close the connection of TCP first.
                    self.peer.finish().await;
                }
                self.event(FAILED).await?
            }
            event => event,
        };
        check(matches!(event, Event::End(_)), FAILED, event)
    }

    /// The subject says one of these codes in a Close.
    pub(super) async fn fails_saying(&mut self, codes: &[u16]) -> Verdict {
        let names: Vec<_> = codes.iter().map(u16::to_string).collect();
        let expected = format!("a Close with {}", names.join(" or "));
        let event = self.event(&expected).await?;
        check(matches!(event, Event::Close(Some(code), _) if codes.contains(&code)), expected, event)
    }

    /// The Close that comes next, its code.
    pub(super) async fn hears_close(&mut self) -> Result<Option<u16>, Broken> {
        let expected = "a Close";
        match self.event(expected).await? {
            Event::Close(code, _) => Ok(code),
            other => Err(Broken::new(expected, other.to_string())),
        }
    }

    /// Nothing more comes but the end of the connection.
    pub(super) async fn ends(&mut self) -> Verdict {
        let expected = "the end of the connection, and nothing before it";
        let event = self.event(expected).await?;
        check(matches!(event, Event::End(_)), expected, event)
    }
}

/// What no subject may send: RFC 6455 §5.1, §5.2 and §5.5.
fn judge(head: &Head, of_client: bool) -> Result<(), Broken> {
    let known = matches!(head.opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG);
    let wrong = match head {
        _ if head.key.is_some() && !of_client => "a masked frame",
        _ if head.key.is_none() && of_client => "a frame that is not masked",
        _ if head.reserved != 0 => "a frame with reserved bits",
        _ if !known => "a frame of an unknown opcode",
        _ if !head.is_minimal() || head.length >> 63 != 0 => "a length not in its shortest form",
        _ if head.is_control() && !head.last => "a control frame in fragments",
        _ if head.is_control() && head.length > 125 => "a control frame of more than 125 octets",
        _ => return Ok(()),
    };
    Err(Broken::new("a frame as RFC 6455 has it", format!("{wrong}: {head:?}")))
}

/// RFC 6455 §5.5.1 and §7.4: a code that may be sent and a reason in UTF-8, or neither.
fn closing(mut payload: &[u8]) -> Result<Event, Broken> {
    let wrong = |what: String| Err(Broken::new("a Close as RFC 6455 has it", what));
    if payload.is_empty() {
        return Ok(Event::Close(None, Vec::new()));
    }
    let Ok(code) = payload.try_get_u16() else { return wrong("a Close of one octet".into()) };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return wrong(format!("a Close with {code}"));
    }
    if std::str::from_utf8(payload).is_err() {
        return wrong(format!("a reason that is not UTF-8: {}", quote(payload)));
    }
    Ok(Event::Close(Some(code), payload.to_vec()))
}

/// Every one of these sequences of frames, each on its own connection, makes the subject fail the connection.
pub(super) async fn fails_each(peer: &mut Peer, wrong: &[&[Frame]]) -> Verdict {
    for frames in wrong {
        let mut socket = Socket::open(peer).await?;
        socket.send(frames).await?;
        socket.fails().await.map_err(|broken| after(broken, frames))?;
    }
    Ok(Outcome::Pass)
}

/// The failure, with what it came after.
pub(super) fn after(broken: Broken, frames: &[Frame]) -> Broken {
    Broken::new(broken.expected, format!("{} after {}", broken.actual, quote(&joined(frames))))
}
