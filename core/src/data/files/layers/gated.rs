//! For tests of what comes between: a tree whose changes wait.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;

use crate::data::files::meta::Result;
use crate::data::files::{
    Caps, DirStream, FileHandle, Files, ListOptions, Memory, Meta, Open, Ops, Over, Place, Reach, Remove,
    SetMeta, VPath,
};

/// A tree of which commits, removals, renames and copies each wait for a permit.
pub(super) struct Gated {
    files: Memory,
    gate: Arc<Semaphore>,
}

impl Gated {
    pub(super) fn new(files: Memory) -> Self {
        Self { files, gate: Arc::new(Semaphore::new(0)) }
    }

    pub(super) fn gate(&self) -> Arc<Semaphore> {
        self.gate.clone()
    }
}

async fn pass(gate: &Semaphore) {
    gate.acquire().await.unwrap().forget();
}

#[async_trait]
impl Files for Gated {
    fn caps(&self) -> Caps {
        self.files.caps()
    }

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        self.files.stat(path, follow).await
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        self.files.list(path, options).await
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        let (handle, gate) = (self.files.open(path, how).await?, self.gate.clone());
        Ok(Box::new(GatedHandle { handle, gate }))
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        pass(&self.gate).await;
        self.files.remove(path, what).await
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        pass(&self.gate).await;
        self.files.rename(from, to, over).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        pass(&self.gate).await;
        self.files.copy(from, to, over).await
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        self.files.set(path, facts, follow).await
    }

    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }

    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

struct GatedHandle {
    handle: Box<dyn FileHandle>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl FileHandle for GatedHandle {
    fn opened(&self) -> &Meta {
        self.handle.opened()
    }

    async fn read_at(&self, offset: u64, buf: BytesMut) -> Result<BytesMut> {
        self.handle.read_at(offset, buf).await
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        self.handle.write_at(offset, data).await
    }

    async fn meta(&self) -> Result<Meta> {
        self.handle.meta().await
    }

    async fn commit(self: Box<Self>) -> Result<Meta> {
        pass(&self.gate).await;
        self.handle.commit().await
    }
}
