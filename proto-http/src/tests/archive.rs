//! Folders as one file that would have no end, or that nobody reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::BytesMut;
use ropewalk_core::data::files::{
    Caps, DirStream, Entry, FileHandle, Files, FsError, Kind, ListOptions, Meta, Name, Open, Ops, Place,
    Reach, VPath,
};

use super::files::field;
use super::*;
use crate::Static;

/// What is found in every directory of a tree, again and again.
#[derive(Clone)]
struct Found {
    what: Meta,
    /// How often in each.
    times: usize,
    /// What their names begin with.
    name: String,
    opened: Arc<AtomicUsize>,
}

impl Found {
    fn new(kind: Kind, len: u64, times: usize) -> Self {
        Self { what: Meta::new(kind, len), times, name: String::new(), opened: Arc::default() }
    }
}

#[async_trait]
impl Files for Found {
    fn caps(&self) -> Caps {
        Caps::RANDOM_READ
    }

    async fn stat(&self, _: &VPath, _: bool) -> Result<Meta, FsError> {
        Ok(Meta::new(Kind::Dir, 0))
    }

    async fn list(&self, _: &VPath, _: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        Ok(Box::new(self.clone()))
    }

    async fn open(&self, _: &VPath, _: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(self.clone()))
    }

    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }

    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

#[async_trait]
impl DirStream for Found {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Entry>, FsError> {
        let names = (0..max.min(self.times)).map(|number| format!("{}{number}", self.name));
        self.times -= names.len();
        Ok(names.map(|name| Entry { name: Name::new(name).unwrap(), meta: self.what.clone() }).collect())
    }
}

#[async_trait]
impl FileHandle for Found {
    fn opened(&self) -> &Meta {
        &self.what
    }

    async fn read_at(&self, _: u64, mut buf: BytesMut) -> Result<BytesMut, FsError> {
        buf.resize(buf.capacity(), b'x');
        Ok(buf)
    }

    async fn meta(&self) -> Result<Meta, FsError> {
        Ok(self.what.clone())
    }
}

fn archives(files: &Found) -> Http {
    Http::new(Static::new(Arc::new(files.clone())).archives())
}

const ASK: &str = "GET /?archive=tar HTTP/1.1\r\nHost: x\r\n\r\n";

/// Whether the whole of it came.
async fn is_whole(files: &Found) -> bool {
    let said = say(archives(files), ASK).await;
    assert_eq!((status(&said), field(&said, "transfer-encoding")), ("200", Some("chunked")));
    said.ends_with("\r\n0\r\n\r\n")
}

#[tokio::test]
async fn a_folder_without_end_is_broken_off() {
    const TIB: u64 = 1 << 40;
    assert!(is_whole(&Found::new(Kind::File, 10, 3)).await);
    let deep = Found::new(Kind::Dir, 0, 1);
    assert!(!is_whole(&deep).await, "a directory in a directory in a directory …");
    let many = Found::new(Kind::Special, 0, usize::MAX);
    assert!(!is_whole(&many).await, "one name after another");
    let names = Found::new(Kind::File, 0, 60_000);
    assert!(is_whole(&names).await);
    let long_names = Found { name: "n".repeat(250), ..names };
    assert!(!is_whole(&long_names).await, "names that take more room than they should");
    let long = Found::new(Kind::File, TIB, 1);
    assert!(!is_whole(&long).await, "more than anybody wants");
}

#[tokio::test(start_paused = true)]
async fn no_more_is_read_than_the_client_takes() {
    let files = Found::new(Kind::File, 128 * 1024, 1000);
    let mut peer = Peer::of(archives(&files));
    peer.send(ASK).await;
    // As much as goes on by itself.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let opened = files.opened.load(Ordering::Relaxed);
    assert!((1..10).contains(&opened), "{opened} files were opened for nobody");
    peer.io.shutdown().await.unwrap();
    peer.rest().await;
    assert_eq!(files.opened.load(Ordering::Relaxed), 1000);
}
