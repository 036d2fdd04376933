//! How the reference server and client echo: RFC 6455 §5 to §8.

use bytes::{Buf, BytesMut};
use ropewalk_core::net::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::fault::Fault;
use crate::websocket::frame::{BINARY, CLOSE, CONTINUATION, Frame, Head, Length, PING, PONG, TEXT, mask};

/// The longest message that is taken.
pub(super) const MOST: usize = 1024 * 1024;
/// The longest head of a request, and how much is sent at once.
pub(super) const CHUNK: usize = 64 * 1024;

/// Why the conversation is over.
pub(super) enum Stop {
    /// A failure, to be told with this code.
    Fail(u16),
    /// The closing handshake is done.
    Done,
    /// The client is gone.
    Gone,
}

pub(super) type Result<T> = std::result::Result<T, Stop>;

pub(super) struct Endpoint {
    pub(super) io: Connection,
    pub(super) buffer: BytesMut,
    pub(super) fault: Option<Fault>,
    /// Whether this is the client's end.
    pub(super) client: bool,
    /// Whether an extension was asked for.
    pub(super) asked: bool,
    sent: u32,
    first_key: Option<[u8; 4]>,
    pub(super) unfinished: Option<Unfinished>,
    last_type: u8,
    queue: Vec<Vec<u8>>,
    deferred: Vec<Vec<u8>>,
}

/// A message whose end has not come.
pub(super) struct Unfinished {
    opcode: u8,
    pub(super) data: Vec<u8>,
    fragments: usize,
}

