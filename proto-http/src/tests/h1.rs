//! What the engine for HTTP/1 does with messages and connections. What a head or a chunk may be is tested beside their
//! parsers.

use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use proptest::prelude::*;

use super::*;
use crate::{HeaderMap, HeaderValue, Method};

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const SECOND: &str = "GET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// What is said without what differs each time.
fn plain(said: &str) -> String {
    let mut text: String = said.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect();
    while let Some(at) = text.find("\nconnection ") {
        text.truncate(at);
    }
    text
}

/// Everything that is told apart: a content that is read, one that is not, streams, failures.
async fn varied(request: Request) -> Result<Response, Failure> {
    match request.path.as_bytes() {
        b"/unread" => Ok(Response::new(Body::from("unread"))),
        b"/stream" => {
            Ok(Response::new(Body::stream(stream::iter(["ab", "", "c"].map(|it| Ok(Bytes::from(it)))))))
        }
        b"/through" => Ok(Response::new(request.body)),
        _ => echo(request).await,
    }
}

/// What is said to a request that comes in these pieces, and what the connection's end was.
async fn in_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
    let mut peer = Peer::of(Http::new(varied));
    for piece in pieces {
        // A server that has closed does not read the rest.
        if peer.io.write_all(piece).await.is_err() {
            break;
        }
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }
    drop(peer.io.shutdown().await);
    plain(&peer.rest().await)
}

