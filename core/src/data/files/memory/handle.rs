use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::Memory;
use super::tree::File;
use crate::data::files::meta::Result;
use crate::data::files::{Drawn, FileHandle, FsError, Meta, Open, SetMeta, Source, VPath};

pub(super) struct Handle {
    file: Arc<File>,
    opened: Meta,
    how: Open,
    /// Where the file goes at commit, if it has no name yet.
    staged: Option<(Memory, VPath)>,
    /// Times that it is to have then, whatever is still written.
    times: Mutex<SetMeta>,
}

#[async_trait]
impl FileHandle for Handle {
    fn opened(&self) -> &Meta {
        &self.opened
    }

    fn read_now(&self, offset: u64, buf: &mut BytesMut) -> Option<Result<usize>> {
        if !self.how.read {
            return Some(Err(FsError::Denied));
        }
        Some(Ok(self.file.read(offset, buf.capacity() - buf.len(), |bytes| {
            buf.extend_from_slice(bytes);
            bytes.len()
        })))
    }

    async fn read_at(&self, offset: u64, mut buf: BytesMut) -> Result<BytesMut> {
        match self.read_now(offset, &mut buf) {
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => Ok(buf),
        }
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        self.writable()?;
        self.file.write((!self.how.append).then_some(offset), &data)
    }

    async fn write_from(&self, offset: u64, data: BytesMut, more: Box<dyn Source>) -> Result<Drawn> {
        self.writable()?;
        Drawn::draw(offset, data, more, |at, piece| self.file.write((!self.how.append).then_some(at), piece))
    }

    async fn meta(&self) -> Result<Meta> {
        Ok(self.file.meta())
    }

    async fn set(&self, facts: SetMeta) -> Result<()> {
        self.writable()?;
        self.file.set(&facts)?;
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.mtime = facts.mtime.or(times.mtime);
        times.atime = facts.atime.or(times.atime);
        Ok(())
    }

    async fn sync(&self, _data_only: bool) -> Result<()> {
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<Meta> {
        self.writable()?;
        if let Some((memory, path)) = &self.staged {
            self.file.set(&self.times.lock().unwrap_or_else(PoisonError::into_inner))?;
            self.how.still_wanted()?;
            memory.publish(path, self.file.clone(), &self.how)?;
        }
        Ok(self.file.meta())
    }
}

impl Handle {
    pub(super) fn new(file: Arc<File>, how: &Open, staged: Option<(Memory, VPath)>) -> Self {
        Self { opened: file.meta(), file, how: how.clone(), staged, times: Mutex::default() }
    }

    fn writable(&self) -> Result<()> {
        if self.how.write.is_some() { Ok(()) } else { Err(FsError::Denied) }
    }
}
