//! Transfers that are to end before their time, and what is said of them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use ropewalk_core::Limits;
use ropewalk_core::data::files::{
    Caps, DirStream, FileHandle, Files, FsError, ListOptions, Memory, Meta, Open, Ops, Place, Reach, VPath,
};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use super::super::Ftp;
use super::client::{Client, Server, area, area_of, content, options, serve, serve_under};

/// A tree whose commits tell that they have begun, and wait until they may end.
#[derive(Clone)]
struct Slow {
    files: Memory,
    begun: Arc<Semaphore>,
    may_end: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { files: Memory::new().with("/a", "old"), begun: closed(), may_end: closed() }
    }
}

#[async_trait]
impl Files for Slow {
    fn caps(&self) -> Caps {
        self.files.caps()
    }
    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta, FsError> {
        self.files.stat(path, follow).await
    }
    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        self.files.list(path, options).await
    }
    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        Ok(Box::new(SlowHandle(self.files.open(path, how).await?, self.clone())))
    }
    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }
    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

struct SlowHandle(Box<dyn FileHandle>, Slow);

#[async_trait]
impl FileHandle for SlowHandle {
    fn opened(&self) -> &Meta {
        self.0.opened()
    }
    async fn read_at(&self, offset: u64, buf: BytesMut) -> Result<BytesMut, FsError> {
        self.0.read_at(offset, buf).await
    }
    async fn write_at(&self, offset: u64, data: Bytes) -> Result<(), FsError> {
        self.0.write_at(offset, data).await
    }
    async fn meta(&self) -> Result<Meta, FsError> {
        self.0.meta().await
    }
    async fn commit(self: Box<Self>) -> Result<Meta, FsError> {
        self.1.begun.add_permits(1);
        self.1.may_end.acquire().await.unwrap().forget();
        self.0.commit().await
    }
}

/// A client whose upload of `/a` is just being committed.
async fn committing(server: &Server, slow: &Slow) -> Client {
    let mut client = server.login().await;
    let mut data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    data.write_all(b"new").await.unwrap();
    drop(data);
    slow.begun.acquire().await.unwrap().forget();
    client
}

/// No time to drain.
fn hasty(ftp: Ftp) -> Server {
    let mut limits = Limits::default();
    limits.drain = Duration::ZERO;
    serve_under(limits, ftp, None, None)
}

#[tokio::test]
async fn an_abort_of_what_takes_its_name_waits_and_tells_what_it_came_to() {
    let slow = Slow::new();
    let server = serve(Ftp::new(area_of(Arc::new(slow.clone()))).with(options()));
    let mut client = committing(&server, &slow).await;
    client.send(b"STAT\r\nABOR\r\nNOOP\r\n").await;
    assert!(client.reply().await.starts_with("213 "));
    slow.may_end.add_permits(1);
    assert_eq!(client.reply().await, "226 done\r\n");
    assert_eq!(client.reply().await, "226 the transfer had ended\r\n");
    assert_eq!(client.reply().await, "200 ok\r\n");
    assert_eq!(content(&slow.files, "/a").await, "new");
}

#[tokio::test]
async fn a_stopping_server_tells_of_a_transfer_that_it_cuts() {
    let memory = Memory::new().with("/a", "old");
    let server = hasty(Ftp::new(area(&memory)).with(options()));
    let mut client = server.login().await;
    let mut data = client.passive().await;
    assert_eq!(client.code("STOR a").await, 150);
    data.write_all(b"half").await.unwrap();
    server.cx.stop();
    assert_eq!(client.reply().await, "426 the server stops, transfer aborted\r\n");
    assert_eq!(client.reply().await, "421 the server stops\r\n");
    assert_eq!(client.reply().await, "");
    assert_eq!(content(&memory, "/a").await, "old");
}

#[tokio::test]
async fn a_stopping_server_waits_for_what_takes_its_name() {
    let slow = Slow::new();
    let server = hasty(Ftp::new(area_of(Arc::new(slow.clone()))).with(options()));
    let mut client = committing(&server, &slow).await;
    server.cx.stop();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    slow.may_end.add_permits(1);
    assert_eq!(client.reply().await, "226 done\r\n");
    assert_eq!(client.reply().await, "421 the server stops\r\n");
    assert_eq!(content(&slow.files, "/a").await, "new");
}
