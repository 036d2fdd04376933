//! A byte stream to the server, in the clear or under TLS, for clients that wait.

use std::future::Future;
use std::io;
use std::sync::LazyLock;

use ropewalk_core::tls::{ClientTls, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::daemon::PATIENCE;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

/// Waits for it, but not for ever.
#[track_caller]
fn wait<T>(what: &str, it: impl Future<Output = T>) -> T {
    let waited = RUNTIME.block_on(async { tokio::time::timeout(PATIENCE, it).await });
    waited.unwrap_or_else(|_| panic!("in vain: {what}"))
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A byte stream.
pub(super) struct Wire(Box<dyn Stream>);

impl Wire {
    #[track_caller]
    pub(super) fn connect(port: u16) -> Self {
        let tcp = wait("a connection", TcpStream::connect(("127.0.0.1", port))).unwrap();
        tcp.set_nodelay(true).unwrap();
        Self(Box::new(tcp))
    }

    /// The same under TLS.
    #[track_caller]
    pub(super) fn secured(self, tls: &ClientTls) -> Self {
        self.try_secured(tls).unwrap()
    }

    /// The same, where the server may refuse it.
    #[track_caller]
    pub(super) fn try_secured(self, tls: &ClientTls) -> ropewalk_core::Result<Self> {
        let name: ServerName = "localhost".parse().unwrap();
        Ok(Self(Box::new(wait("TLS", tls.connect(self.0, &name))?)))
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        wait("the peer reads", async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        })
    }

    /// A line with its end, which must come.
    #[track_caller]
    pub(super) fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            match wait("a line", self.0.read_u8()) {
                Ok(byte) => line.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&line)),
            }
        }
        line
    }

    #[track_caller]
    pub(super) fn exactly(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        wait("octets", self.0.read_exact(&mut bytes)).unwrap();
        bytes
    }

    /// All that comes. Under TLS the end must have been said.
    #[track_caller]
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        wait("the end", self.0.read_to_end(&mut bytes)).unwrap();
        bytes
    }

    /// Says the end of what is sent, and waits for the peer's, with which come TLS's tickets. It may have gone.
    #[track_caller]
    pub(super) fn end(&mut self) {
        let _ = wait("the end is said", self.0.shutdown());
        let _ = wait("the end", self.0.read_to_end(&mut Vec::new()));
    }
}
