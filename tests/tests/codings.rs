//! Content codings, with real files and with curl, which decodes them.

#![expect(clippy::unwrap_used, reason = "a test that cannot serve files has failed")]

mod serve;

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use ropewalk_http::{Coding, Compress, Http, Static};
use ropewalk_store::files::Local;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Files of a folder on a port of the loopback.
struct Site {
    at: SocketAddr,
}

impl Site {
    async fn of(dir: &Path, compress: bool) -> Self {
        let files = Static::new(Arc::new(Local::new(dir).unwrap()));
        let files = files.precompressed([Coding::Brotli, Coding::Gzip]);
        let server = if compress { Http::new(Compress::new(files)) } else { Http::new(files) };
        Self { at: serve::listening(server, &Context::root(Limits::default())).await }
    }

    /// The head of an answer, and its content.
    async fn get(&self, path: &str, fields: &str) -> (String, Vec<u8>) {
        let mut conn = tokio::net::TcpStream::connect(self.at).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n");
        conn.write_all(request.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        conn.read_to_end(&mut said).await.unwrap();
        let end = said.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        (String::from_utf8(said[..end].to_vec()).unwrap(), said[end + 4..].to_vec())
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Writes a file as it was so many seconds ago.
fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>, ago: u64) {
    fs::write(&path, content).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 - ago);
    File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
}

const GZIP: &str = "Accept-Encoding: gzip\r\n";

#[tokio::test]
async fn a_rollback_to_the_same_time_and_length_is_another_validator() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, coded] = ["a.js", "a.js.gz"].map(|name| dir.path().join(name));
    write(&plain, "new", 60);
    write(&coded, "NEW", 60);
    let site = Site::of(dir.path(), false).await;
    for (path, fields, content) in [(&plain, "", "old"), (&coded, GZIP, "OLD")] {
        let (before, _) = site.get("/a.js", fields).await;
        let tag = field(&before, "etag").unwrap();
        let asked = format!("{fields}If-None-Match: {tag}\r\n");
        assert!(site.get("/a.js", &asked).await.0.starts_with("HTTP/1.1 304 "));
        // Only the file's number, and the time of its change by the system's clock, tell.
        write(dir.path().join("next"), content, 60);
        fs::rename(dir.path().join("next"), path).unwrap();
        let (after, said) = site.get("/a.js", &asked).await;
        assert!(after.starts_with("HTTP/1.1 200 ") && said == content.as_bytes(), "{after}");
        assert_eq!(field(&after, "last-modified"), field(&before, "last-modified"));
        assert_ne!(field(&after, "etag"), Some(tag));
    }
}

#[tokio::test]
async fn only_what_is_in_the_tree_and_not_older_stands_for_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    write(dir.path().join("secret"), "secret", 0);
    for name in ["out", "fresh", "old", "same", "pipe", "LICENSE"] {
        write(root.join(name), "plain", 60);
    }
    std::os::unix::fs::symlink("../secret", root.join("out.gz")).unwrap();
    write(root.join("fresh.gz"), "coded, and longer", 30);
    write(root.join("old.gz"), "coded", 61);
    write(root.join("same.gz"), "coded", 60);
    assert!(Command::new("mkfifo").arg(root.join("pipe.gz")).status().unwrap().success());
    write(root.join("LICENSE.gz"), "c", 0);
    let site = Site::of(&root, false).await;
    for (name, expected) in [
        ("out", "plain"),
        ("fresh", "coded, and longer"),
        ("old", "plain"),
        ("same", "coded"),
        ("pipe", "plain"),
        ("LICENSE", "c"),
    ] {
        let (head, content) = site.get(&format!("/{name}"), GZIP).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{name} {head}");
        assert_eq!(String::from_utf8(content).unwrap(), expected, "{name}");
        assert_eq!(field(&head, "content-encoding"), (expected != "plain").then_some("gzip"), "{name}");
        assert_eq!(field(&head, "vary"), Some("accept-encoding"), "{name}");
    }
}

/// Whether curl is here and says this of itself.
fn curl_says(word: &str) -> bool {
    let said = Command::new("curl")
        .arg("-V")
        .output()
        .map(|done| String::from_utf8_lossy(&done.stdout).into_owned());
    let has = said.is_ok_and(|said| said.contains(word));
    if !has {
        assert!(
            std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|it| it != "1"),
            "missing peer: curl, {word}"
        );
        println!("missing peer: curl, {word}");
    }
    has
}

#[tokio::test]
async fn curl_decodes_what_it_accepts() {
    if !curl_says("brotli") || !curl_says("HTTP2") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let line = |n: u64| format!("strand {} of {n}\n", n.wrapping_mul(0x9e37_79b9) % 9973);
    let text = |lines| (0..lines).map(line).collect::<String>();
    write(dir.path().join("short.txt"), text(200), 60);
    write(dir.path().join("long.txt"), text(12_000), 60);
    write(dir.path().join("beside.js"), text(300), 60);
    write(dir.path().join("beside.js.gz"), gzip(&text(300)), 60);
    let site = Site::of(dir.path(), true).await;
    for version in ["--http1.0", "--http1.1", "--http2-prior-knowledge"] {
        for accept in ["gzip", "br", "gzip, br;q=0.9"] {
            for (name, lines) in [("short.txt", 200), ("long.txt", 12_000), ("beside.js", 300)] {
                let url = format!("http://{}/{name}", site.at);
                let mut curl = tokio::process::Command::new("curl");
                curl.args(["-sS", "--compressed", version, "-H", &format!("Accept-Encoding: {accept}")]);
                curl.args(["-D", "-", "-o"]).arg(dir.path().join("got")).arg(url).stderr(Stdio::inherit());
                let said = String::from_utf8(curl.output().await.unwrap().stdout).unwrap();
                let got = fs::read_to_string(dir.path().join("got")).unwrap();
                assert!(got == text(lines), "{version} {accept} {name} {said}");
                assert!(said.contains("content-encoding: "), "{version} {accept} {name} {said}");
            }
        }
    }
}
