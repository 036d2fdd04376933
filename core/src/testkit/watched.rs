use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;

use crate::data::files::{
    Caps, DirStream, Drawn, FileHandle, Files, FsError, ListOptions, Memory, Meta, Open, Ops, Over, Place,
    Reach, Remove, SetMeta, Source, VPath,
};

/// A tree in memory that a test watches: how octets come to its files, and when what ends a change (a commit, a
/// removal, a move, a copy) has begun. It can be held there.
#[derive(Clone)]
pub struct Watched {
    /// What it keeps.
    pub files: Memory,
    /// One permit for each end of a change that has begun.
    pub begun: Arc<Semaphore>,
    /// One permit for each that may go on.
    pub may_end: Arc<Semaphore>,
    /// Commits wait before it is asked whether they are wanted, not after.
    early: bool,
    drawn: Arc<AtomicU64>,
    given: Arc<AtomicU64>,
}

impl Watched {
    /// A tree that holds nothing back.
    #[must_use]
    pub fn new(files: Memory) -> Self {
        let may_end = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { may_end, ..Self::held(files) }
    }

    /// A tree where each change waits at its end for a permit of [`may_end`](Self::may_end).
    #[must_use]
    pub fn held(files: Memory) -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        let (drawn, given) = (Arc::default(), Arc::default());
        Self { files, begun: closed(), may_end: closed(), early: false, drawn, given }
    }

    /// The same, but new content is held while it can still be [unwanted](Open::wanted): as where it is being written to a disk.
    #[must_use]
    pub fn held_early(files: Memory) -> Self {
        Self { early: true, ..Self::held(files) }
    }

    /// The octets that a file took by itself ([`FileHandle::write_from`]), and those that it was given, since the last call.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.drawn.swap(0, Ordering::Relaxed), self.given.swap(0, Ordering::Relaxed))
    }

    /// Waits until the end of one more change has begun.
    pub async fn has_begun(&self) {
        take(&self.begun).await;
    }

    async fn end(&self) {
        self.begun.add_permits(1);
        take(&self.may_end).await;
    }
}

/// Takes a permit away. These are never closed.
async fn take(permits: &Semaphore) {
    if let Ok(permit) = permits.acquire().await {
        permit.forget();
    }
}

#[async_trait]
impl Files for Watched {
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
        Ok(Box::new(Handle(self.files.open(path, how).await?, how.clone(), self.clone())))
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<(), FsError> {
        self.end().await;
        self.files.remove(path, what).await
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<(), FsError> {
        self.end().await;
        self.files.rename(from, to, over).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<(), FsError> {
        self.end().await;
        self.files.copy(from, to, over).await
    }

    async fn set(&self, path: &VPath, wanted: SetMeta, follow: bool) -> Result<(), FsError> {
        self.files.set(path, wanted, follow).await
    }

    fn rights(&self, path: &VPath, reach: Reach) -> Ops {
        self.files.rights(path, reach)
    }

    fn place(&self, path: &VPath) -> Option<Place> {
        self.files.place(path)
    }
}

struct Handle(Box<dyn FileHandle>, Open, Watched);

#[async_trait]
impl FileHandle for Handle {
    fn opened(&self) -> &Meta {
        self.0.opened()
    }

    async fn read_at(&self, offset: u64, buf: BytesMut) -> Result<BytesMut, FsError> {
        self.0.read_at(offset, buf).await
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<(), FsError> {
        self.2.given.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.0.write_at(offset, data).await
    }

    async fn write_from(&self, offset: u64, data: BytesMut, more: Box<dyn Source>) -> Result<Drawn, FsError> {
        let given = data.len() as u64;
        let drawn = self.0.write_from(offset, data, more).await?;
        self.2.given.fetch_add(given, Ordering::Relaxed);
        self.2.drawn.fetch_add(drawn.written.saturating_sub(given), Ordering::Relaxed);
        Ok(drawn)
    }

    async fn meta(&self) -> Result<Meta, FsError> {
        self.0.meta().await
    }

    async fn commit(self: Box<Self>) -> Result<Meta, FsError> {
        if !self.2.early {
            self.1.still_wanted()?;
        }
        self.2.end().await;
        self.0.commit().await
    }
}
