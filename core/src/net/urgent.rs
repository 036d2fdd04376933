use std::io;
use std::pin::Pin;
use std::task::{Context as Poller, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP socket of which what the peer sends as urgent is read in its place among the other octets.
///
/// The system ends a read where the urgent octet is, though there is more. The runtime takes a read that fills less than
/// its buffer for the last one, and would then wait for what is there already; so this one reads until the system says
/// that there is nothing.
pub(super) struct Urgent(TcpStream);

impl Urgent {
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        rustix::net::sockopt::set_socket_oobinline(&socket, true)?;
        Ok(Self(socket))
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.0
    }
}

impl AsyncRead for Urgent {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read_buf(buf) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Urgent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_stands_behind_an_urgent_octet_is_read_too() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut urgent = Urgent::new(listener.accept().await.unwrap().0).unwrap();
        for _ in 0..20 {
            peer.write_all(b"a").await.unwrap();
            socket2::SockRef::from(&peer).send_out_of_band(b"bc").unwrap();
            peer.write_all(b"d").await.unwrap();
            let mut heard = [0; 4];
            urgent.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"abcd");
        }
        drop(peer);
        assert_eq!(urgent.read(&mut [0; 4]).await.unwrap(), 0);
    }
}
