mod handle;
mod tree;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec;

use async_trait::async_trait;
use bytes::Bytes;

use super::meta::Result;
use super::{
    Caps, DirStream, DotDot, Entry, FileHandle, Files, FsError, ListOptions, Meta, Name, Open, Ops, Over,
    Place, Reach, Remove, SetMeta, Space, VPath, Write, link_text,
};
use handle::Handle;
use tree::{Dir, File, Follow, Node};

/// Files in memory: the reference for what a backend answers, and a tree for tests.
///
/// A file has at most 1 GiB. Links never lead out of the tree: one that tries, or that begins with a slash, is
/// [`Denied`](FsError::Denied) to whoever follows it; none is followed to write.
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Node>>);

impl Memory {
    /// An empty tree.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Node::Dir(Dir::new(None)))))
    }

    /// This tree with a file at `path`, and the directories on the way: for tests and examples.
    ///
    /// # Panics
    /// If `path` is no path, or there is something else on the way.
    #[must_use]
    pub fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.fill(path, |path| self.put(path, content));
        self
    }

    /// This tree with a directory at `path`, and those on the way.
    ///
    /// # Panics
    /// As [`with`](Self::with).
    #[must_use]
    pub fn with_dir(self, path: &str) -> Self {
        self.fill(path, |path| self.root().make_dirs(path));
        self
    }

    /// This tree with a link at `path` that says `target`.
    ///
    /// # Panics
    /// As [`with`](Self::with).
    #[must_use]
    pub fn with_link(self, path: &str, target: &str) -> Self {
        self.fill(path, |path| {
            let mut root = self.root();
            root.make_dirs(&path.parent().unwrap_or(VPath::ROOT))?;
            let (dir, name) = root.parent_mut(path)?;
            dir.insert(name, Node::link(target.as_bytes()));
            Ok(())
        });
        self
    }

    #[expect(clippy::expect_used, reason = "its arguments stand in a program; the docs say that it panics")]
    fn fill(&self, path: &str, make: impl FnOnce(&VPath) -> Result<()>) {
        let path = VPath::parse(path.as_bytes(), &VPath::ROOT, DotDot::Refuse).expect("a path");
        make(&path).expect("a place for it");
    }

    /// Makes a file with this content, and the directories on the way; or gives the file that is there this content,
    /// in place, so that those who have it open see it.
    ///
    /// # Errors
    /// [`FsError::NotDir`] or [`FsError::Loop`] for a file or a link on the way, [`FsError::IsDir`] for a directory
    /// at its end.
    pub fn put(&self, path: &VPath, content: impl AsRef<[u8]>) -> Result<()> {
        let content = content.as_ref().to_vec();
        let mut root = self.root();
        root.make_dirs(&path.parent().unwrap_or(VPath::ROOT))?;
        let (dir, name) = root.parent_mut(path)?;
        match dir.entries.get(&name) {
            Some(Node::File(file)) => file.replace(content),
            Some(Node::Dir(_)) => return Err(FsError::IsDir),
            Some(Node::Link(_)) => return Err(FsError::Loop),
            None => dir.insert(name, Node::File(Arc::new(File::new(content, None)))),
        }
        Ok(())
    }

    fn root(&self) -> MutexGuard<'_, Node> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a finished file its name.
    fn publish(&self, path: &VPath, file: Arc<File>, how: &Open) -> Result<()> {
        let mut root = self.root();
        let (dir, name) = root.parent_mut(path)?;
        let there = writable(dir.entries.get(&name))?;
        expect(there, how)?;
        if let Some(there) = there {
            file.take_mode(there);
        }
        dir.insert(name, Node::File(file));
        Ok(())
    }
}

/// What may be there under a name that is to be written.
fn writable(node: Option<&Node>) -> Result<Option<&Arc<File>>> {
    match node {
        None => Ok(None),
        Some(Node::File(file)) => Ok(Some(file)),
        Some(Node::Dir(_)) => Err(FsError::IsDir),
        Some(Node::Link(_)) => Err(FsError::Loop),
    }
}

