use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http2::Builder;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::*;
use crate::Upgrade;

/// Goes on with a protocol that says everything twice.
async fn twice(request: Request) -> Result<Response, Failure> {
    let mut response = Upgrade::to("twice", |mut conn: Connection, _cx| async move {
        let mut word = [0; 2];
        while conn.read_exact(&mut word).await.is_ok() {
            conn.write_all(&word).await?;
            conn.write_all(&word).await?;
        }
        Ok(())
    });
    if request.path.as_bytes() == b"/said" {
        let said = if request.upgrades_to("twice") { "yes" } else { "no" };
        response.headers_mut().insert("said", HeaderValue::from_static(said));
    }
    Ok(response)
}

const ASKS: &str =
    "GET /said HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h9, Twice\r\n\r\n";

#[tokio::test]
async fn the_connection_goes_on_with_what_was_asked_for_and_what_came_behind() {
    let mut peer = Peer::of(Http::new(twice));
    peer.send(format!("{ASKS}ab")).await;
    let head = peer.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    assert!(head.contains("upgrade: twice\r\n") && head.contains("connection: upgrade\r\n"), "{head}");
    assert!(head.contains("said: yes\r\n"), "{head}");
    assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    assert_eq!(peer.until("abab").await, "abab");
    peer.send("cd").await;
    peer.io.shutdown().await.unwrap();
    assert_eq!(peer.rest().await, "cdcd");
    peer.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn content_before_the_new_protocol_is_none_of_it() {
    let asks = ASKS.replace("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\nxyzab");
    let said = say(Http::new(twice), asks).await;
    assert!(said.ends_with("\r\n\r\nabab"), "{said}");
}

#[tokio::test]
async fn whoever_waits_to_be_told_to_continue_is_told_before_the_switch() {
    let mut peer = Peer::of(Http::new(twice));
    peer.send(ASKS.replace("\r\n\r\n", "\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")).await;
    assert_eq!(peer.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(peer.until("\r\n\r\n").await.starts_with("HTTP/1.1 101 "));
    peer.send("xyzab").await;
    assert_eq!(peer.until("abab").await, "abab");
}

#[tokio::test]
async fn who_did_not_ask_is_told_what_to_ask_for() {
    let unasked = [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: twice\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: thrice\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: twice\r\n\r\n",
    ];
    for request in unasked {
        let said = say(Http::new(twice), request).await;
        assert!(said.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{said}");
        assert!(said.contains("upgrade: twice\r\n") && said.contains("connection: upgrade\r\n"), "{said}");
    }
}

#[tokio::test]
async fn a_stream_of_http_2_goes_on_with_what_was_asked_for() {
    let peer = Peer::of(Http::new(twice));
    let (mut client, conn) =
        Builder::new(TokioExecutor::new()).handshake(TokioIo::new(peer.io)).await.unwrap();
    let _conn = peer.cx.spawn(async move { drop(conn.await) });
    // An extended CONNECT is allowed once the server's settings are here.
    let request = http::Request::get("http://x/").body(Empty::<Bytes>::new()).unwrap();
    let refused = client.send_request(request).await.unwrap();
    assert_eq!(refused.status(), StatusCode::UPGRADE_REQUIRED);
    let mut request = http::Request::connect("http://x/said").body(Empty::new()).unwrap();
    request.extensions_mut().insert(Protocol::from_static("twice"));
    let mut response = client.send_request(request).await.unwrap();
    assert_eq!((response.status(), response.headers()["said"].as_bytes()), (StatusCode::OK, &b"yes"[..]));
    assert!(!response.headers().contains_key(header::UPGRADE));
    let mut stream = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    stream.write_all(b"ab").await.unwrap();
    let mut said = [0; 4];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"abab");
}

#[tokio::test]
async fn a_connect_without_a_protocol_is_no_tunnel() {
    let peer = Peer::of(Http::new(twice));
    let (mut client, conn) =
        Builder::new(TokioExecutor::new()).handshake(TokioIo::new(peer.io)).await.unwrap();
    let _conn = peer.cx.spawn(async move { drop(conn.await) });
    let request = http::Request::connect("x:80").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(client.send_request(request).await.unwrap().status(), StatusCode::NOT_IMPLEMENTED);
}

/// Answers after two hints, the second of which comes a while later.
async fn hinting(request: Request) -> Result<Response, Failure> {
    let interim = request.interim();
    let mut hints = HeaderMap::new();
    hints.insert(header::LINK, HeaderValue::from_static("</a.css>; rel=preload"));
    let first = interim.send(StatusCode::EARLY_HINTS, &hints);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = interim.send(StatusCode::EARLY_HINTS, &hints);
    let others = [StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS, StatusCode::OK]
        .iter()
        .any(|status| interim.send(*status, &hints));
    Ok(Response::new(Body::from(format!("{first} {second} {others}"))))
}

#[tokio::test(start_paused = true)]
async fn hints_come_before_the_answer() {
    let mut peer = Peer::of(Http::new(hinting));
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    const HINT: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n";
    assert_eq!(peer.until("\r\n\r\n").await, HINT);
    assert_eq!(peer.until("\r\n\r\n").await, HINT);
    peer.io.shutdown().await.unwrap();
    let answer = peer.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("true true false"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_client_of_1_0_gets_no_hints() {
    let said = say(Http::new(hinting), "GET / HTTP/1.0\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("false false false"), "{said}");
}

#[tokio::test]
async fn a_hint_after_the_answer_goes_nowhere() {
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let inner = Arc::clone(&kept);
    let handler = move |request: Request| {
        let kept = Arc::clone(&inner);
        async move {
            let mut kept = kept.lock().unwrap();
            kept.push(request.interim());
            let early = kept.first().unwrap().send(StatusCode::EARLY_HINTS, &HeaderMap::new());
            Ok(Response::new(Body::from(early.to_string())))
        }
    };
    let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let said = say(Http::new(handler), get.repeat(2)).await;
    assert_eq!(said.matches("103 Early Hints").count(), 1, "{said}");
    assert!(said.ends_with("false"), "{said}");
    assert!(!kept.lock().unwrap()[1].send(StatusCode::EARLY_HINTS, &HeaderMap::new()));
}

#[tokio::test]
async fn an_interim_status_is_no_last_answer() {
    let handler = |_| async {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::EARLY_HINTS;
        Ok(response)
    };
    let said = say(Http::new(handler), "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 500 "), "{said}");
}

/// Tells when it is dropped.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A server over TCP whose handler waits for ever, and whether that was dropped.
async fn waiting() -> (tokio::net::TcpStream, Task<Result<()>>, Arc<AtomicBool>) {
    let gone = Arc::new(AtomicBool::new(false));
    let inner = Arc::clone(&gone);
    let handler = move |_| {
        let gone = Gone(Arc::clone(&inner));
        async move {
            let _gone = gone;
            std::future::pending().await
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let conn = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
    let cx = Context::root(Limits::default());
    let inner = cx.clone();
    let server = cx.spawn(async move { Http::new(handler).serve(conn, inner).await });
    (client, server, gone)
}

#[tokio::test]
async fn who_resets_the_connection_gets_no_more_work_done() {
    let (mut client, server, gone) = waiting().await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    client.set_zero_linger().unwrap();
    drop(client);
    timeout(Duration::from_secs(10), server).await.expect("an end").unwrap().unwrap_err();
    assert!(gone.load(Ordering::SeqCst));
}

#[tokio::test]
async fn who_merely_says_no_more_is_still_answered() {
    let (mut client, server, gone) = waiting().await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    client.shutdown().await.unwrap();
    assert!(timeout(Duration::from_millis(100), server).await.is_err());
    assert!(!gone.load(Ordering::SeqCst));
}
