//! Real sockets, where the kernel sends files, and a reset is a reset.

use std::io::Write as _;
use std::ops::Range;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::StreamExt as _;
use ropewalk_core::data::files::{FileHandle, FsError, Meta, Open};
use ropewalk_core::data::files::{Files as _, Memory, VPath};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{Deadlines, FileRange, Options};

const LEN: usize = 6_000_000;
/// All of a file is in memory.
const ALL: Range<u64> = 0..LEN as u64;

/// What a file without holes is filled with: any shift shows.
fn pattern() -> Vec<u8> {
    (0..LEN).map(|at| (at % 251) as u8).collect()
}

/// A file whose descriptor and whose reading do not agree, so that it shows which of them was used.
struct Double {
    file: std::fs::File,
    opened: Meta,
    warm: Range<u64>,
}

impl Double {
    async fn new(warm: Range<u64>) -> Arc<Self> {
        let fd = rustix::fs::memfd_create("double", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let mut file = std::fs::File::from(fd);
        file.write_all(&pattern()).unwrap();
        let memory = Memory::new().with("/a", "");
        let path = VPath::ROOT.join(&ropewalk_core::data::files::Name::new("a").unwrap()).unwrap();
        let opened = memory.open(&path, &Open::read()).await.unwrap().opened().clone();
        Arc::new(Self { file, opened, warm })
    }
}

#[async_trait]
impl FileHandle for Double {
    fn opened(&self) -> &Meta {
        &self.opened
    }

    fn read_now(&self, offset: u64, buf: &mut BytesMut) -> Option<Result<usize, FsError>> {
        let room = buf.capacity() - buf.len();
        buf.resize(buf.capacity(), b'?');
        (room == 0 || self.warm.contains(&offset)).then_some(Ok(room))
    }

    async fn read_at(&self, _: u64, mut buf: BytesMut) -> Result<BytesMut, FsError> {
        buf.resize(buf.capacity(), b'!');
        Ok(buf)
    }

