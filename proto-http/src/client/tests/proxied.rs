use std::net::SocketAddr;

use ropewalk_core::net::Handshake;
use ropewalk_core::tls::{Certificates, ClientAuth, ClientTls, ServerTls, self_signed};
use tokio::net::TcpListener;

use super::*;

/// A proxy on loopback: notes each head that it hears, and gives the connection to `then`.
async fn proxy<R>(then: impl Fn(String, Connection) -> R + Send + 'static) -> (SocketAddr, Context)
where
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let cx = Context::root(Limits::default());
    let root = cx.clone();
    cx.spawn(async move {
        loop {
            let mut conn = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
            if let Some(asked) = head(&mut conn).await {
                root.spawn(then(asked, conn)).detach();
            }
        }
    })
    .detach();
    (at, cx)
}

fn through(at: SocketAddr) -> Options {
    let mut options = Options { tls: Some(ClientTls::danger_accept_any().unwrap()), ..Options::default() };
    options.proxies.http = Some(format!("ann:pw@{at}").parse().unwrap());
    options.proxies.https = options.proxies.http.clone();
    options
}

async fn say(conn: &mut Connection, content: &str) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len());
    conn.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_proxy_is_asked_whole_urls_for_http() {
    let (at, _cx) = proxy(|asked, mut conn| async move { say(&mut conn, &asked).await }).await;
    let said = text(Client::with(through(at)).get("http://no-such-name.invalid:81/a?b").await.unwrap()).await;
    assert!(said.starts_with("GET http://no-such-name.invalid:81/a?b HTTP/1.1\r\n"), "{said}");
    assert!(said.contains("host: no-such-name.invalid:81\r\n"), "{said}");
    assert!(said.contains("proxy-authorization: Basic YW5uOnB3\r\n"), "{said}");
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_way_through_for_https() {
    let issued = self_signed(&["no-such-name.invalid".into()]).unwrap();
    let certificates = Certificates::one(issued.certificate().unwrap());
    let tls = ServerTls::new(&certificates, ClientAuth::Off).unwrap().with_alpn(["http/1.1"]);
    let (at, _cx) = proxy(move |connect, mut conn| {
        let tls = tls.clone();
        async move {
            conn.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            let mut conn = conn.start_tls(&tls, Handshake::default()).await.unwrap();
            let asked = head(&mut conn).await.unwrap();
            say(&mut conn, &format!("{connect}{asked}")).await;
        }
    })
    .await;
    let said = text(Client::with(through(at)).get("https://no-such-name.invalid/a").await.unwrap()).await;
    let (connect, asked) = said.split_once("\r\n\r\n").unwrap();
    assert!(connect.starts_with("CONNECT no-such-name.invalid:443 HTTP/1.1\r\n"), "{said}");
    assert!(connect.contains("proxy-authorization: Basic YW5uOnB3"), "{said}");
    assert!(asked.starts_with("GET /a HTTP/1.1\r\n") && !asked.contains("proxy-authorization"), "{said}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_an_error_of_the_connect() {
    for (answer, says) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407"),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "answers 403"),
        ("SSH-2.0-x\r\n\r\n", "not an answer of HTTP"),
        ("", "ended before"),
    ] {
        let (at, _cx) = proxy(move |_, mut conn| async move {
            conn.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let error = Client::with(through(at)).get("https://no-such-name.invalid/").await.unwrap_err();
        assert_eq!(error.phase(), Phase::Connect, "{error:?}");
        assert!(error.chain().contains(says), "{says}: {error:?}");
        assert!(error.chain().starts_with(&format!("connect: through the proxy {at}: ")), "{error:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for url in ["http://x.example/", "https://x.example/"] {
        let error = Client::with(through(nobody)).get(url).await.unwrap_err();
        assert!(error.chain().starts_with(&format!("connect: through the proxy {nobody}: ")), "{error:?}");
    }
}

#[tokio::test]
async fn what_a_proxy_says_before_tls_is_not_taken_for_the_origins_word() {
    let (at, _cx) = proxy(|_, mut conn| async move {
        conn.write_all(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil").await.unwrap();
        let _rest = conn.read_u8().await;
    })
    .await;
    let error = Client::with(through(at)).get("https://no-such-name.invalid/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Tls, "{error:?}");
}

#[tokio::test]
async fn exceptions_are_asked_directly() {
    let (at, _cx) = proxy(|_, mut conn| async move { say(&mut conn, "direct").await }).await;
    let mut options = Options::default();
    options.proxies.http = Some("127.0.0.1:1".parse().unwrap());
    options.proxies.except = vec!["127.0.0.0/8".into()];
    assert_eq!(text(Client::with(options).get(&format!("http://{at}/")).await.unwrap()).await, "direct");
}

#[tokio::test]
async fn a_way_through_is_for_other_protocols_too() {
    let (at, _cx) = proxy(|asked, mut conn| async move {
        assert!(asked.starts_with("CONNECT chat.example:80 "), "{asked}");
        conn.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await.unwrap();
        let _rest = conn.read_u8().await;
    })
    .await;
    let client = Client::with(through(at));
    let origin = origin::Origin::of(&"http://chat.example/".parse().unwrap()).unwrap();
    let dialled = client.dialer().dial(&origin, &[], dial::Through::Tunnel, None).await.unwrap();
    let (mut conn, mut hello) = (dialled.conn, [0; 5]);
    conn.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"hello");
    assert!(dialled.spent.connect.is_some());
}
