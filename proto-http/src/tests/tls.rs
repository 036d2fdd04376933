use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ropewalk_core::Address;
use ropewalk_core::net::{Handshake, Info};
use ropewalk_core::tls::{Certificates, ClientAuth, ClientTls, ServerTls, self_signed};

use super::*;

/// A client that offered these protocols by ALPN, and the server that it talks to, by this name.
pub(super) async fn over_tls(
    http: Http,
    name: &str,
    alpn: &[&str],
) -> (Connection, Task<Result<()>>, Context) {
    let issued = self_signed(&["x.example".into()]).unwrap();
    let certificates = Certificates::one(issued.certificate().unwrap());
    let tls = ServerTls::new(&certificates, ClientAuth::Off).unwrap().with_alpn(Http::ALPN);
    let (near, far) = Connection::pair();
    let root = Context::root(Limits::default());
    let cx = root.child(tracing::Span::none());
    let server = root.spawn(async move {
        let conn = near.start_tls(&tls, Handshake::default()).await?;
        http.serve(conn, cx).await
    });
    let far = Connection::new(far, Info::new(Address::Memory, Address::Memory));
    let tls = ClientTls::danger_accept_any().unwrap().with_alpn(alpn);
    let far = far.connect_tls(&tls, &name.parse().unwrap(), Handshake::default()).await.unwrap();
    (far, server, root)
}

#[tokio::test]
async fn alpn_decides() {
    let (io, _server, root) = over_tls(Http::new(echo), "x.example", &["http/1.1", "h2"]).await;
    let (mut client, conn) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    let _conn = root.spawn(async move { drop(conn.await) });
    let request = http::Request::get("https://x.example/").body(Empty::<bytes::Bytes>::new()).unwrap();
    assert_eq!(
        client.send_request(request).await.unwrap().status(),
        200,
        "h2 comes first where both are offered"
    );

    let (mut io, _server, _root) = over_tls(Http::new(echo), "x.example", &[]).await;
    io.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut said = String::new();
    io.read_to_string(&mut said).await.unwrap();
    assert_eq!(status(&said), "200");
}

#[tokio::test]
async fn whoever_speaks_another_version_than_was_settled_is_closed() {
    for (alpn, bytes) in
        [("http/1.1", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ("h2", "GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    {
        let (mut io, server, _root) = over_tls(Http::new(echo), "x.example", &[alpn]).await;
        io.write_all(bytes.as_bytes()).await.unwrap();
        assert_eq!(server.await.unwrap().unwrap_err().fault(), ropewalk_core::Fault::Peer, "{alpn}");
    }
}

#[tokio::test]
async fn a_large_file_goes_over_tls() {
    let content: Vec<u8> = (0..1_000_000_usize).map(|at| (at % 251) as u8).collect();
    let files = ropewalk_core::data::files::Memory::new().with("/big", content.clone());
    let http = Http::new(crate::Static::new(std::sync::Arc::new(files)));
    let (mut io, _server, _root) = over_tls(http, "x.example", &["http/1.1"]).await;
    io.write_all(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    io.read_to_end(&mut said).await.unwrap();
    assert!(said.starts_with(b"HTTP/1.1 200 OK\r\n") && said.ends_with(&content));
}
