use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::data::files::meta::Result;
use crate::data::files::{
    Caps, DirStream, DotDot, Entry, FileHandle, Files, FsError, Kind, ListOptions, Meta, Name, Open, Ops,
    Over, Place, Reach, Remove, SetMeta, Space, VPath,
};

/// Several trees as one: each path belongs to the tree with the longest mount point that it is in.
///
/// Mount points, and the directories on the way to them, are there whether the tree below has them or not; they can be
/// neither removed nor renamed ([`FsError::Busy`]). What goes from one tree to another is [`FsError::CrossDevice`].
/// Links stay in their tree.
pub struct Mounts {
    base: Option<Arc<dyn Files>>,
    mounts: BTreeMap<VPath, Arc<dyn Files>>,
}

/// What a path is.
enum At<'a> {
    /// A path inside a tree, and where that is mounted.
    Tree { point: VPath, files: &'a Arc<dyn Files>, path: VPath },
    /// A directory that only leads to mount points.
    Way,
}

impl Mounts {
    /// These trees at these paths, and `base` everywhere else; without one there is nothing else.
    pub fn new(
        base: Option<Arc<dyn Files>>,
        mounts: impl IntoIterator<Item = (VPath, Arc<dyn Files>)>,
    ) -> Self {
        Self { base, mounts: mounts.into_iter().collect() }
    }

    fn find(&self, path: &VPath) -> Result<At<'_>> {
        let mut up = Some(path.clone());
        while let Some(point) = up {
            if let Some(files) = self.mounts.get(&point) {
                let path = path.strip(&point).ok_or(FsError::NotFound)?;
                return Ok(At::Tree { point, files, path });
            }
            up = point.parent();
        }
        match &self.base {
            Some(files) => Ok(At::Tree { point: VPath::ROOT, files, path: path.clone() }),
            None if self.leads(path) => Ok(At::Way),
            None => Err(FsError::NotFound),
        }
    }

    /// The tree in which something is made, changed or removed at this path, and the path there.
    fn tree(&self, path: &VPath) -> Result<(&Arc<dyn Files>, VPath)> {
        match self.find(path) {
            Ok(At::Tree { files, path, .. }) => Ok((files, path)),
            Ok(At::Way) => Err(FsError::Busy),
            // Nothing can be made beside the mount points.
            Err(_) if path.parent().is_some_and(|parent| self.leads(&parent)) => Err(FsError::Denied),
            Err(error) => Err(error),
        }
    }

    /// Whether it is a mount point, or a directory on the way to one.
    fn leads(&self, path: &VPath) -> bool {
        *path == VPath::ROOT || self.mounts.keys().any(|point| point.is_within(path))
    }

    /// What is moved or removed, or replaced, is not what something is mounted on.
    fn free(&self, path: &VPath) -> Result<()> {
        if self.mounts.keys().any(|point| point.is_within(path)) { Err(FsError::Busy) } else { Ok(()) }
    }

    /// The two paths, in one tree.
    fn both(&self, from: &VPath, to: &VPath) -> Result<(&Arc<dyn Files>, VPath, VPath)> {
        let ((one, from), (other, to)) = (self.tree(from)?, self.tree(to)?);
        if Arc::ptr_eq(one, other) { Ok((one, from, to)) } else { Err(FsError::CrossDevice) }
    }

    /// The names in `path` of mount points and of directories on the way to them.
    fn names(&self, path: &VPath) -> BTreeMap<Name, VPath> {
        let below = |point: &VPath| {
            let name = point.strip(path)?.names().next().map(Bytes::copy_from_slice)?;
            let name = Name::new(name).ok()?;
            Some((name.clone(), path.join(&name).ok()?))
        };
        self.mounts.keys().filter_map(below).collect()
    }
}

/// The facts of a directory that is nowhere but here.
fn way() -> Meta {
    let mut meta = Meta::new(Kind::Dir, 0);
    meta.mode = Some(0o555);
    meta
}

#[async_trait]
impl Files for Mounts {
    /// What one of the trees can do; what is a promise about every file, only if all make it.
    fn caps(&self) -> Caps {
        let mut trees = self.base.iter().chain(self.mounts.values()).map(|files| files.caps());
        let first = trees.next().unwrap_or(Caps::RANDOM_READ | Caps::REAL_DIRS | Caps::CASE_SENSITIVE);
        let promises = Caps::RANDOM_READ | Caps::ATOMIC_PUT | Caps::FSYNC | Caps::CASE_SENSITIVE | Caps::ETAG;
        trees.fold(first, |all, one| ((all | one) - promises) | (all & one & promises))
    }

    async fn stat(&self, path: &VPath, follow: bool) -> Result<Meta> {
        match self.find(path)? {
            At::Tree { files, path: inside, .. } => match files.stat(&inside, follow).await {
                Err(FsError::NotFound) if self.leads(path) => Ok(way()),
                found => found,
            },
            At::Way => Ok(way()),
        }
    }

