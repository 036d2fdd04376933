//! Bytes that go past a [`Connection`]: from a file's descriptor to its socket, and never through us.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::SendFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::Connection;
use crate::{Error, Result};

/// Octets that earn a slow reader another second.
const OCTETS_PER_SECOND: u64 = 500;

/// The deadlines of what is sent past a connection: those of [`Pace::write`](super::Pace::write) and
/// [`Pace::end`](super::Pace::end), which do not see it.
///
/// One value is for one body; its calls are for connections whose [`Connection::as_tcp`] there is.
#[derive(Debug)]
pub struct SendFile {
    longest: Duration,
    stalled: Duration,
    end: Option<Instant>,
    /// Nothing was sent yet: there is room, though nobody has asked the kernel.
    fresh: bool,
}

impl SendFile {
    /// The peer may keep octets waiting for this long, and until the connection's time is over.
    pub fn new(conn: &Connection, longest: Duration) -> Self {
        Self { longest, stalled: Duration::ZERO, end: conn.ends_at(), fresh: true }
    }

    /// Sends some of these octets, to leave together with what follows them. Returns how many.
    ///
    /// # Errors
    /// A limit where the peer takes nothing for too long; the peer's where it has gone; ours where there is no socket.
    pub async fn front(&mut self, conn: &mut Connection, octets: &[u8]) -> Result<usize> {
        let socket = conn.as_tcp().ok_or_else(gone)?;
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        let sent = self.paced(socket, || rustix::net::send(socket, octets, flags)).await?;
        conn.sent_past(sent as u64);
        Ok(sent)
    }

    /// Sends at most `most` octets of a file from `offset` on, as the socket has room for them. Returns how many;
    /// 0 is the end of the file.
    ///
    /// # Errors
    /// As [`front`](Self::front), and where the file cannot be read.
    pub async fn slice(
        &mut self,
        conn: &mut Connection,
        file: BorrowedFd<'_>,
        offset: u64,
        most: u64,
    ) -> Result<u64> {
        let socket = conn.as_tcp().ok_or_else(gone)?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let call = || rustix::fs::sendfile(socket, file, Some(&mut offset.clone()), most);
        let sent = self.paced(socket, call).await? as u64;
        conn.sent_past(sent);
        Ok(sent)
    }

    /// Sends by this call when the socket has room.
    async fn paced(
        &mut self,
        socket: &TcpStream,
        mut call: impl FnMut() -> Result<usize, Errno>,
    ) -> Result<usize> {
        let begun = Instant::now();
        let late = begun + self.longest.saturating_sub(self.stalled);
        let end = self.end.filter(|end| *end <= late);
        if std::mem::take(&mut self.fresh) && end.is_none_or(|end| end > begun) {
            match call() {
                Err(Errno::AGAIN | Errno::INTR) => {}
                sent => return Ok(sent.map_err(io::Error::from)?),
            }
        }
        // A socket that always has room never waits for a deadline.
        if end.is_none_or(|end| end > begun) {
            let sent = socket.async_io(Interest::WRITABLE, || call().map_err(io::Error::from));
            if let Ok(sent) = timeout_at(end.unwrap_or(late), sent).await {
                let octets = sent?;
                self.took(octets, begun.elapsed());
                return Ok(octets);
            }
        }
        Err(match end {
            Some(_) => Error::limit("connection", "connection open for too long"),
            None => Error::limit("write", "peer takes too little"),
        })
    }

    fn took(&mut self, octets: usize, after: Duration) {
        let earned = Duration::from_millis((octets as u64).saturating_mul(1000) / OCTETS_PER_SECOND);
        self.stalled = (self.stalled + after).saturating_sub(earned);
    }
}

fn gone() -> Error {
    Error::local("the socket is gone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_octets_now_and_then_use_patience_up_and_a_fair_rate_does_not() {
        for (octets, is_left) in [(100, false), (5000, true)] {
            let longest = Duration::from_secs(30);
            let mut patience = SendFile { longest, stalled: Duration::ZERO, end: None, fresh: true };
            (0..10).for_each(|_| patience.took(octets, Duration::from_secs(5)));
            assert_eq!(patience.stalled < patience.longest, is_left, "{octets}");
        }
    }
}
