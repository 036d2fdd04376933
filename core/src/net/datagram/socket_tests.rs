use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::*;

fn claim(text: &str) -> Result<BoundDatagrams> {
    BoundDatagrams::claim(&text.parse().unwrap())
}

fn port_of(bound: &BoundDatagrams) -> u16 {
    match bound.local().first() {
        Some(Address::Ip(at)) => at.port(),
        other => panic!("{other:?}"),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Answers the next batch on whichever socket it comes to.
async fn echo(sockets: &[DatagramSocket], octets: usize) -> Batch {
    let (socket, batch) = recv_any(sockets, octets).await;
    let mut answers = Batch::new(octets);
    for datagram in batch.iter() {
        answers.push(datagram.payload, datagram.peer, datagram.local).unwrap();
    }
    socket.send(&answers).await.unwrap();
    batch
}

/// Which of a port's sockets a peer comes to is the kernel's choice.
async fn recv_any(sockets: &[DatagramSocket], octets: usize) -> (&DatagramSocket, Batch) {
    let waiting = sockets.iter().map(|socket| {
        Box::pin(async move {
            let mut batch = Batch::new(octets);
            socket.recv(&mut batch).await.unwrap();
            (socket, batch)
        })
    });
    timeout(Duration::from_secs(10), futures_util::future::select_all(waiting)).await.unwrap().0
}

#[tokio::test]
async fn a_wildcard_socket_answers_from_the_address_it_was_asked_at() {
    let bound = claim("udp:0").unwrap();
    let sockets = bound.open().unwrap();
    for (asked, from) in [("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")] {
        let client = UdpSocket::bind((ip(from), 0)).await.unwrap();
        let server = SocketAddr::from((ip(asked), port_of(&bound)));
        client.send_to(b"hello", server).await.unwrap();
        let batch = echo(&sockets, 512).await;
        let seen = batch.iter().next().unwrap();
        assert_eq!((seen.payload, seen.local), (&b"hello"[..], Some(ip(asked))));
        assert_eq!(seen.peer, client.local_addr().unwrap(), "IPv4 is shown as IPv4");
        let mut answer = [0; 16];
        let received =
            timeout(Duration::from_secs(10), client.recv_from(&mut answer)).await.unwrap().unwrap();
        assert_eq!(received, (5, server));
    }
}

#[tokio::test]
async fn an_ipv4_socket_knows_its_address_too() {
    let bound = claim("udp:0:interface=0.0.0.0").unwrap();
    let sockets = bound.open().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = SocketAddr::from((ip("127.0.0.3"), port_of(&bound)));
    client.send_to(b"x", server).await.unwrap();
    echo(&sockets, 512).await;
    let mut answer = [0; 16];
    let received = timeout(Duration::from_secs(10), client.recv_from(&mut answer)).await.unwrap().unwrap();
    assert_eq!(received, (1, server));
}

#[tokio::test]
async fn thirty_two_come_and_go_in_one_batch() {
    let bound = claim("udp:0:interface=127.0.0.1").unwrap();
    let sockets = bound.open().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = SocketAddr::from((ip("127.0.0.1"), port_of(&bound)));
    for n in 0..32_u8 {
        client.send_to(&vec![n; usize::from(n)], server).await.unwrap();
    }
    // One peer goes to one socket, and loopback delivers at once.
    let batch = echo(&sockets, 512).await;
    assert_eq!(batch.len(), 32);
    let mut answer = [0; 64];
    for n in 0..32_u8 {
        let octets = timeout(Duration::from_secs(10), client.recv(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer[..octets], vec![n; usize::from(n)]);
    }
}

#[tokio::test]
async fn a_batch_may_leave_from_several_addresses() {
    let bound = claim("udp:0").unwrap();
    let sockets = bound.open().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = client.local_addr().unwrap();
    let mut batch = Batch::new(8);
    for from in ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.1"] {
        batch.push(from.rsplit('.').next().unwrap().as_bytes(), peer, Some(ip(from))).unwrap();
    }
    batch.push(b"?", peer, None).unwrap();
    sockets[0].send(&batch).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let mut octet = [0; 8];
        let (_, from) =
            timeout(Duration::from_secs(10), client.recv_from(&mut octet)).await.unwrap().unwrap();
        seen.push((char::from(octet[0]), from.ip().to_string()));
    }
    let seen: Vec<(char, &str)> = seen.iter().map(|(c, ip)| (*c, ip.as_str())).collect();
    let one = ('1', "127.0.0.1");
    assert_eq!(seen, [one, one, ('2', "127.0.0.2"), one, ('?', "127.0.0.1")]);
}

#[tokio::test]
async fn one_that_cannot_be_sent_does_not_hold_up_the_others() {
    let bound = claim("udp:0:interface=127.0.0.1").unwrap();
    let sockets = bound.open().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = client.local_addr().unwrap();
    let mut batch = Batch::new(8);
    batch.push(b"a", peer, Some(ip("198.51.100.1"))).unwrap();
    batch.push(b"b", peer, Some(ip("127.0.0.1"))).unwrap();
    sockets[0].send(&batch).await.unwrap();
    let mut octet = [0; 8];
    timeout(Duration::from_secs(10), client.recv(&mut octet)).await.unwrap().unwrap();
    assert_eq!(octet[0], b'b');
}

#[tokio::test]
async fn what_is_too_long_is_flagged_and_cut() {
    let bound = claim("udp:0:interface=127.0.0.1").unwrap();
    let sockets = bound.open().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = SocketAddr::from((ip("127.0.0.1"), port_of(&bound)));
    client.send_to(b"123456789", server).await.unwrap();
    client.send_to(b"12345678", server).await.unwrap();
    let (_, batch) = recv_any(&sockets, 8).await;
    let seen: Vec<_> = batch.iter().map(|d| (d.payload, d.truncated)).collect();
    assert_eq!(seen, [(&b"12345678"[..], true), (&b"12345678"[..], false)]);
    assert!(batch.iter().all(|d| d.local == Some(ip("127.0.0.1"))));
}

#[test]
fn a_full_batch_and_a_long_payload_are_errors() {
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut batch = Batch::new(4);
    assert!(batch.push(b"12345", peer, None).is_err());
    assert!(batch.is_empty());
    while !batch.is_full() {
        batch.push(b"1234", peer, None).unwrap();
    }
    assert!(batch.push(b"1", peer, None).is_err());
    assert_eq!(batch.len(), 32);
}

#[test]
fn a_taken_port_is_an_error_though_ours_are_shared() {
    let bound = claim("udp:0:interface=127.0.0.1").unwrap();
    let error = claim(&format!("udp:{}:interface=127.0.0.1", port_of(&bound))).unwrap_err().chain();
    assert!(error.contains("is taken by "), "{error}");
    assert!(error.contains(&format!("(pid {})", std::process::id())), "{error}");
}

#[tokio::test]
async fn there_is_a_socket_for_each_core_on_one_port() {
    let sockets = bind(0, Some(Interface::Localhost), 3, false).unwrap();
    assert_eq!(sockets.len(), 6);
    let mut ports: Vec<u16> = sockets.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
    ports.dedup();
    assert_eq!(ports.len(), 1);
}

#[tokio::test]
async fn after_close_nothing_opens() {
    let bound = claim("udp:0:interface=127.0.0.1").unwrap();
    let port = port_of(&bound);
    bound.close();
    assert!(bound.open().is_err());
    // A child that another test starts holds copies of our descriptors for a moment.
    let free = async {
        while claim(&format!("udp:{port}:interface=127.0.0.1")).is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), free).await.unwrap();
}
