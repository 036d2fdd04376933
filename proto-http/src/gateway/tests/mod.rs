//! Programs as a client sees them.

mod answers;
mod ends;
mod languages;
mod requests;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ropewalk_core::app::{ConnId, Context, Protocol as _, Task};
use ropewalk_core::net::Connection;
use ropewalk_core::{Limits, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::timeout;

use super::*;
use crate::Http;

/// A folder of programs that are run by sh, and what they write.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With this program, which sh runs.
    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.0.path().join(name), text).unwrap();
        self
    }

    /// With this program, to be executed. Another process writes it: what one of ours has open to write, as a copy of
    /// us that is about to run another program does, cannot be executed.
    fn executable(self, name: &str, text: &str) -> Self {
        let plain = format!("{name}.txt");
        let place = self.with(&plain, text);
        let status =
            Command::new("install").args(["-m", "755", &plain, name]).current_dir(place.0.path()).status();
        assert!(status.unwrap().success());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn cgi(&self) -> Cgi {
        Cgi::new(self.0.path()).extension("sh", ["sh"])
    }

    fn limited(&self, limit: impl FnOnce(&mut CgiLimits)) -> Cgi {
        let mut limits = CgiLimits::default();
        limit(&mut limits);
        self.cgi().limits(limits)
    }
}

/// A client, and the server that it talks to.
struct Client {
    io: DuplexStream,
    cx: Context,
    _server: Task<Result<()>>,
}

impl Client {
    fn of(handler: impl Handler) -> Self {
        let http = Http::new(handler);
        let root = Context::root(Limits::default());
        let cx = root.connection(tracing::Span::none(), ConnId::next());
        let (conn, io) = Connection::pair();
        let inner = cx.clone();
        let server = root.spawn(async move { http.serve(conn, inner).await });
        Self { io, cx, _server: server }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            let byte = timeout(Duration::from_secs(30), self.io.read_u8()).await.expect("more bytes");
            bytes.push(byte.unwrap_or_else(|e| panic!("{e} after {:?}", String::from_utf8_lossy(&bytes))));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        timeout(Duration::from_secs(30), self.io.read_to_end(&mut bytes)).await.expect("a close").unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The answer to one request: its head, and its content as it was sent. A request of 1.0 has no chunks in its answer.
async fn ask(handler: impl Handler, request: impl AsRef<[u8]>) -> (String, String) {
    let mut client = Client::of(handler);
    client.send(request).await;
    let said = client.rest().await;
    let (head, content) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {said:?}"));
    (head.to_owned(), content.to_owned())
}

async fn get(handler: impl Handler, target: &str) -> (String, String) {
    ask(handler, format!("GET {target} HTTP/1.0\r\nHost: x\r\n\r\n")).await
}

fn status(head: &str) -> &str {
    head.get(9..12).unwrap_or_else(|| panic!("no status in {head:?}"))
}

/// What a program wrote, once it has: it writes a whole line.
async fn written(path: &Path) -> String {
    for _ in 0..3000 {
        if let Ok(text) = fs::read_to_string(path)
            && text.ends_with('\n')
        {
            return text.trim().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing in {}", path.display());
}

/// Waits until this process is gone for good, and not only dead.
async fn gone(pid: &str) {
    let status = PathBuf::from(format!("/proc/{pid}"));
    for _ in 0..3000 {
        if !status.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("process {pid} is there: {:?}", fs::read_to_string(status.join("stat")));
}
