use std::time::Duration;

use ropewalk_core::{Fault, Limits};
use tokio::io::DuplexStream;

use super::super::{CloseCode, Message};
use super::*;

/// Reads a request's head, and answers with what `answer` makes of it, in which `KEY` stands for what shows that
/// the key was understood.
async fn answer(io: &mut DuplexStream, answer: &str) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.split("sec-websocket-key: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
    let shown = accept(key.as_bytes());
    io.write_all(answer.replace("KEY", shown.to_str().unwrap()).as_bytes()).await.unwrap();
    head
}

const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: KEY\r\n";

/// What a client makes of an answer.
async fn opened(how: Connect, said: &str) -> (Result<WebSocket>, String, DuplexStream) {
    let (conn, mut io) = Connection::pair();
    let cx = Context::root(Limits::default());
    let (socket, request) = tokio::join!(
        connect_over(conn, "ws://example.org:81/chat?room=1", &how, &cx),
        answer(&mut io, said),
    );
    (socket, request, io)
}

#[tokio::test]
async fn a_request_says_what_the_rfc_asks_for() {
    let how = Connect {
        protocols: vec!["chat".into(), "echo".into()],
        origin: Some(HeaderValue::from_static("https://example.org")),
        headers: HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("a=b"))]),
        ..Connect::default()
    };
    let said = format!("{GOOD}Sec-WebSocket-Protocol: echo\r\n\r\n");
    let (socket, request, _io) = opened(how, &said).await;
    assert_eq!(socket.unwrap().protocol(), Some("echo"));
    assert!(request.starts_with("GET /chat?room=1 HTTP/1.1\r\nhost: example.org:81\r\n"), "{request}");
    for field in [
        "upgrade: websocket",
        "connection: Upgrade",
        "sec-websocket-version: 13",
        "sec-websocket-protocol: chat, echo",
        "origin: https://example.org",
        "cookie: a=b",
    ] {
        assert!(request.contains(&format!("\r\n{field}\r\n")), "{field} in {request}");
    }
}

#[tokio::test]
async fn what_follows_the_answer_is_heard() {
    let said = format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{GOOD}\r\n");
    let (conn, mut io) = Connection::pair();
    let cx = Context::root(Limits::default());
    let how = Connect::default();
    let serve = async {
        answer(&mut io, &said).await;
        io.write_all(b"\x81\x05early").await.unwrap();
    };
    let (socket, ()) = tokio::join!(connect_over(conn, "ws://x", &how, &cx), serve);
    let mut socket = socket.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("early".into())));
}

