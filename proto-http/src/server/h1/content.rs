//! The content of a request: the task that owns the connection reads it when the handler asks for it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Poller, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use ropewalk_core::{Error, Result};

use super::super::pipeline::SKIP;
use super::chunked::{Decoder, Step};
use super::head::Framing;
use super::link::Link;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The handler's side: one frame at a time, made when it is asked for.
pub(super) struct Incoming(Option<Arc<Mutex<Slot>>>);

/// What both sides see.
#[derive(Default)]
struct Slot {
    frame: Option<Result<Frame<Bytes>>>,
    is_wanted: bool,
    /// Nothing comes after the frame that is here.
    is_over: bool,
    /// Octets that the handler has not got, where that is known.
    left: Option<u64>,
    reader: Option<Waker>,
    driver: Option<Waker>,
}

impl Incoming {
    fn slot(&self) -> Option<MutexGuard<'_, Slot>> {
        self.0.as_deref().map(lock)
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the waker of this task, in place of that of another.
fn keep(place: &mut Option<Waker>, cx: &Poller<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

/// Wakes whoever waits there, unless it is this very task.
fn wake(place: Option<&Waker>, cx: &Poller<'_>) {
    if let Some(waker) = place.filter(|waker| !waker.will_wake(cx.waker())) {
        waker.wake_by_ref();
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let Some(mut slot) = self.slot() else { return Poll::Ready(None) };
        if let Some(frame) = slot.frame.take() {
            let octets = frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
            slot.left = slot.left.map(|left| left.saturating_sub(octets));
            return Poll::Ready(Some(frame));
        }
        if slot.is_over {
            return Poll::Ready(None);
        }
        slot.is_wanted = true;
        keep(&mut slot.reader, cx);
        wake(slot.driver.as_ref(), cx);
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.slot().is_none_or(|slot| slot.is_over && slot.frame.is_none())
    }

    fn size_hint(&self) -> SizeHint {
        match self.slot() {
            None => SizeHint::with_exact(0),
            Some(slot) => slot.left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// The connection's side.
pub(super) struct Content {
    slot: Arc<Mutex<Slot>>,
    coding: Coding,
    expects: Expects,
    state: State,
}

enum Coding {
    Length(u64),
    Chunked(Decoder),
}

/// What becomes of a client's `Expect: 100-continue` (RFC 9110 §10.1.1).
#[derive(PartialEq)]
enum Expects {
    Nothing,
    Continue,
    /// It is being said.
    Saying,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Done,
    /// What came is no content: nothing after it can be understood.
    Broken,
}

impl Content {
    /// Both sides of a content; only the handler's where there is none.
    pub(super) fn new(framing: Framing, expects: bool) -> (Option<Box<Self>>, Incoming) {
        let (coding, left) = match framing {
            Framing::Length(0) => return (None, Incoming(None)),
            Framing::Length(length) => (Coding::Length(length), Some(length)),
            Framing::Chunked => (Coding::Chunked(Decoder::default()), None),
        };
        let slot = Arc::new(Mutex::new(Slot { left, ..Slot::default() }));
        let expects = if expects { Expects::Continue } else { Expects::Nothing };
        let content = Self { slot: Arc::clone(&slot), coding, expects, state: State::Open };
        (Some(Box::new(content)), Incoming(Some(slot)))
    }

    /// Brings the handler what it asked for. Pending where it asked for nothing, or that has not come.
    pub(super) fn poll_drive(&mut self, cx: &mut Poller<'_>, link: &mut Link) -> Poll<()> {
        {
            let mut slot = lock(&self.slot);
            if !slot.is_wanted {
                keep(&mut slot.driver, cx);
                return Poll::Pending;
            }
        }
        let next = ready!(self.poll_next(cx, link));
        let mut slot = lock(&self.slot);
        slot.is_wanted = false;
        slot.is_over = self.state != State::Open;
        slot.frame = next.transpose();
        wake(slot.reader.take().as_ref(), cx);
        Poll::Ready(())
    }

    fn poll_next(&mut self, cx: &mut Poller<'_>, link: &mut Link) -> Poll<Result<Option<Frame<Bytes>>>> {
        loop {
            match self.decode(&mut link.input) {
                Ok(Step::Data(data)) => return Poll::Ready(Ok(Some(Frame::data(data)))),
                Ok(Step::End(trailers)) if trailers.is_empty() => return Poll::Ready(Ok(None)),
                Ok(Step::End(trailers)) => return Poll::Ready(Ok(Some(Frame::trailers(trailers)))),
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Step::More) => {}
            }
            if self.expects == Expects::Continue {
                link.front.extend_from_slice(CONTINUE);
                self.expects = Expects::Saying;
            }
            let read = match self.expects {
                Expects::Saying => ready!(link.poll_flush(cx)).map(|()| self.expects = Expects::Nothing),
                _ => Ok(()),
            };
            let read = match read {
                Ok(()) => ready!(link.poll_fill(cx)),
                Err(error) => Err(error),
            };
            if !matches!(read, Ok(1..)) {
                self.state = State::Broken;
                return Poll::Ready(read.and_then(|_| Err(Error::peer("the content is cut short"))));
            }
        }
    }

    fn decode(&mut self, input: &mut BytesMut) -> Result<Step> {
        match &mut self.coding {
            Coding::Length(0) => Ok(Step::End(http::HeaderMap::new())),
            Coding::Length(_) if input.is_empty() => Ok(Step::More),
            Coding::Length(left) => {
                let octets = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= octets as u64;
                if *left == 0 {
                    self.state = State::Done;
                }
                Ok(Step::Data(input.split_to(octets).freeze()))
            }
            Coding::Chunked(decoder) => {
                let step = decoder.decode(input);
                match &step {
                    Ok(Step::End(_)) => self.state = State::Done,
                    Err(_) => self.state = State::Broken,
                    Ok(_) => {}
                }
                step
            }
        }
    }

    /// Says 100 before an answer that may be made of this content: in the midst of the answer, it would be taken for
    /// a part of that. RFC 9110 §7.8: also before one that switches to another protocol, whoever wants the content.
    pub(super) fn invite(&mut self, link: &mut Link, switches: bool) {
        if self.state == State::Open && self.expects == Expects::Continue && (switches || self.is_held()) {
            link.front.extend_from_slice(CONTINUE);
            self.expects = Expects::Nothing;
        }
    }

    /// Whether somebody may still read it.
    fn is_held(&self) -> bool {
        Arc::strong_count(&self.slot) > 1
    }

    /// Passes over what has come already, if nobody is going to read it. Whether it was content, as far as it goes.
    pub(super) fn skip_here(&mut self, input: &mut BytesMut) -> bool {
        while self.state == State::Open && !self.is_held() {
            match self.decode(input) {
                Ok(Step::Data(_)) => {}
                Ok(Step::More | Step::End(_)) => break,
                Err(_) => return false,
            }
        }
        true
    }

    /// Whether what is left of it will be read, or is worth reading, so that the connection can go on.
    pub(super) fn can_be_skipped(&self) -> bool {
        match (self.state, &self.coding) {
            (State::Done, _) => true,
            (State::Broken, _) => false,
            (State::Open, _) if self.is_held() => true,
            // Whether the client is going to send it, now that it has its answer, is not known.
            (State::Open, _) if self.expects != Expects::Nothing => false,
            (State::Open, Coding::Length(left)) => *left <= SKIP,
            (State::Open, Coding::Chunked(_)) => true,
        }
    }

    /// Reads what is left of it, if that is not too much. Whether its end was found.
    pub(super) fn poll_skip(
        &mut self,
        cx: &mut Poller<'_>,
        link: &mut Link,
        skipped: &mut u64,
    ) -> Poll<bool> {
        while self.state == State::Open && *skipped <= SKIP {
            if let Ok(Some(frame)) = ready!(self.poll_next(cx, link)) {
                *skipped += frame.data_ref().map_or(0, Bytes::len) as u64;
            }
        }
        Poll::Ready(self.state == State::Done)
    }
}

impl Drop for Content {
    /// Whoever has kept the handler's side is told.
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        if !slot.is_over {
            slot.is_over = true;
            slot.frame.get_or_insert_with(|| Err(Error::local("the request is over")));
        }
        if let Some(reader) = slot.reader.take() {
            reader.wake();
        }
    }
}
