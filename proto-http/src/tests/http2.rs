use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::BytesMut;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ropewalk_core::data::files::{FileHandle, Files as _, FsError, Memory, Meta, Name, Open, VPath};

use super::*;
use crate::{FileRange, Static, StatusCode};

pub(super) type Client = SendRequest<Empty<bytes::Bytes>>;

/// A client with this receive window, and its connection, which ends with the server's.
pub(super) async fn client(peer: Peer, window: u32) -> (Client, Task<()>, Context, Task<Result<()>>) {
    let Peer { io, cx, server } = peer;
    let mut builder = Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (client, conn) = builder.handshake(TokioIo::new(io)).await.unwrap();
    // Of its own, so that it outlives the server's context.
    let conn = Context::root(Limits::default()).spawn(async move { drop(conn.await) });
    (client, conn, cx, server)
}

async fn get(client: &mut Client, path: &str) -> http::Response<Incoming> {
    let request = http::Request::get(format!("http://x{path}")).body(Empty::new()).unwrap();
    client.send_request(request).await.unwrap()
}

async fn text(response: http::Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn the_same_handler_answers() {
    let (mut client, _conn, _cx, _server) = client(Peer::of(Http::new(echo)), 65_535).await;
    assert_eq!(text(get(&mut client, "/a").await).await, "GET /a: ");
    assert_eq!(get(&mut client, "/a%2fb").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(text(get(&mut client, "/b").await).await, "GET /b: ", "the connection lives on");
}

#[tokio::test]
async fn a_large_file_comes_whole() {
    let files = Memory::new().with("/big", vec![b'x'; 3_000_000]);
    let (mut client, _conn, _cx, _server) =
        client(Peer::of(Http::new(Static::new(Arc::new(files)))), 65_535).await;
    let response = get(&mut client, "/big").await;
    assert_eq!(response.headers()["content-length"], "3000000");
    assert_eq!(text(response).await.len(), 3_000_000);
}

#[tokio::test]
async fn a_panic_is_500_and_other_streams_live() {
    let handler = |request: Request| async move {
        assert!(request.path.as_bytes() != b"/panic", "on purpose");
        Ok(Response::new(Body::from("fine")))
    };
    let (mut client, _conn, _cx, _server) = client(Peer::of(Http::new(handler)), 65_535).await;
    assert_eq!(get(&mut client, "/panic").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(get(&mut client, "/").await).await, "fine");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_told_to_go() {
    let (mut client, conn, _, server) = client(Peer::of(Http::new(echo)), 65_535).await;
    text(get(&mut client, "/").await).await;
    let begun = Instant::now();
    server.await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 75);
    conn.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_window_stays_shut_ends_the_connection() {
    let files = Memory::new().with("/big", vec![b'x'; 3_000_000]);
    let (mut client, _conn, _, server) =
        client(Peer::of(Http::new(Static::new(Arc::new(files)))), 1000).await;
    let _untouched = get(&mut client, "/big").await;
    let begun = Instant::now();
    assert_eq!(server.await.unwrap().unwrap_err().limit_name(), Some("write"));
    assert!((30..40).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_small_answer_that_is_never_taken_ends_the_connection() {
    let (mut client, _conn, _, server) = client(Peer::of(Http::new(echo)), 0).await;
    let _untouched = get(&mut client, "/").await;
    let begun = Instant::now();
    assert_eq!(server.await.unwrap().unwrap_err().limit_name(), Some("write"));
    assert!((30..40).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_streams_finish() {
    let handler = |_: Request| async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok(Response::new(Body::from("done")))
    };
    let (mut client, _conn, cx, server) = client(Peer::of(Http::new(handler)), 65_535).await;
    let answer =
        Context::root(Limits::default()).spawn(async move { text(get(&mut client, "/").await).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    cx.stop();
    assert_eq!(answer.await.unwrap(), "done");
    server.await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 19);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_not_held_up_by_a_peer_that_said_only_the_preface() {
    let mut peer = Peer::of(Http::new(echo));
    peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    peer.cx.stop();
    let begun = Instant::now();
    peer.rest().await;
    assert!(begun.elapsed().as_secs() <= 30, "{:?}", begun.elapsed());
}

/// RFC 9113 §4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

#[tokio::test(start_paused = true)]
async fn rapid_resets_are_answered_by_goaway() {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    for stream in (1..2001).step_by(2) {
        // GET http://x/, and its end; then RST_STREAM with CANCEL.
        bytes.extend(frame(1, 5, stream, &[0x82, 0x86, 0x84, 0x41, 1, b'x']));
        bytes.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
    }
    let mut peer = Peer::of(Http::new(|_: Request| std::future::pending::<Result<Response, Failure>>()));
    peer.send(&bytes).await;
    // ENHANCE_YOUR_CALM.
    assert!(goes_away(&mut peer).await.contains(&11));
}

/// The error codes of the GOAWAY frames (RFC 9113 §6.8) that come until the connection ends.
async fn goes_away(peer: &mut Peer) -> Vec<u32> {
    let mut said = Vec::new();
    timeout(Duration::from_secs(5), peer.io.read_to_end(&mut said)).await.expect("a close").unwrap();
    let (mut rest, mut codes) = (said.as_slice(), Vec::new());
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = rest {
        let (payload, next) = after.split_at(u32::from_be_bytes([0, *a, *b, *c]) as usize);
        if *kind == 7 {
            codes.push(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        rest = next;
    }
    codes
}

/// A peer that begins a POST of http://x/ on each of these streams, to a server that refuses it unread.
async fn refused(streams: impl Iterator<Item = u32>) -> Peer {
    let handler = |_: Request| async { Err::<Response, _>(Failure::new(StatusCode::METHOD_NOT_ALLOWED)) };
    let mut peer = Peer::of(Http::new(handler));
    peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    peer.send(frame(4, 0, 0, &[])).await;
    // Acknowledged: so our windows hold (RFC 9113 §6.5.3).
    peer.send(frame(4, 1, 0, &[])).await;
    for stream in streams {
        peer.send(frame(1, 4, stream, &[0x83, 0x86, 0x84, 0x41, 1, b'x'])).await;
    }
    peer
}

/// What says the end of this stream: the flag END_STREAM (`None`), or RST_STREAM with this code.
async fn end_of(peer: &mut Peer, stream: u32) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        peer.io.read_exact(&mut head).await.unwrap();
        let [_, a, b, kind, flags, of @ ..] = head;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([a, b]))];
        peer.io.read_exact(&mut payload).await.unwrap();
        match (kind, u32::from_be_bytes(of) == stream) {
            (0 | 1, true) if flags & 1 == 1 => return None,
            (3, true) => return Some(u32::from_be_bytes(payload.try_into().unwrap())),
            (3 | 7, _) => panic!("{kind} on {of:?}: {payload:?}"),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_content_nobody_reads_is_not_reset() {
    let mut peer = refused([1].into_iter()).await;
    for _ in 0..19 {
        peer.send(frame(0, 0, 1, &[b'x'; 16 * 1024])).await;
    }
    assert_eq!(end_of(&mut peer, 1).await, None, "the answer does not wait");
    tokio::time::sleep(Duration::from_secs(10)).await;
    peer.send(frame(0, 1, 1, b"end")).await;
    peer.send(frame(1, 5, 3, &[0x83, 0x86, 0x84, 0x41, 1, b'x'])).await;
    assert_eq!(end_of(&mut peer, 3).await, None, "nor is there a reset of the first");
}

#[tokio::test(start_paused = true)]
async fn what_is_passed_over_of_a_content_is_bounded() {
    for (frames, seconds) in [(0, 30), (64, 30), (65, 0)] {
        let mut peer = refused([1].into_iter()).await;
        assert_eq!(end_of(&mut peer, 1).await, None);
        let begun = Instant::now();
        for _ in 0..frames {
            peer.send(frame(0, 0, 1, &[b'x'; 16 * 1024])).await;
        }
        assert_eq!(end_of(&mut peer, 1).await, Some(0), "NO_ERROR");
        assert_eq!(begun.elapsed().as_secs(), seconds, "{frames}");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_whose_content_is_passed_over_are_among_the_most() {
    let mut peer = refused((1..202).step_by(2)).await;
    assert_eq!(end_of(&mut peer, 201).await, Some(7), "REFUSED_STREAM");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pushes_ends_its_connection() {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    // PUSH_PROMISE of stream 2 with END_HEADERS: GET http://x/ (RFC 9113 §8.4).
    bytes.extend(frame(5, 4, 1, &[0, 0, 0, 2, 0x82, 0x86, 0x84, 0x41, 1, b'x']));
    let mut peer = Peer::of(Http::new(echo));
    peer.send(&bytes).await;
    // PROTOCOL_ERROR.
    assert_eq!(goes_away(&mut peer).await, [1]);
}

/// A file of a gigabyte, of which is counted what was read.
struct Counted {
    meta: Meta,
    read: Arc<AtomicUsize>,
}

#[async_trait]
impl FileHandle for Counted {
    fn opened(&self) -> &Meta {
        &self.meta
    }

    async fn read_at(&self, _: u64, mut buf: BytesMut) -> Result<BytesMut, FsError> {
        let octets = buf.capacity() - buf.len();
        self.read.fetch_add(octets, Ordering::Relaxed);
        buf.extend_from_slice(&vec![0; octets]);
        Ok(buf)
    }

    async fn meta(&self) -> Result<Meta, FsError> {
        Ok(self.meta.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn streams_that_are_not_read_hold_little_together() {
    let read = Arc::new(AtomicUsize::new(0));
    let open = Arc::new(AtomicUsize::new(0));
    let (counter, opened) = (Arc::clone(&read), Arc::clone(&open));
    let memory = Memory::new().with("/x", "");
    let path = VPath::ROOT.join(&Name::new("x").unwrap()).unwrap();
    let meta = memory.open(&path, &Open::read()).await.unwrap().opened().clone();
    let handler = move |_: Request| {
        opened.fetch_add(1, Ordering::Relaxed);
        let file = Counted { meta: meta.clone(), read: Arc::clone(&counter) };
        async move { Ok(Response::new(Body::File(FileRange::new(Arc::new(file), 0, 1 << 30)))) }
    };
    for window in [0_u8, 1] {
        read.store(0, Ordering::Relaxed);
        open.store(0, Ordering::Relaxed);
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // SETTINGS_INITIAL_WINDOW_SIZE.
        bytes.extend(frame(4, 0, 0, &[0, 4, 0, 0, 0, window]));
        for stream in (1..401).step_by(2) {
            bytes.extend(frame(1, 5, stream, &[0x82, 0x86, 0x84, 0x41, 1, b'x']));
        }
        let mut peer = Peer::of(Http::new(handler.clone()));
        peer.send(&bytes).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(open.load(Ordering::Relaxed), 100, "RFC 9113 §6.5.2 asks for no fewer");
        let held = read.load(Ordering::Relaxed);
        assert!((1..2 << 20).contains(&held), "{held} octets with a window of {window}");
    }
}

#[tokio::test]
async fn the_scheme_of_a_request_is_that_of_its_connection() {
    let (mut client, _conn, _cx, _server) = client(Peer::of(Http::new(echo)), 65_535).await;
    for (uri, expected) in [("http://x/", 200), ("https://x/", 421), ("ftp://x/", 400), ("http://x/", 200)] {
        let request = http::Request::get(uri).body(Empty::new()).unwrap();
        assert_eq!(client.send_request(request).await.unwrap().status(), expected, "{uri}");
    }
}

#[tokio::test]
async fn a_value_with_spaces_around_it_is_malformed() {
    let (mut client, _conn, _cx, _server) = client(Peer::of(Http::new(echo)), 65_535).await;
    for (value, expected) in [(&b"a b"[..], 200), (b" a", 400), (b"a ", 400), (b"\ta", 400), (b"", 200)] {
        let value = http::HeaderValue::from_bytes(value).unwrap();
        let request =
            http::Request::get("http://x/").header("x-a", value.clone()).body(Empty::new()).unwrap();
        assert_eq!(client.send_request(request).await.unwrap().status(), expected, "{value:?}");
    }
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let (mut client, _conn, _cx, _server) = client(Peer::of(Http::new(echo)), 65_535).await;
    let request = http::Request::get("http://x/").header("a", "x".repeat(70_000)).body(Empty::new()).unwrap();
    let refused = match client.send_request(request).await {
        Ok(response) => response.status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Err(_) => true,
    };
    assert!(refused);
}

#[tokio::test(start_paused = true)]
async fn a_connection_holds_few_large_listings_at_once() {
    let files = (0..2000).fold(Memory::new(), |files, n| files.with(&format!("/dir/{n:0100}"), ""));
    let (client, _conn, _cx, _server) =
        client(Peer::of(Http::new(Static::new(Arc::new(files)))), 65_535).await;
    let mut asked: Vec<_> = (0..4)
        .map(|_| {
            let mut client = client.clone();
            Box::pin(async move { get(&mut client, "/dir/").await })
        })
        .collect();
    let mut answers = futures_util::future::select_all(asked.drain(..));
    let mut held = Vec::new();
    for _ in 0..2 {
        let (answer, _, rest) = answers.await;
        held.push(answer);
        answers = futures_util::future::select_all(rest);
    }
    let second = Duration::from_secs(1);
    assert!(timeout(second, &mut answers).await.is_err(), "a third is not made");
    assert!(text(held.remove(0)).await.ends_with("</html>"));
    assert!(timeout(second, &mut answers).await.is_ok(), "it is when the first was taken");
}
