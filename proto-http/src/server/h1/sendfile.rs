//! Files that the kernel sends: their octets never come to us.

use std::io;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use ropewalk_core::data::files::FileHandle;
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Result};
use rustix::io::Errno;
use rustix::net::SendFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout_at};

use super::super::FileRange;
use super::link::Link;
use super::transmit::flush;

/// Octets that are sent before others get their turn.
const SLICE: u64 = 2 * 1024 * 1024;
/// Octets that earn a slow reader another second.
const OCTETS_PER_SECOND: u64 = 500;
/// Octets that are read at once where a file is not in memory.
const READ: u64 = 256 * 1024;

/// Whether this file can go this way: from a descriptor to a socket with nothing between them.
pub(super) fn can(conn: &Connection, file: &FileRange) -> bool {
    conn.as_tcp().is_some() && file.file.as_fd().is_some()
}

/// Sends what is in front of `link`, and this part of a file.
///
/// # Errors
/// Where the peer takes nothing for as long as `patience`, the connection's time is over, or the file shrank: what was
/// promised cannot be kept.
pub(super) async fn send(
    link: &mut Link,
    mut file: FileRange,
    patience: Duration,
    sent: &mut u64,
) -> Result<()> {
    let mut patience = Patience { longest: patience, stalled: Duration::ZERO, end: link.conn.ends_at() };
    begin(link, &mut patience).await?;
    // Up to here the file is in memory, or was a moment ago.
    let mut warm = file.offset;
    while file.len > 0 {
        if warm <= file.offset {
            let slice = file.len.min(SLICE);
            if !is_warm(&*file.file, file.offset, slice) {
                let octets = read(link, &file).await?;
                advance(&mut file, octets, sent);
                continue;
            }
            warm = file.offset + slice;
        }
        let Some(socket) = link.conn.as_tcp() else { return Err(Error::local("the socket is gone")) };
        let octets = slice(socket, &file, warm - file.offset, &mut patience).await?;
        link.conn.sent_past(octets);
        advance(&mut file, octets, sent);
        consume_budget().await;
    }
    Ok(())
}

fn advance(file: &mut FileRange, octets: u64, sent: &mut u64) {
    file.offset += octets;
    file.len -= octets;
    *sent += octets;
}

/// Sends a head so that it leaves together with what follows it.
async fn begin(link: &mut Link, patience: &mut Patience) -> Result<()> {
    while !link.front.is_empty() {
        let Some(socket) = link.conn.as_tcp() else { return flush(link).await };
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        let octets = patience.paced(socket, || rustix::net::send(socket, &link.front, flags)).await?;
        link.front.advance(octets);
        link.conn.sent_past(octets as u64);
    }
    Ok(())
}

/// Sends at most `most` octets of a file, as the socket has room for them.
async fn slice(socket: &TcpStream, file: &FileRange, most: u64, patience: &mut Patience) -> Result<u64> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let call = || {
        let from = file.file.as_fd().ok_or(Errno::BADF)?;
        rustix::fs::sendfile(socket, from, Some(&mut file.offset.clone()), most)
    };
    match patience.paced(socket, call).await? {
        0 => Err(Error::local("the file shrank while it was sent")),
        octets => Ok(octets as u64),
    }
}

/// What a reader may keep octets waiting: the rules of [`Pace::write`](ropewalk_core::net::Pace::write) and
/// [`Pace::end`](ropewalk_core::net::Pace::end), past which these go.
struct Patience {
    longest: Duration,
    stalled: Duration,
    end: Option<Instant>,
}

impl Patience {
    /// Sends by this call when the socket has room.
    async fn paced(
        &mut self,
        socket: &TcpStream,
        mut call: impl FnMut() -> Result<usize, Errno>,
    ) -> Result<usize> {
        let begun = Instant::now();
        let late = begun + self.longest.saturating_sub(self.stalled);
        let end = self.end.filter(|end| *end <= late);
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

/// Whether these octets are in memory, as far as their first and last say: what is not would keep this thread waiting
/// for the disk. Of what is read ahead in one go, the last says enough.
fn is_warm(file: &dyn FileHandle, offset: u64, len: u64) -> bool {
    // Each into a buffer of its own: nothing is read into one that is full.
    let is_warm = |at| file.read_now(at, &mut BytesMut::with_capacity(1)).is_some();
    is_warm(offset + len - 1) && (len <= READ || is_warm(offset))
}

/// Reads what is not in memory, and sends it.
async fn read(link: &mut Link, file: &FileRange) -> Result<u64> {
    // The cast is of at most READ.
    let most = file.len.min(READ) as usize;
    let read = file.file.read_at(file.offset, BytesMut::with_capacity(most)).await;
    let mut octets = read.map_err(|error| Error::local("cannot read the file").caused_by(error))?;
    octets.truncate(most);
    if octets.is_empty() {
        return Err(Error::local("the file shrank while it was sent"));
    }
    let sent = octets.len() as u64;
    link.data = octets.freeze();
    flush(link).await?;
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_octets_now_and_then_use_patience_up_and_a_fair_rate_does_not() {
        for (octets, is_left) in [(100, false), (5000, true)] {
            let longest = Duration::from_secs(30);
            let mut patience = Patience { longest, stalled: Duration::ZERO, end: None };
            (0..10).for_each(|_| patience.took(octets, Duration::from_secs(5)));
            assert_eq!(patience.stalled < patience.longest, is_left, "{octets}");
        }
    }
}
