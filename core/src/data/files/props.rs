use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::meta::Result;
use super::{FsError, Marks, VPath};

/// Properties that clients give to files, and that nobody here understands (RFC 4918 §4: dead properties).
///
/// Where one tree lies in another, its properties are those of the other as well.
#[async_trait]
pub trait Props: Send + Sync {
    /// Those of what is at `path`, in the order of their names.
    async fn of(&self, path: &VPath) -> Result<Vec<Prop>>;

    /// Those of everything that is directly in `dir` and has some.
    async fn within(&self, dir: &VPath) -> Result<BTreeMap<VPath, Vec<Prop>>>;

    /// Sets the properties that have a value here and removes those that have none: all of it, or nothing.
    ///
    /// # Errors
    /// [`FsError::Quota`] where there are too many, or they are too long.
    async fn change(&self, path: &VPath, changes: &[(PropName, Option<Bytes>)]) -> Result<()>;

    /// What was at `from`, with all below it, is at `to` now, in place of what was there.
    async fn renamed(&self, from: &VPath, to: &VPath) -> Result<()>;

    /// What was at `path`, with all below it, is no more.
    async fn removed(&self, path: &VPath) -> Result<()>;
}

/// A property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prop {
    /// Its name.
    pub name: PropName,
    /// Its element, as it is to be sent again.
    pub value: Bytes,
}

/// The name of a property.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropName {
    /// The URI of its namespace; empty where it is in none. Names of one document share it.
    pub namespace: Arc<str>,
    /// Its local name.
    pub local: String,
}

impl PropName {
    /// What it counts for with this value, in octets.
    pub fn octets(&self, value: &[u8]) -> usize {
        self.namespace.len() + self.local.len() + value.len() + 64
    }
}

/// Properties in memory: they end with the process. There are as many as [`Marks`] says.
#[derive(Debug)]
pub struct MemoryProps {
    /// Where the tree is whose properties these are.
    dir: VPath,
    /// The properties of all trees, by where their files are.
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    files: BTreeMap<VPath, BTreeMap<PropName, Bytes>>,
    /// What all that is in a tree counts for, by where that is.
    octets: BTreeMap<VPath, usize>,
}

impl Default for MemoryProps {
    fn default() -> Self {
        let octets = BTreeMap::from([(VPath::ROOT, 0)]);
        Self { dir: VPath::ROOT, kept: Arc::new(Mutex::new(Kept { files: BTreeMap::new(), octets })) }
    }
}

impl MemoryProps {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of the tree in this directory of the one with all these: they are the same where both have a file.
    #[must_use]
    pub fn of(&self, dir: &VPath) -> Self {
        let dir = dir.beneath(&self.dir);
        let mut kept = self.kept();
        let Kept { files, octets } = &mut *kept;
        octets.entry(dir.clone()).or_insert_with(|| {
            let inside = files.iter().filter(|(path, _)| path.is_within(&dir));
            inside.map(|(path, props)| count(path, props)).sum()
        });
        Self { dir, kept: Arc::clone(&self.kept) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the properties of a file count for.
fn count(path: &VPath, props: &BTreeMap<PropName, Bytes>) -> usize {
    path.as_bytes().len() + props.iter().map(|(name, value)| name.octets(value)).sum::<usize>()
}

fn list(props: &BTreeMap<PropName, Bytes>) -> Vec<Prop> {
    props.iter().map(|(name, value)| Prop { name: name.clone(), value: value.clone() }).collect()
}

impl Kept {
    fn put(&mut self, path: VPath, props: BTreeMap<PropName, Bytes>) {
        self.take(&path);
        if !props.is_empty() {
            let octets = count(&path, &props);
            self.count(&path, |all| all + octets);
            self.files.insert(path, props);
        }
    }

    fn take(&mut self, path: &VPath) -> Option<BTreeMap<PropName, Bytes>> {
        let props = self.files.remove(path)?;
        let octets = count(path, &props);
        self.count(path, |all| all.saturating_sub(octets));
        Some(props)
    }

    /// Counts anew in all trees that this is in.
    fn count(&mut self, path: &VPath, anew: impl Fn(usize) -> usize) {
        let mut up = Some(path.clone());
        while let Some(dir) = up {
            if let Some(octets) = self.octets.get_mut(&dir) {
                *octets = anew(*octets);
            }
            up = dir.parent();
        }
    }

    fn paths_within(&self, dir: &VPath) -> Vec<VPath> {
        self.files.keys().filter(|path| path.is_within(dir)).cloned().collect()
    }
}

#[async_trait]
impl Props for MemoryProps {
    async fn of(&self, path: &VPath) -> Result<Vec<Prop>> {
        Ok(self.kept().files.get(&path.beneath(&self.dir)).map(list).unwrap_or_default())
    }

    async fn within(&self, dir: &VPath) -> Result<BTreeMap<VPath, Vec<Prop>>> {
        let (kept, dir) = (self.kept(), dir.beneath(&self.dir));
        let inside = kept.files.iter().filter(|(path, _)| path.parent().as_ref() == Some(&dir));
        Ok(inside.filter_map(|(path, props)| Some((path.strip(&self.dir)?, list(props)))).collect())
    }

    async fn change(&self, path: &VPath, changes: &[(PropName, Option<Bytes>)]) -> Result<()> {
        let (mut kept, path) = (self.kept(), path.beneath(&self.dir));
        let before = kept.files.get(&path);
        let mut props = before.cloned().unwrap_or_default();
        for (name, value) in changes {
            match value {
                Some(value) => drop(props.insert(name.clone(), value.clone())),
                None => drop(props.remove(name)),
            }
        }
        let before = before.map_or(0, |props| count(&path, props));
        let after = count(&path, &props);
        let all = kept.octets.get(&self.dir).copied().unwrap_or_default().saturating_sub(before) + after;
        if after > before && (after > Marks::OCTETS_OF_ONE || all > Marks::OCTETS) {
            return Err(FsError::Quota);
        }
        kept.put(path, props);
        Ok(())
    }

    async fn renamed(&self, from: &VPath, to: &VPath) -> Result<()> {
        if from == to {
            return Ok(());
        }
        let mut kept = self.kept();
        for path in kept.paths_within(&to.beneath(&self.dir)) {
            kept.take(&path);
        }
        let from = from.beneath(&self.dir);
        for path in kept.paths_within(&from) {
            let (Some(props), Some(below)) = (kept.take(&path), path.strip(&from)) else { continue };
            // What is too long to be asked for by its new path is lost.
            if let Ok(path) = below.under(to) {
                kept.put(path.beneath(&self.dir), props);
            }
        }
        Ok(())
    }

    async fn removed(&self, path: &VPath) -> Result<()> {
        let (mut kept, path) = (self.kept(), path.beneath(&self.dir));
        for path in kept.paths_within(&path) {
            kept.take(&path);
        }
        Ok(())
    }
}
