//! Clients as subjects: the harness plays the server, by a script.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::{Broken, Peer};

/// What a client is asked to do: one request of HTTP/1.1.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetch {
    /// The method.
    pub method: &'static str,
    /// The target, with scheme and authority.
    pub url: String,
    /// Further field lines, such as `X-Rope: a`.
    pub fields: Vec<String>,
    /// The content, where there is one to send.
    pub content: Option<Vec<u8>>,
    /// Whether redirects are followed.
    pub follow: bool,
}

/// What came of one [`Fetch`], as the client tells it.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The status code of the final response; 0 where there was none.
    pub status: u16,
    /// Its content, as far as it came.
    pub content: Vec<u8>,
    /// Whether the client says that something went wrong.
    pub failed: bool,
}

/// Does several requests in order, in one session of the client.
pub(crate) type Drive = dyn Fn(Vec<Fetch>) -> BoxFuture<'static, Vec<Fetched>> + Send + Sync;

/// One thing that the scripted server does after it has read the head of a request.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Reads the content of the request.
    Content,
    Send(Vec<u8>),
    /// Sends octet by octet.
    Trickle(Vec<u8>),
    Pause(Duration),
    /// Ends the connection.
    Close,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// The number of the connection it came on.
    pub(crate) on: usize,
    pub(crate) head: String,
    pub(crate) content: Vec<u8>,
}

impl Heard {
    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name));
        self.head.split("\r\n").skip(1).find(named)?.split_once(':').map(|(_, value)| value.trim())
    }

    pub(crate) fn line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }
}

/// How a script went.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) fetched: Vec<Fetched>,
    pub(crate) heard: Vec<Heard>,
}

impl Played {
    /// What came of the request of this number.
    pub(crate) fn fetched(&self, at: usize) -> Result<&Fetched, Broken> {
        self.fetched
            .get(at)
            .ok_or_else(|| Broken::new("a result for each request", format!("{:?}", self.fetched)))
    }

    /// The request of this number as it came.
    pub(crate) fn heard(&self, at: usize) -> Result<&Heard, Broken> {
        self.heard
            .get(at)
            .ok_or_else(|| Broken::new(format!("{} requests", at + 1), format!("{:?}", self.heard)))
    }
}

struct Script {
    replies: VecDeque<Vec<Part>>,
    heard: Vec<Heard>,
    connections: usize,
}

/// What is answered once the script is at its end.
const EXTRA: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nextra";

impl Peer {
    /// Lets the client do what `fetches` makes of the server's authority, and answers its requests by the replies, in the
    /// order in which they come.
    pub(crate) async fn play(
        &mut self,
        fetches: impl FnOnce(&str) -> Vec<Fetch>,
        replies: Vec<Vec<Part>>,
    ) -> Result<Played, Broken> {
        self.play_to(fetches, |_| replies).await
    }

    /// [`play`](Self::play) with replies that name the server's authority.
    pub(crate) async fn play_to(
        &mut self,
        fetches: impl FnOnce(&str) -> Vec<Fetch>,
        replies: impl FnOnce(&str) -> Vec<Vec<Part>>,
    ) -> Result<Played, Broken> {
        let no_socket = |error: io::Error| Broken::new("a socket to listen on", error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_socket)?;
        let authority = listener.local_addr().map_err(no_socket)?.to_string();
        let Some(drive) = self.subject().drive() else { return Err(Broken::new("a client", "none")) };
        let script = Arc::new(Mutex::new(Script {
            replies: replies(&authority).into(),
            heard: Vec::new(),
            connections: 0,
        }));
        let fetched = tokio::select! {
            () = serve(&listener, &script) => Vec::new(),
            fetched = timeout(self.patience() * 3, drive(fetches(&authority))) => {
                fetched.map_err(|_| Broken::new("an end of the client's work", "it hangs"))?
            }
        };
        let heard = std::mem::take(&mut lock(&script).heard);
        Ok(Played { fetched, heard })
    }
}

fn lock(script: &Mutex<Script>) -> std::sync::MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers until it is dropped.
async fn serve(listener: &TcpListener, script: &Mutex<Script>) {
    let mut conversations = FuturesUnordered::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => conversations.push(converse(stream, script)),
            Some(()) = conversations.next() => {}
        }
    }
}

/// One connection, to its end. A client may leave at any point, which is no error of the script's.
async fn converse(mut stream: TcpStream, script: &Mutex<Script>) {
    let on = {
        let mut script = lock(script);
        script.connections += 1;
        script.connections
    };
    let mut buffer = Vec::new();
    while let Some(head) = head(&mut stream, &mut buffer).await {
        let (at, parts) = {
            let mut script = lock(script);
            let heard = Heard { on, head, content: Vec::new() };
            script.heard.push(heard);
            let extra = || vec![Part::Content, Part::Send(EXTRA.into())];
            (script.heard.len() - 1, script.replies.pop_front().unwrap_or_else(extra))
        };
        for part in parts {
            let gone = match part {
                Part::Content => content(&mut stream, &mut buffer, script, at).await.is_none(),
                Part::Send(bytes) => stream.write_all(&bytes).await.is_err(),
                Part::Trickle(bytes) => trickle(&mut stream, &bytes).await.is_err(),
                Part::Pause(time) => {
                    sleep(time).await;
                    false
                }
                Part::Close => {
                    let _gone = stream.shutdown().await;
                    drain(&mut stream).await;
                    true
                }
            };
            if gone {
                return;
            }
        }
    }
}

async fn trickle(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for octet in bytes {
        stream.write_all(&[*octet]).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Reads what the client still sends, so that what was sent to it is not lost to a reset.
async fn drain(stream: &mut TcpStream) {
    let mut taken = [0; 16 * 1024];
    let all = async { while matches!(stream.read(&mut taken).await, Ok(1..)) {} };
    let _late = timeout(Duration::from_secs(1), all).await;
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    (buffer.len() < 16 * 1024 * 1024 && stream.read_buf(buffer).await.ok()? > 0).then_some(())
}

/// Octets up to and with this end, without it.
async fn until(stream: &mut TcpStream, buffer: &mut Vec<u8>, end: &[u8]) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = buffer.windows(end.len()).position(|octets| octets == end) {
            let mut taken: Vec<u8> = buffer.drain(..at + end.len()).collect();
            taken.truncate(at);
            return Some(taken);
        }
        more(stream, buffer).await?;
    }
}

async fn head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<String> {
    until(stream, buffer, b"\r\n\r\n").await.map(|head| head.into_iter().map(char::from).collect())
}

async fn exactly(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    Some(buffer.drain(..length).collect())
}

/// Reads the content of the request of this number.
async fn content(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    script: &Mutex<Script>,
    at: usize,
) -> Option<()> {
    let heard = lock(script).heard.get(at).cloned()?;
    let mut content = Vec::new();
    if heard.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let line = String::from_utf8(until(stream, buffer, b"\r\n").await?).ok()?;
            let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
            if size == 0 {
                while !until(stream, buffer, b"\r\n").await?.is_empty() {}
                break;
            }
            content.extend(exactly(stream, buffer, size).await?);
            until(stream, buffer, b"\r\n").await?;
        }
    } else if let Some(length) = heard.field("content-length") {
        content = exactly(stream, buffer, length.parse().ok()?).await?;
    }
    lock(script).heard.get_mut(at)?.content = content;
    Some(())
}
