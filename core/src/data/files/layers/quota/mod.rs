mod ledger;

use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::data::files::meta::Result;
use crate::data::files::{
    Caps, DirStream, FileHandle, Files, FsError, Kind, ListOptions, Meta, Open, Ops, Over, Place, Reach,
    Remove, SetMeta, Space, VPath, Write,
};
use ledger::lock;
pub use ledger::{Ledger, MemoryLedger, Share, usage};

/// A tree in which somebody's files have no more than so many bytes in all.
///
/// What counts is the length of files; holes in them count as if they were full. Bytes are set aside before they are
/// written: what a peer says it is going to send when the file is opened, all else with each write; so those who write at
/// the same time cannot have more together. While a file is replaced both contents count, as both are there. What
/// is not committed is given back.
///
/// What has two names counts once, and on until the last is gone. What others change in the tree is not seen.
pub struct Quota<F> {
    files: Arc<F>,
    share: Arc<Share>,
}

impl<F: Files> Quota<F> {
    /// `files`, on the account of this share.
    pub fn new(files: F, share: Arc<Share>) -> Self {
        Self { files: Arc::new(files), share }
    }
}

impl<F: Files> Quota<F> {
    /// Whether what was opened is what has the name already.
    async fn is_in_place(&self, path: &VPath, opened: &Meta) -> bool {
        match self.files.stat(path, false).await {
            Ok(there) if there.id.is_some() => there.id == opened.id,
            Ok(_) => !self.files.caps().has(Caps::ATOMIC_PUT),
            Err(_) => false,
        }
    }
}

/// The bytes that are gone with this name.
async fn last(files: &impl Files, path: &VPath) -> u64 {
    match files.stat(path, false).await {
        Ok(meta) if meta.kind == Kind::File && meta.nlink.unwrap_or(1) <= 1 => meta.len,
        _ => 0,
    }
}

#[async_trait]
impl<F: Files + 'static> Files for Quota<F> {
    fn caps(&self) -> Caps {
        self.files.caps() | Caps::SPACE
    }

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        self.files.stat(path, follow).await
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        self.files.list(path, options).await
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        let Some(write) = how.write else { return self.files.open(path, how).await };
        self.share.count(&*self.files).await?;
        let mut charge = Charge { share: self.share.clone(), len: Arc::default(), new: true };
        // What is going to be longer than there is room for is not begun; in place, only what is added counts.
        let before = if write == Write::Update { last(&*self.files, path).await } else { 0 };
        charge.grow(how.expect_len.unwrap_or(0).saturating_sub(before))?;
        let handle = self.files.open(path, how).await?;
        let opened = handle.opened();
        if write == Write::Update || self.is_in_place(path, opened).await {
            let len = self.share.growing(opened.id, opened.len);
            charge = Charge { share: self.share.clone(), len, new: false };
            if write == Write::Replace {
                charge.settle(0)?;
            }
        }
        let (files, path) = (self.files.clone(), path.clone());
        Ok(Box::new(Charged { handle, files, path, append: how.append, charge }))
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        if how.write.is_none() { self.files.open_now(path, how) } else { None }
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        self.files.mkdir(path, mode).await
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        self.share.count(&*self.files).await?;
        let _alone = self.share.alone(path).await;
        if what != Remove::Tree {
            let gone = last(&*self.files, path).await;
            self.files.remove(path, what).await?;
            self.share.ledger.release(gone);
            return Ok(());
        }
        let (before, _) = usage(&*self.files, path, usize::MAX).await.unwrap_or_default();
        let removed = self.files.remove(path, what).await;
        let left = match &removed {
            Ok(()) => 0,
            Err(_) => usage(&*self.files, path, usize::MAX).await.unwrap_or_default().0,
        };
        self.share.ledger.release(before.saturating_sub(left));
        removed
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.share.count(&*self.files).await?;
        let _alone = self.share.alone(to).await;
        let gone = if from == to { 0 } else { last(&*self.files, to).await };
        self.files.rename(from, to, over).await?;
        self.share.ledger.release(gone);
        Ok(())
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.share.count(&*self.files).await?;
        let _alone = self.share.alone(to).await;
        let more = self.files.stat(from, true).await?.len;
        let before = self.files.stat(to, false).await.ok().filter(|meta| meta.kind == Kind::File);
        self.share.ledger.reserve(more)?;
        let copied = self.files.copy(from, to, over).await;
        let gone = if copied.is_ok() { before.map_or(0, |meta| meta.len) } else { more };
        self.share.ledger.release(gone);
        copied
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        let Some(len) = facts.len else { return self.files.set(path, facts, follow).await };
        self.share.count(&*self.files).await?;
        let there = self.files.stat(path, false).await?;
        if there.kind != Kind::File {
            return self.files.set(path, facts, follow).await;
        }
        let charge =
            Charge { share: self.share.clone(), len: self.share.growing(there.id, there.len), new: false };
        charge.grow(len)?;
        let set = self.files.set(path, facts, follow).await;
        let left =
            if set.is_ok() { len } else { self.files.stat(path, false).await.map_or(0, |meta| meta.len) };
        charge.settle(left)?;
        set
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        self.files.symlink(path, target).await
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        self.files.hardlink(from, to).await
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes> {
        self.files.readlink(path).await
    }

    async fn space(&self, path: &VPath) -> Result<Space> {
        self.share.count(&*self.files).await?;
        let (total, used) = (self.share.ledger.limit(), self.share.ledger.used());
        let free = total.saturating_sub(used);
        match self.files.space(path).await {
            Ok(disk) => Ok(Space { total, free: free.min(disk.free) }),
            Err(FsError::Unsupported) => Ok(Space { total, free }),
            Err(error) => Err(error),
        }
    }

    fn rights(&self, path: &VPath, reach: Reach) -> Ops {
        self.files.rights(path, reach)
    }

    fn place(&self, path: &VPath) -> Option<Place> {
        self.files.place(path)
    }
}

