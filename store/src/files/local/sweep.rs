use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ropewalk_core::data::files::layers::is_part;
use ropewalk_core::data::files::{Kind, Meta, Name, Time, VPath};
use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, openat, unlinkat};
use rustix::io::Errno;

use super::Tree;
use super::facts::facts;

/// From when on nobody writes to a part file any more, where a file system cannot say whether somebody does.
pub(super) const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// Entries that are looked at before the thread does something else.
const SLICE: usize = 1000;
/// Entries that are looked at in all.
const MOST: usize = 1_000_000;
/// Directories that are remembered at once to be looked at later.
const MOST_DIRS: usize = 10_000;

/// The search for part files that a process left behind when it was killed.
pub(super) struct Sweep {
    tree: Weak<Tree>,
    here: Option<(Dir, VPath)>,
    todo: Vec<VPath>,
    left: usize,
    stale: Time,
}

impl Sweep {
    /// Begins to look for part files that nobody has written to for so long.
    pub(super) fn start(tree: &Arc<Tree>, age: Duration) {
        Self::new(tree, age).slice();
    }

    pub(super) fn new(tree: &Arc<Tree>, age: Duration) -> Self {
        let stale = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let (here, todo) = (None, vec![VPath::ROOT]);
        Self { tree: Arc::downgrade(tree), here, todo, left: MOST, stale: stale.into() }
    }

    /// Looks at some more, in a thread of the tree's, as long as there is a tree.
    fn slice(mut self) {
        let Some(tree) = self.tree.upgrade() else { return };
        tree.pool.clone().start(move || {
            for _ in 0..SLICE {
                if self.left == 0 || self.step(&tree).is_none() {
                    return;
                }
                self.left -= 1;
            }
            drop(tree);
            self.slice();
        });
    }

    /// Looks at one entry; nothing once there are no more. What cannot be read is passed over.
    pub(super) fn step(&mut self, tree: &Tree) -> Option<()> {
        let Some((dir, path)) = &mut self.here else {
            let path = self.todo.pop()?;
            self.here = list(tree, &path).ok().map(|dir| (dir, path));
            return Some(());
        };
        let Some(Ok(found)) = dir.read() else {
            self.here = None;
            return Some(());
        };
        let Ok(name) = Name::new(Bytes::copy_from_slice(found.file_name().to_bytes())) else {
            return Some(());
        };
        let unknown = found.file_type() == FileType::Unknown;
        if !unknown && found.file_type() != FileType::Directory && !is_part(name.as_bytes()) {
            return Some(());
        }
        let (Ok(fd), Ok(below)) = (dir.fd(), path.join(&name)) else { return Some(()) };
        let Ok(meta) = facts(fd, name.as_bytes()) else { return Some(()) };
        if meta.kind == Kind::Dir && self.todo.len() < MOST_DIRS {
            self.todo.push(below);
        } else if is_part(name.as_bytes()) && meta.kind == Kind::File {
            let Some(_held) = left(fd, name.as_bytes(), &meta, self.stale) else { return Some(()) };
            match unlinkat(fd, name.as_bytes(), AtFlags::empty()) {
                Ok(()) => tracing::info!(path = %below, "removed what was left of an upload"),
                Err(error) => {
                    tracing::warn!(path = %below, %error, "cannot remove what is left of an upload")
                }
            }
        }
        Some(())
    }
}

/// The part, if nobody writes to it any more; held, so that nobody does while it is.
fn left(dir: impl AsFd, name: &[u8], meta: &Meta, stale: Time) -> Option<Option<OwnedFd>> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(dir, name, flags, Mode::empty()).ok();
    match file.as_ref().map(|file| flock(file, FlockOperation::NonBlockingLockExclusive)) {
        Some(Ok(())) => Some(file),
        Some(Err(Errno::WOULDBLOCK)) => None,
        // Of its times only this one cannot be set.
        _ => meta.ctime.is_some_and(|ctime| ctime < stale).then_some(file),
    }
}

fn list(tree: &Tree, path: &VPath) -> Result<Dir, Errno> {
    let dir = tree.jail.open_dir(path)?;
    Dir::new(openat(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}
