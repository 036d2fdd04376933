use std::os::fd::OwnedFd;
use std::path::Path;

use ropewalk_core::data::files::VPath;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2};
use rustix::io::{Errno, retry_on_intr};

use super::{Options, walk};

/// Tries while the tree below us is being moved about.
const TRIES: usize = 128;

/// A directory out of which no path leads, whatever links there are in it and whoever moves it about meanwhile.
pub(super) struct Jail {
    root: OwnedFd,
    look_up: LookUp,
    links: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum LookUp {
    /// The kernel resolves paths and keeps them below the root; from Linux 5.12 on also without waiting for a disk.
    Openat2 { cached: bool },
    /// We go from component to component: where openat2 is missing or forbidden.
    Walk,
}

impl Jail {
    pub(super) fn new(dir: &Path, options: &Options) -> Result<Self, Errno> {
        let root = openat(CWD, dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let look_up = if options.openat2 { LookUp::detect(&root) } else { LookUp::Walk };
        Ok(Self { root, look_up, links: options.links })
    }

    /// The directory of this name in this one, made for nobody else to see where it is missing; never a link's target.
    pub(super) fn within(&self, name: &[u8]) -> Result<Self, Errno> {
        match mkdirat(&self.root, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            // What may not be made may be there.
            Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {}
            Err(other) => return Err(other),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = retry_on_intr(|| openat(&self.root, name, flags, Mode::empty()))?;
        Ok(Self { root, look_up: self.look_up, links: self.links })
    }

    pub(super) fn uses_openat2(&self) -> bool {
        self.look_up != LookUp::Walk
    }

    /// Opens what is at `path`, if that needs no waiting; `None` if it does.
    ///
    /// `flags` without [`OFlags::NOFOLLOW`] follow a link that the path ends with. [`Errno::XDEV`] says that a link
    /// leads out of the root, [`Errno::LOOP`] that it may not be followed.
    pub(super) fn open_now(&self, path: &VPath, flags: OFlags) -> Option<Result<OwnedFd, Errno>> {
        match self.look_up {
            LookUp::Openat2 { cached: true } => match self.openat2(path, flags, ResolveFlags::CACHED) {
                Err(Errno::AGAIN) => None,
                opened => Some(opened),
            },
            _ => None,
        }
    }

    /// As [`open_now`](Self::open_now), waiting for the disk.
    pub(super) fn open(&self, path: &VPath, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.resolve(path, flags, self.links)
    }

    /// The directory at `path`, to do something in it; no link is followed on the way there.
    pub(super) fn open_dir(&self, path: &VPath) -> Result<OwnedFd, Errno> {
        self.resolve(path, OFlags::PATH | OFlags::DIRECTORY, false)
    }

    fn resolve(&self, path: &VPath, flags: OFlags, links: bool) -> Result<OwnedFd, Errno> {
        if self.look_up == LookUp::Walk {
            return walk::open(&self.root, path, flags | OFlags::CLOEXEC, links);
        }
        let follow = if links { ResolveFlags::empty() } else { ResolveFlags::NO_SYMLINKS };
        let mut opened = Err(Errno::AGAIN);
        for _ in 0..TRIES {
            opened = self.openat2(path, flags, follow);
            if !matches!(opened, Err(Errno::AGAIN)) {
                break;
            }
        }
        opened
    }

    fn openat2(&self, path: &VPath, flags: OFlags, more: ResolveFlags) -> Result<OwnedFd, Errno> {
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | more;
        if !self.links {
            resolve |= ResolveFlags::NO_SYMLINKS;
        }
        let path = match path.relative() {
            b"" => b".",
            relative => relative,
        };
        retry_on_intr(|| openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve))
    }
}

impl LookUp {
    fn detect(root: &OwnedFd) -> Self {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let works = |resolve| match openat2(root, ".", flags, Mode::empty(), ResolveFlags::BENEATH | resolve)
        {
            Ok(_) | Err(Errno::AGAIN) => true,
            // ENOSYS from an old kernel, EPERM from a container, EINVAL for a flag that came later.
            Err(_) => false,
        };
        if works(ResolveFlags::CACHED) {
            Self::Openat2 { cached: true }
        } else if works(ResolveFlags::empty()) {
            Self::Openat2 { cached: false }
        } else {
            Self::Walk
        }
    }
}
