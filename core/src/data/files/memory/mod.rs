mod handle;
mod tree;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec;

use async_trait::async_trait;
use bytes::Bytes;

use super::meta::Result;
use super::{
    Caps, DirStream, DotDot, Entry, FileHandle, Files, FsError, ListOptions, Meta, Name, Open, Over, Remove,
    SetMeta, Space, VPath, Write, link_text,
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
mod tests {
    use bytes::BytesMut;

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    async fn content(files: &Memory, at: &str) -> Vec<u8> {
        let file = files.open(&path(at), &Open::read()).await.unwrap();
        file.read_at(0, BytesMut::with_capacity(64)).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn what_was_not_committed_leaves_no_trace() {
        let files = Memory::new().with("/a", "old");
        let new = files.open(&path("/a"), &Open::write(Write::Replace)).await.unwrap();
        new.write_at(0, Bytes::from_static(b"new")).await.unwrap();
        assert_eq!(content(&files, "/a").await, b"old");
        drop(new);
        assert_eq!(content(&files, "/a").await, b"old");
    }

    #[tokio::test]
    async fn a_commit_replaces_the_file_for_those_who_open_it_later() {
        let files = Memory::new().with("/a", "old");
        let before = files.open(&path("/a"), &Open::read()).await.unwrap();
        let new = files.open(&path("/a"), &Open::write(Write::Replace)).await.unwrap();
        new.write_at(1, Bytes::from_static(b"ew")).await.unwrap();
        new.write_at(0, Bytes::from_static(b"n")).await.unwrap();
        let meta = new.commit().await.unwrap();
        assert_eq!(content(&files, "/a").await, b"new");
        assert_ne!(meta.etag, before.opened().etag);
        assert_eq!(before.read_at(0, BytesMut::with_capacity(9)).await.unwrap(), "old");
    }

    #[tokio::test]
    async fn of_two_that_make_one_file_the_second_fails() {
        let files = Memory::new();
        let (one, two) = (Open::write(Write::CreateNew), Open::write(Write::CreateNew));
        let one = files.open(&path("/a"), &one).await.unwrap();
        let two = files.open(&path("/a"), &two).await.unwrap();
        one.commit().await.unwrap();
        assert!(matches!(two.commit().await, Err(FsError::Exists)));
    }

    #[tokio::test]
    async fn a_replacement_of_what_has_changed_is_refused() {
        let files = Memory::new().with("/a", "old");
        let etag = files.stat(&path("/a"), true).await.unwrap().etag;
        let mut how = Open::write(Write::Replace);
        how.if_match = etag;
        let new = files.open(&path("/a"), &how).await.unwrap();
        files.put(&path("/a"), "newer").unwrap();
        assert!(matches!(new.commit().await, Err(FsError::Stale)));
        assert_eq!(content(&files, "/a").await, b"newer");
    }

    #[tokio::test]
    async fn a_directory_does_not_go_into_itself() {
        let files = Memory::new().with("/d/f", "x");
        for over in [Over::Never, Over::File, Over::Posix] {
            let error = files.rename(&path("/d"), &path("/d/e"), over).await;
            assert!(matches!(error, Err(FsError::BadName)), "{error:?}");
        }
        assert_eq!(content(&files, "/d/f").await, b"x");
    }

    #[tokio::test]
    async fn a_rename_stops_at_what_it_may_not_replace() {
        let files = Memory::new().with("/f", "f").with("/g", "g").with("/d/x", "x").with_dir("/e");
        let rename = async |from: &str, to: &str, over| files.rename(&path(from), &path(to), over).await;
        assert!(matches!(rename("/f", "/g", Over::Never).await, Err(FsError::Exists)));
        assert!(matches!(rename("/f", "/e", Over::Posix).await, Err(FsError::IsDir)));
        assert!(matches!(rename("/e", "/f", Over::Posix).await, Err(FsError::NotDir)));
        assert!(matches!(rename("/e", "/d", Over::Posix).await, Err(FsError::NotEmpty)));
        assert!(matches!(rename("/d", "/e", Over::File).await, Err(FsError::Exists)));
        rename("/d", "/e", Over::Posix).await.unwrap();
        rename("/f", "/g", Over::File).await.unwrap();
        assert_eq!(content(&files, "/e/x").await, b"x");
        assert_eq!(content(&files, "/g").await, b"f");
        assert!(matches!(files.stat(&path("/f"), true).await, Err(FsError::NotFound)));
    }

    #[tokio::test]
    async fn nothing_is_removed_that_is_not_what_was_said() {
        let files = Memory::new().with("/d/f", "x");
        let remove = async |at: &str, what| files.remove(&path(at), what).await;
        assert!(matches!(remove("/d", Remove::File).await, Err(FsError::IsDir)));
        assert!(matches!(remove("/d", Remove::EmptyDir).await, Err(FsError::NotEmpty)));
        assert!(matches!(remove("/d/f", Remove::EmptyDir).await, Err(FsError::NotDir)));
        assert!(matches!(remove("/", Remove::Tree).await, Err(FsError::Busy)));
        remove("/d", Remove::Tree).await.unwrap();
        assert!(matches!(files.stat(&path("/d"), true).await, Err(FsError::NotFound)));
    }

    #[tokio::test]
    async fn appending_goes_to_the_end_whatever_the_offset() {
        let files = Memory::new().with("/a", "one");
        let mut how = Open::write(Write::Update);
        how.append = true;
        let file = files.open(&path("/a"), &how).await.unwrap();
        file.write_at(0, Bytes::from_static(b" two")).await.unwrap();
        assert_eq!(content(&files, "/a").await, b"one two");
    }

    #[tokio::test]
    async fn a_write_far_away_is_too_large() {
        let files = Memory::new();
        let file = files.open(&path("/a"), &Open::write(Write::Update)).await.unwrap();
        for offset in [1 << 40, u64::MAX] {
            let written = file.write_at(offset, Bytes::from_static(b"x")).await;
            assert!(matches!(written, Err(FsError::TooLarge)));
        }
    }

    #[tokio::test]
    async fn a_link_is_never_followed_to_write() {
        let files = Memory::new().with("/d/f", "old").with_link("/l", "d/f").with_link("/m", "d");
        for at in ["/l", "/m/f", "/m/new"] {
            for how in [Write::Update, Write::Replace, Write::CreateNew] {
                let opened = files.open(&path(at), &Open::write(how)).await;
                assert!(matches!(opened.err(), Some(FsError::Loop | FsError::Exists)), "{at} {how:?}");
            }
        }
        assert_eq!(content(&files, "/d/f").await, b"old");
    }
}
