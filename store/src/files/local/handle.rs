use std::io::IoSliceMut;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use ropewalk_core::data::files::{FileHandle, FsError, Kind, Meta, Open};
use rustix::io::{Errno, ReadWriteFlags, preadv2, retry_on_intr};

use super::facts::{error, facts};
use super::pool::Pool;

/// The most that one reading gives, so that it does not keep a thread for long.
const MAX_READ: usize = 1 << 20;
/// What is read at once past the length that the file had when it was opened.
const BEYOND: usize = 4096;

/// A file that is open to read.
pub(super) struct Handle {
    file: Arc<OwnedFd>,
    opened: Meta,
    pool: Arc<Pool>,
}

impl Handle {
    /// Takes what was opened, if it is a file and the one that is expected.
    pub(super) fn new(file: Arc<OwnedFd>, how: &Open, pool: &Arc<Pool>) -> Result<Self, FsError> {
        let opened = facts(&file, b"").map_err(error)?;
        Self::of(file, opened, how, pool)
    }

    /// As [`new`](Self::new), where the facts are known.
    pub(super) fn of(
        file: Arc<OwnedFd>,
        opened: Meta,
        how: &Open,
        pool: &Arc<Pool>,
    ) -> Result<Self, FsError> {
        match opened.kind {
            Kind::File => {}
            Kind::Dir => return Err(FsError::IsDir),
            _ => return Err(FsError::Denied),
        }
        if how.if_match.is_some() && how.if_match != opened.etag {
            return Err(FsError::Stale);
        }
        Ok(Self { file, opened, pool: pool.clone() })
    }

    /// How much of `buf` to fill at `offset`: what is filled has to be cleared first, so no more than may be there.
    fn room(&self, offset: u64, buf: &BytesMut) -> usize {
        let spare = (buf.capacity() - buf.len()).min(MAX_READ);
        let rest = usize::try_from(self.opened.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        spare.min(rest.max(BEYOND))
    }
}

/// Appends to `buf` what is at `offset`, at most `room` bytes.
fn read(
    file: &OwnedFd,
    offset: u64,
    buf: &mut BytesMut,
    room: usize,
    flags: ReadWriteFlags,
) -> Result<usize, Errno> {
    // What the kernel calls an invalid offset is one past the end of any file.
    if room == 0 || i64::try_from(offset).is_err() {
        return Ok(0);
    }
    let start = buf.len();
    buf.resize(start + room, 0);
    let place = buf.get_mut(start..).unwrap_or_default();
    let got = retry_on_intr(|| preadv2(file, &mut [IoSliceMut::new(place)], offset, flags));
    buf.truncate(start + got.unwrap_or(0));
    got
}

#[async_trait]
impl FileHandle for Handle {
    fn opened(&self) -> &Meta {
        &self.opened
    }

    fn read_now(&self, offset: u64, buf: &mut BytesMut) -> Option<Result<usize, FsError>> {
        let room = self.room(offset, buf);
        match read(&self.file, offset, buf, room, ReadWriteFlags::NOWAIT) {
            // Not in memory; or a file system, or a kernel, that cannot say.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS) => None,
            got => Some(got.map_err(read_error)),
        }
    }

    async fn read_at(&self, offset: u64, mut buf: BytesMut) -> Result<BytesMut, FsError> {
        let (file, room) = (self.file.clone(), self.room(offset, &buf));
        let job = move || {
            read(&file, offset, &mut buf, room, ReadWriteFlags::empty()).map_err(read_error)?;
            Ok(buf)
        };
        self.pool.run(job).await
    }

    async fn meta(&self) -> Result<Meta, FsError> {
        let file = self.file.clone();
        self.pool.run(move || facts(&file, b"").map_err(error)).await
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

fn read_error(errno: Errno) -> FsError {
    FsError::Io(errno.into())
}
