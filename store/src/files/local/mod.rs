//! The directories of this machine.

mod copy;
mod facts;
mod handle;
mod jail;
mod list;
mod part;
mod pipe;
mod place;
mod pool;
mod remove;
mod set;
mod sweep;
mod tree;
mod walk;
mod writer;

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ropewalk_core::data::files::{
    Caps, DirStream, FileHandle, Files, FsError, ListOptions, Meta, Name, Open, Ops, Over, Place, Reach,
    Remove, SetMeta, Space, VPath,
};
use rustix::fs::OFlags;

use facts::{error, facts};
use handle::Handle;
use list::Listing;
use tree::Tree;

/// Threads that wait for the disk, for each tree.
const THREADS: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// To read: a FIFO or a device does not keep us waiting, a terminal does not become ours.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// The files below a directory of this machine.
///
/// Nothing outside that directory is ever opened: links are followed only as long as they stay below it (one that
/// leaves it, or that begins with a slash, is [`FsError::Denied`]), and the kernel (openat2) sees to it even while
/// others move directories about. Only files and directories are opened; of a FIFO, a device or a socket it is
/// [`FsError::Denied`].
///
/// What the system has in its caches is answered at once; what needs the disk, by a few threads of this tree's own.
///
/// # Writing
///
/// It is to be switched on ([`Options::write`]). No link is followed on the way to what is written, made, changed or
/// removed, nor at its end: that is [`FsError::Loop`].
///
/// New content is written into a part file beside the name that it is to get (see
/// [`is_part`](ropewalk_core::data::files::layers::is_part)), readable by nobody else, and gets the name at
/// [`commit`](FileHandle::commit), with mode, owner and extended attributes of the file that had it. Where that file
/// has to stay the one it is, because it has other names, an owner that we cannot give, or lies in a sticky
/// directory, its content is overwritten at commit instead. A part that is not committed is removed; what the process
/// left behind when it was killed is removed when another one first writes, once it is a day old.
///
/// What is uploaded, made, copied, renamed or removed is so on the disk when that is answered, if [`Options::durable`].
/// Owners do not change, and of modes only the nine permission bits.
#[derive(Clone)]
pub struct Local(Arc<Tree>);

/// How to keep and look up a tree; see [`Local::with`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Follow links that stay in the tree; otherwise each of them is [`FsError::Loop`].
    pub links: bool,
    /// Let the kernel look paths up where it can. For tests of what is done where it cannot.
    pub openat2: bool,
    /// Threads that wait for the disk, at most.
    pub threads: NonZeroUsize,
    /// Let it be written to.
    pub write: bool,
    /// Wait for the disk before something is said to be done.
    pub durable: bool,
    /// Let a file appear only when it is complete. Otherwise it is written under its own name from the beginning,
    /// [`Caps::ATOMIC_PUT`] is not claimed, and what a cut connection leaves can be continued.
    pub atomic: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { links: true, openat2: true, threads: THREADS, write: false, durable: true, atomic: true }
    }
}

impl Local {
    /// The files below `dir`, to read; it is opened now and never looked up again.
    ///
    /// # Errors
    /// Those of opening a directory.
    pub fn new(dir: impl AsRef<Path>) -> io::Result<Self> {
        Self::with(dir, &Options::default())
    }

    /// As [`new`](Self::new), with other options.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(dir: impl AsRef<Path>, options: &Options) -> io::Result<Self> {
        Ok(Self(Arc::new(Tree::new(dir.as_ref(), options)?)))
    }

    /// The files below the directory `name` in this one, with the same options and threads. It is made where it is
    /// missing, for nobody but this process to see; a link of that name is not followed.
    ///
    /// # Errors
    /// Those of making and opening a directory.
    pub async fn within(&self, name: &Name) -> Result<Self, FsError> {
        let (tree, name) = (self.0.clone(), name.clone());
        Ok(Self(Arc::new(self.0.pool.run(move || tree.within(&name)).await?)))
    }

    /// Whether the kernel keeps paths below the root (openat2); if not, we do, at the price of a few system calls for
    /// each component, and never inline.
    pub fn uses_openat2(&self) -> bool {
        self.0.jail.uses_openat2()
    }
}

fn read_flags(how: &Open) -> Result<OFlags, FsError> {
    match how {
        Open { write: None, append: false, nofollow: false, .. } => Ok(READ),
        Open { write: None, append: false, nofollow: true, .. } => Ok(READ.union(OFlags::NOFOLLOW)),
        _ => Err(FsError::Unsupported),
    }
}

#[async_trait]
impl Files for Local {
    fn caps(&self) -> Caps {
        self.0.caps()
    }

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta, FsError> {
        let flags = if follow { OFlags::PATH } else { OFlags::PATH.union(OFlags::NOFOLLOW) };
        self.0.open(path, flags, |found| facts(found, b"").map_err(error)).await
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>, FsError> {
        let dir = self.0.open(path, READ.union(OFlags::DIRECTORY), Ok).await?;
        Ok(Box::new(Listing::new(&self.0, path, dir, options)?))
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>, FsError> {
        if how.write.is_some() {
            let (path, how) = (path.clone(), how.clone());
            return Ok(Box::new(self.0.write(move |tree| tree.open_to_write(&path, &how)).await?));
        }
        let (flags, pool, asked) = (read_flags(how)?, self.0.pool.clone(), how.clone());
        let handle = self.0.open(path, flags, move |file| Handle::new(Arc::new(file), &asked, &pool)).await?;
        Ok(Box::new(handle))
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>, FsError>> {
        if how.write.is_some() && self.0.writable {
            return None;
        }
        let opened = match read_flags(how) {
            Ok(flags) => self.0.jail.open_now(path, flags)?.map_err(error),
            Err(error) => Err(error),
        };
        Some(opened.and_then(|file| Ok(Box::new(Handle::new(Arc::new(file), how, &self.0.pool)?) as _)))
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<(), FsError> {
        let path = path.clone();
        self.0.write(move |tree| tree.mkdir(&path, mode)).await
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<(), FsError> {
        let path = path.clone();
        let mut left = self.0.write(move |tree| remove::remove(tree, &path, what)).await?;
        while let Some(removal) = left {
            left = self.0.pool.run(move || removal.step()).await?;
        }
        Ok(())
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<(), FsError> {
        let (from, to) = (from.clone(), to.clone());
        self.0.write(move |tree| tree.rename(&from, &to, over)).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<(), FsError> {
        let (from, to) = (from.clone(), to.clone());
        let mut left = self.0.write(move |tree| tree.copy(&from, &to, over).map(Some)).await?;
        while let Some(copying) = left {
            left = self.0.pool.run(move || copying.step()).await?;
        }
        Ok(())
    }

    async fn set(&self, path: &VPath, wanted: SetMeta, follow: bool) -> Result<(), FsError> {
        let path = path.clone();
        self.0.write(move |tree| tree.set(&path, &wanted, follow)).await
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<(), FsError> {
        let (path, target) = (path.clone(), target.to_vec());
        self.0.write(move |tree| tree.symlink(&path, &target)).await
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<(), FsError> {
        let (from, to) = (from.clone(), to.clone());
        self.0.write(move |tree| tree.hardlink(&from, &to)).await
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes, FsError> {
        let path = path.clone();
        let tree = Arc::clone(&self.0);
        self.0.pool.run(move || tree.readlink(&path)).await
    }

    async fn space(&self, path: &VPath) -> Result<Space, FsError> {
        let path = path.clone();
        self.0.write(move |tree| tree.space(&path)).await
    }

    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }

    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

#[cfg(test)]
mod tests;