    async fn list(&self, path: &VPath, options: ListOptions) -> Result<Box<dyn DirStream>> {
        let mounted = self.names(path);
        let inner = match self.find(path)? {
            At::Tree { files, path: inside, .. } => match files.list(&inside, options).await {
                Err(FsError::NotFound) if self.leads(path) => None,
                listed => Some(listed?),
            },
            At::Way => None,
        };
        match inner {
            Some(inner) if mounted.is_empty() => Ok(inner),
            inner => Ok(Box::new(self.listing(mounted, inner).await)),
        }
    }

    async fn open(&self, path: &VPath, how: &Open) -> Result<Box<dyn FileHandle>> {
        match self.find(path) {
            Ok(At::Tree { files, path: inside, .. }) if how.write.is_none() => {
                match files.open(&inside, how).await {
                    Err(FsError::NotFound) if self.leads(path) => Err(FsError::IsDir),
                    opened => opened,
                }
            }
            Ok(At::Way) => Err(FsError::IsDir),
            Err(error) if how.write.is_none() => Err(error),
            _ if self.leads(path) => Err(FsError::IsDir),
            _ => {
                let (files, inside) = self.tree(path)?;
                files.open(&inside, how).await
            }
        }
    }

    fn open_now(&self, path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>> {
        match self.find(path) {
            Ok(At::Tree { files, path: inside, .. }) if !self.leads(path) => files.open_now(&inside, how),
            _ => None,
        }
    }

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        if self.leads(path) {
            return Err(FsError::Exists);
        }
        let (files, inside) = self.tree(path)?;
        files.mkdir(&inside, mode).await
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        self.free(path)?;
        let (files, inside) = self.tree(path)?;
        files.remove(&inside, what).await
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.free(from)?;
        self.free(to)?;
        let (files, from, to) = self.both(from, to)?;
        files.rename(&from, &to, over).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        if self.leads(to) {
            return Err(FsError::IsDir);
        }
        let (files, from, to) = self.both(from, to)?;
        files.copy(&from, &to, over).await
    }

    async fn set(&self, path: &VPath, facts: SetMeta, follow: bool) -> Result<()> {
        let (files, inside) = self.tree(path)?;
        files.set(&inside, facts, follow).await
    }

    async fn symlink(&self, path: &VPath, target: &[u8]) -> Result<()> {
        if self.leads(path) {
            return Err(FsError::Exists);
        }
        let At::Tree { point, files, path: inside } = self.find(path)? else { return Err(FsError::Denied) };
        if !target.starts_with(b"/") {
            return files.symlink(&inside, target).await;
        }
        let target = VPath::parse(target, &VPath::ROOT, DotDot::Refuse).map_err(|_| FsError::Denied)?;
        let target = target.strip(&point).ok_or(FsError::CrossDevice)?;
        files.symlink(&inside, target.as_bytes()).await
    }

    async fn hardlink(&self, from: &VPath, to: &VPath) -> Result<()> {
        if self.leads(to) {
            return Err(FsError::Exists);
        }
        let (files, from, to) = self.both(from, to)?;
        files.hardlink(&from, &to).await
    }

    async fn readlink(&self, path: &VPath) -> Result<Bytes> {
        let At::Tree { point, files, path: inside } = self.find(path)? else { return Err(FsError::BadName) };
        let text = files.readlink(&inside).await?;
        if !text.starts_with(b"/") || point == VPath::ROOT {
            return Ok(text);
        }
        Ok([point.as_bytes(), &*text].concat().into())
    }

    async fn space(&self, path: &VPath) -> Result<Space> {
        match self.find(path)? {
            At::Tree { files, path, .. } => files.space(&path).await,
            At::Way => Err(FsError::Unsupported),
        }
    }

    fn rights(&self, path: &VPath, reach: Reach) -> Ops {
        let way = if reach == Reach::Here { Ops::LIST } else { Ops::NONE };
        let own = match self.find(path) {
            Ok(At::Tree { files, path, .. }) => files.rights(&path, reach),
            Ok(At::Way) => way,
            Err(_) => Ops::NONE,
        };
        let below = self.mounts.iter().filter(|(point, _)| point.is_within(path) && *point != path);
        let below = below.map(|(_, files)| files);
        match reach {
            Reach::Inside => own,
            Reach::Below => below.fold(own, |all, files| {
                all | files.rights(&VPath::ROOT, Reach::Here) | files.rights(&VPath::ROOT, reach)
            }),
            Reach::Here | Reach::Throughout => {
                let each = match reach {
                    Reach::Throughout => {
                        below.fold(own, |all, files| all & files.rights(&VPath::ROOT, reach))
                    }
                    _ => own,
                };
                // What something is mounted on stays where it is.
                if self.leads(path) { each - (Ops::RENAME | Ops::DELETE) } else { each }
            }
        }
    }

