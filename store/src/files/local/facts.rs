use std::os::fd::AsFd;

use ropewalk_core::data::files::{Etag, FileId, FsError, Kind, Meta, Time};
use rustix::fs::{AtFlags, FileType, Statx, StatxFlags, StatxTimestamp, makedev, statx};
use rustix::io::Errno;

/// The facts of what `name` in `dir` is itself, or of `dir` if `name` is empty.
pub(super) fn facts(dir: impl AsFd, name: &[u8]) -> Result<Meta, Errno> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let found = statx(dir, name, flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME)?;
    Ok(meta(&found))
}

fn meta(found: &Statx) -> Meta {
    let time = |time: StatxTimestamp| Time::new(time.tv_sec, time.tv_nsec);
    let kind = kind(FileType::from_raw_mode(found.stx_mode.into()));
    let mut meta = Meta::new(kind, found.stx_size);
    let (mtime, ctime) = (time(found.stx_mtime), time(found.stx_ctime));
    meta.mtime = Some(mtime);
    meta.ctime = Some(ctime);
    meta.atime = Some(time(found.stx_atime));
    meta.btime = (found.stx_mask & StatxFlags::BTIME.bits() != 0).then(|| time(found.stx_btime));
    meta.mode = Some(found.stx_mode & 0o7777);
    meta.uid = Some(found.stx_uid);
    meta.gid = Some(found.stx_gid);
    meta.nlink = Some(found.stx_nlink.into());
    meta.id =
        Some(FileId { device: makedev(found.stx_dev_major, found.stx_dev_minor), number: found.stx_ino });
    if kind == Kind::File {
        meta.etag = Some(Etag::of(mtime, Some(ctime), found.stx_size, found.stx_ino));
    }
    meta
}

pub(super) fn kind(kind: FileType) -> Kind {
    match kind {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Dir,
        FileType::Symlink => Kind::Link,
        _ => Kind::Special,
    }
}

/// What an error means to those who look something up in a tree.
pub(super) fn error(errno: Errno) -> FsError {
    match errno {
        // RESOLVE_BENEATH says so of what would lead out of the root.
        Errno::XDEV => FsError::Denied,
        // A socket, a device without a driver.
        Errno::NXIO | Errno::NODEV => FsError::Denied,
        // A lease, or a tree that is moved about faster than it can be walked.
        Errno::AGAIN => FsError::Busy,
        other => std::io::Error::from(other).into(),
    }
}
