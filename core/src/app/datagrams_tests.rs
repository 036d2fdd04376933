use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::*;
use crate::Limits;
use crate::app::{Protocol as _, Server, Service as _};
use crate::net::{Batch, Connection, Sockets};

async fn no_connections(_: Connection, _: Context) -> Result<()> {
    Ok(())
}

/// Echoes each datagram; panics at `p`, and fails at `f`.
async fn echo(socket: DatagramSocket, cx: Context) -> Result<()> {
    let (mut batch, mut out) = (Batch::new(64), Batch::new(64));
    loop {
        tokio::select! {
            received = socket.recv(&mut batch) => received?,
            () = cx.stopping() => return Ok(()),
        }
        out.clear();
        for datagram in batch.iter() {
            assert_ne!(datagram.payload, b"p", "as asked");
            if datagram.payload == b"f" {
                return Err(Error::local("as asked"));
            }
            out.push(datagram.payload, datagram.peer, datagram.local)?;
        }
        socket.send(&out).await?;
    }
}

/// A server that runs, and its table of sockets, which close with it.
async fn serving(change: impl FnOnce(Server) -> Server) -> (Context, std::net::SocketAddr, Sockets) {
    let at = "udp:0:interface=127.0.0.1".parse().unwrap();
    let mut server = change(Server::new("test", no_connections.boxed()).listen(at)).datagrams(echo);
    let mut sockets = Sockets::default();
    server.prepare(&mut Prepare::new(&mut sockets)).unwrap();
    let cx = Context::root(Limits::default());
    let own = cx.clone();
    cx.spawn(async move { server.run(own).await }).detach();
    cx.until_ready().await;
    let listing = cx.health().addresses("test");
    (cx, listing.first().unwrap().split(' ').next().unwrap().parse().unwrap(), sockets)
}

async fn ask(client: &UdpSocket, text: &[u8]) -> Option<Vec<u8>> {
    client.send(text).await.unwrap();
    let mut answer = [0; 64];
    let octets = timeout(Duration::from_millis(300), client.recv(&mut answer)).await.ok()?.unwrap();
    Some(answer[..octets].to_vec())
}

async fn client(server: std::net::SocketAddr) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(server).await.unwrap();
    client
}

#[tokio::test]
async fn a_socket_that_panicked_or_failed_is_served_again() {
    let (cx, at, _sockets) = serving(|server| server).await;
    // The kernel gives one client to one socket, so it is the same one each time.
    let client = client(at).await;
    assert_eq!(ask(&client, b"a").await.as_deref(), Some(&b"a"[..]));
    for trouble in [b"p", b"f"] {
        assert_eq!(ask(&client, trouble).await, None);
        let mut heard = None;
        for _ in 0..20 {
            heard = heard.or(ask(&client, b"b").await);
        }
        assert_eq!(heard.as_deref(), Some(&b"b"[..]));
    }
    cx.stop();
}

#[tokio::test]
async fn peers_that_are_not_admitted_are_not_heard() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let none = |_: &Address| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        false
    };
    let (cx, at, _sockets) = serving(|server| server.admit_datagrams(none)).await;
    assert_eq!(ask(&client(at).await, b"a").await, None);
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    cx.stop();
}

#[test]
fn a_protocol_without_datagrams_has_no_udp_port() {
    let mut server = Server::new("test", no_connections).listen("udp:0".parse().unwrap());
    let mut sockets = Sockets::default();
    let error = server.prepare(&mut Prepare::new(&mut sockets)).unwrap_err();
    assert!(error.to_string().contains("not spoken in datagrams"), "{error}");
}
