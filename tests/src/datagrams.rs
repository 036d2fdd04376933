use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::net::UdpSocket;

/// What a server in this process sends back for one datagram.
pub(crate) type Reply = dyn Fn(Vec<u8>) -> BoxFuture<'static, Vec<Vec<u8>>> + Send + Sync;

/// How datagrams get to a subject.
#[derive(Clone)]
pub(crate) enum Route {
    None,
    /// By UDP to this host and port.
    Udp(String, u16),
    /// To a function.
    Local(Arc<Reply>),
}

/// A socket of a case's own for datagrams to a subject.
pub(crate) enum Datagrams {
    Udp(UdpSocket),
    Local(Local),
}

/// Datagrams to a function: what it has not answered yet, and what it has.
pub(crate) struct Local {
    reply: Arc<Reply>,
    pending: FuturesUnordered<BoxFuture<'static, Vec<Vec<u8>>>>,
    waiting: VecDeque<Vec<u8>>,
}

impl Route {
    pub(crate) async fn open(&self) -> io::Result<Datagrams> {
        match self {
            Self::None => Err(io::Error::other("the subject takes no datagrams")),
            Self::Local(reply) => {
                let (reply, pending) = (Arc::clone(reply), FuturesUnordered::new());
                Ok(Datagrams::Local(Local { reply, pending, waiting: VecDeque::new() }))
            }
            Self::Udp(host, port) => {
                let any = if host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
                let socket = UdpSocket::bind(any).await?;
                socket.connect((host.as_str(), *port)).await?;
                Ok(Datagrams::Udp(socket))
            }
        }
    }
}

impl Datagrams {
    pub(crate) async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(datagram).await.map(drop),
            Self::Local(local) => {
                local.pending.push((local.reply)(datagram.to_vec()));
                // It is begun here, since whoever sends may never receive.
                if let Some(Some(came)) = local.pending.next().now_or_never() {
                    local.waiting.extend(came);
                }
                Ok(())
            }
        }
    }

    /// The next datagram; where none comes, this does not end.
    pub(crate) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Udp(socket) => {
                let mut datagram = vec![0; 65_536];
                let length = socket.recv(&mut datagram).await?;
                datagram.truncate(length);
                Ok(datagram)
            }
            Self::Local(local) => loop {
                if let Some(datagram) = local.waiting.pop_front() {
                    return Ok(datagram);
                }
                match local.pending.next().await {
                    Some(came) => local.waiting.extend(came),
                    None => return std::future::pending().await,
                }
            },
        }
    }
}