/// What a file that is written to has set aside.
struct Charge {
    share: Arc<Share>,
    /// The length that is paid for.
    len: Arc<Mutex<u64>>,
    /// Nobody else has it, and it is gone unless it is committed.
    new: bool,
}

impl Charge {
    /// Pays for this length, if it is longer.
    fn grow(&self, to: u64) -> Result<()> {
        let mut len = lock(&self.len);
        if to > *len {
            self.share.ledger.reserve(to - *len)?;
            *len = to;
        }
        Ok(())
    }

    /// Pays for so much more, and says for what length then.
    fn extend(&self, by: u64) -> Result<()> {
        let mut len = lock(&self.len);
        self.share.ledger.reserve(by)?;
        *len += by;
        Ok(())
    }

    /// This is the length.
    fn settle(&self, to: u64) -> Result<()> {
        let mut len = lock(&self.len);
        self.share.change(*len, to)?;
        *len = to;
        Ok(())
    }

    /// Whether somebody else pays for the same file.
    fn shared(&self) -> bool {
        Arc::strong_count(&self.len) > 1
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.new {
            self.share.ledger.release(*lock(&self.len));
        }
    }
}

/// A file that is written to on somebody's account.
struct Charged<F> {
    handle: Box<dyn FileHandle>,
    files: Arc<F>,
    path: VPath,
    append: bool,
    charge: Charge,
}

#[async_trait]
impl<F: Files + 'static> FileHandle for Charged<F> {
    fn opened(&self) -> &Meta {
        self.handle.opened()
    }

    fn read_now(&self, offset: u64, buf: &mut BytesMut) -> Option<Result<usize>> {
        self.handle.read_now(offset, buf)
    }

    async fn read_at(&self, offset: u64, buf: BytesMut) -> Result<BytesMut> {
        self.handle.read_at(offset, buf).await
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        let more = data.len() as u64;
        if self.append && !self.charge.new {
            self.charge.extend(more)?;
        } else if more > 0 {
            // New content that is appended has its length from us alone.
            let end = if self.append { self.handle.meta().await?.len } else { offset }.checked_add(more);
            self.charge.grow(end.ok_or(FsError::TooLarge)?)?;
        }
        self.handle.write_at(offset, data).await
    }

    async fn meta(&self) -> Result<Meta> {
        self.handle.meta().await
    }

    async fn set(&self, facts: SetMeta) -> Result<()> {
        let Some(len) = facts.len else { return self.handle.set(facts).await };
        self.charge.grow(len)?;
        self.handle.set(facts).await?;
        self.charge.settle(len)
    }

    async fn sync(&self, data_only: bool) -> Result<()> {
        self.handle.sync(data_only).await
    }

    async fn commit(self: Box<Self>) -> Result<Meta> {
        let Self { handle, files, path, mut charge, .. } = *self;
        if !charge.new {
            let meta = handle.commit().await?;
            if !charge.shared() && meta.len < *lock(&charge.len) {
                charge.settle(meta.len)?;
            }
            return Ok(meta);
        }
        let share = charge.share.clone();
        let _alone = share.alone(&path).await;
        let replaced = files.stat(&path, false).await.ok().filter(|meta| meta.kind == Kind::File);
        let meta = handle.commit().await?;
        charge.settle(meta.len)?;
        charge.new = false;
        share.ledger.release(replaced.map_or(0, |meta| meta.len));
        Ok(meta)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.handle.as_fd()
    }
}

#[cfg(test)]
mod tests;
