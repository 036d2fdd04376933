use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context as Poller, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use ropewalk_core::Error as Cause;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::Phase;
use super::dial::{late, until};
use super::error::blame;
use super::pool::Lease;
use crate::{Body, FileRange};

/// A frame of content that comes in, or why there is none.
pub(super) type Framed = Poll<Option<Result<Frame<Bytes>, Cause>>>;

/// The same content once more, where it can be sent twice.
pub(super) fn again(body: &Body) -> Option<Body> {
    match body {
        Body::Bytes(bytes) => Some(Body::Bytes(bytes.clone())),
        Body::File(file) => Some(Body::File(FileRange::new(Arc::clone(&file.file), file.offset, file.len))),
        Body::Stream(_) => None,
    }
}

/// The content of a request on its way out, and how far it is.
pub(super) struct Sending {
    body: Body,
    progress: Arc<Progress>,
    /// Runs while the server is to say that it wants it.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// When the connection last took something of a request's content.
pub(super) struct Progress {
    begun: Instant,
    /// Milliseconds after that.
    last: AtomicU64,
    whole: AtomicBool,
    failed: AtomicBool,
    flow: AtomicU8,
    /// How long it is held.
    patience: OnceLock<Duration>,
    waker: AtomicWaker,
}

/// The content goes out.
const FLOWS: u8 = 0;
/// It waits for the server to want it.
const HELD: u8 = 1;
/// The server wants no more of it.
const PAUSED: u8 = 2;
/// Nobody waits for what becomes of it.
const OVER: u8 = 3;

impl Progress {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            last: AtomicU64::new(0),
            whole: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            flow: AtomicU8::new(FLOWS),
            patience: OnceLock::new(),
            waker: AtomicWaker::new(),
        })
    }

    /// Sends nothing until the server wants it, or this time is over.
    pub(super) fn hold(&self, patience: Duration) {
        // Nothing has been sent yet: this is the first time.
        self.patience.get_or_init(|| patience);
        self.flow.store(HELD, Ordering::Relaxed);
    }

    /// The server wants it.
    pub(super) fn go_on(&self) {
        self.turn(HELD, FLOWS);
    }

    /// The server has answered, and wants no more of it: the rest is not sent.
    pub(super) fn pause(&self) {
        self.flow.store(PAUSED, Ordering::Release);
        self.waker.wake();
    }

    /// The answer has been read, or nobody wants it.
    pub(super) fn give_up(&self) {
        self.turn(PAUSED, OVER);
    }

    fn turn(&self, from: u8, to: u8) {
        let turned = self.flow.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed);
        if turned.is_ok() {
            self.waker.wake();
        }
    }

    pub(super) fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Whether all of the content has been taken.
    pub(super) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }

    /// Whether the content could not be had from our side.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    fn note(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }
}

impl Sending {
    pub(super) fn new(body: Body, progress: Arc<Progress>) -> Self {
        let this = Self { body, progress, alarm: None };
        this.look();
        this
    }

    /// What has not been sent.
    pub(super) fn into_body(self) -> Body {
        self.body
    }

    /// Whether more of it may be sent; an error where nobody waits for what becomes of it.
    fn poll_flow(&mut self, cx: &mut Poller<'_>) -> Poll<Result<(), Cause>> {
        self.progress.waker.register(cx.waker());
        match self.progress.flow.load(Ordering::Acquire) {
            HELD => {
                let patience = *self.progress.patience.get_or_init(Duration::default);
                let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(patience)));
                ready!(alarm.as_mut().poll(cx));
                // RFC 9110 §10.1.1: it is not waited for for ever.
                self.progress.go_on();
                Poll::Ready(Ok(()))
            }
            PAUSED => Poll::Pending,
            OVER => Poll::Ready(Err(Cause::peer("the server wanted no more"))),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn look(&self) {
        if self.body.is_end_stream() {
            self.progress.whole.store(true, Ordering::Relaxed);
        }
    }
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Framed {
        if let Err(over) = ready!(self.poll_flow(cx)) {
            return Poll::Ready(Some(Err(over)));
        }
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(frame) = &frame {
            self.progress.note();
            match frame {
                None => self.progress.whole.store(true, Ordering::Relaxed),
                Some(Ok(_)) => self.look(),
                Some(Err(_)) => self.progress.failed.store(true, Ordering::Relaxed),
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        HttpBody::size_hint(&self.body)
    }
}

/// The content of an answer as it comes in. At its end the connection is given back.
pub(super) struct Receiving {
    incoming: Incoming,
    /// Without an octet.
    idle: Duration,
    by: Option<Instant>,
    /// Runs while the peer keeps us waiting, and not while our reader does.
    alarm: Option<Pin<Box<Sleep>>>,
    lease: Option<Lease>,
    ended: bool,
}

impl Receiving {
    pub(super) fn new(incoming: Incoming, idle: Duration, by: Option<Instant>, lease: Lease) -> Self {
        let ended = incoming.is_end_stream();
        let mut this = Self { incoming, idle, by, alarm: None, lease: Some(lease), ended };
        if ended {
            this.end();
        }
        this
    }

    fn end(&mut self) {
        self.ended = true;
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    /// The connection is closed with the engine's handle, at once.
    fn fail(&mut self, cause: Cause) -> Framed {
        self.ended = true;
        self.lease = None;
        Poll::Ready(Some(Err(Phase::Body.failed(cause).into())))
    }
}

impl HttpBody for Receiving {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Framed {
        if self.ended {
            return Poll::Ready(None);
        }
        // A peer that never lets us wait has an end too.
        if self.by.is_some_and(|by| by <= Instant::now()) {
            let cause = late(Phase::Body, self.idle, self.by);
            return self.fail(cause);
        }
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.alarm = None;
                if self.incoming.is_end_stream() {
                    self.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => self.fail(blame(error)),
            Poll::Pending => {
                let until = until(Instant::now(), self.idle, self.by);
                let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
                if alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                let cause = late(Phase::Body, self.idle, self.by);
                self.fail(cause)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        if self.ended { SizeHint::with_exact(0) } else { self.incoming.size_hint() }
    }
}
