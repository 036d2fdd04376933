//! The directories of this machine.

mod facts;
mod handle;
mod jail;
mod list;
mod pool;
mod walk;

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ropewalk_core::data::files::{
    Caps, DirStream, FileHandle, Files, FsError, ListOptions, Meta, Open, VPath,
};
use rustix::fs::OFlags;

use facts::{error, facts};
use handle::Handle;
use jail::Jail;
use list::Listing;
use pool::Pool;

/// Threads that wait for the disk, for each tree.
const THREADS: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// To read: a FIFO or a device does not keep us waiting, a terminal does not become ours.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// The files below a directory of this machine, to read.
///
/// Nothing outside that directory is ever opened: links are followed only as long as they stay below it (one that
/// leaves it, or that begins with a slash, is [`FsError::Denied`]), and the kernel (openat2) sees to it even while
/// others move directories about. Only files and directories are opened; of a FIFO, a device or a socket it is
/// [`FsError::Denied`].
///
/// What the system has in its caches is answered at once; what needs the disk, by a few threads of this tree's own.
#[derive(Clone)]
pub struct Local(Arc<Tree>);

struct Tree {
    jail: Jail,
    pool: Arc<Pool>,
}

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
}

impl Default for Options {
    fn default() -> Self {
        Self { links: true, openat2: true, threads: THREADS }
    }
}

impl Local {
    /// The files below `dir`, which is opened now and never looked up again.
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
        let jail = Jail::new(dir.as_ref(), options)?;
        let pool = Arc::new(Pool::new(options.threads.get()));
        Ok(Self(Arc::new(Tree { jail, pool })))
    }

    /// Whether the kernel keeps paths below the root (openat2); if not, we do, at the price of a few system calls for
    /// each component, and never inline.
    pub fn uses_openat2(&self) -> bool {
        self.0.jail.uses_openat2()
    }
}

impl Tree {
    /// Opens what is at `path`: at once if it can be, otherwise in a thread. Then `take` looks at it, where it was
    /// opened.
    async fn open<T: Send + 'static>(
        self: &Arc<Self>,
        path: &VPath,
        flags: OFlags,
        take: impl FnOnce(OwnedFd) -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        if let Some(opened) = self.jail.open_now(path, flags) {
            return take(opened.map_err(error)?);
        }
        let (tree, path) = (self.clone(), path.clone());
        self.pool.run(move || take(tree.jail.open(&path, flags).map_err(error)?)).await
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
        Caps::RANDOM_READ | Caps::REAL_DIRS | Caps::ETAG
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
        let (flags, pool, asked) = (read_flags(how)?, self.0.pool.clone(), how.clone());
        let handle = self.0.open(path, flags, move |file| Handle::new(file, &asked, &pool)).await?;
        Ok(Box::new(handle))
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>, FsError>> {
        let opened = match read_flags(how) {
            Ok(flags) => self.0.jail.open_now(path, flags)?.map_err(error),
            Err(error) => Err(error),
        };
        Some(opened.and_then(|file| Ok(Box::new(Handle::new(file, how, &self.0.pool)?) as _)))
    }
}

#[cfg(test)]
mod tests;
