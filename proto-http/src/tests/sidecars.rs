//! Files that were compressed beforehand.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use ropewalk_core::data::files::layers::{Dots, Hide};
use ropewalk_core::data::files::{DotDot, Files, Memory, SetMeta, Time, VPath};

use super::*;
use crate::{Coding, Static};

const TEXT: &str = "let rope = 'walk';";

pub(super) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

fn path(text: &str) -> VPath {
    VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
}

/// A text longer when it is coded, one shorter, one without an extension, and a folder.
fn tree() -> Memory {
    Memory::new()
        .with("/a.js", TEXT)
        .with("/a.js.gz", gzip(TEXT))
        .with("/a.js.br", "brotli, and longer than the original")
        .with("/a.js.zst", "zstd")
        .with("/LICENSE", "free ".repeat(1000))
        .with("/LICENSE.gz", gzip(&"free ".repeat(1000)))
        .with("/plain.txt", "plain")
        .with("/alone.css.gz", gzip("alone"))
        .with("/site/index.html", "<p>home")
        .with("/site/index.html.br", "home in brotli")
        .with("/void", "something")
        .with("/void.gz", "")
        .with("/odd", "something")
        .with_dir("/odd.gz")
}

fn http(files: impl Files + 'static) -> Http {
    Http::new(Static::new(Arc::new(files)).precompressed([Coding::Brotli, Coding::Gzip, Coding::Zstd]))
}

/// The head, in the case in which it came, and the content.
pub(super) async fn ask(http: &Http, request: &str, fields: &str) -> (String, Vec<u8>) {
    let mut peer = Peer::of(http.clone());
    peer.send(format!("{request}\r\nHost: x\r\nConnection: close\r\n{fields}\r\n")).await;
    let mut said = Vec::new();
    peer.io.read_to_end(&mut said).await.unwrap();
    let end = said.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(said[..end].to_vec()).unwrap(), said[end + 4..].to_vec())
}

async fn get(target: &str, accept: &str) -> (String, Vec<u8>) {
    ask(&http(tree()), &format!("GET {target} HTTP/1.1"), &format!("Accept-Encoding: {accept}\r\n")).await
}

