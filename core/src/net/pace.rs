use std::io;
use std::pin::Pin;
use std::task::{Context as Poller, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::bucket::Bucket;
use crate::Error;

/// Writes down what goes over a connection.
pub trait Record: Send + 'static {
    /// The peer sent this.
    fn read(&mut self, bytes: &[u8]);
    /// We sent this.
    fn written(&mut self, bytes: &[u8]);
}

/// Deadlines, rates and transcript of one connection.
///
/// Deadlines are absolute and kept lazily: progress only notes the time, and a timer that fires early is
/// set anew. Each waiting side has its own timer, since both may be waited for in different tasks.
pub struct Pace {
    first_byte: Option<Instant>,
    idle: Option<Duration>,
    end: Option<Instant>,
    write: Option<Duration>,
    last: Instant,
    write_since: Option<Instant>,
    stalled: Duration,
    read_timer: Timer,
    write_timer: Timer,
    read_rate: Option<Bucket>,
    write_rate: Option<Bucket>,
    record: Option<Box<dyn Record>>,
    sniff: Option<Sniff>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_byte: None,
            idle: None,
            end: None,
            write: None,
            last: Instant::now(),
            write_since: None,
            stalled: Duration::ZERO,
            read_timer: Timer(None),
            write_timer: Timer(None),
            read_rate: None,
            write_rate: None,
            record: None,
            sniff: None,
        }
    }
}

impl Pace {
    /// The peer's first byte is here within this time from now, or reading fails.
    pub fn first_byte(&mut self, within: Duration) {
        self.first_byte = after(Instant::now(), within);
    }

    /// No longer than this without a byte in either direction.
    pub fn idle(&mut self, longest: Duration) {
        self.idle = Some(longest);
        self.last = Instant::now();
    }

    /// The peer keeps bytes that are for it waiting no longer than this, and a second more for each 500 that it
    /// takes: neither by taking none, nor by taking a few now and then.
    pub fn write(&mut self, longest: Duration) {
        self.write = Some(longest);
    }

    /// The whole connection ends within this time from now.
    pub fn end(&mut self, within: Duration) {
        self.end = after(Instant::now(), within);
    }

    /// At most this many octets a second each way, after a burst of little more than one second's worth.
    pub fn rate(&mut self, octets_per_second: u64) {
        self.read_rate = Some(Bucket::new(octets_per_second));
        self.write_rate = Some(Bucket::new(octets_per_second));
    }

    /// Says in the log, once, if the peer's first bytes are a TLS ClientHello, which this plain connection
    /// does not speak.
    pub fn sniff_tls(&mut self) {
        self.sniff = Some(Sniff::default());
    }

    pub(crate) fn record(&mut self, to: Box<dyn Record>) {
        self.record = Some(to);
    }

    /// Whether bytes may be sent past the connection unseen.
    pub(crate) fn lets_past(&self) -> bool {
        self.write_rate.is_none() && self.record.is_none()
    }

    /// Octets went past the connection.
    pub(crate) fn has_moved(&mut self) {
        self.last = Instant::now();
    }

    /// Octets came past the connection.
    pub(crate) fn has_received(&mut self) {
        self.has_moved();
        self.first_byte = None;
        self.sniff = None;
    }

    pub(crate) fn is_limited_to(&self) -> Option<u64> {
        self.write_rate.as_ref().map(Bucket::rate)
    }

    #[cfg(feature = "quic")]
    pub(crate) fn write_limit(&self) -> Option<Duration> {
        self.write
    }

    pub(crate) fn ends_at(&self) -> Option<Instant> {
        self.end
    }

