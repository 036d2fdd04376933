mod paths;
mod share;

use std::io;
use std::sync::Arc;

use super::forward::*;
use crate::data::files::Kind;
use share::{Charge, Leaving};
pub use share::{Share, usage};

/// A tree in which somebody's files have no more than so many bytes in all.
///
/// What counts is the length of files; holes in them count as if they were full. Bytes are set aside before they are
/// written: what a peer says it is going to send when the file is opened, all else with each write; so those who write at
/// the same time cannot have more together. While a file is replaced both contents count, as both are there. What
/// is not committed is given back; what is removed too, but if somebody has it open, only when that is closed.
///
/// What has two names counts once, and on until the last is gone. What others change in the tree is not seen.
///
/// A change that is cut off in its middle is not counted right: what is over this sees to it that none is
/// (see [`Whole`](super::Whole)).
pub struct Quota<F> {
    files: Arc<F>,
    share: Share,
}

impl<F: Files> Quota<F> {
    /// `files`, on the account of this share.
    pub fn new(files: F, share: Share) -> Self {
        Self { files: Arc::new(files), share }
    }

    /// What is opened to read.
    fn read(&self, handle: Box<dyn FileHandle>) -> Box<dyn FileHandle> {
        let held = self.share.content(handle.opened());
        Box::new(Reading { handle, _held: held })
    }

    /// Whether what was opened is what has the name already.
    async fn is_in_place(&self, path: &VPath, opened: &Meta) -> bool {
        match self.files.stat(path, false).await {
            Ok(there) if there.id.is_some() => there.id == opened.id,
            Ok(_) => !self.files.caps().has(Caps::ATOMIC_PUT),
            Err(_) => false,
        }
    }
}

/// The file itself that is at `path`.
async fn file(files: &impl Files, path: &VPath) -> Option<Meta> {
    files.stat(path, false).await.ok().filter(|meta| meta.kind == Kind::File)
}

#[async_trait]
impl<F: Files + 'static> Files for Quota<F> {
    forward!(stat, list, mkdir, symlink, hardlink, readlink, rights, place to files);

    fn caps(&self) -> Caps {
        self.files.caps() | Caps::SPACE
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        let Some(write) = how.write else {
            return Ok(self.read(self.files.open(path, how).await?));
        };
        self.share.count(&*self.files).await?;
        let _turn = self.share.turn(&[path]).await;
        let there = file(&*self.files, path).await;
        // What is going to be longer than there is room for is not begun; in place, only what is added counts.
        let before = there.as_ref().filter(|_| write == Write::Update).map_or(0, |there| there.len);
        let mut charge = self.share.new_content();
        charge.grow(how.expect_len.unwrap_or(0).saturating_sub(before))?;
        // Who empties a file waits for those who write to it.
        let writers =
            there.as_ref().filter(|_| write == Write::Replace).and_then(|there| self.share.open(there));
        let _settling = match &writers {
            Some(content) => Some(content.settling().await),
            None => None,
        };
        let handle = self.files.open(path, how).await?;
        let opened = handle.opened();
        let in_place = write == Write::Update || self.is_in_place(path, opened).await;
        if in_place {
            charge = self.share.content(opened);
            if write == Write::Replace {
                charge.settle(0);
            }
        }
        let (files, path) = (self.files.clone(), path.clone());
        Ok(Box::new(Charged { handle, files, path, append: how.append, in_place, charge }))
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        if how.write.is_some() {
            return None;
        }
        Some(self.files.open_now(path, how)?.map(|handle| self.read(handle)))
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        self.share.count(&*self.files).await?;
        let _turn = self.share.turn(&[path]).await;
        if what != Remove::Tree {
            let there = file(&*self.files, path).await;
            let leaving = there.map(|there| Leaving::of(&self.share, &there)).unwrap_or_default();
            self.files.remove(path, what).await?;
            leaving.gone(&self.share);
            return Ok(());
        }
        let leaving = Leaving::below(&self.share, &*self.files, path).await;
        let removed = self.files.remove(path, what).await;
        let left = match &removed {
            Ok(()) => Leaving::default(),
            Err(_) => Leaving::below(&self.share, &*self.files, path).await,
        };
        leaving.without(&left).gone(&self.share);
        removed
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.share.count(&*self.files).await?;
        let _turn = self.share.turn(&[from, to]).await;
        let there = if from == to { None } else { file(&*self.files, to).await };
        let leaving = there.map(|there| Leaving::of(&self.share, &there)).unwrap_or_default();
        self.files.rename(from, to, over).await?;
        leaving.gone(&self.share);
        Ok(())
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.share.count(&*self.files).await?;
        let _turn = self.share.turn(&[to]).await;
        let charge = self.share.new_content();
        charge.grow(self.files.stat(from, true).await?.len)?;
        let there = file(&*self.files, to).await;
        self.files.copy(from, to, over).await?;
        if let Some(copy) = file(&*self.files, to).await {
            charge.name(there.as_ref(), &copy);
        }
        Ok(())
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        let Some(len) = facts.len else { return self.files.set(path, facts, follow).await };
        self.share.count(&*self.files).await?;
        let _turn = self.share.turn(&[path]).await;
        let Some(there) = file(&*self.files, path).await else {
            return self.files.set(path, facts, follow).await;
        };
        let charge = self.share.content(&there);
        let _settling = charge.settling().await;
        charge.grow(len)?;
        let set = self.files.set(path, facts, follow).await;
        if let Some(there) = file(&*self.files, path).await {
            charge.settle(there.len);
        }
        set
    }

    async fn space(&self, path: &VPath) -> Result<Space> {
        self.share.count(&*self.files).await?;
        let (total, used) = (self.share.limit(), self.share.used());
        let free = total.saturating_sub(used);
        match self.files.space(path).await {
            Ok(disk) => Ok(Space { total, free: free.min(disk.free) }),
            Err(FsError::Unsupported) => Ok(Space { total, free }),
            Err(error) => Err(error),
        }
    }
}

