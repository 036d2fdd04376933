use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ropewalk_core::data::files::VPath;
use rustix::fs::{Mode, OFlags, openat, readlinkat};
use rustix::io::{Errno, retry_on_intr};

/// Links followed on one way: as many as Linux follows.
const MAX_LINKS: usize = 40;
/// Components opened on one way: more than any path without links has.
const MAX_STEPS: usize = 8192;

/// Opens what is at `path` below `root` as openat2 with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS does.
///
/// Each component is opened in the directory before it, never following a link; what a link says is read and walked in
/// the same way. `..`, which comes only out of links, is never asked of the kernel: the way is begun again without the
/// directory that it leaves. So nobody who moves directories about can lead the walk out of the root.
pub(super) fn open(root: &OwnedFd, path: &VPath, flags: OFlags, links: bool) -> Result<OwnedFd, Errno> {
    let mut walk = Walk { root: root.as_fd(), here: None, way: Vec::new(), links: 0 };
    let mut todo: VecDeque<Vec<u8>> = path.names().map(<[u8]>::to_vec).collect();
    for _ in 0..MAX_STEPS {
        let Some(name) = todo.pop_front() else {
            return walk.at(b".", flags);
        };
        match &*name {
            b"" | b"." => continue,
            b".." => {
                walk.way.pop().ok_or(Errno::XDEV)?;
                walk.here = None;
                for name in walk.way.drain(..).rev() {
                    todo.push_front(name);
                }
                continue;
            }
            _ => {}
        }
        let last = todo.is_empty();
        let keep_link = last && flags.contains(OFlags::NOFOLLOW);
        match walk.link(&name)? {
            Some(_) if keep_link && flags.contains(OFlags::PATH) => return walk.at(&name, flags),
            Some(_) if keep_link || !links => return Err(Errno::LOOP),
            Some(target) => {
                walk.links += 1;
                if walk.links > MAX_LINKS {
                    return Err(Errno::LOOP);
                }
                if target.starts_with(b"/") {
                    return Err(Errno::XDEV);
                }
                for part in target.rsplit(|byte| *byte == b'/') {
                    todo.push_front(part.to_vec());
                }
            }
            None if last => return walk.at(&name, flags | OFlags::NOFOLLOW),
            None => walk.enter(name)?,
        }
    }
    Err(Errno::LOOP)
}

struct Walk<'a> {
    root: BorrowedFd<'a>,
    /// The directory we stand in, if not the root.
    here: Option<OwnedFd>,
    /// The names that lead to it; none is a link.
    way: Vec<Vec<u8>>,
    links: usize,
}

impl Walk<'_> {
    fn dir(&self) -> BorrowedFd<'_> {
        self.here.as_ref().map_or(self.root, AsFd::as_fd)
    }

    /// What the link `name` says, if it is one.
    fn link(&self, name: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        match readlinkat(self.dir(), name, Vec::new()) {
            Ok(target) => Ok(Some(target.into_bytes())),
            Err(Errno::INVAL) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn at(&self, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        retry_on_intr(|| openat(self.dir(), name, flags, Mode::empty()))
    }

    fn enter(&mut self, name: Vec<u8>) -> Result<(), Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.here = Some(self.at(&name, flags)?);
        self.way.push(name);
        Ok(())
    }
}
