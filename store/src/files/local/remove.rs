use std::sync::Arc;

use bytes::Bytes;
use ropewalk_core::data::files::{FsError, Name, Remove, VPath};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::{Errno, retry_on_intr};

use super::Tree;
use super::facts::error;
use super::place::Place;

/// Entries that are looked at before the thread is given back.
const SLICE: usize = 1000;

/// A tree being removed, from its leaves up, a slice at a time.
///
/// It holds no more than three descriptors, however deep the tree is, and remembers no more than [`SLICE`] names for each
/// level. No link is followed: links are removed themselves.
pub(super) struct Removal {
    tree: Arc<Tree>,
    /// Where the tree is.
    place: Place,
    /// The directory that is being emptied, and those around it.
    levels: Vec<Level>,
}

struct Level {
    path: VPath,
    /// Directories in it that were seen.
    dirs: Vec<Name>,
}

/// Removes what is at `path`; what is left to do if it is a tree.
pub(super) fn remove(tree: &Arc<Tree>, path: &VPath, what: Remove) -> Result<Option<Removal>, FsError> {
    let place = Place::find(&tree.jail, path)?;
    let flags = if what == Remove::EmptyDir { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    match place.unlink(flags) {
        Err(FsError::IsDir) if what == Remove::Tree => {
            let top = Level { path: path.clone(), dirs: Vec::new() };
            Ok(Some(Removal { tree: tree.clone(), place, levels: vec![top] }))
        }
        done => done.and_then(|()| tree.settle(&place)).map(|()| None),
    }
}

impl Removal {
    /// Removes a slice; gives itself back if there is more.
    pub(super) fn step(mut self) -> Result<Option<Self>, FsError> {
        let mut left = SLICE;
        while let Some(level) = self.levels.last_mut() {
            if left == 0 {
                return Ok(Some(self));
            }
            if let Some(name) = level.dirs.pop() {
                let path = level.path.join(&name)?;
                self.levels.push(Level { path, dirs: Vec::new() });
                continue;
            }
            let swept = clear(&self.tree, &level.path, &mut left)?;
            level.dirs = swept.dirs;
            if swept.all && level.dirs.is_empty() {
                let path = level.path.clone();
                self.levels.pop();
                match remove_empty(&self.tree, &path) {
                    // Somebody was faster; but the top is what we were asked for.
                    Err(FsError::NotFound) if !self.levels.is_empty() => {}
                    done => done?,
                }
            }
        }
        // What was in it is gone when it is.
        self.tree.settle(&self.place).map(|()| None)
    }
}

struct Swept {
    dirs: Vec<Name>,
    /// The end of the directory was seen.
    all: bool,
}

/// Removes what is no directory from the directory at `path`, as long as there is something `left` to do.
fn clear(tree: &Tree, path: &VPath, left: &mut usize) -> Result<Swept, FsError> {
    let mut swept = Swept { dirs: Vec::new(), all: true };
    let dir = match tree.jail.open_dir(path) {
        // It has become something else meanwhile, which the level above sees.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(swept),
        opened => opened.map_err(error)?,
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut list =
        Dir::new(retry_on_intr(|| openat(&dir, ".", flags, Mode::empty())).map_err(error)?).map_err(error)?;
    while let Some(found) = list.read() {
        let found = found.map_err(error)?;
        // `.` and `..` are no names.
        let Ok(name) = Name::new(Bytes::copy_from_slice(found.file_name().to_bytes())) else { continue };
        if *left == 0 {
            swept.all = false;
            break;
        }
        *left -= 1;
        match unlinkat(&dir, name.as_bytes(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => swept.dirs.push(name),
            Err(other) => return Err(error(other)),
        }
    }
    Ok(swept)
}

fn remove_empty(tree: &Tree, path: &VPath) -> Result<(), FsError> {
    match Place::find(&tree.jail, path)?.unlink(AtFlags::REMOVEDIR) {
        // Where it was swapped for something that is no directory.
        Err(FsError::NotDir) => Place::find(&tree.jail, path)?.unlink(AtFlags::empty()),
        done => done,
    }
}
