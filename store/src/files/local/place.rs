use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ropewalk_core::data::files::layers::is_part;
use ropewalk_core::data::files::{FsError, Kind, Meta, Name, Open, VPath, Write};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, fsync, linkat, openat, renameat_with, unlinkat};
use rustix::io::{Errno, retry_on_intr};

use super::facts::{error, facts};
use super::jail::Jail;

/// A name in a directory that is held open: where something is made, changed or removed.
///
/// No link was followed on the way to the directory, and what is done here follows none: all of it is a call on the
/// directory's descriptor with this one name. So whoever moves directories about meanwhile cannot lead a
/// write out of the root.
pub(super) struct Place {
    pub(super) dir: OwnedFd,
    pub(super) name: Name,
}

impl Place {
    /// Where `path` is, or is going to be. The root, and a name that only a part file has, is nobody's to write.
    pub(super) fn find(jail: &Jail, path: &VPath) -> Result<Self, FsError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(FsError::Busy) };
        if is_part(name.as_bytes()) {
            return Err(FsError::Denied);
        }
        Ok(Self { dir: jail.open_dir(&parent).map_err(error)?, name })
    }

    /// The facts of what is there itself, if anything is.
    pub(super) fn facts(&self) -> Result<Option<Meta>, FsError> {
        match facts(&self.dir, self.name.as_bytes()) {
            Ok(meta) => Ok(Some(meta)),
            Err(Errno::NOENT) => Ok(None),
            Err(other) => Err(error(other)),
        }
    }

    pub(super) fn open(&self, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        retry_on_intr(|| openat(&self.dir, self.name.as_bytes(), flags, mode))
    }

    pub(super) fn unlink(&self, flags: AtFlags) -> Result<(), FsError> {
        unlinkat(&self.dir, self.name.as_bytes(), flags).map_err(error)
    }

    /// Waits until the names in this directory are on the disk.
    pub(super) fn sync(&self) -> Result<(), FsError> {
        match openat(&self.dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(dir) => match retry_on_intr(|| fsync(&dir)) {
                // A file system whose directories are not to be waited for.
                Err(Errno::INVAL) => Ok(()),
                done => done.map_err(error),
            },
            // One that may be written but not read cannot be opened for this.
            Err(Errno::ACCESS) => {
                rustix::fs::sync();
                Ok(())
            }
            Err(other) => Err(error(other)),
        }
    }
}

/// Whether what is there is what a file can be written over, and what `how` expects.
pub(super) fn expect(there: Option<&Meta>, how: &Open) -> Result<(), FsError> {
    match there.map(|meta| meta.kind) {
        None if how.if_match.is_some() => Err(FsError::Stale),
        None => Ok(()),
        Some(Kind::Dir) => Err(FsError::IsDir),
        Some(Kind::Link) => Err(FsError::Loop),
        Some(Kind::File) if how.write == Some(Write::CreateNew) => Err(FsError::Exists),
        Some(Kind::File) if how.if_match.is_some() && how.if_match != there.and_then(|meta| meta.etag) => {
            Err(FsError::Stale)
        }
        Some(Kind::File) => Ok(()),
        Some(_) => Err(FsError::Denied),
    }
}

/// Gives `from` the name `to` where nothing has it yet.
pub(super) fn rename_new(
    from: (impl AsFd, &[u8]),
    to: (impl AsFd, &[u8]),
    kind: Kind,
) -> Result<(), FsError> {
    match renameat_with(&from.0, from.1, &to.0, to.1, RenameFlags::NOREPLACE) {
        // A file system that cannot: a link is never made over anything either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if kind == Kind::File => {
            linkat(&from.0, from.1, &to.0, to.1, AtFlags::empty()).map_err(two_places)?;
            unlinkat(&from.0, from.1, AtFlags::empty()).map_err(error)
        }
        Err(Errno::INVAL | Errno::NOSYS) => Err(FsError::Unsupported),
        done => done.map_err(two_places),
    }
}

/// What an error means of a call with two places.
pub(super) fn two_places(errno: Errno) -> FsError {
    if errno == Errno::XDEV { FsError::CrossDevice } else { error(errno) }
}

/// So that of two of us who look what is at a place and then put something there, one waits for the other.
pub(super) struct Locks([Mutex<()>; 64]);

impl Default for Locks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Locks {
    pub(super) fn of(&self, place: &Place) -> Result<Option<MutexGuard<'_, ()>>, FsError> {
        let mut hasher = DefaultHasher::new();
        (facts(&place.dir, b"").map_err(error)?.id, place.name.as_bytes()).hash(&mut hasher);
        let lock = self.0.get(hasher.finish() as usize % self.0.len());
        Ok(lock.map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}
