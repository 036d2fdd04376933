//! Answers that are compressed on the way.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Empty};
use ropewalk_core::data::files::Memory;
use tokio::sync::mpsc;

use super::http2::client;
use super::sidecars::{ask, field, gunzip, gzip};
use super::*;
use crate::{BoxHandler, Coding, Compress, Handler as _, Method, Static, StatusCode, header};

/// Text that is neither all alike nor noise.
fn text(octets: usize) -> String {
    let mut text = String::new();
    for line in 0_u64.. {
        if text.len() >= octets {
            break;
        }
        text.push_str(&format!(
            "<li id={}>strand {line} of the rope</li>\n",
            line.wrapping_mul(0x9e37_79b9) % 9973
        ));
    }
    text.truncate(octets);
    text
}

fn decode(coding: Option<&str>, content: &[u8]) -> String {
    match coding {
        Some("gzip") => gunzip(content),
        Some("br") => {
            let mut text = String::new();
            brotli::Decompressor::new(content, 4096).read_to_string(&mut text).unwrap();
            text
        }
        None => String::from_utf8(content.to_vec()).unwrap(),
        Some(other) => panic!("{other}"),
    }
}

/// The content of a chunked message.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return content;
        }
        content.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}

fn files() -> Memory {
    Memory::new()
        .with("/short.html", text(5000))
        .with("/block.html", text(32 * 1024))
        .with("/long.html", text(300_000))
        .with("/tiny.html", text(1023))
        .with("/least.html", text(1024))
        .with("/picture.png", text(5000))
        .with("/beside.js", text(5000))
        .with("/beside.js.gz", gzip("beside"))
}

fn site() -> Http {
    Http::new(Compress::new(Static::new(Arc::new(files())).precompressed([Coding::Gzip])))
}

async fn get(http: &Http, target: &str, fields: &str) -> (String, Vec<u8>) {
    let (head, content) = ask(http, &format!("GET {target} HTTP/1.1"), fields).await;
    let is_chunked = field(&head, "transfer-encoding") == Some("chunked");
    (head, if is_chunked { unchunked(&content) } else { content })
}

#[tokio::test]
async fn what_is_sent_decodes_to_what_was_there() {
    for target in ["/short.html", "/block.html", "/long.html", "/least.html"] {
        for (accept, coding) in
            [("gzip", Some("gzip")), ("gzip, br", Some("br")), ("br;q=0.1, gzip", Some("gzip")), ("", None)]
        {
            let fields = format!("Accept-Encoding: {accept}\r\n");
            let (head, content) = get(&site(), target, &fields).await;
            assert_eq!(
                (status(&head), field(&head, "content-encoding")),
                ("200", coding),
                "{target} {accept}"
            );
            assert_eq!(field(&head, "vary"), Some("accept-encoding"));
            let expected = match target {
                "/long.html" => 300_000,
                "/block.html" => 32 * 1024,
                "/least.html" => 1024,
                _ => 5000,
            };
            assert!(decode(coding, &content) == text(expected), "{target} {accept}");
            assert!(coding.is_none() || content.len() < expected / 2, "{target} {accept} {}", content.len());
            assert_eq!(field(&head, "accept-ranges"), coding.is_none().then_some("bytes"));
            let old = ask(&site(), &format!("GET {target} HTTP/1.0"), &fields).await;
            assert!(decode(coding, &old.1) == text(expected), "{target} {accept} over 1.0");
            assert_eq!(field(&old.0, "transfer-encoding"), None);
        }
    }
}

#[tokio::test]
async fn over_http_2_as_well() {
    let (mut client, _conn, _cx, _server) = client(Peer::of(site()), 65_535).await;
    for (accept, path, octets) in
        [("gzip", "/long.html", 300_000), ("br", "/long.html", 300_000), ("br", "/short.html", 5000)]
    {
        let request = http::Request::get(format!("http://x{path}")).header("accept-encoding", accept);
        let response = client.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-encoding"], accept);
        let content = response.into_body().collect().await.unwrap().to_bytes();
        assert!(decode(Some(accept), &content) == text(octets));
    }
}

#[tokio::test]
async fn what_is_small_coded_or_no_text_is_left_alone() {
    for (target, coding, vary) in [
        ("/tiny.html", None, Some("accept-encoding")),
        ("/picture.png", None, Some("accept-encoding")),
        ("/beside.js", Some("gzip"), Some("accept-encoding")),
        ("/none", None, Some("accept")),
    ] {
        let (head, content) = get(&site(), target, "Accept-Encoding: gzip\r\n").await;
        assert_eq!(field(&head, "content-encoding"), coding, "{target}");
        assert_eq!(field(&head, "vary"), vary, "{target}");
        if target == "/beside.js" {
            assert_eq!(gunzip(&content), "beside");
        }
    }
}

