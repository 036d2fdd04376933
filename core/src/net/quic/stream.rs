use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use quinn::{ReadError, RecvStream, SendStream, WriteError};
use tokio::time::{Instant, timeout, timeout_at};

use super::{SENT, gone};
use crate::telemetry::ByteCounters;
use crate::{Error, Result};

/// Octets that a peer has to take in a second, not to be one that does not read.
const SLOW: u64 = 500;

/// A stream of a connection of QUIC, for both directions.
///
/// Dropping it refuses what the peer still sends; before it was [finished](Self::finish) it resets it too, so that the peer does
/// not take a part for the whole.
pub struct QuicStream {
    send: SendStream,
    recv: RecvStream,
    write: Duration,
    totals: Option<ByteCounters>,
    is_finished: bool,
    dropped: u32,
}

impl QuicStream {
    pub(super) fn new(
        send: SendStream,
        recv: RecvStream,
        write: Duration,
        totals: Option<ByteCounters>,
    ) -> Self {
        Self { send, recv, write, totals, is_finished: false, dropped: 0 }
    }

    /// The same, where dropping it says this code.
    #[must_use]
    pub fn dropped_with(mut self, code: u32) -> Self {
        self.dropped = code;
        self
    }

    /// The next octets, `most` at most; none at the end. Cancel-safe. The caller bounds its time.
    ///
    /// # Errors
    /// Where the peer gave the stream up, or the connection has ended.
    pub async fn read(&mut self, most: usize) -> Result<Option<Bytes>> {
        let read = self.recv.read_chunk(most, true).await.map_err(|error| match error {
            ReadError::ConnectionLost(error) => gone(error),
            ReadError::Reset(code) => Error::peer(format!("the peer gave the stream up with {code}")),
            error => Error::local("the stream cannot be read").caused_by(error),
        })?;
        if let (Some(totals), Some(chunk)) = (&self.totals, &read) {
            totals.read(chunk.bytes.len() as u64);
        }
        Ok(read.map(|chunk| chunk.bytes))
    }

    /// Writes all of it, waiting for the peer as long as [`Limits::write`](crate::Limits::write) allows.
    ///
    /// # Errors
    /// Where the peer does not want it, does not take it in time, or the connection has ended.
    pub async fn write_all(&mut self, octets: &[u8]) -> Result<()> {
        let begun = Instant::now();
        let mut taken = 0;
        while let Some(rest) = octets.get(taken..).filter(|rest| !rest.is_empty()) {
            // What is on its way may not have been taken.
            let reached = (taken as u64).saturating_sub(SENT);
            let until = begun + self.write.saturating_add(Duration::from_secs(reached / SLOW));
            let late = |_| Error::limit("write", "the peer does not read");
            let written = timeout_at(until, self.send.write(rest)).await.map_err(late)?;
            taken += written.map_err(|error| match error {
                WriteError::ConnectionLost(error) => gone(error),
                WriteError::Stopped(code) => Error::peer(format!("the peer wants no more, with {code}")),
                error => Error::local("the stream cannot be written").caused_by(error),
            })?;
        }
        if let Some(totals) = &self.totals {
            totals.written(octets.len() as u64);
        }
        Ok(())
    }

    /// Says that this was all.
    pub fn finish(&mut self) {
        self.is_finished = true;
        // One that is finished or was reset already is over too.
        let _ = self.send.finish();
    }

    /// Waits until the peer has all of it after the [end](Self::finish), or does not want it: where the connection is closed
    /// before that, the peer may never see it. No longer than [`Limits::write`](crate::Limits::write).
    pub async fn delivered(&mut self) {
        // Whichever way it went.
        let _ = timeout(self.write, self.send.stopped()).await;
    }

    /// Waits until the peer says that it wants no more of what is written here, or the connection has ended.
    pub fn unwanted(&self) -> impl Future<Output = ()> + Send + 'static {
        let stopped = self.send.stopped();
        async {
            // Why is all the same.
            let _ = stopped.await;
        }
    }
}

impl Drop for QuicStream {
    fn drop(&mut self) {
        // What has ended already is not given up any more.
        if !self.is_finished {
            let _ = self.send.reset(self.dropped.into());
        }
        let _ = self.recv.stop(self.dropped.into());
    }
}

impl fmt::Debug for QuicStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("QuicStream").field(&self.recv.id()).finish()
    }
}
