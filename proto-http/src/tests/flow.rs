//! How octets flow through the engine for HTTP/1: in what pieces, how many, and who waits for whom.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use ropewalk_core::data::files::{FileHandle, Files as _, Memory, Name, Open, VPath};

use super::*;
use crate::{FileRange, HeaderMap};

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

/// What a peer may still say when it has been refused.
const LINGER: usize = 256 * 1024;

#[tokio::test]
async fn an_answer_that_is_taken_in_small_pieces_is_whole() {
    let handler = |request: Request| async move {
        let lines = (0..10_000).map(|n| format!("{n:05}. line\n"));
        Ok(Response::new(match request.path.as_bytes() {
            b"/stream" => Body::stream(stream::iter(lines.map(|line| Ok(Bytes::from(line))))),
            _ => Body::from(lines.collect::<String>()),
        }))
    };
    let line = |n| format!("{n:05}. line\n");
    let whole: String = (0..10_000).map(line).collect();
    let chunked = (0..10_000).map(|n| format!("c\r\n{}\r\n", line(n))).collect::<String>() + "0\r\n\r\n";
    for (path, content) in [("/whole", whole), ("/stream", chunked)] {
        let mut peer = Peer::of(Http::new(handler));
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        peer.until("\r\n\r\n").await;
        let (mut said, mut piece) = (Vec::new(), [0; 7]);
        // Each piece makes room for one more: chunks being of 17 octets, a write ends at every place there is.
        while let Ok(octets @ 1..) = peer.io.read(&mut piece).await {
            said.extend_from_slice(&piece[..octets]);
            tokio::task::yield_now().await;
        }
        assert!(said == content.as_bytes(), "{path}: {} of {}", said.len(), content.len());
    }
}

#[tokio::test]
async fn a_part_of_a_file_goes_over_any_connection() {
    let files = Memory::new().with("/a", "0123456789");
    let path = VPath::ROOT.join(&Name::new("a").unwrap()).unwrap();
    let file: Arc<dyn FileHandle> = files.open(&path, &Open::read()).await.unwrap().into();
    let handler = move |_: Request| {
        let part = FileRange::new(file.clone(), 2, 5);
        async move { Ok(Response::new(Body::File(part))) }
    };
    let said = say(Http::new(handler), GET.repeat(2)).await;
    let (first, second) = said.split_once("23456HTTP/1.1 200").unwrap_or_else(|| panic!("{said}"));
    assert!(first.contains("content-length: 5\r\n") && second.ends_with("\r\n\r\n23456"), "{said}");
}

#[tokio::test]
async fn what_is_known_of_a_content_is_known_before_it_comes() {
    async fn known(request: Request) -> Result<Response, Failure> {
        let (over, octets) = (request.body.is_end_stream(), request.body.size_hint().exact());
        let facts = format!("{over} {octets:?}");
        request.body.read(100).await?;
        Ok(Response::new(Body::from(facts)))
    }
    for (rest, expected) in [
        ("\r\n", "true Some(0)"),
        ("Content-Length: 0\r\n\r\n", "true Some(0)"),
        ("Content-Length: 5\r\n\r\nhello", "false Some(5)"),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "false None"),
    ] {
        let said = say(Http::new(known), format!("POST / HTTP/1.1\r\nHost: x\r\n{rest}")).await;
        assert!(said.ends_with(expected), "{rest:?}: {said}");
    }
}

#[tokio::test]
async fn trailers_are_the_last_frame_of_a_content_that_has_some() {
    async fn collect(request: Request) -> Result<Response, Failure> {
        let content = request.body.collect().await?;
        let trailers = content.trailers().map(HeaderMap::len);
        Ok(Response::new(Body::from(format!("{trailers:?} {:?}", content.to_bytes()))))
    }
    for (end, expected) in [("0\r\nX-Sum: 1\r\n\r\n", "Some(1) b\"abc\""), ("0\r\n\r\n", "None b\"abc\"")] {
        let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let said = say(Http::new(collect), format!("{head}3\r\nabc\r\n{end}")).await;
        assert!(said.ends_with(expected), "{said}");
    }
}

#[tokio::test]
async fn an_answer_made_of_a_large_content_is_not_the_last() {
    let handler = |request: Request| async move { Ok(Response::new(request.body)) };
    let content = "0123456789".repeat(100_000);
    let framing = format!("Content-Length: {}", content.len());
    let post =
        |fields: &str, content: &str| format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n{content}");
    let requests = post(&framing, &content) + &post("Connection: close\r\nContent-Length: 6", "second");
    let peer = Peer::of(Http::new(handler));
    let (mut reading, mut writing) = tokio::io::split(peer.io);
    let mut said = String::new();
    let (wrote, read) =
        tokio::join!(writing.write_all(requests.as_bytes()), reading.read_to_string(&mut said));
    wrote.and(read).unwrap();
    assert!(said.contains(&content) && said.ends_with("\r\n\r\nsecond"), "{}", said.len());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_an_answer_is_not_idle() {
    let handler = |request: Request| async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let rest = stream::once(async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            Ok(Bytes::from("late"))
        });
        Ok(Response::new(if request.path.as_bytes() == b"/stream" {
            Body::stream(rest)
        } else {
            "late".into()
        }))
    };
    for path in ["/whole", "/stream"] {
        let mut peer = Peer::paced(Http::new(handler), |conn| conn.pace().idle(Duration::from_secs(5)));
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(status(&peer.until("late").await), "200", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_talks_on_while_it_is_answered_is_heard_as_far_as_there_is_room() {
    let mut peer = Peer::of(Http::new(|_: Request| std::future::pending::<Result<Response, Failure>>()));
    peer.send(GET).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut octets = 0;
    while let Ok(written) = timeout(Duration::from_secs(1), peer.io.write(&[b'x'; 64 * 1024])).await {
        octets += written.unwrap();
    }
    assert_eq!(octets, (16 + 64) * 1024, "what the server keeps, and what waits in the connection");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_refused_may_finish_speaking_but_not_for_ever() {
    for (octets, seconds) in [(0, 2), (LINGER - 1, 2), (LINGER, 0)] {
        let mut peer = Peer::of(Http::new(echo));
        peer.send("GET / HTTP/1.1\nHost: x\n\n").await;
        assert_eq!(status(&peer.rest().await), "400");
        let begun = Instant::now();
        peer.send(vec![b'x'; octets]).await;
        peer.server.await.unwrap().unwrap();
        assert_eq!(begun.elapsed().as_secs(), seconds, "{octets}");
    }
}