    fn place(&self, path: &VPath) -> Option<Place> {
        match self.find(path).ok()? {
            At::Tree { files, path, .. } => files.place(&path),
            At::Way => None,
        }
    }
}

impl Mounts {
    async fn listing(&self, mounted: BTreeMap<Name, VPath>, inner: Option<Box<dyn DirStream>>) -> Listing {
        let mut first = VecDeque::with_capacity(mounted.len());
        for (name, path) in &mounted {
            // A tree that cannot answer is there all the same.
            let meta = self.stat(path, true).await.unwrap_or_else(|_| way());
            first.push_back(Entry { name: name.clone(), meta });
        }
        Listing { mounted: mounted.into_keys().collect(), first, inner }
    }
}

/// What is mounted in a directory, then what else is in it.
struct Listing {
    mounted: BTreeSet<Name>,
    first: VecDeque<Entry>,
    inner: Option<Box<dyn DirStream>>,
}

#[async_trait]
impl DirStream for Listing {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Entry>> {
        if !self.first.is_empty() {
            let count = max.clamp(1, self.first.len());
            return Ok(self.first.drain(..count).collect());
        }
        let Some(inner) = &mut self.inner else { return Ok(Vec::new()) };
        loop {
            let mut batch = inner.next_batch(max).await?;
            let end = batch.is_empty();
            batch.retain(|entry| !self.mounted.contains(&entry.name));
            // An empty batch would be the end.
            if end || !batch.is_empty() {
                return Ok(batch);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::data::files::suite::{files_suite, memory};
    use crate::data::files::{Memory, Write};

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    fn mounts() -> Mounts {
        let base = Memory::new().with("/file", "base").with("/pub/covered", "x").with_dir("/empty");
        let public = Memory::new().with("/file", "pub").with("/a/deep/covered", "x").with_link("/l", "file");
        let deep = Memory::new().with("/file", "deep");
        let all: [(VPath, Arc<dyn Files>); 3] = [
            (path("/pub"), Arc::new(public)),
            (path("/pub/a/deep"), Arc::new(deep.clone())),
            (path("/no/where/deep"), Arc::new(deep)),
        ];
        Mounts::new(Some(Arc::new(base)), all)
    }

    async fn content(files: &Mounts, at: &str) -> Result<Vec<u8>> {
        let file = files.open(&path(at), &Open::read()).await?;
        Ok(file.read_at(0, BytesMut::with_capacity(64)).await?.to_vec())
    }

    async fn names(files: &Mounts, at: &str) -> Vec<String> {
        let mut stream = files.list(&path(at), ListOptions::default()).await.unwrap();
        let mut names = Vec::new();
        loop {
            let batch = stream.next_batch(1).await.unwrap();
            if batch.is_empty() {
                names.sort();
                return names;
            }
            names.extend(batch.iter().map(|entry| entry.name.to_string()));
        }
    }

    fn error<T>(result: Result<T>) -> &'static str {
        result.err().map_or("done", |error| error.text())
    }

    #[tokio::test]
    async fn one_tree_without_mounts_is_that_tree() {
        files_suite(|seeds| Box::new(Mounts::new(Some(Arc::new(memory(seeds))), []))).await;
        let at_root = |seeds: &[_]| {
            let tree: Arc<dyn Files> = Arc::new(memory(seeds));
            Box::new(Mounts::new(None, [(VPath::ROOT, tree)]))
        };
        files_suite(at_root).await;
    }

    #[test]
    fn rights_are_those_of_the_tree_that_a_path_is_in() {
        use crate::data::files::layers::{Permissions, Rule};
        let look = Ops::LIST | Ops::READ;
        let rules = [Rule { path: "/**".parse().unwrap(), allow: look }];
        let all: [(VPath, Arc<dyn Files>); 2] = [
            (path("/a/look"), Arc::new(Permissions::new(Memory::new(), rules))),
            (path("/a/write"), Arc::new(Memory::new())),
        ];
        let files = Mounts::new(None, all);
        let rights = |at: &str, reach| files.rights(&path(at), reach);
        for reach in [Reach::Here, Reach::Inside, Reach::Below] {
            assert_eq!(rights("/a/look", reach), look, "{reach:?}");
            assert_eq!(rights("/none", reach), Ops::NONE, "{reach:?}");
        }
        assert_eq!((rights("/a", Reach::Here), rights("/a", Reach::Inside)), (Ops::LIST, Ops::NONE));
        assert!(
            rights("/a", Reach::Below).has(Ops::CREATE) && rights("/a/write", Reach::Inside).has(Ops::CREATE)
        );
        assert!(!rights("/a/write", Reach::Here).has_any(Ops::RENAME | Ops::DELETE), "it is a mount point");
        assert!(rights("/a/write/x", Reach::Here).has(Ops::RENAME | Ops::DELETE));
    }

    #[tokio::test]
    async fn the_longest_mount_point_decides() {
        let files = mounts();
        for (at, expected) in [
            ("/file", "base"),
            ("/pub/file", "pub"),
            ("/pub/l", "pub"),
            ("/pub/a/deep/file", "deep"),
            ("/no/where/deep/file", "deep"),
        ] {
            assert_eq!(content(&files, at).await.unwrap(), expected.as_bytes(), "{at}");
        }
        for at in ["/pub/covered", "/pub/a/deep/covered", "/no/where/file", "/pubs"] {
            assert_eq!(error(content(&files, at).await), FsError::NotFound.text(), "{at}");
        }
        assert_eq!(error(content(&files, "/pub").await), FsError::IsDir.text());
        assert_eq!(error(content(&files, "/no/where").await), FsError::IsDir.text());
    }

    #[tokio::test]
    async fn mount_points_are_listed_once() {
        let files = mounts();
        assert_eq!(names(&files, "/").await, ["empty", "file", "no", "pub"]);
        assert_eq!(names(&files, "/no").await, ["where"]);
        assert_eq!(names(&files, "/pub/a").await, ["deep"]);
        assert_eq!(names(&files, "/pub/a/deep").await, ["file"]);
        assert_eq!(files.stat(&path("/no/where"), true).await.unwrap().kind, Kind::Dir);
        let alone = Mounts::new(None, [(path("/a/b"), Arc::new(Memory::new()) as Arc<dyn Files>)]);
        assert_eq!(names(&alone, "/").await, ["a"]);
        assert_eq!(error(alone.stat(&path("/x"), true).await), FsError::NotFound.text());
        assert_eq!(error(alone.mkdir(&path("/x"), None).await), FsError::Denied.text());
    }

    #[tokio::test]
    async fn nothing_goes_from_one_tree_to_another() {
        let files = mounts();
        let (here, there) = (path("/file"), path("/pub/new"));
        for result in [
            files.rename(&here, &there, Over::Never).await,
            files.copy(&here, &there, Over::Never).await,
            files.hardlink(&here, &there).await,
            files.symlink(&there, b"/file").await,
        ] {
            assert_eq!(error(result), FsError::CrossDevice.text());
        }
        files.rename(&path("/pub/file"), &there, Over::Never).await.unwrap();
        assert_eq!(content(&files, "/pub/new").await.unwrap(), b"pub");
        files.symlink(&path("/pub/link"), b"/pub/new").await.unwrap();
        assert_eq!(content(&files, "/pub/link").await.unwrap(), b"pub");
    }

    #[tokio::test]
    async fn a_mount_point_stays() {
        let files = mounts();
        for at in ["/pub", "/pub/a", "/no", "/no/where", "/", "/pub/a/deep"] {
            assert_eq!(error(files.remove(&path(at), Remove::Tree).await), FsError::Busy.text(), "{at}");
            let renamed = files.rename(&path(at), &path("/new"), Over::Never).await;
            assert_eq!(error(renamed), FsError::Busy.text(), "{at}");
            assert_eq!(error(files.mkdir(&path(at), None).await), FsError::Exists.text(), "{at}");
            let opened = files.open(&path(at), &Open::write(Write::Replace)).await;
            assert_eq!(error(opened), FsError::IsDir.text(), "{at}");
        }
        assert_eq!(content(&files, "/pub/a/deep/file").await.unwrap(), b"deep");
    }

    #[test]
    fn a_promise_counts_only_if_all_make_it() {
        struct Poor;
        #[async_trait]
        impl Files for Poor {
            fn caps(&self) -> Caps {
                Caps::RANDOM_READ | Caps::XATTR
            }
            async fn stat(&self, _: &VPath, _: bool) -> Result<Meta> {
                Err(FsError::NotFound)
            }
            async fn list(&self, _: &VPath, _: ListOptions) -> Result<Box<dyn DirStream>> {
                Err(FsError::NotFound)
            }
            async fn open(&self, _: &VPath, _: &Open) -> Result<Box<dyn FileHandle>> {
                Err(FsError::NotFound)
            }
        }
        let poor: Arc<dyn Files> = Arc::new(Poor);
        let caps = Mounts::new(Some(Arc::new(Memory::new())), [(path("/poor"), poor)]).caps();
        assert!(caps.has(Caps::RANDOM_READ | Caps::RANDOM_WRITE | Caps::XATTR));
        assert!(!caps.has(Caps::ETAG) && !caps.has(Caps::ATOMIC_PUT));
    }
}
