//! What a protocol that panics does to its neighbours. By itself, since a panic's backtrace takes memory, which other
//! tests measure.

use ropewalk_core::app::{Context, Prepare, Server, Service as _};
use ropewalk_core::net::{Connection, Endpoint, Sockets, Transport as _};
use ropewalk_core::{Limits, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Sends back each octet but `p`, at which it panics.
#[expect(clippy::panic, reason = "that is what it is for")]
async fn fragile(mut conn: Connection, _: Context) -> Result<()> {
    loop {
        match conn.read_u8().await? {
            b'p' => panic!("asked to"),
            octet => conn.write_all(&[octet]).await?,
        }
    }
}

async fn echoes(conn: &mut Connection) -> bool {
    conn.write_all(b"x").await.is_ok() && matches!(conn.read_u8().await, Ok(b'x'))
}

#[tokio::test]
async fn a_protocol_that_panics_takes_its_own_connection_and_no_other() {
    let endpoint: Endpoint = "memory:fragile".parse().unwrap();
    let mut limits = Limits::default();
    limits.connections = 3;
    let mut server = Server::new("fragile", fragile).listen(endpoint.clone()).limits(limits);
    server.prepare(&mut Prepare::new(&mut Sockets::default())).unwrap();
    let cx = Context::root(Limits::default());
    let running = cx.spawn({
        let cx = cx.clone();
        async move { server.run(cx).await }
    });
    cx.until_ready().await;
    let mut neighbour = endpoint.connect().await.unwrap();
    assert!(echoes(&mut neighbour).await);
    // More often than there are places: each of them is given back.
    for _ in 0..10 {
        let mut conn = endpoint.connect().await.unwrap();
        assert!(echoes(&mut conn).await);
        conn.write_all(b"p").await.unwrap();
        assert!(conn.read_u8().await.is_err(), "it is closed");
    }
    assert!(echoes(&mut neighbour).await);
    let metrics = cx.metrics().render();
    assert!(
        metrics.contains("ropewalk_connections_total{proto=\"fragile\",result=\"panic\"} 10"),
        "{metrics}"
    );
    while cx.live().count() > 1 {
        tokio::task::yield_now().await;
    }
    cx.stop();
    drop(neighbour);
    running.await.unwrap().unwrap();
}
