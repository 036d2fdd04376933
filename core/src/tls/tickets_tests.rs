//! What a server sends behind a handshake, and to whom.

use super::*;

/// What lies unread at the client after a handshake over TCP.
async fn unread(server: &ServerTls, client: &ClientTls) -> usize {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let peek = near.try_clone().unwrap();
    let sockets = [near, listener.accept().unwrap().0].map(|socket| {
        socket.set_nonblocking(true).unwrap();
        tokio::net::TcpStream::from_std(socket).unwrap()
    });
    let [near, far] = sockets;
    let name = "a.example".parse().unwrap();
    let (server, client) = tokio::join!(server.accept(far), client.connect(near, &name));
    let _ends = (server.unwrap(), client.unwrap());
    peek.peek(&mut [0; 8192]).unwrap_or(0)
}

#[tokio::test]
async fn a_client_that_need_not_read_has_nothing_to_read() {
    let ca = Ca::new();
    let server = ca.server(&["a.example"]);
    for server in [server.clone(), server.apart().unwrap()] {
        assert!(unread(&server, &ca.client()).await > 0);
        assert_eq!(unread(&server.sparing(), &ca.client()).await, 0);
    }
}

#[tokio::test]
async fn a_client_that_spends_its_tickets_gets_others_in_time() {
    let ca = Ca::new();
    let (server, client) = (ca.server(&["a.example"]).apart().unwrap(), ca.client());
    for round in 0..50 {
        let how = if round == 0 { server.clone() } else { server.sparing() };
        let (server, client) = handshake(&how, &client, "a.example").await;
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        server.write_all(b"x").await.unwrap();
        server.flush().await.unwrap();
        client.read_u8().await.unwrap();
        assert_eq!(server.info().resumed, round > 0, "{round}");
    }
}
