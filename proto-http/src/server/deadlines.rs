//! The times that a peer gets, and who watches them.
//!
//! A read of a request's body is timed by [`Timed`] itself. The loop of HTTP/2 looks at the [`Activity`] of its connection
//! after each poll; requests and the bodies of their answers note there what they do.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use ropewalk_core::{Error, Limits, Result};
use tokio::time::{Instant, Sleep, sleep_until};

/// The times that a peer gets. `None` takes the server's [`Limits`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Deadlines {
    /// From accept to the first byte. By default [`Limits::first_byte`].
    pub first_byte: Option<Duration>,
    /// From the first byte of a head to its end; also of the HTTP/2 preface. By default [`Limits::handshake`].
    pub head: Option<Duration>,
    /// What a request's body may keep us waiting, in all, beyond one second for each 500 octets that came. By
    /// default [`Limits::write`].
    pub body: Option<Duration>,
    /// Without the peer taking a byte that waits for it. By default [`Limits::write`].
    pub write: Option<Duration>,
    /// Between two requests. By default [`Limits::idle`], but 75 s at most.
    pub idle: Option<Duration>,
}

/// [`Deadlines`] that have been settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) first_byte: Duration,
    pub(super) head: Duration,
    pub(super) body: Duration,
    pub(super) write: Duration,
    pub(super) idle: Duration,
}

impl Deadlines {
    pub(super) fn settle(&self, limits: &Limits) -> Times {
        let settle = |own: Option<Duration>, limit: Duration| own.unwrap_or(limit).min(FOREVER);
        Times {
            first_byte: settle(self.first_byte, limits.first_byte),
            head: settle(self.head, limits.handshake),
            body: settle(self.body, limits.write),
            write: settle(self.write, limits.write),
            idle: settle(self.idle, limits.idle.min(Duration::from_secs(75))),
        }
    }
}

/// A limit that was lifted is `Duration::MAX`, which no clock can be moved on by.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What goes on in a connection now.
pub(super) struct Activity(Mutex<State>);

struct State {
    /// Requests that are being answered.
    open: usize,
    /// When the last of them was done, or the connection began.
    idle_since: Instant,
    /// Answers that wait for the peer to take what they gave, by number.
    untaken: BTreeMap<u64, Instant>,
    last: u64,
}

/// What a connection waits for, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A request.
    Idle(Instant),
    /// Us; or the peer, to take an answer's data, the oldest of which was given then.
    Busy(Option<Instant>),
}

impl Activity {
    pub(super) fn new() -> Self {
        let idle_since = Instant::now();
        Self(Mutex::new(State { open: 0, idle_since, untaken: BTreeMap::new(), last: 0 }))
    }

    pub(super) fn phase(&self) -> Phase {
        let state = self.lock();
        match state.open {
            0 => Phase::Idle(state.idle_since),
            _ => Phase::Busy(state.untaken.values().min().copied()),
        }
    }

    /// A head is complete; gives the request's number.
    pub(super) fn begin(&self) -> u64 {
        let mut state = self.lock();
        state.open += 1;
        state.last += 1;
        state.last
    }

    /// An answer is complete, or given up.
    pub(super) fn end(&self, number: u64) {
        let mut state = self.lock();
        state.untaken.remove(&number);
        state.open = state.open.saturating_sub(1);
        if state.open == 0 {
            state.idle_since = Instant::now();
        }
    }

    /// An answer gave data, and has not been asked for more.
    pub(super) fn gave(&self, number: u64) {
        self.lock().untaken.insert(number, Instant::now());
    }

    /// An answer was asked for more: what it gave was taken. Gives how many others there are that still wait for that.
    pub(super) fn taken(&self, number: u64) -> usize {
        let mut state = self.lock();
        state.untaken.remove(&number);
        state.untaken.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A timer for a deadline that moves: set anew only when it fires early or the deadline comes nearer.
#[derive(Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready when `at` has passed.
    pub(crate) fn poll(&mut self, cx: &mut Poller<'_>, at: Instant) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        loop {
            if at < sleep.deadline() {
                sleep.as_mut().reset(at);
            }
            match sleep.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if sleep.deadline() >= at => return Poll::Ready(()),
                Poll::Ready(()) => sleep.as_mut().reset(at),
            }
        }
    }
}

/// Octets of a body that earn the peer a second.
const OCTETS_PER_SECOND: u64 = 500;

/// A request's body that fails with the limit `body` where the peer keeps us waiting. Time in which nobody asks
/// for more is not the peer's.
pub(super) struct Timed<B> {
    body: B,
    patience: Duration,
    octets: u64,
    waited: Duration,
    since: Option<Instant>,
    alarm: Alarm,
}

impl<B> Timed<B> {
    pub(super) fn new(body: B, patience: Duration) -> Self {
        Self { body, patience, octets: 0, waited: Duration::ZERO, since: None, alarm: Alarm::default() }
    }

    /// When the wait that began at `since` has been too long: the whole budget is for all waits, and no single
    /// one may be longer than the patience itself.
    fn deadline(&self, since: Instant) -> Instant {
        let earned = Duration::from_millis(self.octets.saturating_mul(1000) / OCTETS_PER_SECOND);
        let left = (self.patience + earned).saturating_sub(self.waited);
        since + left.min(self.patience)
    }
}

impl<B: HttpBody<Data = Bytes, Error = Error> + Unpin> HttpBody for Timed<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                if let Some(since) = this.since.take() {
                    this.waited += since.elapsed();
                }
                if let Some(Ok(frame)) = &frame {
                    this.octets += frame.data_ref().map_or(0, Bytes::len) as u64;
                }
                Poll::Ready(frame)
            }
            Poll::Pending => {
                let since = *this.since.get_or_insert_with(Instant::now);
                let at = this.deadline(since);
                this.alarm.poll(cx, at).map(|()| Some(Err(Error::limit("body", "request body too slow"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifted_limit_can_be_added_to_the_time() {
        let mut limits = Limits::default();
        limits.first_byte = Duration::MAX;
        limits.handshake = Duration::MAX;
        limits.write = Duration::MAX;
        let times = Deadlines { idle: Some(Duration::MAX), ..Deadlines::default() }.settle(&limits);
        for time in [times.first_byte, times.head, times.body, times.write, times.idle] {
            assert!(Instant::now().checked_add(time * 2).is_some());
        }
    }
}