const TRANSCRIPTS: &[(&str, usize)] = &[
    ("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 1),
    ("\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.0\r\n\r\n", 2),
    ("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: x\r\n\r\n", 2),
    (
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        2,
    ),
    (
        "POST /through HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
        2,
    ),
    (
        "POST /unread HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n",
        2,
    ),
    ("GET /a HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", 1),
    ("GET /a HTTP/1.1\nHost: x\n\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", 1),
    (
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        1,
    ),
    ("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel", 1),
    ("GET /a HTTP/1.1\r\nHo", 1),
];

#[tokio::test(start_paused = true)]
async fn a_request_is_the_same_however_it_comes() {
    for (request, answers) in TRANSCRIPTS {
        let whole = in_pieces([request.as_bytes()].into_iter()).await;
        assert_eq!(whole.matches("HTTP/1.1 ").count(), *answers, "{request:?}: {whole:?}");
        // A stream's chunks are those of its content, which comes as it is sent.
        if !request.contains("/through") {
            assert_eq!(in_pieces(request.as_bytes().chunks(1)).await, whole, "{request:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_request_is_the_same_in_any_pieces(which in 0..TRANSCRIPTS.len(), cuts in proptest::collection::vec(1_usize..30, 1..20)) {
        let request = TRANSCRIPTS[which].0;
        prop_assume!(!request.contains("/through"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (whole, cut) = runtime.block_on(async {
            let mut rest = request.as_bytes();
            let pieces = cuts.iter().cycle().map_while(|octets| {
                let (piece, after) = rest.split_at(rest.len().min(*octets));
                rest = after;
                (!piece.is_empty()).then_some(piece)
            });
            (in_pieces([request.as_bytes()].into_iter()).await, in_pieces(pieces).await)
        });
        prop_assert_eq!(whole, cut);
    }
}

#[tokio::test]
async fn a_hundred_requests_at_once_are_answered_in_order() {
    let requests: String = (0..100).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    let said = say(Http::new(echo), requests).await;
    let order: Vec<_> =
        said.match_indices("GET /").map(|(at, _)| said[at + 5..].split(':').next().unwrap()).collect();
    assert_eq!(order, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_connection_ends() {
    for (request, expected) in [
        ("GET / HTTP/1.1\nHost: x\n\n", "400"),
        ("GET / HTTP/3.0\r\nHost: x\r\n\r\n", "505"),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rope, chunked\r\n\r\n", "501"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "400",
        ),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400"),
        ("\u{16}\u{3}\u{1}\r\n\r\n", "400"),
    ] {
        let mut peer = Peer::of(Http::new(echo));
        peer.send(format!("{request}{SECOND}")).await;
        let said = peer.rest().await;
        assert_eq!(status(&said), expected, "{request}");
        assert!(said.contains("connection: close\r\n") && !said.contains("/second"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn content_that_nobody_reads_is_passed_over_or_ends_the_connection() {
    let http = Http::new(varied);
    let post = |framing: &str, content: &str| {
        format!("POST /unread HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n{content}{SECOND}")
    };
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for (request, goes_on) in [
        (post("Content-Length: 5", "hello"), true),
        (post("Content-Length: 1000000", &"x".repeat(1_000_000)), true),
        (post("Content-Length: 2000000", &"x".repeat(2_000_000)), false),
        (post("Transfer-Encoding: chunked", &(chunk.clone() + "0\r\n\r\n")), true),
        (post("Transfer-Encoding: chunked", &(chunk.repeat(20) + "0\r\n\r\n")), false),
    ] {
        let mut peer = Peer::of(http.clone());
        let (mut reading, mut writing) = tokio::io::split(peer.io);
        let mut said = String::new();
        let write = async { drop(writing.write_all(request.as_bytes()).await) };
        let (_, read) = tokio::join!(write, reading.read_to_string(&mut said));
        read.unwrap();
        assert!(status(&said) == "200" && said.contains("unread"), "{said}");
        assert_eq!(said.contains("/second"), goes_on, "{}", request.len());
        peer.io = reading.unsplit(writing);
    }
}

#[tokio::test]
async fn content_that_is_none_is_400_though_nobody_reads_it() {
    for content in ["x\r\n", "5\r\nhello!\r\n0\r\n\r\n", "1\nx\r\n0\r\n\r\n"] {
        let head = "POST /unread HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let said = say(Http::new(varied), format!("{head}{content}{SECOND}")).await;
        assert_eq!(status(&said), "400", "{content:?}");
        assert!(said.contains("connection: close") && !said.contains("/second"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_told_to_continue_is_told_that_the_connection_ends() {
    let mut peer = Peer::of(Http::new(varied));
    peer.send("POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
    let said = peer.rest().await;
    assert!(
        status(&said) == "200" && said.contains("connection: close") && !said.contains(" 100 "),
        "{said}"
    );
    let both = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello";
    let said = say(Http::new(varied), both).await;
    assert!(status(&said) == "200" && said.ends_with(": hello"), "who does not wait is not told: {said}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_continued_after_the_answer() {
    let handler = |request: Request| async move {
        let body = request.body;
        let chunk = async move {
            drop(body);
            Ok(Bytes::from("answer"))
        };
        Ok(Response::new(Body::stream(stream::once(chunk))))
    };
    let mut peer = Peer::of(Http::new(handler));
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
    let said = peer.rest().await;
    let answer = said.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or_else(|| panic!("{said}"));
    assert!(status(answer) == "200" && answer.ends_with("answer\r\n0\r\n\r\n"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_line_begins_no_request() {
    let mut peer = Peer::of(Http::new(echo));
    peer.send(format!("{GET}\r\n")).await;
    peer.until("GET /a: ").await;
    assert_eq!(peer.close().await, (String::new(), 75));
    let said = say(Http::new(echo), format!("{GET}\r\n")).await;
    assert!(said.ends_with("GET /a: "), "{said}");
}

#[tokio::test]
async fn a_stream_is_chunked_or_ends_with_the_connection() {
    let said = say(Http::new(varied), "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(said.contains("transfer-encoding: chunked\r\n"), "{said}");
    assert!(said.ends_with("\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), "{said}");
    let mut peer = Peer::of(Http::new(varied));
    peer.send(format!("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n{SECOND}")).await;
    let said = peer.rest().await;
    assert!(said.contains("connection: close\r\n") && said.ends_with("\r\n\r\nabc"), "{said}");
    assert!(!said.contains("transfer-encoding"), "{said}");
    let said = say(Http::new(varied), "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(status(&said) == "200" && said.ends_with("\r\n\r\n"), "{said}");
}

#[tokio::test]
async fn a_client_of_1_0_that_asks_for_it_is_kept() {
    let said =
        say(Http::new(echo), format!("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n{SECOND}")).await;
    assert!(said.contains("connection: keep-alive\r\n") && said.contains("/second"), "{said}");
    let said = say(Http::new(echo), format!("GET /a HTTP/1.0\r\n\r\n{SECOND}")).await;
    assert!(said.contains("connection: close\r\n") && !said.contains("/second"), "{said}");
}

#[tokio::test]
async fn the_head_of_a_stream_does_not_wait_for_its_content() {
    let handler = |_: Request| async { Ok(Response::new(Body::stream(stream::pending()))) };
    let mut peer = Peer::of(Http::new(handler));
    peer.send(GET).await;
    assert!(peer.until("\r\n\r\n").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_stream_that_fails_or_lies_cuts_the_connection() {
    let fails = || [Ok(Bytes::from("ab")), Err(ropewalk_core::Error::local("on purpose"))];
    let lies = |length: &'static str| {
        move |_: Request| async move {
            let mut response = Response::new(Body::stream(stream::iter([Ok(Bytes::from("abc"))])));
            response.headers_mut().insert("content-length", HeaderValue::from_static(length));
            Ok(response)
        }
    };
    for (http, end) in [
        (
            Http::new(
                move |_: Request| async move { Ok(Response::new(Body::stream(stream::iter(fails())))) },
            ),
            "2\r\nab\r\n",
        ),
        (Http::new(lies("4")), "abc"),
        (Http::new(lies("2")), ""),
    ] {
        let mut peer = Peer::of(http);
        peer.send(format!("{GET}{SECOND}")).await;
        let said = peer.rest().await;
        assert!(said.ends_with(end) && !said.contains("/second"), "{said}");
        assert_eq!(peer.server.await.unwrap().unwrap_err().fault(), ropewalk_core::Fault::Local);
    }
}

#[tokio::test]
async fn trailers_go_to_whom_takes_them() {
    let handler = |_: Request| async {
        let mut sum = HeaderMap::new();
        sum.insert("x-sum", HeaderValue::from_static("1"));
        let frames = [http_body::Frame::data(Bytes::from("a")), http_body::Frame::trailers(sum)];
        Ok(Response::new(Body::wrap(StreamBody::new(stream::iter(frames.map(Ok::<_, std::io::Error>))))))
    };
    for (field, end) in [("TE: trailers\r\n", "0\r\nx-sum: 1\r\n\r\n"), ("", "a\r\n0\r\n\r\n")] {
        let said = say(Http::new(handler), format!("GET / HTTP/1.1\r\nHost: x\r\n{field}\r\n")).await;
        assert!(said.ends_with(end), "{said}");
    }
}

#[tokio::test]
async fn an_answer_can_be_made_of_content_that_is_still_coming() {
    let mut peer = Peer::of(Http::new(varied));
    peer.send("POST /through HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    peer.until("\r\n\r\n").await;
    for text in ["one", "two"] {
        peer.send(format!("3\r\n{text}\r\n")).await;
        assert_eq!(peer.until("\r\n").await, "3\r\n");
        assert_eq!(peer.until("\r\n").await, format!("{text}\r\n"));
    }
    peer.send(format!("0\r\n\r\n{SECOND}")).await;
    assert!(peer.rest().await.starts_with("0\r\n\r\nHTTP/1.1 200"));
}

#[tokio::test]
async fn content_can_be_read_in_another_task_until_the_request_is_over() {
    let (told, mut tell) = tokio::sync::mpsc::channel(1);
    let handler = move |request: Request| {
        let told = told.clone();
        async move {
            let cx = request.facts.cx.clone();
            let leaves = request.path.as_bytes() == b"/leaves";
            let mut body = request.body;
            let reading = cx.spawn(async move {
                let mut all = Vec::new();
                let end = loop {
                    match body.chunk().await {
                        Ok(Some(chunk)) => all.extend_from_slice(&chunk),
                        Ok(None) => break Ok(all),
                        Err(error) => break Err(error.to_string()),
                    }
                };
                told.send(end).await.unwrap();
            });
            if leaves {
                reading.detach()
            } else {
                reading.await.unwrap()
            }
            Ok(Response::new(Body::from("done")))
        }
    };
    let http = Http::new(handler);
    let mut peer = Peer::of(http.clone());
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n").await;
    tokio::task::yield_now().await;
    peer.send("hello").await;
    assert_eq!(tell.recv().await.unwrap(), Ok(b"hello".to_vec()));
    let mut peer = Peer::of(http);
    peer.send("POST /leaves HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n").await;
    peer.until("done").await;
    peer.send("he").await;
    peer.io.shutdown().await.unwrap();
    assert_eq!(tell.recv().await.unwrap(), Err("the request is over".into()));
}

#[tokio::test]
async fn a_handler_cannot_end_with_an_interim_answer() {
    let handler = |_: Request| async {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = crate::StatusCode::EARLY_HINTS;
        Ok(response)
    };
    assert_eq!(status(&say(Http::new(handler), GET).await), "500");
}

#[tokio::test]
async fn a_half_closed_client_gets_its_answer() {
    let handler = |request: Request| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(request.method, Method::GET);
        Ok(Response::new(Body::from("late")))
    };
    assert!(say(Http::new(handler), GET).await.ends_with("late"));
}
