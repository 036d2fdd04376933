use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context as Poller, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Fault, Result};
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
    /// The peer says no more.
    is_over: bool,
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
            is_over: false,
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

    /// Ready when the connection breaks while the peer is being answered. What it says meanwhile is kept, as far as
    /// there is room; that it has waited too long is not its fault.
    pub(super) fn poll_broken(&mut self, cx: &mut Poller<'_>) -> Poll<Error> {
        while !self.is_over && self.input.len() < READ {
            match ready!(self.poll_fill(cx)) {
                Ok(0) => self.is_over = true,
                Ok(_) => {}
                Err(error) if error.fault() == Fault::Limit => return Poll::Pending,
                Err(error) => return Poll::Ready(error),
            }
        }
        Poll::Pending
    }

    /// The connection, with what came of what follows.
    pub(super) fn into_conn(self) -> Connection {
        let mut conn = self.conn;
        conn.unread(self.input.freeze());
        conn
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
