use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Poller, Poll, ready};

use bytes::{Bytes, BytesMut};
use ropewalk_core::data::files::{FileHandle, FsError};
use ropewalk_core::{Error, Result};

/// Octets that are read from a file at once. Twice as many are held for an answer that its peer does not take; more would
/// hardly be faster, for TLS and HTTP/2 take no more at once either.
const CHUNK: u64 = 64 * 1024;
/// As many at least, however many answers share them.
const LEAST: u64 = 8 * 1024;

/// A part of an open file, as content.
///
/// What the system has in memory is read where the body is polled, without a hop to another thread. If the file turns
/// out to be shorter than it was when it was opened, the body fails, and with it the connection: it is never padded.
pub struct FileRange {
    /// The file.
    pub file: Arc<dyn FileHandle>,
    /// Where the part begins.
    pub offset: u64,
    /// How many octets it has.
    pub len: u64,
    chunk: u64,
    /// Locked by nobody but its owner: it lets the whole be shared.
    reading: Mutex<Option<Reading>>,
}

type Reading = Pin<Box<dyn Future<Output = Result<BytesMut, FsError>> + Send>>;

impl FileRange {
    /// The `len` octets of this file from `offset` on.
    pub fn new(file: Arc<dyn FileHandle>, offset: u64, len: u64) -> Self {
        Self { file, offset, len, chunk: CHUNK, reading: Mutex::new(None) }
    }

    /// As one who wants at most so many octets at once reads it.
    pub(crate) fn in_chunks(mut self, octets: u64) -> Self {
        self.chunk = octets;
        self
    }

    /// As one of so many answers, of which a peer may leave every one untaken, reads it.
    pub(crate) fn share(&mut self, answers: usize) {
        self.chunk = (CHUNK / answers.max(1) as u64).max(LEAST);
    }

    /// The next octets; `None` at the end.
    pub(super) fn poll_chunk(&mut self, cx: &mut Poller<'_>) -> Poll<Option<Result<Bytes>>> {
        if self.len == 0 {
            return Poll::Ready(None);
        }
        let reading = self.reading.get_mut().unwrap_or_else(PoisonError::into_inner);
        let read = match reading {
            Some(reading) => ready!(reading.as_mut().poll(cx)),
            None => {
                // The cast is of at most a chunk.
                let mut buf = BytesMut::with_capacity(self.len.min(self.chunk) as usize);
                match self.file.read_now(self.offset, &mut buf) {
                    Some(read) => read.map(|_| buf),
                    None => {
                        let (file, offset) = (Arc::clone(&self.file), self.offset);
                        let read: Reading = Box::pin(async move { file.read_at(offset, buf).await });
                        ready!(reading.insert(read).as_mut().poll(cx))
                    }
                }
            }
        };
        *reading = None;
        Poll::Ready(Some(self.accept(read)))
    }

    fn accept(&mut self, read: Result<BytesMut, FsError>) -> Result<Bytes> {
        let mut buf = read.map_err(|error| Error::local("cannot read the file").caused_by(error))?;
        // A file that grew has more than was promised.
        buf.truncate(usize::try_from(self.len).unwrap_or(usize::MAX));
        if buf.is_empty() {
            return Err(Error::local("the file shrank while it was sent"));
        }
        self.offset += buf.len() as u64;
        self.len -= buf.len() as u64;
        Ok(buf.freeze())
    }
}

impl fmt::Debug for FileRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileRange({}+{})", self.offset, self.len)
    }
}
