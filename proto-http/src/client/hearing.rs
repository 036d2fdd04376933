use std::io;
use std::pin::Pin;
use std::task::{Context as Poller, Poll};

use ropewalk_core::net::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection on which an answer is heard though the peer takes no more of the request: one that refuses early answers, and
/// closes. That writing has failed is told when reading ends, too, without an answer.
pub(super) struct Hearing {
    conn: Connection,
    failed: Option<io::Error>,
}

impl Hearing {
    pub(super) fn new(conn: Connection) -> Self {
        Self { conn, failed: None }
    }

    /// Nothing is written any more; the answer is looked for once more.
    fn held<T>(&mut self, cx: &Poller<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match done {
            Poll::Ready(Err(error)) if is_closed(&error) => {
                self.failed = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            done => done,
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl AsyncRead for Hearing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.conn).poll_read(cx, buf);
        let is_over = matches!(&read, Poll::Ready(read) if read.is_err() || buf.filled().len() == before);
        match self.failed.take_if(|_| is_over) {
            Some(error) => Poll::Ready(Err(error)),
            None => read,
        }
    }
}

impl AsyncWrite for Hearing {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.conn).poll_write(cx, buf);
        self.held(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.conn).poll_write_vectored(cx, bufs);
        self.held(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.conn.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        if self.failed.is_some() {
            return Poll::Pending;
        }
        let flushed = Pin::new(&mut self.conn).poll_flush(cx);
        self.held(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.conn).poll_shutdown(cx)
    }
}
