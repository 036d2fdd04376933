//! The client as a server sees it, and as its user does: over connections in memory, on which time can be virtual.

mod answers;
mod hostile;
mod pool;
mod proxied;
mod redirects;
mod secure;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use ropewalk_core::app::{ConnId, Context, Protocol as _, Task};
use ropewalk_core::net::{Connection, Endpoint, Transport as _};
use ropewalk_core::{Error as Cause, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::{Body, Failure, Handler, Http};

/// Something that listens in memory. Every host that a client asks for is there.
struct Place {
    endpoint: Endpoint,
    /// Connections that were accepted.
    accepted: Arc<AtomicUsize>,
    cx: Context,
    _accepting: Task<()>,
}

impl Place {
    /// Gives each connection, with its number, to `serve`.
    fn new<R>(serve: impl Fn(usize, Connection, Context) -> R + Send + 'static) -> Self
    where
        R: Future<Output = ()> + Send + 'static,
    {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("memory:client-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let endpoint: Endpoint = name.parse().unwrap();
        let listener = endpoint.claim().unwrap().listen().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let cx = Context::root(Limits::default());
        let root = cx.clone();
        let accepting = cx.spawn(async move {
            loop {
                let conn = listener.accept().await.unwrap().establish().await.unwrap();
                let number = count.fetch_add(1, Ordering::Relaxed);
                let cx = root.connection(tracing::Span::none(), ConnId::next());
                root.spawn(serve(number, conn, cx)).detach();
            }
        });
        Self { endpoint, accepted, cx, _accepting: accepting }
    }

    /// Our own server with this handler.
    fn serving(handler: impl Handler) -> Self {
        let http = Http::new(handler);
        Self::new(move |_, conn, cx| {
            let http = http.clone();
            async move {
                // The client says what went wrong.
                let _ = http.serve(conn, cx).await;
            }
        })
    }

    /// Says these bytes to each request, and then closes where `close` is set.
    fn saying(answer: impl Into<Bytes>, close: bool) -> Self {
        let answer = answer.into();
        Self::new(move |_, mut conn, _| {
            let answer = answer.clone();
            async move {
                while head(&mut conn).await.is_some() && conn.write_all(&answer).await.is_ok() && !close {}
            }
        })
    }

    fn options(&self) -> Options {
        Options { connect_to: Some(self.endpoint.clone()), ..Options::default() }
    }

    fn client(&self) -> Client {
        Client::with(self.options())
    }

    fn client_of(&self, change: impl FnOnce(&mut Options)) -> Client {
        let mut options = self.options();
        change(&mut options);
        Client::with(options)
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

/// Reads a request's head, and nothing of what follows it.
async fn head(conn: &mut Connection) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(conn.read_u8().await.ok()?);
    }
    Some(String::from_utf8(bytes).unwrap())
}

async fn text(answer: Response<Body>) -> String {
    String::from_utf8(answer.into_body().read(1 << 24).await.unwrap().to_vec()).unwrap()
}

fn post(url: &str, content: impl Into<Body>) -> Request<Body> {
    Request::post(url).body(content.into()).unwrap()
}

/// Content that comes in pieces, and only once.
fn pieces(content: &'static [&'static str]) -> Body {
    Body::stream(futures_util::stream::iter(
        content.iter().map(|piece| Ok::<_, Cause>(Bytes::from_static(piece.as_bytes()))),
    ))
}

fn report(answer: &Response<Body>) -> &Report {
    answer.extensions().get().unwrap()
}

/// Answers with what was asked: method, path, fields and content.
async fn echo(request: crate::Request) -> Result<crate::Response, Failure> {
    let mut said = format!("{} {}\n", request.method, request.path);
    for (name, value) in &request.headers {
        said += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    let content = request.body.read(1 << 24).await?;
    Ok(Response::new(Body::from([said.as_bytes(), b"\n", &content].concat())))
}
