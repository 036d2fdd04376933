use super::explain::{self, Heard};
use super::info::{self, TlsInfo};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A TLS session over a byte stream.
///
/// Reading ends (0 octets) where the peer said close_notify; where it just closed, which an attacker could have
/// done, a read fails with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof). Shutting down says close_notify
/// and ends the stream's writing side; what the peer still sends can be read (RFC 8446 §6.1).
pub struct TlsStream<S>(tokio_rustls::TlsStream<Heard<S>>);

impl<S> TlsStream<S> {
    pub(super) fn new(stream: tokio_rustls::TlsStream<Heard<S>>) -> Self {
        Self(stream)
    }

    /// What was agreed.
    pub fn info(&self) -> TlsInfo {
        info::of(&self.0)
    }

    /// The stream below. What is written to it is not protected, and breaks the session.
    pub fn get_ref(&self) -> &S {
        self.0.get_ref().0.io()
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsStream").field(&self.info()).finish()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        explain::poll(Pin::new(&mut self.0).poll_read(cx, buf))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        explain::poll(Pin::new(&mut self.0).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        explain::poll(Pin::new(&mut self.0).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        explain::poll(Pin::new(&mut self.0).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        explain::poll(Pin::new(&mut self.0).poll_shutdown(cx))
    }
}