/// An answer with these fields.
fn answering(status: u16, fields: &'static [(&'static str, &'static str)]) -> Http {
    let handler = move |_: Request| async move {
        let mut response = Response::new(Body::from(text(5000)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in fields {
            response.headers_mut().append(*name, value.parse().unwrap());
        }
        Ok(response)
    };
    Http::new(Compress::new(handler))
}

#[tokio::test]
async fn what_must_not_be_changed_is_not() {
    const HTML: (&str, &str) = ("content-type", "text/html");
    for (status, fields, is_coded) in [
        (200, &[HTML][..], true),
        (200, &[], false),
        (201, &[HTML], false),
        (206, &[HTML], false),
        (404, &[HTML], false),
        (200, &[("content-type", "text/event-stream")], false),
        (200, &[("content-type", "application/zip")], false),
        (200, &[HTML, ("content-encoding", "deflate")], false),
        (200, &[HTML, ("cache-control", "max-age=1, No-Transform")], false),
        (200, &[HTML, ("cache-control", "max-age=1")], true),
        (200, &[HTML, ("repr-digest", "sha-256=:x:")], false),
        (200, &[HTML, ("content-range", "bytes 0-4999/5000")], false),
    ] {
        let (head, content) = get(&answering(status, fields), "/", "Accept-Encoding: gzip\r\n").await;
        let coding = field(&head, "content-encoding").filter(|coding| *coding != "deflate");
        assert_eq!(coding, is_coded.then_some("gzip"), "{status} {fields:?}");
        assert!(decode(coding, &content) == text(5000), "{status} {fields:?}");
        if is_coded {
            assert_eq!(field(&head, "content-length").unwrap(), content.len().to_string());
        }
    }
}

#[tokio::test]
async fn vary_is_said_once() {
    for (said, expected) in [
        ("*", vec!["*"]),
        ("Accept-Encoding, Cookie", vec!["Accept-Encoding, Cookie"]),
        ("cookie", vec!["cookie", "accept-encoding"]),
    ] {
        let handler = move |_: Request| async move {
            let mut response = Response::new(Body::from(text(5000)));
            response.headers_mut().insert(header::CONTENT_TYPE, "text/html".parse().unwrap());
            response.headers_mut().insert(header::VARY, said.parse().unwrap());
            Ok(response)
        };
        let (head, _) = get(&Http::new(Compress::new(handler)), "/", "").await;
        let lines: Vec<_> = head.lines().filter_map(|line| line.strip_prefix("vary: ")).collect();
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn each_coding_has_a_validator_that_is_known_again() {
    let site = site();
    for target in ["/short.html", "/long.html"] {
        let asked = async |fields: String| get(&site, target, &fields).await.0;
        let plain = field(&asked(String::new()).await, "etag").unwrap().to_owned();
        let stem = plain.trim_matches('"');
        for coding in ["gzip", "br"] {
            let tag = format!("\"{stem}-{coding}\"");
            let accept = format!("Accept-Encoding: {coding}\r\n");
            assert_eq!(field(&asked(accept.clone()).await, "etag"), Some(tag.as_str()));
            for (fields, expected, etag) in [
                (format!("{accept}If-None-Match: {tag}\r\n"), "304", Some(tag.as_str())),
                (format!("{accept}If-None-Match: \"x\", W/{tag}\r\n"), "304", Some(&tag)),
                // What the client has is no worse.
                (format!("{accept}If-None-Match: {plain}\r\n"), "304", Some(&plain)),
                (format!("{accept}If-None-Match: \"x-{coding}\"\r\n"), "200", Some(&tag)),
                (format!("{accept}If-Match: {tag}\r\n"), "200", Some(&tag)),
                (format!("{accept}If-Match: {plain}\r\n"), "200", Some(&plain)),
                (format!("{accept}If-Match: W/{tag}\r\n"), "412", None),
                (format!("{accept}If-Match: \"x-{coding}\"\r\n"), "412", None),
                // Who takes no coding has no use for what is coded.
                (format!("If-None-Match: {tag}\r\n"), "200", Some(&plain)),
                (format!("If-Match: {tag}\r\n"), "412", None),
            ] {
                let said = asked(fields.clone()).await;
                assert_eq!((status(&said), field(&said, "etag")), (expected, etag), "{target} {fields}");
                if expected != "412" {
                    assert_eq!(field(&said, "vary"), Some("accept-encoding"), "{target} {fields}");
                }
            }
        }
    }
}

#[tokio::test]
async fn ranges_are_of_what_is_not_coded() {
    let site = site();
    let accept = "Accept-Encoding: gzip\r\n";
    let (whole, _) = get(&site, "/long.html", accept).await;
    let tag = field(&whole, "etag").unwrap();
    let plain = tag.replace("-gzip", "");
    let (head, content) = get(&site, "/long.html", &format!("{accept}Range: bytes=0-9\r\n")).await;
    assert_eq!((status(&head), field(&head, "content-encoding")), ("206", None));
    assert_eq!((field(&head, "etag"), field(&head, "vary")), (Some(plain.as_str()), Some("accept-encoding")));
    assert_eq!(content, &text(10).as_bytes()[..10]);
    // The rest of what is coded is never made of what is not.
    let modified = field(&whole, "last-modified").unwrap();
    for validator in [tag, modified] {
        let resumed = format!("{accept}Range: bytes=9-\r\nIf-Range: {validator}\r\n");
        assert_eq!(status(&get(&site, "/long.html", &resumed).await.0), "200", "{validator}");
    }
    let resumed = format!("{accept}Range: bytes=9-\r\nIf-Range: {plain}\r\n");
    assert_eq!(status(&get(&site, "/long.html", &resumed).await.0), "206");
    // Nor does a condition on what is coded hold for a part of what is not.
    let expecting = format!("{accept}Range: bytes=9-\r\nIf-Match: {tag}\r\n");
    assert_eq!(status(&get(&site, "/long.html", &expecting).await.0), "412");
}

#[tokio::test]
async fn head_says_what_get_says_but_for_a_length() {
    let site = site();
    for target in ["/short.html", "/long.html", "/tiny.html", "/beside.js"] {
        let fields = "Accept-Encoding: gzip\r\n";
        let (get, _) = ask(&site, &format!("GET {target} HTTP/1.1"), fields).await;
        let (head, nothing) = ask(&site, &format!("HEAD {target} HTTP/1.1"), fields).await;
        assert!(nothing.is_empty());
        for name in ["content-type", "content-encoding", "etag", "vary", "accept-ranges", "last-modified"] {
            assert_eq!(field(&head, name), field(&get, name), "{target} {name}");
        }
        if let Some(length) = field(&head, "content-length") {
            assert_eq!(Some(length), field(&get, "content-length"), "{target}");
        }
    }
}

#[tokio::test]
async fn who_changes_something_may_have_read_it_in_any_coding() {
    let handler = |request: Request| async move {
        let tags = request.headers.get_all(header::IF_MATCH).iter();
        let has = tags.filter_map(|line| line.to_str().ok()).any(|line| line.contains("\"v1\""));
        let status = if request.method == Method::PUT && has { 204 } else { 412 };
        Err::<Response, _>(Failure::new(StatusCode::from_u16(status).unwrap()))
    };
    let http = Http::new(Compress::new(handler));
    for (tag, expected) in
        [("\"v1-gzip\"", "204"), ("\"v1-br\"", "204"), ("\"v1\"", "204"), ("\"v2-gzip\"", "412")]
    {
        let fields = format!("If-Match: {tag}\r\nContent-Length: 0\r\n");
        assert_eq!(status(&ask(&http, "PUT / HTTP/1.1", &fields).await.0), expected, "{tag}");
    }
}

/// A stream of what is sent into the channel.
fn streaming(
    media_type: &'static str,
    compress: impl Fn(BoxHandler) -> Compress<BoxHandler>,
) -> (Http, mpsc::Sender<&'static str>) {
    let (sender, receiver) = mpsc::channel::<&str>(4);
    let receiver = Arc::new(std::sync::Mutex::new(Some(receiver)));
    let handler = move |_: Request| {
        let receiver = receiver.lock().unwrap().take();
        async move {
            let chunks = futures_util::stream::unfold(receiver, |receiver| async move {
                let mut receiver = receiver?;
                receiver.recv().await.map(|chunk| (Ok(bytes::Bytes::from(chunk)), Some(receiver)))
            });
            let mut response = Response::new(Body::stream(chunks));
            response.headers_mut().insert(header::CONTENT_TYPE, media_type.parse().unwrap());
            Ok(response)
        }
    };
    (Http::new(compress(handler.boxed())), sender)
}

#[tokio::test]
async fn what_has_come_goes_out_while_more_is_waited_for() {
    for coding in [Coding::Gzip, Coding::Brotli] {
        let (http, events) = streaming("text/event-stream", |handler| {
            Compress::new(handler).codings([coding]).types(["text/event-stream"]).unwrap()
        });
        let mut peer = Peer::of(http);
        peer.send(format!("GET / HTTP/1.0\r\nAccept-Encoding: {coding}\r\n\r\n")).await;
        assert!(peer.until("\r\n\r\n").await.contains(&format!("content-encoding: {coding}\r\n")));
        let mut seen = Vec::new();
        for event in ["data: one\n\n", "data: two\n\n", "data: three\n\n"] {
            events.send(event).await.unwrap();
            let before = decoded(coding, &seen);
            while decoded(coding, &seen) == before {
                seen.push(
                    timeout(Duration::from_secs(20), peer.io.read_u8()).await.expect("an event").unwrap(),
                );
            }
            while !decoded(coding, &seen).ends_with(event) {
                seen.push(
                    timeout(Duration::from_secs(20), peer.io.read_u8()).await.expect("an event").unwrap(),
                );
            }
        }
        drop(events);
        peer.io.read_to_end(&mut seen).await.unwrap();
        assert_eq!(decode(Some(coding.token()), &seen), "data: one\n\ndata: two\n\ndata: three\n\n");
    }
}

/// What can be decoded of a content that has not ended.
fn decoded(coding: Coding, bytes: &[u8]) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    let mut decoder: Box<dyn std::io::Read> = match coding {
        Coding::Gzip => Box::new(flate2::read::GzDecoder::new(bytes)),
        _ => Box::new(brotli::Decompressor::new(bytes, 1)),
    };
    while let Ok(1) = decoder.read(&mut byte) {
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn without_a_free_encoder_answers_are_not_compressed() {
    let (http, chunks) = streaming("text/plain", |handler| Compress::new(handler).most(1));
    let request = "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n";
    let mut first = Peer::of(http.clone());
    first.send(request).await;
    assert!(first.until("\r\n\r\n").await.contains("content-encoding: gzip\r\n"));
    let mut second = Peer::of(http.clone());
    second.send(request).await;
    let head = second.until("\r\n\r\n").await;
    assert!(!head.contains("content-encoding") && head.contains("vary: accept-encoding\r\n"), "{head}");
    // The end of the first content frees its encoder, though its connection goes on.
    drop(chunks);
    first.until("\r\n0\r\n\r\n").await;
    let mut third = Peer::of(http);
    third.send(request).await;
    assert!(third.until("\r\n\r\n").await.contains("content-encoding: gzip\r\n"));
}

#[tokio::test]
async fn a_condition_on_a_coding_fails_where_there_is_no_encoder() {
    let http = Http::new(Compress::new(Static::new(Arc::new(files()))).most(0));
    let (head, _) = get(&http, "/long.html", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((status(&head), field(&head, "content-encoding")), ("200", None));
    let tag = field(&head, "etag").unwrap().trim_matches('"').to_owned();
    let fields = format!("Accept-Encoding: gzip\r\nIf-Match: \"{tag}-gzip\"\r\n");
    assert_eq!(status(&get(&http, "/long.html", &fields).await.0), "412");
}

#[tokio::test]
async fn an_answer_that_fails_is_cut() {
    let handler = |_: Request| async {
        let frames = futures_util::stream::iter(0..60).map(|n| match n {
            59 => Err(ropewalk_core::Error::local("on purpose")),
            _ => Ok(bytes::Bytes::from(text(10_000))),
        });
        let mut response = Response::new(Body::stream(frames));
        response.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
        Ok(response)
    };
    let (head, content) =
        ask(&Http::new(Compress::new(handler)), "GET / HTTP/1.1", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(field(&head, "content-encoding"), Some("gzip"));
    assert!(!content.is_empty() && !content.ends_with(b"\r\n0\r\n\r\n"), "it looks whole");
}

#[tokio::test]
async fn trailers_come_behind_what_is_coded() {
    let handler = |_: Request| async {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("checked", "yes".parse().unwrap());
        let body = http_body_util::Full::new(bytes::Bytes::from(text(100_000)))
            .with_trailers(std::future::ready(Some(Ok(trailers))));
        let mut response = Response::new(Body::wrap(body));
        response.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
        Ok(response)
    };
    let fields = "Accept-Encoding: gzip\r\nTE: trailers\r\n";
    let (_, content) = ask(&Http::new(Compress::new(handler)), "GET / HTTP/1.1", fields).await;
    assert!(gunzip(&unchunked(&content)) == text(100_000));
    assert!(content.ends_with(b"\r\n0\r\nchecked: yes\r\n\r\n"), "{}", String::from_utf8_lossy(&content));
}

#[tokio::test]
async fn content_of_requests_is_not_decoded() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let handler = |request: Request| async move {
        assert_eq!(request.headers[header::CONTENT_ENCODING], "gzip");
        let content = request.body.read(10_000).await?;
        SEEN.store(content.len(), Ordering::SeqCst);
        Ok(Response::new(Body::from(content)))
    };
    // Of which a few octets stand for very many.
    let bomb = gzip(&"x".repeat(5_000_000));
    let http = Http::new(Compress::new(handler));
    let mut peer = Peer::of(http);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    );
    peer.send([head.as_bytes(), &bomb].concat()).await;
    let mut said = Vec::new();
    peer.io.read_to_end(&mut said).await.unwrap();
    assert!(said.ends_with(&bomb));
    assert_eq!(SEEN.load(Ordering::SeqCst), bomb.len());
}
