use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

async fn over_tcp() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (Connection::tcp(server).unwrap(), client)
}

#[tokio::test]
async fn bytes_put_back_are_read_first_the_last_put_before() {
    let (mut conn, mut far) = Connection::pair();
    far.write_all(b"three").await.unwrap();
    conn.unread(Bytes::from_static(b"two "));
    conn.unread(Bytes::new());
    conn.unread(Bytes::from_static(b"one "));
    let mut one = [0; 6];
    conn.read_exact(&mut one).await.unwrap();
    assert_eq!(&one, b"one tw");
    let mut rest = [0; 7];
    conn.read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"o three");
}

#[tokio::test]
async fn half_close_ends_writing_and_leaves_reading() {
    let (mut conn, mut client) = over_tcp().await;
    conn.write_all(b"bye").await.unwrap();
    conn.shutdown().await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "bye");
    client.write_all(b"still here").await.unwrap();
    let mut heard = [0; 10];
    conn.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");
}

#[tokio::test]
async fn the_peer_sees_an_abort_as_a_reset() {
    let (conn, mut client) = over_tcp().await;
    conn.abort();
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn the_peer_sees_a_drop_as_the_end() {
    let (conn, mut client) = over_tcp().await;
    drop(conn);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn octets_are_counted_both_ways() {
    let (mut conn, mut far) = Connection::pair();
    far.write_all(b"12345").await.unwrap();
    conn.read_exact(&mut [0; 3]).await.unwrap();
    conn.write_all(b"1234567").await.unwrap();
    conn.sent_past(10);
    assert_eq!((conn.meter().read(), conn.meter().written()), (3, 17));
}

/// For a test that only asks whether there is one.
struct Nothing;
impl Record for Nothing {
    fn read(&mut self, _: &[u8]) {}
    fn written(&mut self, _: &[u8]) {}
}

#[tokio::test]
async fn the_socket_is_in_reach_of_sendfile_unless_that_would_pass_by_a_policy() {
    let (mut conn, _client) = over_tcp().await;
    assert!(conn.as_tcp().is_some());
    conn.pace().idle(Duration::from_secs(1));
    assert!(conn.as_tcp().is_some());
    conn.record(Box::new(Nothing));
    assert!(conn.as_tcp().is_none());
    let (mut conn, _client) = over_tcp().await;
    conn.pace().rate(1000);
    assert!(conn.as_tcp().is_none());
    assert!(Connection::pair().0.as_tcp().is_none());
}

#[tokio::test]
async fn an_in_memory_pair_is_a_connection_with_an_end() {
    let (mut conn, mut far) = Connection::pair();
    assert_eq!(conn.info().peer, Address::Memory);
    conn.write_all(b"x").await.unwrap();
    assert_eq!(far.read_u8().await.unwrap(), b'x');
    drop(far);
    assert_eq!(conn.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(conn.write_all(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
