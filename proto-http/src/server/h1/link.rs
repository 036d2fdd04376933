use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context as Poller, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use ropewalk_core::Result;
use ropewalk_core::net::Connection;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

/// Octets of one read.
const READ: usize = 16 * 1024;

/// A connection with what came and was not used yet, and what is to go.
pub(super) struct Link {
    pub(super) conn: Connection,
    pub(super) input: BytesMut,
    /// Heads, and the size lines of chunks.
    pub(super) front: BytesMut,
    /// Content, after what is in front.
    pub(super) data: Bytes,
    /// What ends that content.
    pub(super) back: &'static [u8],
    /// An answer is on its way whose end is that of the connection: only a reset tells that it was cut.
    pub(super) resets: bool,
}

impl Link {
    pub(super) fn new(conn: Connection) -> Self {
        Self {
            conn,
            input: BytesMut::new(),
            front: BytesMut::new(),
            data: Bytes::new(),
            back: &[],
            resets: false,
        }
    }

    /// Reads once, into a buffer that is not there while there is nothing to read. 0 is the end.
    pub(super) fn poll_fill(&mut self, cx: &mut Poller<'_>) -> Poll<Result<usize>> {
        let mut space = [const { MaybeUninit::uninit() }; READ];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.conn).poll_read(cx, &mut buf))?;
        self.input.extend_from_slice(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Gives empty buffers back.
    pub(super) fn rest(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        if self.front.is_empty() {
            self.front = BytesMut::new();
        }
    }

    /// Whether something is to go.
    pub(super) fn is_full(&self) -> bool {
        !(self.front.is_empty() && self.data.is_empty() && self.back.is_empty())
    }

    /// Writes all that is to go, in as few writes as there can be.
    pub(super) fn poll_flush(&mut self, cx: &mut Poller<'_>) -> Poll<Result<()>> {
        while self.is_full() {
            let mut out = (&mut self.front).chain(&mut self.data).chain(&mut self.back);
            let mut slices = [IoSlice::new(&[]); 3];
            let used = out.chunks_vectored(&mut slices);
            let slices = slices.get(..used).unwrap_or_default();
            match ready!(Pin::new(&mut self.conn).poll_write_vectored(cx, slices))? {
                0 => return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into())),
                octets => out.advance(octets),
            }
        }
        Poll::Ready(Ok(ready!(Pin::new(&mut self.conn).poll_flush(cx))?))
    }
}
