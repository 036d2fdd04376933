use std::os::fd::BorrowedFd;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::meta::Result;
use super::{
    Caps, Drawn, Entry, FsError, ListOptions, Meta, Open, Ops, Over, Place, Reach, Remove, SetMeta, Source,
    Space, VPath,
};

/// One person's view of a tree of files.
///
/// Methods whose name ends in `_now` never wait: they answer from memory or say `None`, and then the method without
/// `_now` does the same work and may wait for a disk. Call both, in this order, wherever speed matters:
/// a file whose name and content the system has cached is then served without leaving the task.
///
/// What concerns writing has a default that answers [`FsError::Unsupported`]; a backend that implements it says so
/// in its [`Caps`]. A layer relies on no default. Nothing is written through a link: one on the way to what is written, made, changed or
/// removed, or at its end, is [`FsError::Loop`].
#[async_trait]
pub trait Files: Send + Sync {
    /// What this backend, through these layers, can do.
    fn caps(&self) -> Caps;

    /// The facts of what is at `path`; of the link itself unless `follow`.
    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta>;

    /// Begins to list a directory.
    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>>;

    /// Opens a file. A directory is [`FsError::IsDir`].
    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>>;

    /// As [`open`](Self::open), if that needs no waiting; `None` means: call `open`.
    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        let _ = (path, how);
        None
    }

    /// Makes a directory; its parent must be there.
    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        let _ = (path, mode);
        Err(FsError::Unsupported)
    }

    /// Removes what is at `path`, if it is of the kind that `what` says.
    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        let _ = (path, what);
        Err(FsError::Unsupported)
    }

    /// Gives what is at `from` the path `to`. A directory that would go into itself is [`FsError::BadName`].
    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        let _ = (from, to, over);
        Err(FsError::Unsupported)
    }

    /// Makes at `to` a file with the content of that at `from`. Onto itself it is [`FsError::BadName`].
    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        let _ = (from, to, over);
        Err(FsError::Unsupported)
    }

    /// Changes facts of what is at `path`; where that is a link, its own, or with `follow` none: as nothing is changed
    /// through links, it is [`FsError::Loop`] then.
    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        let _ = (path, facts, follow);
        Err(FsError::Unsupported)
    }

    /// Makes at `path` a link that leads to `target`: see [`link_text`](super::link_text).
    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        let _ = (path, target);
        Err(FsError::Unsupported)
    }

    /// Gives the file at `from` the second name `to`.
    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        let _ = (from, to);
        Err(FsError::Unsupported)
    }

    /// What the link at `path` says, as seen from inside this tree.
    async fn readlink(&self, path: &VPath) -> Result<Bytes> {
        let _ = path;
        Err(FsError::Unsupported)
    }

    /// The room in the file system that `path` is in.
    async fn space(&self, path: &VPath) -> Result<Space> {
        let _ = path;
        Err(FsError::Unsupported)
    }

    /// What may be done with one at least (or with [each](Reach::Throughout)) of what `reach` means, there or not, as far as this tree can do it and its rules
    /// allow it. What is not among these is refused; of what is, the disk may still refuse some. A layer asks the tree
    /// that it is over; a backend says [what it can](Ops::of).
    fn rights(&self, path: &VPath, reach: Reach) -> Ops;

    /// Where `path` is below all mounts, with the locks and properties there; nothing where none are kept, as in a backend.
    /// A layer asks the tree that it is over.
    fn place(&self, path: &VPath) -> Option<Place>;
}

/// An open file. Every operation says its offset, so that any number of them may be in flight.
///
/// Dropping it closes the file; what was opened to [`Replace`](super::Write::Replace) or
/// [`CreateNew`](super::Write::CreateNew) and not committed is then abandoned without a trace, if the backend claims
/// [`Caps::ATOMIC_PUT`].
#[async_trait]
pub trait FileHandle: Send + Sync {
    /// The facts as they were when the file was opened. They are those of this very file, whatever its path names by
    /// now; a file that grows or shrinks later is longer or shorter than they say.
    fn opened(&self) -> &Meta;

    /// Appends to `buf` what is at `offset`, if that is in memory: at most `buf`'s spare capacity, possibly less,
    /// and nothing only at the end of the file or without spare capacity. Returns how many bytes that were.
    ///
    /// `None` means: call [`read_at`](Self::read_at). `buf` is then as it was, as it is after an error.
    fn read_now(&self, offset: u64, buf: &mut BytesMut) -> Option<Result<usize>> {
        let _ = (offset, buf);
        None
    }

    /// As [`read_now`](Self::read_now), waiting for the disk; gives the buffer back with what was appended.
    async fn read_at(&self, offset: u64, buf: BytesMut) -> Result<BytesMut>;

    /// Writes all of `data` at `offset`, or at the end if opened to append.
    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        let _ = (offset, data);
        Err(FsError::Unsupported)
    }

    /// Writes all of `data` at `offset`, as [`write_at`](Self::write_at) does, and behind it what `more` has to give: in one go,
    /// where the backend can, and into the memory of `data`. That ends where `more` [would block](std::io::ErrorKind::WouldBlock),
    /// gives nothing or fails, and where others have waited long enough for their turn; call it again then.
    ///
    /// `more` never waits, and is read on any thread. A backend, or a layer, that has its reasons takes nothing of it.
    async fn write_from(&self, offset: u64, data: BytesMut, more: Box<dyn Source>) -> Result<Drawn> {
        let _ = more;
        Drawn::alone(self, offset, data).await
    }

    /// The facts as they are now.
    async fn meta(&self) -> Result<Meta>;

    /// Changes facts. Times of a file that is not there yet are those that it has after the commit, whatever is
    /// still written.
    async fn set(&self, facts: SetMeta) -> Result<()> {
        let _ = facts;
        Err(FsError::Unsupported)
    }

    /// Waits until what was written is on the disk; only the content if `data_only`.
    async fn sync(&self, data_only: bool) -> Result<()> {
        let _ = data_only;
        Err(FsError::Unsupported)
    }

    /// Writes the last octets, as [`write_at`](Self::write_at) does, and [commits](Self::commit): in one go, where the backend
    /// waits for a disk only once for that.
    async fn commit_with(self: Box<Self>, offset: u64, data: Bytes) -> Result<Meta> {
        self.write_at(offset, data).await?;
        self.commit().await
    }

    /// Publishes what was written and closes the file. What a protocol acknowledges, it acknowledges after this.
    async fn commit(self: Box<Self>) -> Result<Meta> {
        Err(FsError::Unsupported)
    }

    /// The descriptor, for sendfile and splice, where the bytes on it are those that [`read_at`](Self::read_at) gives.
    ///
    /// A layer that neither slows nor changes the bytes passes it through.
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// A directory being listed, in no particular order. `.` and `..` are not in it.
#[async_trait]
pub trait DirStream: Send {
    /// The next entries, at least one and at most `max` (taken as 1 if it is 0); none at the end.
    ///
    /// What appears or vanishes meanwhile may or may not be among them; nothing comes twice.
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Entry>>;
}