impl Endpoint {
    pub(super) fn new(io: Connection, fault: Option<Fault>, client: bool) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
            fault,
            client,
            asked: false,
            sent: 0,
            first_key: None,
            unfinished: None,
            last_type: TEXT,
            queue: Vec::new(),
            deferred: Vec::new(),
        }
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) async fn read(&mut self) -> Result<()> {
        self.buffer.reserve(CHUNK);
        match self.io.read_buf(&mut self.buffer).await {
            Ok(octets) if octets > 0 => Ok(()),
            _ => Err(Stop::Gone),
        }
    }

    pub(super) async fn converse(&mut self) {
        loop {
            let stop = match self.step().await {
                Ok(()) => continue,
                Err(stop) => stop,
            };
            if let Stop::Fail(code) = stop {
                let code = if self.is(Fault::FailsWith1011) { 1011 } else { code };
                if !self.is(Fault::FailsMutely) {
                    self.queue(Frame::close(code, ""));
                }
                if self.is(Fault::GoesOnAfterFailure) {
                    self.skip();
                    continue;
                }
            }
            let _unsent = self.flush().await;
            let stays = match stop {
                Stop::Fail(_) => self.is(Fault::WaitsAfterFailure),
                Stop::Done => self.is(Fault::OpenAfterClose),
                Stop::Gone => self.is(Fault::HalfOpen),
            };
            if stays {
                return std::future::pending().await;
            }
            if self.client && matches!(stop, Stop::Done) && !self.is(Fault::ClosesFirst) {
                // RFC 6455 §7.1.1: the server is to close the connection of TCP first.
                while self.read().await.is_ok() {
                    self.buffer.clear();
                }
            }
            return;
        }
    }

    /// Takes the frame at the front away.
    fn skip(&mut self) {
        let frame = Head::at_front(&self.buffer)
            .map_or(0, |head| head.octets.saturating_add(usize::try_from(head.length).unwrap_or(usize::MAX)));
        self.buffer.advance(frame.min(self.buffer.len()));
    }

    /// One frame, and what comes of it.
    async fn step(&mut self) -> Result<()> {
        let (head, payload) = self.frame().await?;
        match head.opcode {
            PING | PONG | CLOSE => self.control(&head, payload),
            CONTINUATION | TEXT | BINARY => self.data(&head, payload),
            _ => Ok(()),
        }
    }

    async fn frame(&mut self) -> Result<(Head, Vec<u8>)> {
        loop {
            if let Some(mut head) = Head::at_front(&self.buffer) {
                self.length(&mut head)?;
                self.judge(&head)?;
                let (octets, length) = (head.octets, head.length as usize);
                if self.buffer.len().saturating_sub(octets) >= length {
                    self.buffer.advance(octets);
                    let mut payload = self.buffer.split_to(length).to_vec();
                    self.unmask(&head, &mut payload);
                    if self.is(Fault::FrameOfOneRead) {
                        self.buffer.clear();
                    }
                    return Ok((head, payload));
                }
                let at_once = self.buffer.get(octets..).unwrap_or_default();
                if head.opcode == TEXT {
                    let mut begun = at_once.to_vec();
                    self.unmask(&head, &mut begun);
                    self.text(&begun, false)?;
                }
            }
            if !self.buffer.is_empty() && self.is(Fault::FrameInOneRead) {
                return Err(Stop::Fail(1002));
            }
            self.flush().await?;
            if let Err(stop) = self.read().await {
                if let Some(unfinished) = self.unfinished.take().filter(|_| self.is(Fault::EndIsFin)) {
                    self.queue(Frame::new(unfinished.opcode, unfinished.data));
                }
                return Err(stop);
            }
        }
    }

    fn unmask(&mut self, head: &Head, payload: &mut [u8]) {
        let Some(key) = head.key else { return };
        let first = *self.first_key.get_or_insert(key);
        let key = match self.fault {
            Some(Fault::KeyOfFirst) => first,
            Some(Fault::KeyOfThree) => [key[0], key[1], key[2], key[0]],
            _ => key,
        };
        mask(key, payload);
    }

    fn data(&mut self, head: &Head, payload: Vec<u8>) -> Result<()> {
        let whole_before = self.unfinished.is_none();
        let opcode = match head.opcode {
            CONTINUATION if self.is(Fault::ContinuesTheWhole) => self.last_type,
            CONTINUATION => BINARY,
            opcode => opcode,
        };
        let begun = if head.opcode == CONTINUATION { self.unfinished.take() } else { None };
        let fresh = Unfinished { opcode, data: Vec::new(), fragments: 0 };
        let mut message = begun.unwrap_or(fresh);
        if message.opcode == TEXT && self.is(Fault::TextByFragment) {
            self.text(&payload, true)?;
        }
        message.data.extend(payload);
        message.fragments += 1;
        let by_first = self.is(Fault::FirstFragmentChecked) && message.fragments > 1;
        let by_binary = self.is(Fault::BinaryIsText) && message.opcode == BINARY;
        if (message.opcode == TEXT && !by_first) || by_binary {
            self.text(&message.data, head.last)?;
        }
        if message.fragments > 100 && self.is(Fault::FewFragments) {
            return Err(Stop::Fail(1009));
        }
        if !head.last && !self.is(Fault::FragmentsAreMessages) {
            self.unfinished = Some(message);
            return Ok(());
        }
        self.last_type = message.opcode;
        if head.last && whole_before && message.data.is_empty() {
            let drops = message.opcode == TEXT && self.is(Fault::NoEmptyText)
                || message.opcode == BINARY && self.is(Fault::NoEmptyBinary);
            if drops {
                return Ok(());
            }
        }
        let as_text = !whole_before && self.is(Fault::FragmentsAreText);
        let opcode = match message.opcode {
            _ if as_text => TEXT,
            TEXT if self.is(Fault::TextIsBinary) => BINARY,
            opcode => opcode,
        };
        self.queue(Frame::new(opcode, &message.data));
        self.queue.append(&mut self.deferred);
        if self.is(Fault::KeepsFragments) && !whole_before {
            self.unfinished = Some(message);
        }
        if head.key.is_none() && self.is(Fault::AnswersUnmasked) {
            return Err(Stop::Fail(1002));
        }
        Ok(())
    }

    fn control(&mut self, head: &Head, payload: Vec<u8>) -> Result<()> {
        match head.opcode {
            CLOSE => return self.close(payload),
            PING => {
                let data = if self.is(Fault::EmptyPong) { Vec::new() } else { payload };
                let defers =
                    (self.is(Fault::DefersPings) && self.unfinished.is_some()) || self.is(Fault::LatePong);
                if defers {
                    let pong = self.written(Frame::pong(data));
                    self.deferred.push(pong);
                } else if !(self.is(Fault::NoPong) || self.is(Fault::WantsCompression) && self.asked) {
                    self.queue(Frame::pong(data));
                }
            }
            _ => {
                if self.is(Fault::PongEndsMessage) {
                    self.unfinished = None;
                }
                if self.is(Fault::AnswersPongs) {
                    self.queue(Frame::pong(payload));
                }
            }
        }
        if head.key.is_none() && self.is(Fault::AnswersUnmasked) {
            return Err(Stop::Fail(1002));
        }
        Ok(())
    }

    fn close(&mut self, payload: Vec<u8>) -> Result<()> {
        let answer = match self.closing(&payload)? {
            _ if self.is(Fault::AlwaysSays1011) => Frame::close(1011, ""),
            None if self.is(Fault::Says1005) => Frame::close(1005, ""),
            None => Frame::new(CLOSE, ""),
            Some(code) => Frame::close(code, ""),
        };
        if let Some(unfinished) = self.unfinished.take().filter(|_| self.is(Fault::DeliversHalf)) {
            self.queue(Frame::new(unfinished.opcode, unfinished.data));
        }
        if self.is(Fault::CloseForgets) {
            self.queue.clear();
        }
        if self.is(Fault::JudgesAfterClose)
            && let Some(head) = Head::at_front(&self.buffer)
        {
            self.judge(&head)?;
        }
        if !self.is(Fault::CloseUnanswered) {
            self.queue(answer);
        }
        if self.is(Fault::GoesOnAfterClose) { Ok(()) } else { Err(Stop::Done) }
    }

    fn written(&mut self, frame: Frame) -> Vec<u8> {
        self.sent = self.sent.wrapping_add(0x9e37_79b9);
        let masks = self.client != self.is(Fault::Masks);
        let frame = match self.fault {
            _ if !masks => frame.unmasked(),
            Some(Fault::MasksAlike) => frame,
            _ => frame.masked_by(self.sent.to_be_bytes()),
        };
        let frame = if self.is(Fault::WritesLongLengths) { frame.length(Length::In64) } else { frame };
        frame.bytes()
    }

    pub(super) fn queue(&mut self, frame: Frame) {
        let bytes = self.written(frame);
        self.queue.push(bytes);
    }

    /// Sends what is queued, before more is read.
    pub(super) async fn flush(&mut self) -> Result<()> {
        if self.is(Fault::Reorders) {
            self.queue.reverse();
        }
        for bytes in std::mem::take(&mut self.queue) {
            self.io.write_all(&bytes).await.map_err(|_| Stop::Gone)?;
        }
        Ok(())
    }
}
