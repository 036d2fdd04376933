use bytes::Bytes;
use http::Version;
use http_body_util::Empty;
use hyper::client::conn::http2::Builder;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ropewalk_core::app::{ConnId, Context, Protocol as _, Task};
use ropewalk_core::net::{Connection, Handshake, Info};
use ropewalk_core::{Address, Limits, tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::super::{CloseCode, Connect, Message, connect, connect_over};
use super::*;
use crate::Http;

/// Says what was agreed on and asked for, then everything that is said.
async fn echo(mut socket: WebSocket, request: Request) -> Result<()> {
    let agreed = socket.protocol().unwrap_or("nothing").to_owned();
    socket.send(&format!("{agreed} at {}", request.uri.path())).await?;
    while let Some(message) = socket.recv().await? {
        socket.send(&message).await?;
    }
    Ok(())
}

fn http(handler: impl Handler) -> (DuplexStream, Context, Task<Result<()>>) {
    let root = Context::root(Limits::default());
    let cx = root.connection(tracing::Span::none(), ConnId::next());
    let (conn, io) = Connection::pair();
    let (inner, http) = (cx.clone(), Http::new(handler));
    let task = root.spawn(async move { http.serve(conn, inner).await });
    (io, cx, task)
}

const FIELDS: [&str; 5] = [
    "Host: example.org",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// The head of the answer to a request of these fields.
async fn asked(handler: impl Handler, line: &str, fields: &[&str]) -> String {
    let (mut io, _cx, _server) = http(handler);
    io.write_all(format!("{line}\r\n{}\r\n\r\n", fields.join("\r\n")).as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The answer to a good handshake with one field more, or with one in the place of that of its name.
async fn with(handler: impl Handler, field: &str) -> String {
    let name = field.split(':').next().unwrap_or_default();
    let mut fields: Vec<&str> = FIELDS.into_iter().filter(|it| !it.starts_with(name)).collect();
    if field.contains(": ") {
        fields.push(field);
    }
    asked(handler, "GET /chat HTTP/1.1", &fields).await
}

fn status(head: &str) -> &str {
    &head[9..12]
}

#[tokio::test]
async fn the_example_of_the_rfc() {
    // RFC 6455 §1.3.
    let head = asked(WebSockets::new(echo), "GET /chat HTTP/1.1", &FIELDS).await;
    assert_eq!(status(&head), "101");
    assert!(head.contains("\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    assert!(!head.contains("sec-websocket-extensions") && !head.contains("sec-websocket-protocol"), "{head}");
}

#[tokio::test]
async fn what_is_no_opening_handshake_is_refused() {
    for (field, expected) in [
        ("Upgrade", "426"),
        ("Connection", "426"),
        ("Connection: keep-alive", "426"),
        ("Upgrade: h2c", "426"),
        ("Sec-WebSocket-Version", "400"),
        ("Sec-WebSocket-Version: 8", "426"),
        ("Sec-WebSocket-Version: 013", "426"),
        ("Sec-WebSocket-Key", "400"),
        ("Sec-WebSocket-Key: ", "400"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", "400"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=", "400"),
        ("Sec-WebSocket-Key: !!!!IHNhbXBsZSBub25jZQ==", "400"),
        ("Sec-WebSocket-Protocol: a,,b", "101"),
        ("Sec-WebSocket-Protocol: a b", "400"),
        ("Sec-WebSocket-Protocol: a, a", "400"),
        ("Sec-WebSocket-Extensions: permessage-deflate", "101"),
        ("Sec-WebSocket-Extensions: a; b; c=d; e=\"f\\g\", h", "101"),
        ("Sec-WebSocket-Extensions: a b", "400"),
        ("Sec-WebSocket-Extensions: a;", "400"),
        ("Sec-WebSocket-Extensions: a; b=", "400"),
        ("Sec-WebSocket-Extensions: a; b=\"c d\"", "400"),
        ("Sec-WebSocket-Extensions: a; b=\"c", "400"),
    ] {
        let head = with(WebSockets::new(echo), field).await;
        assert_eq!(status(&head), expected, "{field}: {head}");
        assert_eq!(head.contains("\r\nupgrade: websocket\r\n"), ["101", "426"].contains(&expected), "{head}");
        assert!(!head.contains("sec-websocket-extensions"), "{head}");
        let names_version = head.contains("\r\nsec-websocket-version: 13\r\n");
        assert_eq!(names_version, field.starts_with("Sec-WebSocket-Version: "), "{head}");
    }
    let twice = [&FIELDS[..], &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]].concat();
    assert_eq!(status(&asked(WebSockets::new(echo), "GET / HTTP/1.1", &twice).await), "400");
    assert_eq!(status(&asked(WebSockets::new(echo), "HEAD / HTTP/1.1", &FIELDS).await), "400");
    assert_eq!(status(&asked(WebSockets::new(echo), "GET / HTTP/1.0", &FIELDS).await), "426");
}

#[tokio::test]
async fn pages_of_elsewhere_are_forbidden() {
    for (origin, same, listed) in [
        ("http://example.org", true, false),
        ("https://EXAMPLE.org", true, false),
        ("https://example.org:443", true, false),
        ("http://example.org:443", false, false),
        ("https://example.org:8443", false, false),
        ("https://example.org.evil.test", false, false),
        ("https://app.test", false, true),
        ("https://app.test:444", false, false),
        ("http://app.test", false, false),
        ("null", false, false),
        ("file://example.org", false, false),
        ("example.org", false, false),
    ] {
        let field = format!("Origin: {origin}");
        let code = |welcome| if welcome { "101" } else { "403" };
        assert_eq!(status(&with(WebSockets::new(echo), &field).await), code(same), "{origin}");
        let handler = WebSockets::new(echo).origins(["https://app.test"]);
        assert_eq!(status(&with(handler, &field).await), code(listed), "{origin}");
        assert_eq!(status(&with(WebSockets::new(echo).any_origin(), &field).await), "101", "{origin}");
    }
    let twice = [&FIELDS[..], &["Origin: http://example.org", "Origin: http://evil.test"]].concat();
    assert_eq!(status(&asked(WebSockets::new(echo), "GET / HTTP/1.1", &twice).await), "403");
}

#[tokio::test]
async fn the_first_subprotocol_of_the_client_that_is_spoken_is_agreed_on() {
    for (offered, agreed) in [("a, chat.2,chat", Some("chat.2")), ("chat", Some("chat")), ("Chat", None)] {
        let handler = WebSockets::new(echo).protocols(["chat", "chat.2"]);
        let head = with(handler, &format!("Sec-WebSocket-Protocol: {offered}")).await;
        assert_eq!(status(&head), "101");
        let said =
            head.split("\r\nsec-websocket-protocol: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        assert_eq!(said, agreed, "{offered}");
    }
}

#[tokio::test]
async fn our_client_and_our_server_understand_each_other() {
    let (io, cx, server) = http(WebSockets::new(echo).protocols(["chat"]));
    let conn = Connection::new(io, Info::new(Address::Memory, Address::Memory));
    let how = Connect { protocols: vec!["chat".into()], ..Connect::default() };
    let mut socket = connect_over(conn, "ws://x/room", &how, &cx).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("chat at /room".into())));
    let long = vec![7; 500_000];
    socket.send(&long).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Binary(long.into())));
    socket.close(CloseCode::NORMAL, "done").await.unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_of_http_2_is_a_websocket_after_an_extended_connect() {
    let (io, cx, _server) = http(WebSockets::new(echo).protocols(["chat"]));
    let (mut client, conn) = Builder::new(TokioExecutor::new()).handshake(TokioIo::new(io)).await.unwrap();
    let _conn = cx.spawn(async move { drop(conn.await) });
    // An extended CONNECT is allowed once the server's settings are here.
    let request = http::Request::get("http://x/").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(client.send_request(request).await.unwrap().status(), StatusCode::UPGRADE_REQUIRED);
    let connect = |origin: &'static str| {
        let mut request = http::Request::connect("http://x/room").version(Version::HTTP_2);
        for (name, value) in
            [("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"), ("origin", origin)]
        {
            request = request.header(name, value);
        }
        let mut request = request.body(Empty::new()).unwrap();
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        request
    };
    let forbidden = client.send_request(connect("http://y")).await.unwrap();
    assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    let mut response = client.send_request(connect("http://x")).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["sec-websocket-protocol"]),
        (StatusCode::OK, &HeaderValue::from_static("chat"))
    );
    assert!(!response.headers().contains_key("sec-websocket-accept"), "there was no key");
    let mut stream = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    let mut said = [0; 15];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"\x81\x0dchat at /room");
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"\x88\x02\x03\xe8");
}

