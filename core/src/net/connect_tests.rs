use super::*;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn families_take_turns_that_of_the_first_address_first() {
    let all = ["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1", "[2001:db8::3]:1"].map(at);
    let order: Vec<String> = interleave(all.into()).iter().map(ToString::to_string).collect();
    assert_eq!(order, ["[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1", "[2001:db8::3]:1"]);
}

#[tokio::test]
async fn an_address_that_refuses_does_not_hide_one_that_answers() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let answers = server.local_addr().unwrap();
    let refuses: SocketAddr = ([127, 0, 0, 9], answers.port()).into();
    let conn = reach(vec![refuses, answers]).await.unwrap();
    assert_eq!(conn.info().peer, answers.into());
}

#[tokio::test]
async fn the_error_lists_every_address_with_its_reason() {
    // Bound, and never listened on.
    let held = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    held.bind(&SocketAddr::from(([0, 0, 0, 0], 0)).into()).unwrap();
    let port = held.local_addr().unwrap().as_socket().unwrap().port();
    let error =
        reach(vec![([127, 0, 0, 1], port).into(), ([127, 0, 0, 2], port).into()]).await.err().unwrap();
    let text = error.to_string();
    assert!(text.contains(&format!("127.0.0.1:{port}: ")), "{text}");
    assert!(text.contains(&format!("127.0.0.2:{port}: ")), "{text}");
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn what_listens_can_be_connected_to_by_name_and_by_itself() {
    let listening: Endpoint = "tcp:0:interface=localhost".parse().unwrap();
    let bound = listening.claim().unwrap();
    let listener = bound.listen().unwrap();
    let crate::Address::Ip(local) = listener.local() else { panic!("not an internet address") };
    for form in ["tcp:{}:host=localhost", "tcp:{}:host=127.0.0.1", "tcp:{}:interface=[::1]", "{}"] {
        let endpoint: Endpoint = form.replace("{}", &local.port().to_string()).parse().unwrap();
        endpoint.connect().await.unwrap();
        listener.accept().await.unwrap().establish().await.unwrap();
    }
}

#[tokio::test]
async fn kinds_without_a_connecting_side_say_so() {
    for (text, says) in [
        ("udp:53", "datagrams"),
        ("fd:3", "only be listened on"),
        ("tcp:0", "port 0"),
        ("memory:nobody", "nobody listens"),
    ] {
        let error = text.parse::<Endpoint>().unwrap().connect().await.err().unwrap();
        assert!(error.chain().contains(says), "{error:?}");
    }
}

/// A listener whose queue is full: the kernel drops what asks to connect, as a lost network does.
fn silent() -> (socket2::Socket, Vec<socket2::Socket>, SocketAddr) {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let at = listener.local_addr().unwrap();
    let clients = (0..4).map(|_| {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        assert!(client.connect(&at).is_err(), "in progress");
        client
    });
    let clients = clients.collect();
    (listener, clients, at.as_socket().unwrap())
}

#[tokio::test]
async fn a_silent_address_holds_up_the_next_for_a_quarter_second_only() {
    let (_listener, _clients, silent) = silent();
    assert!(timeout(Duration::from_millis(100), reach(vec![silent])).await.is_err(), "it is silent");
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let answers = server.local_addr().unwrap();
    let start = std::time::Instant::now();
    let conn = timeout(Duration::from_secs(10), reach(vec![silent, answers])).await.unwrap().unwrap();
    assert_eq!(conn.info().peer, answers.into());
    assert!(start.elapsed() >= STAGGER, "the first has its chance: {:?}", start.elapsed());
}

#[tokio::test]
async fn tls_is_through_its_handshake_and_only_with_the_host_that_was_meant() {
    let issued = crate::tls::self_signed(&["localhost".into(), "127.0.0.1".into()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("cert.pem");
    std::fs::write(&ca, &issued.cert).unwrap();
    let certificates = crate::tls::Certificates::one(issued.certificate().unwrap());
    let tls = crate::tls::ServerTls::new(&certificates, crate::tls::ClientAuth::Off).unwrap();
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let to = |more: &str| -> Endpoint {
        format!("tls:{port}:host=127.0.0.1:ca={}{more}", ca.display()).parse().unwrap()
    };
    let serve = async {
        loop {
            let (socket, _) = server.accept().await.unwrap();
            // The client says what went wrong.
            let _ = Connection::tcp(socket).unwrap().start_tls(&tls, Handshake::default()).await;
        }
    };
    let ask = async {
        assert!(to("").connect().await.unwrap().info().tls.is_some());
        assert!(to(":name=localhost").connect().await.is_ok());
        let error = to(":name=other.example").connect().await.err().unwrap().chain();
        assert!(error.contains("other.example"), "{error}");
    };
    tokio::select! {
        () = serve => {}
        () = ask => {}
    }
}
