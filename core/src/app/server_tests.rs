use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::*;
use crate::app::Offence;
use crate::net::{Connection, Sockets, Transport as _};

/// Echoes; panics at a `p`.
async fn fragile(mut conn: Connection, cx: Context) -> Result<()> {
    let mut octet = [0];
    loop {
        let read = tokio::select! {
            read = conn.read(&mut octet) => read?,
            () = cx.stopping() => 0,
        };
        if read == 0 {
            return Ok(());
        }
        assert_ne!(octet[0], b'p', "as asked");
        conn.write_all(&octet).await?;
        conn.flush().await?;
    }
}

/// Runs a server of [`fragile`] at this endpoint; its sockets come too, since they close with the table.
fn serving(at: &str, limits: Limits) -> (Endpoint, Context, Sockets) {
    let endpoint: Endpoint = at.parse().unwrap();
    let mut server = Server::new("test", fragile).listen(endpoint.clone());
    let mut sockets = Sockets::default();
    server.prepare(&mut Prepare::new(&mut sockets)).unwrap();
    let cx = Context::root(limits);
    let own = cx.clone();
    cx.spawn(async move { server.run(own).await }).detach();
    (endpoint, cx, sockets)
}

async fn echoes(conn: &mut Connection, octet: u8) -> bool {
    let mut back = [0];
    conn.write_all(&[octet]).await.is_ok()
        && timeout(Duration::from_secs(5), conn.read(&mut back)).await.unwrap().is_ok_and(|n| n == 1)
        && back[0] == octet
}

#[tokio::test]
async fn a_connection_that_panics_leaves_the_others_alive() {
    let (endpoint, cx, _sockets) = serving("memory:panics", Limits::default());
    cx.until_ready().await;
    let (mut good, mut bad) = (endpoint.connect().await.unwrap(), endpoint.connect().await.unwrap());
    assert!(echoes(&mut good, b'a').await && echoes(&mut bad, b'a').await);
    assert!(!echoes(&mut bad, b'p').await);
    assert!(echoes(&mut good, b'b').await);
    assert!(echoes(&mut endpoint.connect().await.unwrap(), b'c').await);
    assert!(cx.metrics().render().contains("result=\"panic\""));
}

#[tokio::test]
async fn a_server_without_limits_of_its_own_keeps_those_of_the_application() {
    let (endpoint, cx, _sockets) = serving("memory:limits", Limits { connections: 1, ..Limits::default() });
    cx.until_ready().await;
    let mut first = endpoint.connect().await.unwrap();
    assert!(echoes(&mut first, b'a').await);
    assert!(!echoes(&mut endpoint.connect().await.unwrap(), b'b').await);
    assert!(echoes(&mut first, b'c').await);
}

/// Takes everybody for one address, which is banned from its third offence on.
#[derive(Debug, Default)]
struct Strict(std::sync::atomic::AtomicUsize);

impl crate::app::Defend for Strict {
    fn report(&self, _: &Address, _: Offence) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) == 2
    }

    fn shuts_out(&self, _: &Address) -> bool {
        self.0.load(Ordering::Relaxed) >= 3
    }
}

#[tokio::test]
async fn a_banned_peer_is_served_by_no_server() {
    let endpoint: Endpoint = "memory:banned".parse().unwrap();
    let mut server = Server::new("test", fragile).listen(endpoint.clone());
    let mut sockets = Sockets::default();
    server.prepare(&mut Prepare::new(&mut sockets)).unwrap();
    let cx = Context::over(Limits::default(), Vec::new(), Some(Arc::new(Strict::default())));
    let own = cx.clone();
    cx.spawn(async move { server.run(own).await }).detach();
    cx.until_ready().await;
    let mut conn = endpoint.connect().await.unwrap();
    for _ in 0..3 {
        assert!(echoes(&mut conn, b'a').await);
        cx.report(&Address::Memory, Offence::WrongPassword);
    }
    assert!(!echoes(&mut endpoint.connect().await.unwrap(), b'b').await);
    assert!(cx.metrics().render().contains("limit=\"banned\""));
}
