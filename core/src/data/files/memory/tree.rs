use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use crate::data::files::meta::Result;
use crate::data::files::{Etag, FileId, FsError, Kind, Meta, Name, SetMeta, Time, VPath};

/// Links followed on the way to one file: as many as Linux follows.
const MAX_LINKS: usize = 40;
/// The longest file.
const MAX_LEN: u64 = 1 << 30;

static NEXT: AtomicU64 = AtomicU64::new(1);

pub(super) enum Node {
    File(Arc<File>),
    Dir(Dir),
    Link(Link),
}

pub(super) struct Dir {
    pub(super) entries: BTreeMap<Name, Node>,
    number: u64,
    kept: Kept,
}

pub(super) struct Link {
    pub(super) target: Bytes,
    number: u64,
    kept: Kept,
}

pub(super) struct File {
    number: u64,
    content: Mutex<Content>,
}

struct Content {
    bytes: Vec<u8>,
    kept: Kept,
    /// Whether somebody gave it its mode.
    mode_set: bool,
    /// Counts changes: two within one tick of the clock have different validators.
    version: u64,
}

/// What is kept of whatever there is.
#[derive(Clone, Copy)]
struct Kept {
    mode: u16,
    mtime: Time,
    atime: Time,
}

/// Which links a look-up follows.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Follow {
    All,
    Parents,
    Nothing,
}

impl Node {
    /// What is at `path` below this directory.
    pub(super) fn find(&self, path: &VPath, follow: Follow) -> Result<&Self> {
        let mut way = vec![self];
        let mut todo: VecDeque<Bytes> = path.names().map(Bytes::copy_from_slice).collect();
        let mut links = 0;
        while let Some(name) = todo.pop_front() {
            let here = *way.last().ok_or(FsError::Denied)?;
            let Self::Dir(dir) = here else { return Err(FsError::NotDir) };
            match &*name {
                b"" | b"." => continue,
                b".." => {
                    way.pop();
                    // A link that leads above the root.
                    if way.is_empty() {
                        return Err(FsError::Denied);
                    }
                    continue;
                }
                _ => {}
            }
            let next = dir.entries.get(&*name).ok_or(FsError::NotFound)?;
            match next {
                Self::Link(_) if todo.is_empty() && follow != Follow::All => return Ok(next),
                Self::Link(_) if follow == Follow::Nothing => return Err(FsError::Loop),
                Self::Link(link) if link.target.starts_with(b"/") => return Err(FsError::Denied),
                Self::Link(link) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(FsError::Loop);
                    }
                    for part in link.target.rsplit(|byte| *byte == b'/') {
                        todo.push_front(Bytes::copy_from_slice(part));
                    }
                }
                Self::Dir(_) | Self::File(_) => way.push(next),
            }
        }
        way.pop().ok_or(FsError::Denied)
    }

    /// The directory that `path` is in, following no link, and its name there.
    pub(super) fn parent_mut(&mut self, path: &VPath) -> Result<(&mut Dir, Name)> {
        let name = path.file_name().ok_or(FsError::Busy)?;
        let mut here = self.dir_mut()?;
        for name in path.parent().unwrap_or(VPath::ROOT).names() {
            here = here.entries.get_mut(name).ok_or(FsError::NotFound)?.dir_mut()?;
        }
        Ok((here, name))
    }

    /// As [`parent_mut`](Self::parent_mut), for a file: there is none at the root.
    pub(super) fn place_mut(&mut self, path: &VPath) -> Result<(&mut Dir, Name)> {
        if *path == VPath::ROOT { Err(FsError::IsDir) } else { self.parent_mut(path) }
    }

    /// Makes the directory `path` and those on the way, where they are missing.
    pub(super) fn make_dirs(&mut self, path: &VPath) -> Result<()> {
        let mut here = self.dir_mut()?;
        for name in path.names() {
            let name = Name::new(Bytes::copy_from_slice(name))?;
            here = here.entries.entry(name).or_insert_with(|| Self::Dir(Dir::new(None))).dir_mut()?;
        }
        Ok(())
    }

    fn dir_mut(&mut self) -> Result<&mut Dir> {
        match self {
            Self::Dir(dir) => Ok(dir),
            Self::File(_) => Err(FsError::NotDir),
            Self::Link(_) => Err(FsError::Loop),
        }
    }

    pub(super) fn link(target: &[u8]) -> Self {
        Self::Link(Link { target: Bytes::copy_from_slice(target), number: number(), kept: Kept::new(0o777) })
    }

    pub(super) fn meta(&self) -> Meta {
        match self {
            Self::File(file) => file.meta(),
            Self::Dir(dir) => facts(Kind::Dir, 0, dir.kept, dir.number),
            Self::Link(link) => facts(Kind::Link, link.target.len() as u64, link.kept, link.number),
        }
    }

    /// Changes facts of this itself.
    pub(super) fn set(&mut self, wanted: &SetMeta) -> Result<()> {
        match self {
            Self::File(file) => file.set(wanted),
            Self::Dir(_) if wanted.len.is_some() => Err(FsError::IsDir),
            Self::Dir(dir) => dir.kept.set(wanted),
            Self::Link(_) if wanted.len.is_some() => Err(FsError::Loop),
            Self::Link(_) if wanted.mode.is_some() => Err(FsError::Unsupported),
            Self::Link(link) => link.kept.set(wanted),
        }
    }

    /// The length of all files in it; one that has several names counts as often.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::File(file) => file.content().bytes.len() as u64,
            Self::Dir(dir) => dir.entries.values().map(Self::size).sum(),
            Self::Link(_) => 0,
        }
    }
}

