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
async fn what_comes_is_read_elsewhere_and_then_here_again() {
    let (mut conn, mut client) = over_tcp().await;
    let mut buf = [0; 9];
    let mut socket = conn.lend().unwrap();
    assert_eq!(io::Read::read(&mut socket, &mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    client.write_all(b"elsewhere").await.unwrap();
    while io::Read::read(&mut socket, &mut buf).is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(&buf, b"elsewhere");
    assert!(conn.as_tcp().is_none() && conn.lend().is_none());
    assert!(conn.read(&mut buf).await.is_err(), "that would be taken for the end");
    assert!(conn.write(b"x").await.is_err() && conn.flush().await.is_err() && conn.shutdown().await.is_err());
    conn.take_back(socket, 9).unwrap();
    assert_eq!(conn.meter().read(), 9);
    let (read, ()) = tokio::join!(conn.read(&mut buf), async { client.write_all(b"here").await.unwrap() });
    assert_eq!((read.unwrap(), &buf[..4]), (4, &b"here"[..]));
    drop(client);
    assert_eq!(conn.read(&mut buf).await.unwrap(), 0);
}

#[tokio::test]
async fn a_socket_is_lent_unless_that_would_pass_by_something() {
    let (mut conn, _client) = over_tcp().await;
    conn.unread(Bytes::from_static(b"x"));
    assert!(conn.lend().is_none());
    assert_eq!(conn.read(&mut [0; 9]).await.unwrap(), 1);
    let socket = conn.lend().unwrap();
    conn.take_back(socket, 0).unwrap();
    conn.pace().rate(1000);
    assert!(conn.lend().is_none());
    assert!(Connection::pair().0.lend().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_elsewhere_is_a_first_byte_and_no_rest() {
    let (mut conn, _client) = over_tcp().await;
    conn.pace().first_byte(Duration::from_secs(1));
    conn.pace().idle(Duration::from_secs(5));
    for octets in [1, 0] {
        tokio::time::sleep(Duration::from_millis(900)).await;
        let socket = conn.lend().unwrap();
        conn.take_back(socket, octets).unwrap();
    }
    let begun = Instant::now();
    assert!(conn.read(&mut [0]).await.is_err());
    assert_eq!(begun.elapsed().as_millis(), 4100, "nothing is no byte");
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
