use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;

use crate::data::files::meta::Result;
use crate::data::files::{
    Caps, DirStream, FileHandle, Files, FsError, Kind, ListOptions, Meta, Open, Ops, Place, Reach, VPath,
};

/// A tree of one file, that has a descriptor and can be read at once.
pub(super) struct One(pub(super) Arc<File>);

struct OneHandle(Arc<File>, Meta);

#[async_trait]
impl Files for One {
    fn caps(&self) -> Caps {
        Caps::RANDOM_READ
    }
    async fn stat(&self, _: &VPath, _: bool) -> Result<Meta> {
        Ok(Meta::new(Kind::File, 0))
    }
    async fn list(&self, _: &VPath, _: ListOptions) -> Result<Box<dyn DirStream>> {
        Err(FsError::Unsupported)
    }
    async fn open(&self, _: &VPath, _: &Open) -> Result<Box<dyn FileHandle>> {
        Ok(Box::new(OneHandle(self.0.clone(), Meta::new(Kind::File, 0))))
    }
    fn open_now(&self, _: &VPath, _: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        Some(Ok(Box::new(OneHandle(self.0.clone(), Meta::new(Kind::File, 0)))))
    }
    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }
    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

#[async_trait]
impl FileHandle for OneHandle {
    fn opened(&self) -> &Meta {
        &self.1
    }
    fn read_now(&self, _: u64, _: &mut BytesMut) -> Option<Result<usize>> {
        Some(Ok(0))
    }
    async fn read_at(&self, _: u64, buf: BytesMut) -> Result<BytesMut> {
        Ok(buf)
    }
    async fn meta(&self) -> Result<Meta> {
        Ok(self.1.clone())
    }
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(AsFd::as_fd(&*self.0))
    }
}