#[tokio::test]
async fn what_a_client_says_is_masked_and_ends_by_a_close() {
    let (socket, _, mut io) = opened(Connect::default(), &format!("{GOOD}\r\n")).await;
    let socket = socket.unwrap();
    socket.send("hi").await.unwrap();
    let mut frame = [0; 8];
    io.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[..2], [0x81, 0x82]);
    assert_ne!(frame[2..6], [0; 4], "a key");
    let key: [u8; 4] = *frame[2..].first_chunk().unwrap();
    assert_eq!([frame[6] ^ key[0], frame[7] ^ key[1]], *b"hi");
    drop(socket);
    let mut close = [0; 8];
    io.read_exact(&mut close).await.unwrap();
    assert_eq!(close[..2], [0x88, 0x82]);
    assert_eq!([close[6] ^ close[2], close[7] ^ close[3]], CloseCode::NORMAL.as_u16().to_be_bytes());
    io.write_all(b"\x88\x02\x03\xe8").await.unwrap();
    io.shutdown().await.unwrap();
    assert_eq!(io.read(&mut [0; 1]).await.unwrap(), 0, "it closes once the server has");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_breaks_the_protocol_is_not_waited_for() {
    for (last, waits) in [(&b"\x81\x81\0\0\0\0x"[..], false), (b"\x88\x02\x03\xe8", true)] {
        let (socket, _, mut io) = opened(Connect::default(), &format!("{GOOD}\r\n")).await;
        io.write_all(last).await.unwrap();
        assert_eq!(socket.unwrap().recv().await.is_ok(), waits);
        let begun = tokio::time::Instant::now();
        io.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), if waits { 10 } else { 0 });
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_one_is_refused() {
    let wrong = [
        ("HTTP/1.1 200 OK\r\n\r\n".to_owned(), "server answers 200 OK and opens no WebSocket"),
        (
            "HTTP/1.1 302 Found\r\nLocation: ws://y/\r\n\r\n".into(),
            "server answers 302 Found and opens no WebSocket",
        ),
        (GOOD.replace("1.1", "1.0") + "\r\n", "no HTTP/1.1 answer"),
        (GOOD.replace("101", "0101") + "\r\n", "no HTTP/1.1 answer"),
        (GOOD.replace("Upgrade: ", "Upgrade : ") + "\r\n", "no HTTP/1.1 answer"),
        (GOOD.replace("\r\nUpgrade", "\nUpgrade") + "\r\n", "no HTTP/1.1 answer"),
        (format!("{GOOD} folded\r\n\r\n"), "no HTTP/1.1 answer"),
        (GOOD.replace("WebSocket\r\n", "h2c\r\n") + "\r\n", "server upgrades to something else"),
        (GOOD.replace("Upgrade: ", "Grade: ") + "\r\n", "server upgrades to something else"),
        (GOOD.replace(", Upgrade\r\n", "\r\n") + "\r\n", "server does not upgrade"),
        (GOOD.replace("KEY", "AAAA") + "\r\n", "server did not understand the key"),
        (GOOD.replace("Accept", "Except") + "\r\n", "server did not understand the key"),
        (format!("{GOOD}Sec-WebSocket-Accept: KEY\r\n\r\n"), "sec-websocket-accept twice in the answer"),
        (
            format!("{GOOD}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
            "server uses an extension that was not offered",
        ),
        (
            format!("{GOOD}Sec-WebSocket-Protocol: chat\r\n\r\n"),
            "server chose a subprotocol that was not offered",
        ),
    ];
    for (said, why) in wrong {
        let error = opened(Connect::default(), &said).await.0.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.fault()), (why, Fault::Peer), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_or_endless_answer_is_not_waited_for() {
    let (conn, _io) = Connection::pair();
    let cx = Context::root(Limits::default());
    let begun = tokio::time::Instant::now();
    let error = connect_over(conn, "ws://x", &Connect::default(), &cx).await.unwrap_err();
    assert_eq!((error.limit_name(), begun.elapsed()), (Some("handshake"), Duration::from_secs(10)));
    let endless = format!("{GOOD}A: {}", "a".repeat(20_000));
    let error = opened(Connect::default(), &endless).await.0.unwrap_err();
    assert_eq!(error.limit_name(), Some("head"));
    let many = format!("{GOOD}{}\r\n", "a:b\r\n".repeat(200));
    assert_eq!(opened(Connect::default(), &many).await.0.unwrap_err().limit_name(), Some("head"));
    let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20);
    assert_eq!(
        opened(Connect::default(), &hints).await.0.unwrap_err().to_string(),
        "too many interim answers"
    );
}

#[test]
fn only_urls_of_websockets_are_opened() {
    for (url, endpoint) in [
        ("ws://example.org", "tcp:80:host=example.org"),
        ("ws://example.org:8080/x?y", "tcp:8080:host=example.org"),
        ("wss://example.org/", "tcp:443:host=example.org"),
    ] {
        assert_eq!(Target::parse(url).unwrap().endpoint().unwrap(), endpoint.parse().unwrap());
    }
    let six = Target::parse("ws://[::1]:81/").unwrap();
    assert_eq!(six.endpoint().unwrap(), "tcp:81:host=[::1]".parse().unwrap());
    for url in ["http://x/", "/x", "x", "ws:///x", "ws://x/#y", "ws://u@x/", "ws://x:port/", "ws://a b/"] {
        assert_eq!(Target::parse(url).unwrap_err().fault(), Fault::Local, "{url}");
    }
}

#[test]
fn what_the_handshake_says_itself_is_said_once() {
    let to = Target::parse("ws://x").unwrap();
    for name in ["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-extensions"] {
        let name: HeaderName = name.parse().unwrap();
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("x"))]);
        request(&to, &Connect { headers, ..Connect::default() }, "key").unwrap_err();
    }
    let protocols = vec!["a b".into()];
    request(&to, &Connect { protocols, ..Connect::default() }, "key").unwrap_err();
}
