use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::net::{Bound, Endpoint, Transport as _};

fn claim(text: &str) -> Bound {
    text.parse::<Endpoint>().unwrap().claim().unwrap()
}

fn port_of(bound: &Bound) -> u16 {
    match bound.local().first() {
        Some(Address::Ip(at)) => at.port(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn without_an_interface_both_families_are_served() {
    let bound = claim("tcp:0");
    let listener = bound.listen().unwrap();
    for (host, seen) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "[::1]")] {
        let _client = TcpStream::connect(format!("{host}:{}", port_of(&bound))).await.unwrap();
        let conn = listener.accept().await.unwrap().establish().await.unwrap();
        assert_eq!(conn.info().local.to_string(), format!("{seen}:{}", port_of(&bound)));
        assert!(conn.as_tcp().unwrap().nodelay().unwrap());
    }
}

#[tokio::test]
async fn localhost_is_both_loopback_addresses_on_one_port_and_nothing_else() {
    let bound = claim("tcp:0:interface=localhost");
    let port = port_of(&bound);
    let local: Vec<String> = bound.local().iter().map(ToString::to_string).collect();
    assert_eq!(local, [format!("127.0.0.1:{port}"), format!("[::1]:{port}")]);
    let listener = bound.listen().unwrap();
    for host in ["127.0.0.1", "[::1]"] {
        let _client = TcpStream::connect(format!("{host}:{port}")).await.unwrap();
        listener.accept().await.unwrap().establish().await.unwrap();
    }
    assert!(TcpStream::connect(format!("127.0.0.2:{port}")).await.is_err());
}

#[tokio::test]
async fn a_busy_address_does_not_starve_the_other() {
    let bound = claim("tcp:0:interface=localhost");
    let (listener, port) = (bound.listen().unwrap(), port_of(&bound));
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap());
    }
    clients.push(TcpStream::connect(format!("[::1]:{port}")).await.unwrap());
    let mut before = 0;
    loop {
        let conn = listener.accept().await.unwrap().establish().await.unwrap();
        if conn.info().peer.ip().is_some_and(|ip| ip.is_ipv6()) {
            break;
        }
        before += 1;
    }
    // By chance alone it comes last once in 2^64 runs.
    assert!(before < 64, "the second address was served last");
}

#[test]
fn a_taken_port_names_who_has_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let endpoint: Endpoint = format!("tcp:{port}:interface=127.0.0.1").parse().unwrap();
    let error = endpoint.claim().unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {endpoint}"));
    let chain = error.chain();
    assert!(chain.contains(&format!("port {port} is taken by ")), "{chain}");
    assert!(chain.contains(&format!("(pid {})", std::process::id())), "{chain}");
}

#[test]
fn a_port_taken_by_another_program_that_shares_it_is_taken() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(1).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    assert!(format!("tcp:{port}:interface=127.0.0.1").parse::<Endpoint>().unwrap().claim().is_err());
}

#[test]
fn a_foreign_address_is_named() {
    let endpoint: Endpoint = "tcp:0:interface=198.51.100.1".parse().unwrap();
    assert!(endpoint.claim().unwrap_err().chain().contains("no interface of this machine has the address"));
}

#[test]
fn a_low_port_without_permission_says_what_it_needs() {
    let error = refusal(io::ErrorKind::PermissionDenied.into(), 80, None, holder::Table::Tcp);
    assert!(error.to_string().contains("CAP_NET_BIND_SERVICE"), "{error}");
}

#[tokio::test]
async fn listening_again_serves_those_who_came_in_between() {
    let bound = claim("tcp:0:interface=127.0.0.1");
    drop(bound.listen().unwrap());
    let mut client = TcpStream::connect(("127.0.0.1", port_of(&bound))).await.unwrap();
    let listener = bound.clone().listen().unwrap();
    let mut conn = listener.accept().await.unwrap().establish().await.unwrap();
    client.write_all(b"x").await.unwrap();
    assert_eq!(conn.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn after_close_the_last_listener_ends_it() {
    let bound = claim("tcp:0:interface=127.0.0.1");
    let port = port_of(&bound);
    let (clone, listener) = (bound.clone(), bound.listen().unwrap());
    bound.close();
    assert!(clone.listen().is_err());
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_ok());
    drop(listener);
    // A child that another test starts holds copies of our descriptors for a moment.
    let closed = async { while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), closed).await.unwrap();
}

#[test]
fn errors_of_one_peer_are_told_from_ours() {
    let fault = |errno: nix::errno::Errno| accept_error(errno.into()).fault();
    assert_eq!(fault(nix::errno::Errno::ECONNABORTED), crate::Fault::Peer);
    assert_eq!(fault(nix::errno::Errno::EMFILE), crate::Fault::Local);
}
