//! The socket of a connection while somebody on another thread reads what comes.

use std::io;
use std::net::TcpStream as Socket;
use std::pin::Pin;
use std::task::{Context as Poller, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::{Connection, Raw, Stream};
use crate::Result;

impl Connection {
    /// Hands its TCP socket out, to have what comes read past this value and on another thread: where
    /// [`as_tcp`](Self::as_tcp) has it, and nothing is unread here. Reading from it never waits: what is still to come is
    /// [`WouldBlock`](io::ErrorKind::WouldBlock). Until it is [taken back](Self::take_back), whatever is done with the
    /// connection fails, and nobody is woken by what comes, which is what it is handed out for.
    pub fn lend(&mut self) -> Option<Socket> {
        self.as_tcp().filter(|_| self.0.unread.is_empty())?;
        match std::mem::replace(&mut self.0.io, Stream::Raw(Raw::Other(Box::new(Lent)))) {
            Stream::Raw(Raw::Tcp(socket)) => socket.into_std().ok(),
            io => {
                self.0.io = io;
                None
            }
        }
    }

    /// Takes back what was lent, after so many octets were read from it: they count, and the connection was not idle.
    ///
    /// # Errors
    /// Where the system cannot watch the socket any more.
    pub fn take_back(&mut self, socket: Socket, octets: u64) -> Result<()> {
        self.0.io = Stream::Raw(Raw::Tcp(TcpStream::from_std(socket)?));
        self.0.meter.add_read(octets);
        if let Some(pace) = self.0.pace.as_mut().filter(|_| octets > 0) {
            pace.has_received();
        }
        Ok(())
    }
}

/// What a connection has in the place of a socket that it has lent.
struct Lent;

fn lent<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::Error::other("the socket is lent")))
}

impl AsyncRead for Lent {
    fn poll_read(self: Pin<&mut Self>, _: &mut Poller<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        lent()
    }
}

impl AsyncWrite for Lent {
    fn poll_write(self: Pin<&mut Self>, _: &mut Poller<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        lent()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<io::Result<()>> {
        lent()
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<io::Result<()>> {
        lent()
    }
}