pub(super) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn the_coded_file_is_sent_whole_whether_longer_or_shorter() {
    for (target, accept, coding, media_type) in [
        ("/a.js", "gzip", Some("gzip"), "text/javascript; charset=utf-8"),
        ("/a.js", "gzip;q=0.9, br;q=0.8", Some("gzip"), "text/javascript; charset=utf-8"),
        ("/a.js", "gzip, br", Some("br"), "text/javascript; charset=utf-8"),
        ("/a.js", "zstd", Some("zstd"), "text/javascript; charset=utf-8"),
        ("/a.js", "gzip;q=0.5, identity", None, "text/javascript; charset=utf-8"),
        ("/a.js", "deflate", None, "text/javascript; charset=utf-8"),
        ("/LICENSE", "gzip, br", Some("gzip"), "application/octet-stream"),
        ("/site/", "gzip, br", Some("br"), "text/html; charset=utf-8"),
        ("/plain.txt", "gzip, br", None, "text/plain; charset=utf-8"),
        // Refused without a coding, which there is not.
        ("/plain.txt", "gzip, identity;q=0", None, "text/plain; charset=utf-8"),
        ("/void", "gzip", None, "application/octet-stream"),
        ("/odd", "gzip", None, "application/octet-stream"),
        ("/a.js.gz", "gzip, br", None, "application/gzip"),
    ] {
        let (head, content) = get(target, accept).await;
        assert_eq!(status(&head), "200", "{target} {accept}");
        assert_eq!(field(&head, "content-encoding"), coding, "{target} {accept}");
        assert_eq!(field(&head, "content-type"), Some(media_type), "{target}");
        assert_eq!(field(&head, "content-length").unwrap(), content.len().to_string(), "{target}");
        assert_eq!(field(&head, "vary"), Some("accept-encoding"), "{target} {accept}");
        let text = if coding == Some("gzip") { gunzip(&content).into_bytes() } else { content };
        let expected: &[u8] = match (target, coding) {
            ("/a.js", Some("br")) => b"brotli, and longer than the original",
            ("/a.js", Some("zstd")) => b"zstd",
            ("/a.js", _) => TEXT.as_bytes(),
            ("/LICENSE", _) => &b"free ".repeat(1000),
            ("/site/", _) => b"home in brotli",
            ("/plain.txt", _) => b"plain",
            ("/a.js.gz", _) => &gzip(TEXT),
            _ => b"something",
        };
        assert!(text == expected, "{target} {accept}");
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_and_a_tree_without_coded_files_get_the_original() {
    let (head, content) = ask(&http(tree()), "GET /a.js HTTP/1.1", "").await;
    assert_eq!((field(&head, "content-encoding"), content.as_slice()), (None, TEXT.as_bytes()));
    assert_eq!(field(&head, "vary"), Some("accept-encoding"), "others get another answer");
    let off = Http::new(Static::new(Arc::new(tree())));
    let (head, content) = ask(&off, "GET /a.js HTTP/1.1", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((field(&head, "content-encoding"), content.as_slice()), (None, TEXT.as_bytes()));
    assert_eq!(field(&head, "vary"), None);
}

#[tokio::test]
async fn without_its_original_a_coded_file_is_a_file() {
    assert_eq!(status(&get("/alone.css", "gzip").await.0), "404");
    let (head, content) = get("/alone.css.gz", "gzip").await;
    assert_eq!(
        (field(&head, "content-type"), field(&head, "content-encoding")),
        (Some("application/gzip"), None)
    );
    assert_eq!(gunzip(&content), "alone");
}

#[tokio::test]
async fn head_says_what_get_says() {
    for accept in ["", "gzip", "br"] {
        let fields = format!("Accept-Encoding: {accept}\r\n");
        let http = http(tree());
        let (get, content) = ask(&http, "GET /a.js HTTP/1.1", &fields).await;
        let (head, nothing) = ask(&http, "HEAD /a.js HTTP/1.1", &fields).await;
        assert!(nothing.is_empty() && !content.is_empty());
        for name in ["content-length", "content-type", "content-encoding", "etag", "vary", "last-modified"] {
            assert_eq!(field(&head, name), field(&get, name), "{accept} {name}");
        }
    }
}

#[tokio::test]
async fn each_coding_has_its_own_validator_and_conditions_are_of_what_would_be_sent() {
    let http = http(tree());
    let asked = async |fields: String| ask(&http, "GET /a.js HTTP/1.1", &fields).await.0;
    let mut tags = Vec::new();
    for accept in ["identity", "gzip", "br", "zstd"] {
        let head = asked(format!("Accept-Encoding: {accept}\r\n")).await;
        tags.push((accept, field(&head, "etag").unwrap().to_owned()));
    }
    for (accept, tag) in &tags {
        for (other, expected) in &tags {
            let same = tag == expected;
            assert_eq!(same, accept == other, "{accept} {other}");
            let none_match = format!("Accept-Encoding: {accept}\r\nIf-None-Match: {expected}\r\n");
            let said = asked(none_match).await;
            assert_eq!(status(&said), if same { "304" } else { "200" }, "{accept} {other}");
            assert_eq!(field(&said, "vary"), Some("accept-encoding"));
            assert_eq!(field(&said, "etag"), Some(tag.as_str()));
            if same {
                assert_eq!(field(&said, "content-encoding"), None, "a 304 describes nothing anew");
            }
            let matched = format!("Accept-Encoding: {accept}\r\nIf-Match: {expected}\r\n");
            assert_eq!(status(&asked(matched).await), if same { "200" } else { "412" }, "{accept} {other}");
        }
    }
}

#[tokio::test]
async fn ranges_are_of_the_coded_octets() {
    let http = http(tree());
    let coded = gzip(TEXT);
    let length = coded.len();
    let accept = "Accept-Encoding: gzip\r\n";
    let (head, content) = ask(&http, "GET /a.js HTTP/1.1", &format!("{accept}Range: bytes=3-9\r\n")).await;
    assert_eq!((status(&head), content.as_slice()), ("206", &coded[3..10]));
    assert_eq!(field(&head, "content-range"), Some(format!("bytes 3-9/{length}").as_str()));
    assert_eq!(field(&head, "content-encoding"), Some("gzip"));
    assert_eq!(field(&head, "vary"), Some("accept-encoding"));
    let tag = field(&head, "etag").unwrap().to_owned();
    let resumed = format!("{accept}Range: bytes=10-\r\nIf-Range: {tag}\r\n");
    let (head, content) = ask(&http, "GET /a.js HTTP/1.1", &resumed).await;
    assert_eq!((status(&head), content.as_slice()), ("206", &coded[10..]));
    // Octets of one coding are never the rest of another's.
    let (head, content) = ask(&http, "GET /a.js HTTP/1.1", &resumed.replace("gzip", "br")).await;
    assert_eq!((status(&head), content.len()), ("200", "brotli, and longer than the original".len()));
    let beyond = format!("{accept}Range: bytes={length}-\r\n");
    let (head, _) = ask(&http, "GET /a.js HTTP/1.1", &beyond).await;
    assert_eq!(
        (status(&head), field(&head, "content-range")),
        ("416", Some(format!("bytes */{length}").as_str()))
    );
}

#[tokio::test]
async fn what_is_older_than_its_original_is_passed_over() {
    let files = tree();
    let mut older = SetMeta::default();
    older.mtime = Some(Time::new(1_000_000_000, 0));
    files.set(&path("/a.js.gz"), older.clone(), true).await.unwrap();
    let http = http(files.clone());
    let (head, content) = ask(&http, "GET /a.js HTTP/1.1", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((field(&head, "content-encoding"), content.as_slice()), (None, TEXT.as_bytes()));
    // The next best is not.
    let (head, _) = ask(&http, "GET /a.js HTTP/1.1", "Accept-Encoding: gzip, br;q=0.5\r\n").await;
    assert_eq!(field(&head, "content-encoding"), Some("br"));
    files.set(&path("/a.js"), older, true).await.unwrap();
    let (head, _) = ask(&http, "GET /a.js HTTP/1.1", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(field(&head, "content-encoding"), Some("gzip"), "of the same time");
}

#[tokio::test]
async fn what_is_hidden_or_leads_out_of_the_tree_is_no_coded_file() {
    let files = Memory::new()
        .with("/a.js", TEXT)
        .with_link("/a.js.gz", "../../etc/passwd")
        .with("/b.js", TEXT)
        .with("/real", gzip(TEXT))
        .with_link("/b.js.gz", "real")
        .with("/.secret", "s")
        .with("/.secret.gz", gzip("s"));
    let http = http(Hide::new(files, Dots::Hide));
    for (target, expected, coding) in
        [("/a.js", "200", None), ("/b.js", "200", Some("gzip")), ("/.secret", "404", None)]
    {
        let request = format!("GET {target} HTTP/1.1");
        let (head, _) = ask(&http, &request, "Accept-Encoding: gzip\r\n").await;
        assert_eq!((status(&head), field(&head, "content-encoding")), (expected, coding), "{target}");
    }
}