impl Dir {
    pub(super) fn new(mode: Option<u16>) -> Self {
        Self { entries: BTreeMap::new(), number: number(), kept: Kept::new(mode.unwrap_or(0o755)) }
    }

    /// Puts `node` in the place of whatever had that name.
    pub(super) fn insert(&mut self, name: Name, node: Node) {
        self.entries.insert(name, node);
        self.kept.mtime = now();
    }

    pub(super) fn remove(&mut self, name: &Name) -> Option<Node> {
        self.kept.mtime = now();
        self.entries.remove(name)
    }
}

impl File {
    pub(super) fn new(bytes: Vec<u8>, mode: Option<u16>) -> Self {
        let kept = Kept::new(mode.unwrap_or(0o644));
        Self { number: number(), content: Mutex::new(Content { bytes, kept, mode_set: false, version: 0 }) }
    }

    pub(super) fn meta(&self) -> Meta {
        let content = self.content();
        let mut meta = facts(Kind::File, content.bytes.len() as u64, content.kept, self.number);
        meta.etag = Etag::new(&format!("{}.{}", self.number, content.version));
        meta
    }

    /// What is there from `offset` on, at most `max` bytes, given to `take`.
    pub(super) fn read<T>(&self, offset: u64, max: usize, take: impl FnOnce(&[u8]) -> T) -> T {
        let content = self.content();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.bytes.len());
        let rest = content.bytes.get(start..).unwrap_or_default();
        take(rest.get(..max).unwrap_or(rest))
    }

    /// Writes at `offset`, or at the end.
    pub(super) fn write(&self, offset: Option<u64>, data: &[u8]) -> Result<()> {
        let mut content = self.content();
        let start = offset.unwrap_or(content.bytes.len() as u64);
        let end =
            start.checked_add(data.len() as u64).filter(|end| *end <= MAX_LEN).ok_or(FsError::TooLarge)?;
        // Both are at most MAX_LEN now.
        let (start, end) = (start as usize, end as usize);
        if content.bytes.len() < end {
            content.bytes.resize(end, 0);
        }
        if let Some(place) = content.bytes.get_mut(start..end) {
            place.copy_from_slice(data);
        }
        content.changed();
        Ok(())
    }

    pub(super) fn replace(&self, bytes: Vec<u8>) {
        let mut content = self.content();
        content.bytes = bytes;
        content.changed();
    }

    /// Takes the mode over of the file that this one replaces, unless one was set.
    pub(super) fn take_mode(&self, there: &Self) {
        let mode = there.content().kept.mode;
        let mut content = self.content();
        if !content.mode_set {
            content.kept.mode = mode;
        }
    }

    /// A file of its own with the same content and mode.
    pub(super) fn copy(&self) -> Self {
        let content = self.content();
        Self::new(content.bytes.clone(), Some(content.kept.mode))
    }

    /// Changes the facts that are kept here; [`FsError::Unsupported`] for others.
    pub(super) fn set(&self, wanted: &SetMeta) -> Result<()> {
        let mut content = self.content();
        let mut kept = content.kept;
        if let Some(len) = wanted.len {
            if len > MAX_LEN {
                return Err(FsError::TooLarge);
            }
            kept.mtime = now();
        }
        kept.set(wanted)?;
        if let Some(len) = wanted.len {
            content.bytes.resize(len as usize, 0);
            content.version += 1;
        }
        content.kept = kept;
        content.mode_set |= wanted.mode.is_some();
        Ok(())
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn changed(&mut self) {
        self.kept.mtime = now();
        self.version += 1;
    }
}

impl Kept {
    fn new(mode: u16) -> Self {
        let now = now();
        Self { mode: mode & 0o777, mtime: now, atime: now }
    }

    fn set(&mut self, wanted: &SetMeta) -> Result<()> {
        if wanted.uid.is_some() || wanted.gid.is_some() {
            return Err(FsError::Unsupported);
        }
        self.mode = wanted.mode.map_or(self.mode, |mode| mode & 0o777);
        self.mtime = wanted.mtime.unwrap_or(self.mtime);
        self.atime = wanted.atime.unwrap_or(self.atime);
        Ok(())
    }
}

fn facts(kind: Kind, len: u64, kept: Kept, number: u64) -> Meta {
    let mut meta = Meta::new(kind, len);
    meta.mode = Some(kept.mode);
    meta.mtime = Some(kept.mtime);
    meta.atime = Some(kept.atime);
    meta.id = Some(FileId { device: 0, number });
    meta
}

fn number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn now() -> Time {
    SystemTime::now().into()
}