/// Whether what is there is what `how` expects to be there.
fn expect(there: Option<&Arc<File>>, how: &Open) -> Result<()> {
    if how.write == Some(Write::CreateNew) && there.is_some() {
        return Err(FsError::Exists);
    }
    if how.if_match.is_some() && there.and_then(|file| file.meta().etag) != how.if_match {
        return Err(FsError::Stale);
    }
    Ok(())
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Files for Memory {
    fn caps(&self) -> Caps {
        Caps::RANDOM_READ
            | Caps::RANDOM_WRITE
            | Caps::APPEND
            | Caps::TRUNCATE
            | Caps::ATOMIC_PUT
            | Caps::CREATE_NEW
            | Caps::RENAME_FILE
            | Caps::RENAME_DIR
            | Caps::RENAME_REPLACE
            | Caps::RENAME_NOREPLACE
            | Caps::SYMLINK
            | Caps::HARDLINK
            | Caps::MODE
            | Caps::SET_MTIME
            | Caps::COPY
            | Caps::SPACE
            | Caps::FSYNC
            | Caps::REAL_DIRS
            | Caps::CASE_SENSITIVE
            | Caps::ETAG
    }

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        let follow = if follow { Follow::All } else { Follow::Parents };
        Ok(self.root().find(path, follow)?.meta())
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        let root = self.root();
        let Node::Dir(dir) = root.find(path, Follow::All)? else { return Err(FsError::NotDir) };
        let entry = |(name, node): (&Name, &Node)| {
            let target = || root.find(&path.join(name).ok()?, Follow::All).ok();
            let meta = if options.follow { target() } else { None }.unwrap_or(node).meta();
            Entry { name: name.clone(), meta }
        };
        let entries: Vec<_> = dir.entries.iter().map(entry).collect();
        Ok(Box::new(Listing(entries.into_iter())))
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        let handle =
            if how.write.is_some() { self.open_to_write(path, how) } else { self.open_to_read(path, how) };
        Ok(Box::new(handle?))
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        match how.write {
            None => Some(self.open_to_read(path, how).map(|handle| Box::new(handle) as _)),
            Some(_) => None,
        }
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        let mut root = self.root();
        if *path == VPath::ROOT {
            return Err(FsError::Exists);
        }
        let (dir, name) = root.parent_mut(path)?;
        if dir.entries.contains_key(&name) {
            return Err(FsError::Exists);
        }
        dir.insert(name, Node::Dir(Dir::new(mode)));
        Ok(())
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        let mut root = self.root();
        let (dir, name) = root.parent_mut(path)?;
        match (dir.entries.get(&name).ok_or(FsError::NotFound)?, what) {
            (Node::Dir(_), Remove::File) => return Err(FsError::IsDir),
            (Node::Dir(dir), Remove::EmptyDir) if !dir.entries.is_empty() => return Err(FsError::NotEmpty),
            (Node::File(_) | Node::Link(_), Remove::EmptyDir) => return Err(FsError::NotDir),
            _ => {}
        }
        dir.remove(&name);
        Ok(())
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        let mut root = self.root();
        let (dir, name) = root.parent_mut(from)?;
        let is_dir = matches!(dir.entries.get(&name).ok_or(FsError::NotFound)?, Node::Dir(_));
        let (dir, name) = root.parent_mut(to)?;
        if from == to && over != Over::Never {
            return Ok(());
        }
        match dir.entries.get(&name) {
            None => {}
            Some(_) if over == Over::Never => return Err(FsError::Exists),
            Some(Node::Dir(_)) if !is_dir => return Err(FsError::IsDir),
            Some(Node::Dir(_)) if over == Over::File => return Err(FsError::Exists),
            Some(Node::Dir(dir)) if !dir.entries.is_empty() => return Err(FsError::NotEmpty),
            Some(Node::Dir(_)) => {}
            Some(Node::File(_) | Node::Link(_)) if is_dir => return Err(FsError::NotDir),
            Some(Node::File(_) | Node::Link(_)) => {}
        }
        // rename(2) says EINVAL of a directory that would go into itself.
        if to.is_within(from) {
            return Err(FsError::BadName);
        }
        let (dir, name) = root.parent_mut(from)?;
        let node = dir.remove(&name).ok_or(FsError::NotFound)?;
        let (dir, name) = root.parent_mut(to)?;
        dir.insert(name, node);
        Ok(())
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        let mut root = self.root();
        let Some(source) = writable(Some(root.find(from, Follow::All)?))?.cloned() else {
            return Err(FsError::NotFound);
        };
        let (dir, name) = root.place_mut(to)?;
        match writable(dir.entries.get(&name))? {
            Some(there) if Arc::ptr_eq(there, &source) => return Err(FsError::BadName),
            Some(_) if over == Over::Never => return Err(FsError::Exists),
            Some(there) => {
                let copy = source.copy();
                copy.take_mode(there);
                dir.insert(name, Node::File(Arc::new(copy)));
            }
            None => dir.insert(name, Node::File(Arc::new(source.copy()))),
        }
        Ok(())
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        let mut root = self.root();
        let node = match path.parent() {
            None => &mut *root,
            Some(_) => {
                let (dir, name) = root.parent_mut(path)?;
                dir.entries.get_mut(&name).ok_or(FsError::NotFound)?
            }
        };
        if follow && matches!(node, Node::Link(_)) {
            return Err(FsError::Loop);
        }
        node.set(&facts)
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        let mut root = self.root();
        let (dir, name) = root.parent_mut(path)?;
        let text = link_text(path, target)?;
        if dir.entries.contains_key(&name) {
            return Err(FsError::Exists);
        }
        dir.insert(name, Node::link(&text));
        Ok(())
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        let mut root = self.root();
        let (dir, name) = root.parent_mut(from)?;
        let Some(file) = writable(dir.entries.get(&name))?.cloned() else { return Err(FsError::NotFound) };
        let (dir, name) = root.parent_mut(to)?;
        if dir.entries.contains_key(&name) {
            return Err(FsError::Exists);
        }
        dir.insert(name, Node::File(file));
        Ok(())
    }

    /// As if the memory were 1 TiB.
    async fn space(&self, path: &VPath) -> Result<Space> {
        let root = self.root();
        root.find(path, Follow::All)?;
        let total = 1 << 40;
        Ok(Space { total, free: total.saturating_sub(root.size()) })
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes> {
        match self.root().find(path, Follow::Parents)? {
            // It leads nowhere, and says what is nobody's business.
            Node::Link(link) if link.target.starts_with(b"/") => Err(FsError::Denied),
            Node::Link(link) => Ok(link.target.clone()),
            Node::File(_) | Node::Dir(_) => Err(FsError::BadName),
        }
    }

    fn rights(&self, _: &VPath, _: Reach) -> Ops {
        Ops::of(self.caps())
    }

    fn place(&self, _: &VPath) -> Option<Place> {
        None
    }
}

impl Memory {
    fn open_to_read(&self, path: &VPath, how: &Open) -> Result<Handle> {
        let follow = if how.nofollow { Follow::Parents } else { Follow::All };
        let root = self.root();
        let Some(file) = writable(Some(root.find(path, follow)?))? else { return Err(FsError::NotFound) };
        expect(Some(file), how)?;
        Ok(Handle::new(file.clone(), how, None))
    }

    fn open_to_write(&self, path: &VPath, how: &Open) -> Result<Handle> {
        let mut root = self.root();
        let (dir, name) = root.place_mut(path)?;
        let there = writable(dir.entries.get(&name))?;
        expect(there, how)?;
        if how.write == Some(Write::Update) {
            if let Some(file) = there {
                return Ok(Handle::new(file.clone(), how, None));
            }
            let file = Arc::new(File::new(Vec::new(), how.mode));
            dir.insert(name, Node::File(file.clone()));
            return Ok(Handle::new(file, how, None));
        }
        let file = Arc::new(File::new(Vec::new(), how.mode));
        Ok(Handle::new(file, how, Some((self.clone(), path.clone()))))
    }
}

/// The entries as they were when the listing began.
struct Listing(vec::IntoIter<Entry>);

#[async_trait]
impl DirStream for Listing {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Entry>> {
        Ok(self.0.by_ref().take(max.max(1)).collect())
    }
}

#[cfg(test)]
mod tests;
