use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::data::files::meta::Result;
use crate::data::files::{
    Caps, DirStream, FileHandle, Files, ListOptions, Meta, Open, Ops, Over, Place, Reach, Remove, SetMeta,
    Space, VPath,
};

/// A tree that several views share is a tree.
#[async_trait]
impl<F: Files + ?Sized> Files for Arc<F> {
    fn caps(&self) -> Caps {
        (**self).caps()
    }

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        (**self).stat(path, follow).await
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        (**self).list(path, options).await
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        (**self).open(path, how).await
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        (**self).open_now(path, how)
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        (**self).mkdir(path, mode).await
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        (**self).remove(path, what).await
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        (**self).rename(from, to, over).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        (**self).copy(from, to, over).await
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        (**self).set(path, facts, follow).await
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        (**self).symlink(path, target).await
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        (**self).hardlink(from, to).await
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes> {
        (**self).readlink(path).await
    }

    async fn space(&self, path: &VPath) -> Result<Space> {
        (**self).space(path).await
    }

    fn rights(&self, path: &VPath, reach: Reach) -> Ops {
        (**self).rights(path, reach)
    }

    fn place(&self, path: &VPath) -> Option<Place> {
        (**self).place(path)
    }
}
