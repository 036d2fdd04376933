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
#[path = "mounts_tests.rs"]
mod tests;
