use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use ropewalk_core::data::files::{Drawn, FileHandle, FsError, Meta, Open, SetMeta, Source, Write};
use rustix::fs::{Mode, OFlags, fdatasync, fsync, ftruncate};
use rustix::io::{Errno, retry_on_intr};

use super::Tree;
use super::copy::write_all;
use super::facts::{error, facts};
use super::handle::Handle;
use super::part::Part;
use super::pipe::Pipe;
use super::place::{Place, expect};
use super::set::{owners_stay, permissions, set_fd};

/// Tries while others make and remove the file that is to be opened.
const TRIES: usize = 16;

/// A file that is open to write: one that is there, or a part.
pub(super) struct Writer {
    tree: Arc<Tree>,
    handle: Handle,
    reads: bool,
    file: Arc<OwnedFd>,
    /// New content that has no name yet.
    part: Option<Part>,
    /// Where a file was made in place.
    made: Option<Place>,
    /// What a part is to have when it gets its name.
    wanted: Mutex<SetMeta>,
    /// Something was not written, or not to the disk: what is there is not what the peer sent, and stays so.
    broken: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn open(tree: &Arc<Tree>, place: Place, how: &Open) -> Result<Self, FsError> {
        if how.write == Some(Write::Update) || !tree.atomic {
            Self::in_place(tree, place, how)
        } else {
            let part = Part::create(tree, place, how)?;
            // Only what is replaced has to match.
            let mut how = how.clone();
            how.if_match = None;
            let handle = Handle::of(part.file.clone(), part.made.clone(), &how, &tree.pool)?;
            Ok(Self::new(tree, handle, part.file.clone(), &how, Some(part), None))
        }
    }

    fn in_place(tree: &Arc<Tree>, place: Place, how: &Open) -> Result<Self, FsError> {
        let (file, made) = open_file(&place, how)?;
        let file = Arc::new(file);
        let handle = Handle::new(file.clone(), how, &tree.pool)?;
        let writer = Self::new(tree, handle, file, how, None, made.then_some(place));
        if how.write == Some(Write::Replace) {
            ftruncate(&writer.file, 0).map_err(error)?;
        }
        Ok(writer)
    }

    fn new(
        tree: &Arc<Tree>,
        handle: Handle,
        file: Arc<OwnedFd>,
        how: &Open,
        part: Option<Part>,
        made: Option<Place>,
    ) -> Self {
        let (wanted, broken) = (Mutex::default(), Arc::default());
        Self { tree: tree.clone(), handle, reads: how.read, file, part, made, wanted, broken }
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&OwnedFd) -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        let (file, broken) = (self.file.clone(), self.broken.clone());
        self.tree.pool.run(move || job(&file).inspect_err(|_| broken.store(true, Ordering::Relaxed))).await
    }

    fn whole(&self) -> Result<(), FsError> {
        match self.broken.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(FsError::Io(io::Error::other("what was written before was not written whole"))),
        }
    }

    fn finish(self) -> Result<Meta, FsError> {
        self.whole()?;
        let Some(part) = self.part else {
            if self.tree.durable {
                retry_on_intr(|| fdatasync(&self.file)).map_err(error)?;
                self.made.map_or(Ok(()), |place| place.sync())?;
            }
            return facts(&self.file, b"").map_err(error);
        };
        part.publish(&self.wanted.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Opens a file in place, or makes it; whether it was made.
fn open_file(place: &Place, how: &Open) -> Result<(OwnedFd, bool), FsError> {
    let access = if how.read { OFlags::RDWR } else { OFlags::WRONLY };
    let flags = if how.append { access | OFlags::APPEND } else { access };
    let mode = Mode::from_raw_mode(how.mode.unwrap_or(0o666).into()) & permissions();
    for _ in 0..TRIES {
        let there = place.facts()?;
        expect(there.as_ref(), how)?;
        let opened = match there {
            Some(_) => place.open(flags, Mode::empty()),
            None => place.open(flags | OFlags::CREATE | OFlags::EXCL, mode),
        };
        match (opened, there) {
            (Err(Errno::NOENT), Some(_)) | (Err(Errno::EXIST), None) => {}
            (opened, there) => return Ok((opened.map_err(error)?, there.is_none())),
        }
    }
    Err(FsError::Busy)
}

#[async_trait]
impl FileHandle for Writer {
    fn opened(&self) -> &Meta {
        self.handle.opened()
    }

    fn read_now(&self, offset: u64, buf: &mut BytesMut) -> Option<Result<usize, FsError>> {
        if self.reads { self.handle.read_now(offset, buf) } else { Some(Err(FsError::Denied)) }
    }

    async fn read_at(&self, offset: u64, buf: BytesMut) -> Result<BytesMut, FsError> {
        if self.reads { self.handle.read_at(offset, buf).await } else { Err(FsError::Denied) }
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<(), FsError> {
        self.run(move |file| write_all(file, &data, offset)).await
    }

    async fn write_from(&self, offset: u64, data: BytesMut, more: Box<dyn Source>) -> Result<Drawn, FsError> {
        let waiting = Arc::new(());
        let awaited = Arc::downgrade(&waiting);
        let drawn = self.run(move |file| {
            let may = || match awaited.strong_count() {
                // Whoever sent it has given it up, and may be writing to this file anew.
                0 => Err(FsError::Busy),
                _ => Ok(()),
            };
            match more.socket().and_then(|_| Pipe::to(file)) {
                Some(pipe) => pipe.draw(offset, data, more, may),
                None => Drawn::draw(offset, data, more, |at, piece| {
                    may()?;
                    write_all(file, piece, at)
                }),
            }
        });
        let drawn = drawn.await;
        drop(waiting);
        drawn
    }

    async fn meta(&self) -> Result<Meta, FsError> {
        self.handle.meta().await
    }

    /// Of a part, the mode is set when it gets its name; until then nobody else reads it.
    async fn set(&self, mut wanted: SetMeta) -> Result<(), FsError> {
        owners_stay(&wanted)?;
        if self.part.is_some() {
            let mut later = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            later.mode = wanted.mode.take().or(later.mode);
            later.mtime = wanted.mtime.or(later.mtime);
            later.atime = wanted.atime.or(later.atime);
        }
        let file = self.file.clone();
        self.tree.pool.run(move || set_fd(&file, &wanted)).await
    }

    async fn sync(&self, data_only: bool) -> Result<(), FsError> {
        self.whole()?;
        let sync = move |file: &OwnedFd| if data_only { fdatasync(file) } else { fsync(file) };
        self.run(move |file| retry_on_intr(|| sync(file)).map_err(error)).await
    }

    async fn commit_with(self: Box<Self>, offset: u64, data: Bytes) -> Result<Meta, FsError> {
        let pool = self.tree.pool.clone();
        let job = move || {
            write_all(&self.file, &data, offset)?;
            self.finish()
        };
        pool.run(job).await
    }

    async fn commit(self: Box<Self>) -> Result<Meta, FsError> {
        let pool = self.tree.pool.clone();
        pool.run(move || self.finish()).await
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        if self.reads { self.handle.as_fd() } else { None }
    }
}
