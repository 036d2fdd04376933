//! Three servers that say how they read a request. Each answers 200 with a field `X-Read`: the method, the target's path and
//! query, and the octets of the content.

use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use ropewalk_core::Limits;
use ropewalk_core::app::{Context, Protocol as _};
use ropewalk_core::net::Connection;
use ropewalk_http::{Body, Failure, HeaderValue, Http, Request, Response, Uri};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

/// A request that is right, sent after the one that is judged: whether it is answered tells where that one ended.
pub(crate) const AFTER: &[u8] = b"GET /after HTTP/1.1\r\nHost: www.example\r\nConnection: close\r\n\r\n";

/// What a server made of a connection.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Verdict(pub Vec<Answer>);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A request that was understood so.
    Read(String),
    /// A status, for what was not.
    Refused(u16),
}

impl Answer {
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Read(_))
    }
}

impl Verdict {
    /// The status of the first answer, if it refuses.
    pub(crate) fn refusal(&self) -> Option<u16> {
        match self.0.first() {
            Some(Answer::Refused(status)) => Some(*status),
            _ => None,
        }
    }

    /// What is left of it after so many answers.
    pub(crate) fn from(&self, answers: usize) -> Self {
        Self(self.0[answers..].to_vec())
    }

    /// How long the content of the first request was.
    pub(crate) fn octets(&self) -> usize {
        match self.0.first() {
            Some(Answer::Read(read)) => read.rsplit(' ').next().unwrap().parse().unwrap(),
            _ => 0,
        }
    }

    fn of(mut said: &[u8]) -> Self {
        let mut answers = Vec::new();
        while let Some(end) = said.windows(4).position(|it| it == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&said[..end]).into_owned();
            said = &said[end + 4..];
            let field = |name: &str| {
                head.lines()
                    .filter_map(|line| line.split_once(": "))
                    .find(|(it, _)| it.eq_ignore_ascii_case(name))
                    .map(|it| it.1)
            };
            let status: u16 = head.get(9..12).unwrap().parse().unwrap();
            if status < 200 {
                continue;
            }
            answers.push(field("x-read").map_or(Answer::Refused(status), |read| Answer::Read(read.into())));
            // The answer to HEAD says a length and has no content.
            if !said.starts_with(b"HTTP/1.") {
                let length: usize = field("content-length").map_or(0, |it| it.parse().unwrap());
                said = &said[length.min(said.len())..];
            }
        }
        Self(answers)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = self.0.iter().map(|answer| match answer {
            Answer::Read(read) => read.clone(),
            Answer::Refused(status) => status.to_string(),
        });
        let answers: Vec<_> = answers.collect();
        f.write_str(if answers.is_empty() { "nothing" } else { "" })?;
        f.write_str(&answers.join(" | "))
    }
}

/// What is said to this request and the one after it.
async fn talk(mut io: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Verdict {
    let mut said = Vec::new();
    let talk = async {
        // A server that has refused may be gone.
        let _gone = io.write_all(&[request, AFTER].concat()).await;
        let _gone = io.shutdown().await;
        let _reset = io.read_to_end(&mut said).await;
    };
    timeout(Duration::from_secs(20), talk).await.expect("an end of the connection");
    Verdict::of(&said)
}

fn read_as(method: &str, uri: &Uri, octets: usize) -> HeaderValue {
    let target = uri.path_and_query().map_or_else(String::new, ToString::to_string);
    HeaderValue::from_str(&format!("{method} {} {octets}", target.as_bytes().escape_ascii())).unwrap()
}

pub(crate) async fn ropewalk(request: &[u8]) -> Verdict {
    async fn answer(request: Request) -> Result<Response, Failure> {
        let (method, uri) = (request.method.clone(), request.uri.clone());
        let content = request.body.read(1 << 20).await?;
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert("x-read", read_as(method.as_str(), &uri, content.len()));
        Ok(response)
    }
    let (conn, io) = Connection::pair();
    let cx = Context::root(Limits::default());
    let serving = cx.spawn({
        let cx = cx.clone();
        async move { Http::new(answer).serve(conn, cx).await }
    });
    let verdict = talk(io, request).await;
    // How the connection ended for the server is not judged, but for a panic.
    let _peer = serving.await.expect("no panic");
    // The server itself answers for itself.
    let options =
        |answer| if answer == Answer::Refused(204) { Answer::Read("OPTIONS * 0".into()) } else { answer };
    Verdict(verdict.0.into_iter().map(options).collect())
}

pub(crate) async fn hyper(request: &[u8]) -> Verdict {
    async fn answer(
        request: hyper::Request<hyper::body::Incoming>,
    ) -> Result<hyper::Response<Empty<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let mut response = hyper::Response::new(Empty::new());
        match body.collect().await {
            Ok(body) => {
                let octets = body.to_bytes().len();
                response.headers_mut().insert("x-read", read_as(head.method.as_str(), &head.uri, octets));
            }
            Err(_) => *response.status_mut() = hyper::StatusCode::BAD_REQUEST,
        }
        Ok(response)
    }
    let (near, far) = tokio::io::duplex(1 << 16);
    let mut server = http1::Builder::new();
    server.half_close(true).timer(TokioTimer::new());
    let serving = server.serve_connection(TokioIo::new(near), hyper::service::service_fn(answer));
    let (_ended, verdict) = tokio::join!(serving, talk(far, request));
    verdict
}

/// An nginx of its own that asks a server behind it, which sees what it has understood; ended with the test.
pub(crate) struct Nginx {
    child: Child,
    socket: std::path::PathBuf,
}

impl Nginx {
    pub(crate) async fn start(dir: &Path, cx: &Context) -> Self {
        let at = dir.display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log crit;
             events {{ worker_connections 512; }}
             http {{
               access_log off; client_max_body_size 0; lingering_timeout 1s;
               client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
               uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
               server {{
                 listen unix:{at}/front;
                 location / {{ proxy_pass http://unix:{at}/behind:; proxy_ignore_client_abort on; }}
               }}
             }}"
        );
        fs::write(dir.join("nginx.conf"), config).unwrap();
        let behind = UnixListener::bind(dir.join("behind")).unwrap();
        let inner = cx.clone();
        let accepting = cx.spawn(async move {
            loop {
                let (io, _) = behind.accept().await.unwrap();
                inner.spawn(async move { drop(answer_nginx(io).await) }).detach();
            }
        });
        accepting.detach();
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf")).stderr(Stdio::null());
        let server = Self { child: nginx.spawn().unwrap(), socket: dir.join("front") };
        for _ in 0..100 {
            if UnixStream::connect(&server.socket).await.is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nginx does not listen: {}", fs::read_to_string(dir.join("error.log")).unwrap_or_default());
    }

    pub(crate) async fn judge(&self, request: &[u8]) -> Verdict {
        talk(UnixStream::connect(&self.socket).await.unwrap(), request).await
    }
}

/// nginx writes every request anew, with a length.
async fn answer_nginx(io: UnixStream) -> std::io::Result<()> {
    let mut io = BufReader::new(io);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let said = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok();
    let length: u64 = head.lines().find_map(said).unwrap_or(0);
    let octets = (&mut io).take(length).read_to_end(&mut Vec::new()).await?;
    let (request, _version) = head.lines().next().unwrap().rsplit_once(' ').unwrap();
    let read = format!("{} {octets}", request.as_bytes().escape_ascii());
    io.write_all(format!("HTTP/1.1 200 OK\r\nX-Read: {read}\r\nContent-Length: 0\r\n\r\n").as_bytes())
        .await?;
    io.shutdown().await
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
