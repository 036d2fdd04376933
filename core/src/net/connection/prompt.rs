use rustix::net::sockopt::set_tcp_quickack;

use super::Raw;

impl Raw {
    /// Has the system acknowledge at once what came. Clients such as GnuTLS send the end of their handshake in two pieces, and
    /// their system holds the second one back until the first is acknowledged: 40 ms, for each connection.
    pub(super) fn acknowledge(&self) {
        let socket = match self {
            Self::Tcp(socket) => socket,
            Self::Urgent(urgent) => urgent.socket(),
            Self::Unix(_) | Self::Other(_) => return,
        };
        if let Err(error) = set_tcp_quickack(socket, true) {
            tracing::debug!(%error, "cannot ask for acknowledgements at once");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    use tokio::net::{TcpListener, TcpStream};

    use crate::net::{Connection, Handshake};
    use crate::tls::{Authorities, Certificates, ClientAuth, ClientTls, LocalCa, ServerTls};

    /// Sends the record that says nothing (RFC 8446 §D.4) before others, as GnuTLS does.
    struct InPieces(TcpStream);

    impl AsyncRead for InPieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for InPieces {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let piece = if buf.starts_with(&[20]) { buf.len().min(6) } else { buf.len() };
            Pin::new(&mut self.0).poll_write(cx, &buf[..piece])
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    #[tokio::test]
    async fn a_handshake_that_ends_in_two_pieces_waits_for_no_acknowledgement() {
        let dir = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(dir.path()).unwrap();
        let source = ca.keep(&["localhost".into()]).unwrap();
        let certificates = Certificates::load([("main".to_owned(), source)]).unwrap();
        let server = ServerTls::new(&certificates, ClientAuth::Off).unwrap();
        let client = ClientTls::new(&Authorities::none().and_pem(ca.pem().as_bytes()).unwrap()).unwrap();
        let (listener, name) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), "localhost".parse().unwrap());
        let mut fastest = Duration::MAX;
        for _ in 0..5 {
            let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let conn = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
            let begun = Instant::now();
            let ends = tokio::join!(
                conn.start_tls(&server, Handshake::default()),
                client.connect(InPieces(near), &name)
            );
            assert!(ends.0.is_ok() && ends.1.is_ok());
            fastest = fastest.min(begun.elapsed());
        }
        // The least that Linux holds an acknowledgement back for.
        assert!(fastest < Duration::from_millis(40), "{fastest:?}");
    }
}
