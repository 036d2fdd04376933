use std::sync::Arc;

use async_trait::async_trait;
use ropewalk_core::data::files::{
    Caps, DirStream, FileHandle, Files, FsError, Kind, ListOptions, Memory, Meta, Open, Ops, Place, Reach,
    VPath,
};

use super::*;
use crate::{Routes, Static};

const SMALL: &str = "0123456789";

fn tree() -> Memory {
    Memory::new()
        .with("/a.txt", SMALL)
        .with("/empty", "")
        .with("/site/index.html", "<p>home")
        .with("/dir/b", "b")
        .with("/dir/c d&e\"<x>.txt", "c")
        .with_dir("/dir/sub")
        .with("/big", vec![b'x'; 1_000_000])
        .with_link("/out", "../../etc/passwd")
}

fn http(files: Memory) -> Http {
    Http::new(Static::new(Arc::new(files)))
}

async fn get(target: &str, fields: &str) -> String {
    ask("GET", target, fields).await
}

async fn ask(method: &str, target: &str, fields: &str) -> String {
    say(http(tree()), format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n")).await
}

pub(super) fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub(super) fn content(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn a_file_comes_with_its_validators() {
    let said = get("/a.txt", "").await;
    assert_eq!((status(&said), content(&said)), ("200", SMALL));
    assert_eq!(field(&said, "content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(field(&said, "content-length"), Some("10"));
    assert_eq!(field(&said, "accept-ranges"), Some("bytes"));
    assert_eq!(field(&said, "x-content-type-options"), Some("nosniff"));
    assert!(field(&said, "etag").is_some_and(|tag| tag.starts_with('"')));
    assert!(field(&said, "last-modified").is_some() && field(&said, "date").is_some());
}

#[tokio::test]
async fn head_says_what_get_says() {
    let files = tree();
    for target in ["/a.txt", "/big", "/empty", "/dir/", "/dir", "/none", "/site/"] {
        let of = |method: &str| format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        let get = say(http(files.clone()), of("GET")).await;
        let head = say(http(files.clone()), of("HEAD")).await;
        assert_eq!(content(&head), "", "{target}");
        // The id of the connection differs, and the date may.
        for name in ["content-length", "content-type", "etag", "last-modified", "location", "vary"] {
            assert_eq!(field(&head, name), field(&get, name), "{target} {name}");
        }
        assert_eq!(status(&head), status(&get));
    }
}

#[tokio::test]
async fn a_large_file_is_streamed_whole() {
    let said = get("/big", "").await;
    assert_eq!(field(&said, "content-length"), Some("1000000"));
    assert_eq!(content(&said).len(), 1_000_000);
}

#[tokio::test]
async fn a_file_that_shrinks_cuts_the_connection() {
    let files = tree();
    let mut peer = Peer::of(http(files.clone()));
    peer.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n").await;
    peer.until("\r\n\r\n").await;
    files.put(&VPath::ROOT.join(&"big".parse_name()).unwrap(), "gone").unwrap();
    let rest = peer.rest().await;
    assert!(rest.len() < 1_000_000 && rest.bytes().all(|b| b == b'x'), "{}", rest.len());
}

trait ParseName {
    fn parse_name(&self) -> ropewalk_core::data::files::Name;
}

impl ParseName for str {
    fn parse_name(&self) -> ropewalk_core::data::files::Name {
        ropewalk_core::data::files::Name::new(self.to_owned()).unwrap()
    }
}

#[tokio::test]
async fn conditions_are_heeded() {
    let files = tree();
    let first = say(http(files.clone()), "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let tag = field(&first, "etag").unwrap();
    let date = field(&first, "last-modified").unwrap();
    for (fields, expected) in [
        (format!("If-None-Match: {tag}\r\n"), "304"),
        (format!("If-None-Match: W/{tag}, \"x\"\r\n"), "304"),
        (format!("If-Modified-Since: {date}\r\n"), "304"),
        (format!("If-Match: {tag}\r\n"), "200"),
        ("If-Match: \"x\"\r\n".into(), "412"),
        ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n".into(), "412"),
        (format!("If-Match: \"x\"\r\nIf-None-Match: {tag}\r\n"), "412"),
        (format!("Range: bytes=0-1\r\nIf-Range: {tag}\r\n"), "206"),
        ("Range: bytes=0-1\r\nIf-Range: \"x\"\r\n".into(), "200"),
        (format!("Range: bytes=0-1\r\nIf-None-Match: {tag}\r\n"), "304"),
    ] {
        let said = say(http(files.clone()), format!("GET /a.txt HTTP/1.1\r\nHost: x\r\n{fields}\r\n")).await;
        assert_eq!(status(&said), expected, "{fields}");
        if expected == "304" {
            assert_eq!(field(&said, "etag"), Some(tag));
            assert!(field(&said, "date").is_some() && field(&said, "content-type").is_none());
            assert_eq!(content(&said), "");
        }
    }
}

#[tokio::test]
async fn a_304_keeps_cache_control() {
    let site = Static::new(Arc::new(tree())).cache_control("max-age=60".parse().unwrap());
    let said = say(Http::new(site), "GET /a.txt HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n").await;
    assert_eq!((status(&said), field(&said, "cache-control")), ("304", Some("max-age=60")));
}

#[tokio::test]
async fn one_range() {
    for (range, part, expected) in
        [("0-0", "0", "bytes 0-0/10"), ("-3", "789", "bytes 7-9/10"), ("8-99", "89", "bytes 8-9/10")]
    {
        let said = get("/a.txt", &format!("Range: bytes={range}\r\n")).await;
        assert_eq!((status(&said), content(&said)), ("206", part));
        assert_eq!(field(&said, "content-range"), Some(expected));
    }
    let said = get("/a.txt", "Range: bytes=10-\r\n").await;
    assert_eq!((status(&said), field(&said, "content-range")), ("416", Some("bytes */10")));
    let said = ask("HEAD", "/a.txt", "Range: bytes=0-1\r\n").await;
    assert_eq!((status(&said), field(&said, "content-length")), ("200", Some("10")), "ranges are of GET");
    let said = get("/big", "Range: bytes=100-899999\r\n").await;
    assert_eq!(content(&said).len(), 899_900);
}

#[tokio::test]
async fn many_ranges_come_as_parts() {
    let said = get("/big", "Range: bytes=0-1, 500000-500001, -2\r\n").await;
    assert_eq!(status(&said), "206");
    let boundary =
        field(&said, "content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str| {
        format!(
            "--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {range}/1000000\r\n\r\nxx\r\n"
        )
    };
    let expected =
        part("0-1") + &part("500000-500001") + &part("999998-999999") + &format!("--{boundary}--\r\n");
    assert_eq!(content(&said), expected);
    assert_eq!(field(&said, "content-length").unwrap(), expected.len().to_string());
}

#[tokio::test]
async fn overlapping_ranges_never_multiply_the_file() {
    let many = vec!["0-"; 16].join(",");
    let said = get("/big", &format!("Range: bytes={many}\r\n")).await;
    assert!(status(&said) == "206" && content(&said).len() == 1_000_000);
    let said = get("/big", &format!("Range: bytes={many},0-\r\n")).await;
    assert!(status(&said) == "200" && content(&said).len() == 1_000_000);
}

#[tokio::test]
async fn a_directory_gets_its_slash_and_its_index() {
    let said = get("/site?a=b", "").await;
    assert_eq!((status(&said), field(&said, "location")), ("301", Some("/site/?a=b")));
    let said = get("/site/", "").await;
    assert_eq!((status(&said), content(&said)), ("200", "<p>home"));
    assert_eq!(field(&said, "content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(status(&get("/a.txt/", "").await), "404", "a file is no directory");
}

#[tokio::test]
async fn a_redirect_names_no_other_authority() {
    let files = Memory::new().with_dir("/evil.example/x").with_dir("/a:b").with_dir("/c\nd");
    for (target, place) in [
        ("//evil.example", "/evil.example/"),
        ("///evil.example/x", "/evil.example/x/"),
        ("http://x//evil.example", "/evil.example/"),
        ("/a:b", "/a%3Ab/"),
        ("/c%0ad", "/c%0Ad/"),
    ] {
        let said = say(http(files.clone()), format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(field(&said, "location"), Some(place), "{target}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_told_apart() {
    for target in ["/none", "/a.txt/b", "/out", "/dir/none/"] {
        assert_eq!(status(&get(target, "").await), "404", "{target}");
    }
}

#[tokio::test]
async fn only_reading_is_allowed() {
    assert_eq!(status(&ask("BREW", "/a.txt", "").await), "501");
    for method in ["POST", "PUT", "DELETE"] {
        let said = ask(method, "/a.txt", "").await;
        assert_eq!((status(&said), field(&said, "allow")), ("405", Some("GET, HEAD, OPTIONS")), "{method}");
    }
    let said = ask("OPTIONS", "/a.txt", "").await;
    assert_eq!((status(&said), field(&said, "allow")), ("204", Some("GET, HEAD, OPTIONS")));
}

#[tokio::test]
async fn a_listing_is_escaped_and_runs_nothing() {
    let said = get("/dir/", "").await;
    assert_eq!((status(&said), field(&said, "x-content-type-options")), ("200", Some("nosniff")));
    let policy = field(&said, "content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("style-src 'sha256-"), "{policy}");
    assert!(said.contains("href=\"c%20d%26e%22%3Cx%3E.txt\""), "{said}");
    assert!(said.contains("c d&amp;e&quot;&lt;x&gt;.txt") && !said.contains("<x>"), "{said}");
    assert!(said.find("sub/").unwrap() < said.find(">b<").unwrap(), "directories come first");
    let down = get("/dir/?sort=name&order=desc", "").await;
    assert!(down.find("c%20d").unwrap() < down.find(">b<").unwrap());
}

#[tokio::test]
async fn a_listing_is_json_for_whom_that_is_better() {
    let said = get("/dir/", "Accept: application/json\r\n").await;
    assert_eq!(
        (field(&said, "content-type"), field(&said, "vary")),
        (Some("application/json"), Some("accept"))
    );
    let listing: serde_json::Value = serde_json::from_str(content(&said)).unwrap();
    assert_eq!((&listing["version"], &listing["path"]), (&1.into(), &"/dir".into()));
    assert_eq!(listing["truncated"], false);
    assert_eq!(listing["entries"][0]["type"], "directory");
    assert_eq!(listing["entries"][1]["name"], "b");
    assert_eq!(listing["entries"][1]["size"], 1);
    let browser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    assert_eq!(field(&get("/dir/", browser).await, "content-type"), Some("text/html; charset=utf-8"));
}

#[tokio::test]
async fn a_listing_has_an_end_and_can_be_off() {
    let files = (0..30).fold(Memory::new(), |files, n| files.with(&format!("/f{n}"), ""));
    let listed = |most| Http::new(Static::new(Arc::new(files.clone())).listing(most));
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let said = say(listed(Some(20)), request).await;
    assert!(said.matches("<tr>").count() == 21 && said.contains("Only the first 20"), "{said}");
    let said = say(listed(Some(30)), request).await;
    assert!(said.matches("<tr>").count() == 31 && !said.contains("Only the first"));
    assert_eq!(status(&say(listed(None), request).await), "403");
}

#[tokio::test]
async fn files_stand_beside_handlers() {
    let routes = Routes::new()
        .mount("/api", echo)
        .and_then(|routes| routes.mount("/files", Static::new(Arc::new(tree()))))
        .unwrap();
    let http = Http::new(routes);
    for (target, expected, end) in [
        ("/api/x", "200", "GET /api/x: "),
        ("/apix", "404", ""),
        ("/", "404", ""),
        ("/files/a.txt", "200", SMALL),
        ("/files/dir", "301", ""),
        ("/files", "301", ""),
    ] {
        let said = say(http.clone(), format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(status(&said), expected, "{target}");
        assert!(said.ends_with(end), "{said}");
        if expected == "301" {
            assert_eq!(field(&said, "location"), Some(format!("{target}/").as_str()));
        }
    }
}

/// A tree with a directory that may not be looked into, and a link that leaves it.
pub(super) struct Locked;

#[async_trait]
impl Files for Locked {
    fn caps(&self) -> Caps {
        Caps::RANDOM_READ
    }

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta, FsError> {
        match path.as_bytes() {
            b"/" | b"/dir" => Ok(Meta::new(Kind::Dir, 0)),
            b"/out" if !follow => Ok(Meta::new(Kind::Link, 0)),
            _ => Err(FsError::Denied),
        }
    }

    async fn list(&self, _: &VPath, _: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        Err(FsError::Denied)
    }

    async fn open(&self, _: &VPath, _: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        Err(FsError::Denied)
    }

    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }

    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_403_with_a_slash_and_without_and_links_say_nothing() {
    for (target, expected) in [
        ("/dir", "403"),
        ("/dir/", "403"),
        ("/dir/a", "403"),
        ("/", "403"),
        ("/out", "404"),
        ("/out/", "404"),
        ("/out/a", "404"),
    ] {
        let http = Http::new(Static::new(Arc::new(Locked)));
        let said = say(http, format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(status(&said), expected, "{target}");
    }
}

#[tokio::test]
async fn the_way_in_a_listing_begins_with_a_slash() {
    let files = tree();
    let of = async |target: &str| {
        say(http(files.clone()), format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await
    };
    assert!(of("/").await.contains("<nav aria-label=\"Path\"><b>/</b></nav>"));
    let below = of("/dir/sub/").await;
    let way = "<a href=\"/\">/</a><a href=\"/dir/\">dir</a><span>/</span><b>sub</b>";
    assert!(below.contains(way), "{below}");
}
