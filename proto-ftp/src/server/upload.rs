//! What comes over a data connection, and becomes a file.

use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use ropewalk_core::Error;
use ropewalk_core::data::files::{FileHandle, Source};
use ropewalk_core::net::Connection;
use rustix::event::{self, PollFd, PollFlags, Timespec};
use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;
use tokio::task::coop::consume_budget;
use tokio::task::yield_now;

use super::ascii;
use super::running::Progress;
use super::transfer::{CHUNK, Failed, end};

/// Octets that are read before they are given to be written, where they come as fast as that.
const LARGE: usize = 1024 * 1024;
/// Uploads at once that may take so much memory; others make do with [`CHUNK`].
static ROOMY: Semaphore = Semaphore::const_new(64);
/// How long whoever writes waits for more of what flows: a sender that is as fast as that needs less.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
/// Octets that there is room for at first: small files need no more.
const FIRST: usize = 16 * 1024;

/// Writes what comes to this file from `at` on, and gives it its name when that is all.
pub(super) async fn store(
    conn: &mut Connection,
    file: Box<dyn FileHandle>,
    mut at: u64,
    ascii: bool,
    progress: &Progress,
) -> Result<(), Failed> {
    let octets = &progress.octets;
    let rest = match conn.as_tcp() {
        Some(_) if !ascii => past(conn, &*file, &mut at, octets).await?,
        _ => through(conn, &*file, &mut at, ascii, octets).await?,
    };
    // A client that was killed has closed its control connection too, just before: the session hears of that now, and gives
    // this up (RFC 959 §5.4).
    yield_now().await;
    // What was told as done is on the disk; and what was given up until it was there has not taken its name.
    let committed = match rest.is_empty() {
        true => file.commit().await,
        false => file.commit_with(at, rest).await,
    };
    if progress.is_given_up() {
        return Err(Failed::Data(Error::peer("aborted")));
    }
    committed?;
    // Over TLS the peer has said that this was all; it is told the same. That it has gone by now is no matter.
    if let Err(error) = end(conn).await {
        tracing::debug!(%error, "closing a data connection");
    }
    Ok(())
}

/// Writes what comes as it is, up to what comes last: that is left. Where octets come as fast as they are written, whoever
/// writes takes them from the socket, and this only has some of them brought by here, to see to the connection.
async fn past(
    conn: &mut Connection,
    file: &dyn FileHandle,
    at: &mut u64,
    octets: &AtomicU64,
) -> Result<Bytes, Failed> {
    let mut chunk = fill(conn, BytesMut::with_capacity(FIRST), CHUNK, octets).await?;
    while chunk.len() >= CHUNK {
        let lent = conn.lend();
        let more: Box<dyn Source> = match lent.as_ref().map(TcpStream::try_clone) {
            Some(Ok(socket)) => Box::new(Incoming { socket, flows: false }),
            // There is no descriptor left.
            _ => Box::new(io::empty()),
        };
        let len = chunk.len() as u64;
        let drawn = file.write_from(*at, chunk, more).await;
        let past = drawn.as_ref().map_or(0, |drawn| drawn.written.saturating_sub(len));
        // Whatever became of it: a client that is refused may still send.
        if let Some(lent) = lent {
            conn.take_back(lent, past)?;
        }
        let drawn = drawn?;
        octets.fetch_add(past, Ordering::Relaxed);
        *at += drawn.written;
        if let Some(failed) = drawn.failed {
            return Err(failed.into());
        }
        // A peer that has become slow keeps no memory.
        let memory = if past > 0 { drawn.memory } else { BytesMut::new() };
        chunk = fill(conn, memory, CHUNK, octets).await?;
    }
    Ok(chunk.freeze())
}

/// What comes over a socket that does not wait. Once it flows, a pause is waited for: it would take longer to come back.
struct Incoming {
    socket: TcpStream,
    flows: bool,
}

impl Source for Incoming {
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    fn moved(&mut self, octets: usize) {
        self.flows |= octets > 0;
    }
}

impl io::Read for Incoming {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.socket.read(buf) {
            Ok(read) => {
                self.flows = true;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.flows => {
                event::poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&PAUSE))?;
                self.socket.read(buf)
            }
            Err(error) => Err(error),
        }
    }
}

/// Writes what TLS, or a change of line ends, makes of what comes, as [`past`] does: one chunk while the next one comes, into
/// the memory of the one before.
async fn through(
    conn: &mut Connection,
    file: &dyn FileHandle,
    at: &mut u64,
    ascii: bool,
    octets: &AtomicU64,
) -> Result<Bytes, Failed> {
    let mut decoder = ascii.then(ascii::Decoder::default);
    let mut text = |chunk: &Bytes, ended: bool| {
        let Some(decoder) = &mut decoder else { return chunk.clone() };
        let mut out = Vec::with_capacity(chunk.len() + 1);
        decoder.decode(chunk, &mut out);
        if ended {
            decoder.end(&mut out);
        }
        out.into()
    };
    let room = ROOMY.try_acquire().ok();
    let most = if room.is_some() { LARGE } else { CHUNK };
    let mut chunk = fill(conn, BytesMut::with_capacity(FIRST), most, octets).await?;
    let mut spare = BytesMut::new();
    while chunk.len() >= CHUNK {
        let is_full = chunk.len() >= most;
        let full = chunk.freeze();
        let data = text(&full, false);
        let len = data.len() as u64;
        let (written, next) = tokio::join!(file.write_at(*at, data), fill(conn, spare, most, octets));
        written?;
        *at += len;
        // A peer that has become slow keeps no memory.
        spare = full.try_into_mut().ok().filter(|_| is_full).unwrap_or_default();
        spare.clear();
        chunk = next?;
    }
    Ok(text(&chunk.freeze(), true))
}

/// Fills this with a chunk of what comes, and up to `most` with what is there already; or with less at the end. Over TLS, an
/// end that the peer did not say is an error.
async fn fill(
    conn: &mut Connection,
    mut buf: BytesMut,
    most: usize,
    octets: &AtomicU64,
) -> Result<BytesMut, Failed> {
    while buf.len() < most {
        let waits = buf.len() < CHUNK;
        if buf.len() == buf.capacity() {
            buf.reserve(if waits { CHUNK } else { most } - buf.len());
        }
        let read = match waits {
            true => conn.read_buf(&mut buf).await?,
            false => match now(conn.read_buf(&mut buf)).await {
                Some(read) => read?,
                None => break,
            },
        };
        if read == 0 {
            break;
        }
        octets.fetch_add(read as u64, Ordering::Relaxed);
        consume_budget().await;
    }
    Ok(buf)
}

/// What this gives without waiting.
async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn only_what_flows_is_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut incoming = Incoming { socket, flows: false };
        let mut octets = [0; 9];
        let nothing = |read: io::Result<usize>| read.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock);
        assert!(nothing(incoming.read(&mut octets)) && !incoming.flows);
        sender.write_all(b"one").unwrap();
        while nothing(incoming.read(&mut octets)) {}
        let begun = Instant::now();
        assert!(nothing(incoming.read(&mut octets)));
        assert!(begun.elapsed() >= Duration::from_millis(1));
        drop(sender);
        assert_eq!(incoming.read(&mut octets).unwrap(), 0);
    }
}
