use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::meta::Result;
use super::{FsError, Marks, VPath};

/// Properties that clients give to files, and that nobody here understands (RFC 4918 §4: dead properties).
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
#[derive(Debug, Default)]
pub struct MemoryProps(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    files: BTreeMap<VPath, BTreeMap<PropName, Bytes>>,
    octets: usize,
}

impl MemoryProps {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn octets(path: &VPath, props: &BTreeMap<PropName, Bytes>) -> usize {
    path.as_bytes().len() + props.iter().map(|(name, value)| name.octets(value)).sum::<usize>()
}

fn list(props: &BTreeMap<PropName, Bytes>) -> Vec<Prop> {
    props.iter().map(|(name, value)| Prop { name: name.clone(), value: value.clone() }).collect()
}

impl Kept {
    fn put(&mut self, path: VPath, props: BTreeMap<PropName, Bytes>) {
        self.take(&path);
        if !props.is_empty() {
            self.octets += octets(&path, &props);
            self.files.insert(path, props);
        }
    }

    fn take(&mut self, path: &VPath) -> Option<BTreeMap<PropName, Bytes>> {
        let props = self.files.remove(path)?;
        self.octets = self.octets.saturating_sub(octets(path, &props));
        Some(props)
    }

    fn paths_within(&self, dir: &VPath) -> Vec<VPath> {
        self.files.keys().filter(|path| path.is_within(dir)).cloned().collect()
    }
}

#[async_trait]
impl Props for MemoryProps {
    async fn of(&self, path: &VPath) -> Result<Vec<Prop>> {
        Ok(self.kept().files.get(path).map(list).unwrap_or_default())
    }

    async fn within(&self, dir: &VPath) -> Result<BTreeMap<VPath, Vec<Prop>>> {
        let kept = self.kept();
        let inside = kept.files.iter().filter(|(path, _)| path.parent().as_ref() == Some(dir));
        Ok(inside.map(|(path, props)| (path.clone(), list(props))).collect())
    }

    async fn change(&self, path: &VPath, changes: &[(PropName, Option<Bytes>)]) -> Result<()> {
        let mut kept = self.kept();
        let before = kept.files.get(path);
        let mut props = before.cloned().unwrap_or_default();
        for (name, value) in changes {
            match value {
                Some(value) => drop(props.insert(name.clone(), value.clone())),
                None => drop(props.remove(name)),
            }
        }
        let before = before.map_or(0, |props| octets(path, props));
        let after = octets(path, &props);
        let all = kept.octets - before + after;
        if after > before && (after > Marks::OCTETS_OF_ONE || all > Marks::OCTETS) {
            return Err(FsError::Quota);
        }
        kept.put(path.clone(), props);
        Ok(())
    }

    async fn renamed(&self, from: &VPath, to: &VPath) -> Result<()> {
        if from == to {
            return Ok(());
        }
        let mut kept = self.kept();
        for path in kept.paths_within(to) {
            kept.take(&path);
        }
        for path in kept.paths_within(from) {
            let (Some(props), Some(below)) = (kept.take(&path), path.strip(from)) else { continue };
            // What is too long to be asked for by its new path is lost.
            if let Ok(path) = below.under(to) {
                kept.put(path, props);
            }
        }
        Ok(())
    }

    async fn removed(&self, path: &VPath) -> Result<()> {
        let mut kept = self.kept();
        for path in kept.paths_within(path) {
            kept.take(&path);
        }
        Ok(())
    }
}
