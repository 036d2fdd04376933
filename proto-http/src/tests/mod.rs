//! The server as a peer sees it: raw bytes in, raw bytes out, over a pair in memory.

mod archive;
mod auth;
mod compress;
mod dav;
mod deadlines;
mod doh;
mod files;
mod flow;
mod h1;
mod http2;
mod log;
mod mounted;
mod requests;
mod sidecars;
mod site;
mod sockets;
mod tls;
mod upgrade;
mod write;

use std::time::Duration;

use ropewalk_core::app::{ConnId, Context, Protocol as _, Task};
use ropewalk_core::net::Connection;
use ropewalk_core::{Limits, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, timeout};

use crate::{Body, Failure, Http, Request, Response};

/// A client, and the server that it talks to.
struct Peer {
    io: DuplexStream,
    cx: Context,
    server: Task<Result<()>>,
}

impl Peer {
    fn of(http: Http) -> Self {
        Self::paced(http, |_| {})
    }

    /// The same, over a connection that is paced in this way.
    fn paced(http: Http, pace: impl FnOnce(&mut Connection)) -> Self {
        let root = Context::root(Limits::default());
        let cx = root.connection(tracing::Span::none(), ConnId::next());
        let (mut conn, io) = Connection::pair();
        pace(&mut conn);
        let inner = cx.clone();
        let server = root.spawn(async move { http.serve(conn, inner).await });
        Self { io, cx, server }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    /// All that comes until the server closes.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        timeout(Duration::from_secs(1000), self.io.read_to_end(&mut bytes)).await.expect("a close").unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What comes up to and with `end`.
    async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            let byte = timeout(Duration::from_secs(1000), self.io.read_u8()).await.expect("more bytes");
            bytes.push(byte.unwrap_or_else(|e| panic!("{e} after {:?}", String::from_utf8_lossy(&bytes))));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Seconds until the server closes.
    async fn close(&mut self) -> (String, u64) {
        let begun = Instant::now();
        let said = self.rest().await;
        (said, begun.elapsed().as_secs())
    }
}

/// All that the server says to these bytes, when nothing follows them.
async fn say(http: Http, bytes: impl AsRef<[u8]>) -> String {
    let mut peer = Peer::of(http);
    peer.send(bytes).await;
    peer.io.shutdown().await.unwrap();
    peer.rest().await
}

/// Answers with the method and path, and the content that came.
async fn echo(request: Request) -> Result<Response, Failure> {
    let line = format!("{} {}: ", request.method, request.path);
    let content = request.body.read(100_000).await?;
    Ok(Response::new(Body::from([line.as_bytes(), &content].concat())))
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_else(|| panic!("no status in {answer:?}"))
}