    pub(crate) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Poller<'_>,
        io: &mut S,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_turn(cx, self.read_rate.as_mut(), &mut self.read_timer, self.end))?;
        let before = buf.filled().len();
        let polled = match &self.read_rate {
            None => Pin::new(io).poll_read(cx, buf),
            Some(rate) => {
                let most = rate.most().min(buf.remaining());
                let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
                let polled = Pin::new(io).poll_read(cx, &mut part);
                let octets = part.filled().len();
                buf.advance(octets);
                polled
            }
        };
        match polled {
            Poll::Ready(Ok(())) => {
                let new = buf.filled().get(before..).unwrap_or_default();
                self.has_read(new);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_read_deadline(cx).map(Err),
        }
    }

    fn has_read(&mut self, new: &[u8]) {
        if new.is_empty() {
            return;
        }
        self.last = Instant::now();
        if let Some(sniff) = &mut self.sniff
            && sniff.is_done_with(new)
        {
            self.sniff = None;
        }
        self.first_byte = None;
        if let Some(rate) = &mut self.read_rate {
            rate.take(self.last, new.len() as u64);
        }
        if let Some(record) = &mut self.record {
            record.read(new);
        }
    }

    /// The deadline of the reading side that comes first, and what to say when it has passed.
    fn read_deadline(&self) -> Option<(Instant, &'static str, &'static str)> {
        let idle = self.idle.and_then(|idle| Some((after(self.last, idle)?, "idle", "idle for too long")));
        let first = self.first_byte.map(|at| (at, "first_byte", "no first byte in time"));
        let end = self.end.map(|at| (at, "connection", TOO_LONG));
        [first, idle, end].into_iter().flatten().min_by_key(|(at, ..)| *at)
    }

    fn poll_read_deadline(&mut self, cx: &mut Poller<'_>) -> Poll<io::Error> {
        while let Some((at, limit, message)) = self.read_deadline() {
            if self.read_timer.poll(cx, at).is_pending() {
                return Poll::Pending;
            }
            if self.read_deadline().is_some_and(|(at, ..)| at <= Instant::now()) {
                return Poll::Ready(Error::limit(limit, message).into());
            }
        }
        Poll::Pending
    }

    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Poller<'_>,
        io: &mut S,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(poll_turn(cx, self.write_rate.as_mut(), &mut self.write_timer, self.end))?;
        // Past a rate, a single slice keeps one write from taking minutes' worth of tokens.
        let most = self.write_rate.as_ref().map_or(usize::MAX, Bucket::most);
        let polled = match bufs.iter().find(|b| !b.is_empty()) {
            Some(first) if self.write_rate.is_some() => {
                Pin::new(io).poll_write(cx, first.get(..first.len().min(most)).unwrap_or_default())
            }
            _ => Pin::new(io).poll_write_vectored(cx, bufs),
        };
        match polled {
            Poll::Ready(Ok(octets)) => {
                self.has_written(bufs, octets);
                Poll::Ready(Ok(octets))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_write_deadline(cx).map(Err),
        }
    }

    fn has_written(&mut self, bufs: &[io::IoSlice<'_>], octets: usize) {
        self.last = Instant::now();
        if let Some(since) = self.write_since.take() {
            self.stalled += self.last.saturating_duration_since(since);
        }
        let earned = Duration::from_millis((octets as u64).saturating_mul(1000) / OCTETS_PER_SECOND);
        self.stalled = self.stalled.saturating_sub(earned);
        if let Some(rate) = &mut self.write_rate {
            rate.take(self.last, octets as u64);
        }
        if let Some(record) = &mut self.record {
            let mut left = octets;
            for buf in bufs {
                let part = buf.get(..left.min(buf.len())).unwrap_or_default();
                record.written(part);
                left -= part.len();
            }
        }
    }

    /// For a write, flush or close that the peer does not take.
    fn poll_write_deadline(&mut self, cx: &mut Poller<'_>) -> Poll<io::Error> {
        let since = *self.write_since.get_or_insert_with(Instant::now);
        let write = self.write.and_then(|longest| {
            let left = longest.saturating_sub(self.stalled);
            Some((after(since, left)?, "write", "peer takes too little"))
        });
        let end = self.end.map(|at| (at, "connection", TOO_LONG));
        let Some((at, limit, message)) = [write, end].into_iter().flatten().min_by_key(|(at, ..)| *at) else {
            return Poll::Pending;
        };
        ready!(self.write_timer.poll(cx, at));
        // Whoever writes again in spite of it waits anew.
        self.write_since = None;
        self.stalled = Duration::ZERO;
        Poll::Ready(Error::limit(limit, message).into())
    }

    pub(crate) fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Poller<'_>,
        io: &mut S,
    ) -> Poll<io::Result<()>> {
        match Pin::new(io).poll_flush(cx) {
            Poll::Ready(done) => {
                self.write_since = None;
                Poll::Ready(done)
            }
            Poll::Pending => self.poll_write_deadline(cx).map(Err),
        }
    }

    pub(crate) fn poll_shutdown<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Poller<'_>,
        io: &mut S,
    ) -> Poll<io::Result<()>> {
        match Pin::new(io).poll_shutdown(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => self.poll_write_deadline(cx).map(Err),
        }
    }
}

/// Octets that earn a slow reader another second.
const OCTETS_PER_SECOND: u64 = 500;

const TOO_LONG: &str = "connection open for too long";

/// The time after that long; `None` for one that never comes, which is how a limit is lifted.
fn after(at: Instant, long: Duration) -> Option<Instant> {
    at.checked_add(long)
}

/// Waits until the rate lets more pass. Fails when the connection's time is over, also while bytes flow.
fn poll_turn(
    cx: &mut Poller<'_>,
    rate: Option<&mut Bucket>,
    timer: &mut Timer,
    end: Option<Instant>,
) -> Poll<io::Result<()>> {
    if let Some(until) = rate.and_then(|rate| rate.wait_until(Instant::now())) {
        ready!(timer.poll(cx, end.map_or(until, |end| end.min(until))));
    }
    match end {
        Some(end) if end <= Instant::now() => Poll::Ready(Err(Error::limit("connection", TOO_LONG).into())),
        _ => Poll::Ready(Ok(())),
    }
}

/// The peer's first bytes, as far as they came.
#[derive(Default)]
struct Sniff {
    seen: [u8; 3],
    len: usize,
}

impl Sniff {
    /// Whether enough was seen; if it is TLS, that was said.
    fn is_done_with(&mut self, new: &[u8]) -> bool {
        for (place, byte) in self.seen.iter_mut().skip(self.len).zip(new) {
            *place = *byte;
            self.len += 1;
        }
        // RFC 8446 §5.1: a handshake record (22), legacy version 3.x.
        let is_tls = self.len == 3 && matches!(self.seen, [0x16, 0x03, 0x00..=0x04]);
        if is_tls {
            tracing::warn!(
                "the peer speaks TLS on a port that does not: use a tls: endpoint, or a plain client"
            );
        }
        self.len == 3
    }
}

/// A timer that is made when first needed.
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    fn poll(&mut self, cx: &mut Poller<'_>, at: Instant) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
