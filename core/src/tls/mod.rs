//! TLS 1.2 and 1.3: certificates, configuration, streams. The only room that knows rustls.

use crate::Result;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Facts of a TLS session.
#[derive(Clone, Debug)]
pub struct TlsInfo;
/// The server's side.
#[derive(Clone, Debug)]
pub struct ServerTls;
/// The client's side.
#[derive(Clone, Debug)]
pub struct ClientTls;
/// A name.
#[derive(Clone, Debug)]
pub struct ServerName;
/// A TLS session over a byte stream.
pub struct TlsStream<S>(PhantomData<S>);

impl ServerTls {
    /// Handshake.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, _io: S) -> Result<TlsStream<S>> {
        Err(crate::Error::local(""))
    }
}
impl ClientTls {
    /// Handshake.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        _io: S,
        _name: &ServerName,
    ) -> Result<TlsStream<S>> {
        Err(crate::Error::local(""))
    }
}
impl<S> TlsStream<S> {
    /// Facts.
    pub fn info(&self) -> TlsInfo {
        TlsInfo
    }
    /// The stream below.
    pub fn get_ref(&self) -> &S {
        loop {}
    }
}
impl<S: Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}
impl<S: Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Pending
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}