/// A file that is read. It is on the disk until this is closed, whoever removes it.
struct Reading {
    handle: Box<dyn FileHandle>,
    _held: Charge,
}

#[async_trait]
impl FileHandle for Reading {
    forward_handle!(
        opened, read_now, read_at, write_at, write_from, meta, set, sync, commit_with, commit, as_fd to handle
    );
}

/// A file that is written to on somebody's account.
struct Charged<F> {
    handle: Box<dyn FileHandle>,
    files: Arc<F>,
    path: VPath,
    append: bool,
    /// It is the content of a file that is there, and new content otherwise.
    in_place: bool,
    charge: Charge,
}

impl<F> Charged<F> {
    /// Pays for so many bytes, before they are written.
    async fn pay(&self, offset: u64, bytes: u64) -> Result<()> {
        if self.append && self.in_place {
            return self.charge.extend(bytes);
        }
        if bytes == 0 {
            return Ok(());
        }
        // New content that is appended has its length from us alone.
        let end = if self.append { self.handle.meta().await?.len } else { offset }.checked_add(bytes);
        self.charge.grow(end.ok_or(FsError::TooLarge)?)
    }

    /// Pays for what there is, and no more.
    async fn settle(&self) {
        let _settling = self.charge.settling().await;
        if let Ok(meta) = self.handle.meta().await {
            self.charge.settle(meta.len);
        }
    }
}

#[async_trait]
impl<F: Files + 'static> FileHandle for Charged<F> {
    forward_handle!(opened, read_now, read_at, meta, sync, as_fd to handle);

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        let written = {
            let _writing = self.charge.writing().await;
            self.pay(offset, data.len() as u64).await?;
            self.handle.write_at(offset, data).await
        };
        if written.is_err() {
            self.settle().await;
        }
        written
    }

    async fn write_from(&self, offset: u64, data: BytesMut, more: More) -> Result<Drawn> {
        if self.append && !self.in_place {
            return Drawn::alone(self, offset, data).await;
        }
        let drawn = {
            let _writing = self.charge.writing().await;
            let len = data.len() as u64;
            self.pay(offset, len).await?;
            let end = (!self.append).then_some(offset + len);
            let more = Paying { more, charge: self.charge.clone(), end };
            self.handle.write_from(offset, data, Box::new(more)).await.and_then(refused)
        };
        if drawn.is_err() {
            self.settle().await;
        }
        drawn
    }

    async fn set(&self, facts: SetMeta) -> Result<()> {
        let Some(len) = facts.len else { return self.handle.set(facts).await };
        let settling = self.charge.settling().await;
        self.charge.grow(len)?;
        let set = self.handle.set(facts).await;
        drop(settling);
        self.settle().await;
        set
    }

    async fn commit_with(self: Box<Self>, offset: u64, data: Bytes) -> Result<Meta> {
        self.write_at(offset, data).await?;
        self.commit().await
    }

    async fn commit(self: Box<Self>) -> Result<Meta> {
        let Self { handle, files, path, in_place, charge, .. } = *self;
        if in_place {
            let _settling = charge.settling().await;
            let meta = handle.commit().await?;
            charge.settle(meta.len);
            return Ok(meta);
        }
        let share = charge.share();
        let _turn = share.turn(&[&path]).await;
        let there = file(&*files, &path).await;
        let meta = handle.commit().await?;
        // The directory that it was opened in may have another path by now: what has this one then stays, and counts on.
        let replaced = match there {
            Some(there) if file(&*files, &path).await.is_some_and(|now| now.id == meta.id) => Some(there),
            _ => None,
        };
        charge.name(replaced.as_ref(), &meta);
        Ok(meta)
    }
}

/// What is paid for when it comes, before it is written.
struct Paying {
    more: More,
    charge: Charge,
    /// Where the next byte goes, if not to the end.
    end: Option<u64>,
}

#[cfg_attr(not(test), expect(clippy::missing_trait_methods, reason = "the others come down to this one"))]
impl io::Read for Paying {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.more.read(buf)?;
        let paid = match &mut self.end {
            None => self.charge.extend(read as u64),
            Some(end) => {
                *end = end.saturating_add(read as u64);
                self.charge.grow(*end)
            }
        };
        paid.map(|()| read).map_err(io::Error::other)
    }
}

/// Nothing is moved past it.
#[cfg_attr(not(test), expect(clippy::missing_trait_methods, reason = "what is not read is not paid for"))]
impl Source for Paying {}

/// Tells a refusal to pay from what else ends reading.
fn refused(mut drawn: Drawn) -> Result<Drawn> {
    match drawn.failed.take().map(io::Error::downcast) {
        Some(Ok(refused)) => Err(refused),
        Some(Err(failed)) => Ok(Drawn { failed: Some(failed), ..drawn }),
        None => Ok(drawn),
    }
}

#[cfg(test)]
mod race_tests;
#[cfg(test)]
mod tests;