#[tokio::test]
async fn wss_is_protected_by_tls_and_asks_for_http_1_1() {
    let issued = tls::self_signed(&["localhost".into()]).unwrap();
    let certificates = tls::Certificates::one(issued.certificate().unwrap());
    let server = tls::ServerTls::new(&certificates, tls::ClientAuth::Off).unwrap().with_alpn(Http::ALPN);
    let trusted = tls::Authorities::none().and_pem(issued.cert.as_bytes()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let cx = Context::root(Limits::default());
    let inner = cx.clone();
    let serving = cx.spawn(async move {
        let conn = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
        let conn = conn.start_tls(&server, Handshake::default()).await?;
        assert_eq!(conn.info().tls.as_ref().unwrap().alpn.as_deref(), Some(&b"http/1.1"[..]));
        Http::new(WebSockets::new(echo)).serve(conn, inner).await
    });
    let how = Connect { tls: Some(tls::ClientTls::new(&trusted).unwrap()), ..Connect::default() };
    let mut socket = connect(&format!("wss://localhost:{port}/x"), &how, &cx).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("nothing at /x".into())));
    socket.close(CloseCode::NORMAL, "").await.unwrap();
    serving.await.unwrap().unwrap();
    let gone = connect(&format!("wss://localhost:{port}/x"), &how, &cx).await.unwrap_err();
    assert_eq!(gone.fault(), ropewalk_core::Fault::Local, "nobody listens any more");
}