    async fn meta(&self) -> Result<Meta, FsError> {
        Ok(self.opened.clone())
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

/// A client of a server that sends this part of a file, and what becomes of the connection.
async fn asking(file: Arc<Double>, offset: u64, len: u64) -> (TcpStream, Task<Result<()>>, Context) {
    asking_over(file, offset, len, |_| {}).await
}

/// The same, over a connection that is paced in this way.
async fn asking_over(
    file: Arc<Double>,
    offset: u64,
    len: u64,
    pace: impl FnOnce(&mut Connection),
) -> (TcpStream, Task<Result<()>>, Context) {
    let handler = move |_: Request| {
        let file: Arc<dyn FileHandle> = file.clone();
        async move { Ok(Response::new(Body::File(FileRange::new(file, offset, len)))) }
    };
    let deadlines = Deadlines { write: Some(Duration::from_millis(300)), ..Deadlines::default() };
    let http = Http::new(handler).with(Options { deadlines, ..Options::default() });
    let (mut client, server, root) = connected(http, pace).await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    (client, server, root)
}

/// A client of this server.
async fn connected(http: Http, pace: impl FnOnce(&mut Connection)) -> (TcpStream, Task<Result<()>>, Context) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let mut conn = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
    let root = Context::root(Limits::default());
    pace(&mut conn);
    conn.count_into(root.metrics().bytes("http"));
    let cx = root.child(tracing::Span::none());
    let server = root.spawn(async move { http.serve(conn, cx).await });
    (client, server, root)
}

/// The head that comes next.
async fn head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn content(client: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut content = vec![0; len];
    client.read_exact(&mut content).await.unwrap();
    content
}

#[tokio::test]
async fn the_kernel_sends_what_is_in_memory() {
    for (offset, len) in [(0, LEN), (1_000_003, 2_000_001), (5, 1), (LEN - 1, 1)] {
        let (mut client, server, root) = asking(Double::new(ALL).await, offset as u64, len as u64).await;
        let first = head(&mut client).await;
        assert!(first.contains(&format!("content-length: {len}\r\n")));
        assert!(content(&mut client, len).await == pattern()[offset..offset + len], "{offset}+{len}");
        client.write_all(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let second = head(&mut client).await;
        assert!(second.contains(&format!("content-length: {len}\r\n")));
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "HEAD has no content");
        drop(client);
        server.await.unwrap().unwrap();
        let octets = first.len() + len + second.len();
        let metrics = root.metrics().render();
        assert!(metrics.lines().any(|line| line.ends_with(&format!(" {octets}"))), "{octets} in {metrics}");
    }
}

#[tokio::test]
async fn what_is_not_in_memory_is_read_elsewhere() {
    for warm in [0..0, 0..699_999, 1..700_000] {
        let (mut client, _server, _root) = asking(Double::new(warm.clone()).await, 0, 700_000).await;
        head(&mut client).await;
        // What is read at once.
        assert!(content(&mut client, 256 * 1024).await.iter().all(|octet| *octet == b'!'), "{warm:?}");
    }
}

#[tokio::test]
async fn the_time_of_a_connection_ends_while_a_file_is_sent() {
    let ends = |conn: &mut Connection| conn.pace().end(Duration::from_millis(200));
    let (mut client, server, _root) = asking_over(Double::new(ALL).await, 0, LEN as u64, ends).await;
    let mut all = 0;
    // It takes some all the time, so that nobody waits for it for long.
    while let Ok(octets @ 1..) = client.read(&mut [0; 10_000]).await
        && all < LEN / 2
    {
        all += octets;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.await.unwrap().unwrap_err().limit_name(), Some("connection"));
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_it() {
    let (mut client, _server, _root) = asking(Double::new(ALL).await, 0, LEN as u64).await;
    head(&mut client).await;
    let mut all = Vec::new();
    while all.len() < LEN {
        tokio::time::sleep(Duration::from_millis(2)).await;
        all.extend(content(&mut client, 100_000.min(LEN - all.len())).await);
    }
    assert!(all == pattern());
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let (client, server, _root) = asking(Double::new(ALL).await, 0, LEN as u64).await;
    let error = timeout(Duration::from_secs(20), server).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.limit_name(), Some("write"));
    drop(client);
}

#[tokio::test]
async fn a_file_that_shrinks_is_never_padded() {
    let file = Double::new(ALL).await;
    let (mut client, server, _root) = asking(file.clone(), 0, LEN as u64).await;
    head(&mut client).await;
    let begun = content(&mut client, 10).await;
    // To a whole page: of a part of one, the system clears the rest, though it is on its way.
    file.file.set_len(0).unwrap();
    let mut rest = Vec::new();
    // What was on its way comes; whether a reset or an end follows is the system's affair.
    drop(client.read_to_end(&mut rest).await);
    let all = [begun, rest].concat();
    assert!(all.len() < LEN && all == pattern()[..all.len()], "{}", all.len());
    assert_eq!(server.await.unwrap().unwrap_err().fault(), ropewalk_core::Fault::Local);
}

#[tokio::test]
async fn an_answer_that_ends_with_the_connection_is_reset_where_it_is_cut() {
    let handler = |request: Request| async move {
        let cut = request.path.as_bytes() == b"/cut";
        let frames = futures_util::stream::iter(0..2).then(move |n| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            match n {
                1 if cut => Err(ropewalk_core::Error::local("on purpose")),
                _ => Ok(bytes::Bytes::from("ab")),
            }
        });
        Ok(Response::new(Body::stream(frames)))
    };
    for (path, expected) in [("/cut", None), ("/whole", Some("abab"))] {
        let (mut client, _server, _root) = connected(Http::new(handler), |_| {}).await;
        client.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        head(&mut client).await;
        let mut said = String::new();
        let read = client.read_to_string(&mut said).await;
        assert_eq!(read.ok().map(|_| said.as_str()), expected);
    }
}
