use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;
use crate::app::{BoxProtocol, Context, Next, Policy, Protocol as _};
use crate::net::Connection;
use crate::testkit::Log;
use crate::{Address, Limits, Result};

const SECOND: Duration = Duration::from_secs(1);

fn cx() -> Context {
    Context::root(Limits::default())
}

fn from(peer: &str) -> Connection {
    let (mut conn, _) = Connection::pair();
    conn.info_mut().peer = match peer {
        "unix" => Address::Unix(None),
        ip => SocketAddr::new(ip.parse().unwrap(), 1).into(),
    };
    conn
}

/// A protocol that never ends.
fn endless() -> BoxProtocol {
    (|_: Connection, _: Context| std::future::pending::<Result<()>>()).boxed()
}

/// A connection from this peer: being served, or refused by the limit of this name.
async fn enter<'a>(
    policy: &'a impl Policy,
    protocol: &'a BoxProtocol,
    peer: &str,
) -> Result<std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>, &'static str> {
    let mut served = Box::pin(policy.apply(from(peer), cx(), Next::new(&[], protocol)));
    match (&mut served).now_or_never() {
        None => Ok(served),
        Some(done) => Err(done.unwrap_err().limit_name().unwrap()),
    }
}

#[tokio::test]
async fn one_connection_too_many_is_refused_until_another_ends() {
    let (policy, protocol) = (LimitConnections::new(2), endless());
    let first = enter(&policy, &protocol, "192.0.2.1").await.unwrap_or_else(|limit| panic!("{limit}"));
    let _second = enter(&policy, &protocol, "192.0.2.2").await.unwrap_or_else(|limit| panic!("{limit}"));
    for _ in 0..3 {
        assert_eq!(enter(&policy, &protocol, "unix").await.err(), Some("connections"));
    }
    drop(first);
    let third = enter(&policy, &protocol, "192.0.2.3").await;
    assert!(third.is_ok());
    assert_eq!(enter(&policy, &protocol, "192.0.2.3").await.err(), Some("connections"));
}

#[tokio::test]
async fn each_peer_has_connections_of_its_own() {
    let (policy, protocol) = (LimitPerPeer::new(2), endless());
    let mut open = Vec::new();
    for peer in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "192.0.2.2", "2001:db8::1", "2001:db8::2:1"] {
        open.push(enter(&policy, &protocol, peer).await.unwrap_or_else(|limit| panic!("{peer}: {limit}")));
    }
    for peer in ["192.0.2.1", "192.0.2.2", "2001:db8:0:0:ffff::"] {
        assert_eq!(enter(&policy, &protocol, peer).await.err(), Some("connections_per_peer"), "{peer}");
    }
    assert!(enter(&policy, &protocol, "2001:db8:0:1::1").await.is_ok(), "another /64");
    drop(open.swap_remove(0));
    let again = enter(&policy, &protocol, "192.0.2.1").await;
    assert!(again.is_ok());
    assert_eq!(enter(&policy, &protocol, "192.0.2.1").await.err(), Some("connections_per_peer"));
}

#[tokio::test]
async fn peers_on_this_machine_are_counted_only_when_asked_for() {
    let (policy, protocol) = (LimitPerPeer::new(1), endless());
    let mut open = Vec::new();
    for peer in ["127.0.0.1", "127.0.0.1", "::1", "::1", "unix", "unix"] {
        open.push(enter(&policy, &protocol, peer).await.unwrap_or_else(|limit| panic!("{peer}: {limit}")));
    }
    let policy = LimitPerPeer::new(1).including_local();
    let _one = enter(&policy, &protocol, "127.0.0.1").await;
    assert_eq!(enter(&policy, &protocol, "127.0.0.1").await.err(), Some("connections_per_peer"));
    assert!(enter(&policy, &protocol, "unix").await.is_ok(), "it has no address to count");
}

#[tokio::test]
async fn only_whom_the_lists_let_is_served() {
    let networks = || vec!["192.0.2.0/24".parse().unwrap(), "unix".parse().unwrap()];
    let protocol = endless();
    let (allow, deny) = (Allow::new(networks()), Deny::new(networks()));
    for (peer, listed) in [("192.0.2.7", true), ("unix", true), ("192.0.3.7", false), ("::1", false)] {
        assert_eq!(enter(&allow, &protocol, peer).await.err(), (!listed).then_some("access"), "{peer}");
        assert_eq!(enter(&deny, &protocol, peer).await.err(), listed.then_some("access"), "{peer}");
    }
    assert_eq!(enter(&Allow::new(Vec::new()), &protocol, "::1").await.err(), Some("access"));
}

/// What reading to the end gives under this policy when the peer says `said` and then nothing, and how long it takes.
async fn read(policy: impl Policy, said: &[u8]) -> (Result<()>, Vec<u8>, Duration) {
    let (conn, mut peer) = Connection::pair();
    peer.write_all(said).await.unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let protocol: BoxProtocol = (move |mut conn: Connection, _: Context| {
        let hears = Arc::clone(&hears);
        async move {
            loop {
                let octet = conn.read_u8().await?;
                hears.lock().unwrap().push(octet);
            }
        }
    })
    .boxed();
    let begun = Instant::now();
    let done = policy.apply(conn, cx(), Next::new(&[], &protocol)).await;
    let heard = heard.lock().unwrap().clone();
    (done, heard, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn times_end_a_connection() {
    let (done, heard, took) = read(TimeLimit(5 * SECOND), b"abc").await;
    assert_eq!(
        (done.unwrap_err().limit_name(), &*heard, took),
        (Some("connection"), &b"abc"[..], 5 * SECOND)
    );
    let (done, _, took) = read(FirstByteLimit(4 * SECOND), b"").await;
    assert_eq!((done.unwrap_err().limit_name(), took), (Some("first_byte"), 4 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept() {
    let protocol: BoxProtocol = (|mut conn: Connection, _: Context| async move {
        conn.read_exact(&mut [0; 500]).await?;
        Ok(())
    })
    .boxed();
    let (conn, mut peer) = Connection::pair();
    peer.write_all(&[0; 500]).await.unwrap();
    let begun = Instant::now();
    RateLimit(100).apply(conn, cx(), Next::new(&[], &protocol)).await.unwrap();
    let took = begun.elapsed();
    assert!(took > SECOND * 38 / 10 && took < SECOND * 42 / 10, "{took:?}");
}

#[tokio::test]
async fn a_handshake_gets_the_time_that_was_set() {
    let told = Arc::new(Mutex::new(None));
    let tells = Arc::clone(&told);
    let protocol: BoxProtocol = (move |_: Connection, cx: Context| {
        *tells.lock().unwrap() = Some(cx.limits().handshake);
        async { Ok(()) }
    })
    .boxed();
    HandshakeLimit(3 * SECOND).apply(from("::1"), cx(), Next::new(&[], &protocol)).await.unwrap();
    assert_eq!(*told.lock().unwrap(), Some(3 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn tls_on_a_plain_port_is_told() {
    let log = Log::new();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _default = tracing::subscriber::set_default(subscriber);
    let policy = [SniffTls.boxed(), TimeLimit(SECOND).boxed()];
    let (conn, mut peer) = Connection::pair();
    peer.write_all(b"\x16\x03\x01").await.unwrap();
    let protocol: BoxProtocol = (|mut conn: Connection, _: Context| async move {
        conn.read_exact(&mut [0; 3]).await?;
        Ok(())
    })
    .boxed();
    Next::new(&policy, &protocol).run(conn, cx()).await.unwrap();
    assert!(log.text().contains("speaks TLS"), "{}", log.text());
}
