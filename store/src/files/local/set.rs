use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use ropewalk_core::data::files::{FsError, Kind, Meta, SetMeta, Time};
use rustix::fs::{
    AtFlags, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, chmod, fchmod, ftruncate, futimens, openat,
    utimensat,
};
use rustix::io::{Errno, retry_on_intr};

use super::facts::{error, facts};

/// The permission bits that anybody may set: none that lets a program run as somebody else.
pub(super) fn permissions() -> Mode {
    Mode::RWXU | Mode::RWXG | Mode::RWXO
}

/// Changes facts of what `name` in `dir` is itself; where `follow` says that a link is not meant, one is refused.
pub(super) fn set(dir: BorrowedFd<'_>, name: &[u8], wanted: &SetMeta, follow: bool) -> Result<(), FsError> {
    owners_stay(wanted)?;
    let there = facts(dir, name).map_err(error)?;
    match there.kind {
        Kind::File => {}
        Kind::Dir if wanted.len.is_some() => return Err(FsError::IsDir),
        Kind::Dir => {}
        Kind::Link if follow || wanted.len.is_some() => return Err(FsError::Loop),
        Kind::Link if wanted.mode.is_some() => return Err(FsError::Unsupported),
        Kind::Link => {}
        _ => return Err(FsError::Denied),
    }
    let open = |flags| {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        retry_on_intr(|| openat(dir, name, flags, Mode::empty()))
    };
    if let Some(len) = wanted.len {
        let file = open(OFlags::WRONLY).map_err(error)?;
        ours(&file)?;
        truncate(&file, len)?;
    }
    if let Some(mode) = wanted.mode {
        match open(OFlags::RDONLY) {
            Ok(file) => change_mode(&file, mode)?,
            // Its owner may change the mode also of what he may not read.
            Err(Errno::ACCESS) => {
                let file = open(OFlags::PATH).map_err(error)?;
                let mode = new_mode(&ours(&file)?, mode);
                chmod(format!("/proc/self/fd/{}", file.as_raw_fd()), mode).map_err(error)?;
            }
            Err(other) => return Err(error(other)),
        }
    }
    match times(wanted) {
        Some(times) => utimensat(dir, name, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(error),
        None => Ok(()),
    }
}

/// Changes facts of an open file.
pub(super) fn set_fd(file: impl AsFd, wanted: &SetMeta) -> Result<(), FsError> {
    owners_stay(wanted)?;
    if let Some(len) = wanted.len {
        truncate(&file, len)?;
    }
    if let Some(mode) = wanted.mode {
        change_mode(&file, mode)?;
    }
    match times(wanted) {
        Some(times) => futimens(&file, &times).map_err(error),
        None => Ok(()),
    }
}

/// Owners are those of the process, whoever is served.
pub(super) fn owners_stay(wanted: &SetMeta) -> Result<(), FsError> {
    if wanted.uid.is_some() || wanted.gid.is_some() { Err(FsError::Unsupported) } else { Ok(()) }
}

fn truncate(file: impl AsFd, len: u64) -> Result<(), FsError> {
    if i64::try_from(len).is_err() {
        return Err(FsError::TooLarge);
    }
    retry_on_intr(|| ftruncate(&file, len)).map_err(error)
}

fn change_mode(file: impl AsFd, mode: u16) -> Result<(), FsError> {
    let mode = new_mode(&ours(&file)?, mode);
    fchmod(&file, mode).map_err(error)
}

/// A directory keeps its bits beyond the permissions: they say to whom belongs what is made in it.
fn new_mode(there: &Meta, mode: u16) -> Mode {
    let wanted = Mode::from_raw_mode(mode.into()) & permissions();
    let kept = if there.kind == Kind::Dir { there.mode.unwrap_or_default() & 0o7000 } else { 0 };
    wanted | Mode::from_raw_mode(kept.into())
}

/// The facts of a file or directory; anything else was put there meanwhile.
fn ours(file: impl AsFd) -> Result<Meta, FsError> {
    let there = facts(file, b"").map_err(error)?;
    match there.kind {
        Kind::File | Kind::Dir => Ok(there),
        Kind::Link => Err(FsError::Loop),
        _ => Err(FsError::Denied),
    }
}

fn times(wanted: &SetMeta) -> Option<Timestamps> {
    if wanted.mtime.is_none() && wanted.atime.is_none() {
        return None;
    }
    let time = |time: Option<Time>| match time {
        Some(time) => Timespec { tv_sec: time.secs(), tv_nsec: time.nanos().into() },
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    };
    Some(Timestamps { last_access: time(wanted.atime), last_modification: time(wanted.mtime) })
}
