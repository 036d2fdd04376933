//! Data connections of the reference server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

use ropewalk_core::tls::{Certificates, ClientAuth, ServerTls, self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fault::Fault;
use crate::Io;

/// Where the next data connection comes from or goes to.
pub(super) enum Way {
    None,
    Passive(TcpListener),
    Active(SocketAddr),
}

/// What a transfer does.
pub(super) enum Work {
    Send(Vec<u8>),
    Receive,
}

pub(super) struct Transfer {
    pub(super) way: Way,
    pub(super) private: bool,
    pub(super) fault: Option<Fault>,
}

impl Transfer {
    /// What came, or the code of the reply where the connection failed.
    pub(super) async fn run(self, work: Work) -> Result<Vec<u8>, u16> {
        let Some(socket) = self.open().await else { return Err(425) };
        self.over(socket, work).await.ok_or(426)
    }

    async fn over(self, socket: TcpStream, work: Work) -> Option<Vec<u8>> {
        let mut io: Box<dyn Io> = Box::new(socket);
        if self.private {
            io = Box::new(tls()?.accept(io).await.ok()?);
        }
        let mut came = Vec::new();
        match work {
            Work::Send(content) => io.write_all(&content).await.ok()?,
            Work::Receive => drop(io.read_to_end(&mut came).await.ok()?),
        }
        if self.fault == Some(Fault::DataStaysOpen) {
            let _held = io;
            return std::future::pending().await;
        }
        io.shutdown().await.ok()?;
        Some(came)
    }

    async fn open(&self) -> Option<TcpStream> {
        match &self.way {
            Way::None => None,
            Way::Active(address) => TcpStream::connect(address).await.ok(),
            Way::Passive(listener) => loop {
                let (socket, from) = listener.accept().await.ok()?;
                if from.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) || self.fault == Some(Fault::AnyThief) {
                    return Some(socket);
                }
            },
        }
    }
}

/// The server's side of TLS, the same for all.
pub(super) fn tls() -> Option<&'static ServerTls> {
    static TLS: OnceLock<Option<ServerTls>> = OnceLock::new();
    let make = || {
        let certificate = self_signed(&["conform.test".into()]).ok()?.certificate().ok()?;
        ServerTls::new(&Certificates::one(certificate), ClientAuth::Off).ok()
    };
    TLS.get_or_init(make).as_ref()
}
