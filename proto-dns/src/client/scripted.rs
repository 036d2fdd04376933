//! A server that says what it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

/// A server on UDP and TCP of one port, that says what it is told to.
pub(crate) struct Scripted {
    pub(crate) at: SocketAddr,
    cx: Context,
    /// How many datagrams have come.
    pub(crate) heard: Arc<AtomicUsize>,
}

impl Scripted {
    /// Each request over UDP is answered by the datagrams that `udp` makes of it, over TCP by the messages of `tcp`.
    pub(crate) async fn new(
        udp: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static,
        tcp: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let (datagrams, listener) = loop {
            let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(listener) = TcpListener::bind(datagrams.local_addr().unwrap()).await {
                break (datagrams, listener);
            }
        };
        let at = datagrams.local_addr().unwrap();
        let (cx, heard) = (Context::root(Limits::default()), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&heard);
        cx.spawn(async move {
            let mut room = [0; 1500];
            loop {
                let (length, peer) = datagrams.recv_from(&mut room).await.unwrap();
                let number = counted.fetch_add(1, Ordering::Relaxed);
                for reply in udp(number, &room[..length]) {
                    datagrams.send_to(&reply, peer).await.unwrap();
                }
            }
        })
        .detach();
        let tcp = Arc::new(tcp);
        let inner = cx.clone();
        cx.spawn(async move {
            loop {
                let (mut conn, _) = listener.accept().await.unwrap();
                let tcp = Arc::clone(&tcp);
                inner
                    .spawn(async move {
                        while let Ok(length) = conn.read_u16().await {
                            let mut request = vec![0; length.into()];
                            conn.read_exact(&mut request).await.unwrap();
                            for reply in tcp(&request) {
                                conn.write_u16(reply.len() as u16).await.unwrap();
                                conn.write_all(&reply).await.unwrap();
                            }
                        }
                    })
                    .detach();
            }
        })
        .detach();
        Self { at, cx, heard }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.cx.end();
    }
}

/// The request as a reply: its header and question, then these answers of an address.
pub(crate) fn answered(request: &[u8], addresses: &[[u8; 4]]) -> Vec<u8> {
    let mut out = request[..12].to_vec();
    out[2] |= 0x80;
    out[6..12].copy_from_slice(&[0, addresses.len() as u8, 0, 0, 0, 0]);
    let end = 12 + request[12..].iter().position(|octet| *octet == 0).unwrap() + 5;
    out.extend_from_slice(&request[12..end]);
    for address in addresses {
        out.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04");
        out.extend_from_slice(address);
    }
    out
}

/// The request as a reply that is cut short.
pub(crate) fn truncated(request: &[u8]) -> Vec<u8> {
    let mut reply = answered(request, &[]);
    reply[2] |= 0x02;
    reply
}
