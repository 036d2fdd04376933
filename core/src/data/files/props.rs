use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::meta::Result;
use super::{FsError, VPath};

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
    /// The URI of its namespace; empty where it is in none.
    pub namespace: String,
    /// Its local name.
    pub local: String,
}

/// Octets of names and values of one file.
const MOST_OF_ONE: usize = 128 * 1024;
/// Octets of names, values and paths in a tree.
const MOST: usize = 16 * 1024 * 1024;

/// Properties in memory: they end with the process.
///
/// Those of one file are at most 128 KiB, those of a tree 16 MiB.
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
    let of = |(name, value): (&PropName, &Bytes)| name.namespace.len() + name.local.len() + value.len() + 64;
    path.as_bytes().len() + props.iter().map(of).sum::<usize>()
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
        if after > before && (after > MOST_OF_ONE || kept.octets - before + after > MOST) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::files::DotDot;

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    fn name(local: &str) -> PropName {
        PropName { namespace: "urn:x".into(), local: local.into() }
    }

    async fn set(props: &MemoryProps, at: &str, value: &'static str) -> Result<()> {
        props.change(&path(at), &[(name("a"), Some(value.into()))]).await
    }

    async fn value(props: &MemoryProps, at: &str) -> Option<Bytes> {
        props.of(&path(at)).await.unwrap().into_iter().map(|prop| prop.value).next()
    }

    #[tokio::test]
    async fn they_go_where_their_file_goes() {
        let props = MemoryProps::new();
        for (at, text) in [("/a", "1"), ("/a/b", "2"), ("/a-b", "3"), ("/to/b", "old"), ("/to/c", "old")] {
            set(&props, at, text).await.unwrap();
        }
        props.renamed(&path("/a"), &path("/to")).await.unwrap();
        assert_eq!(value(&props, "/to").await.unwrap(), "1");
        assert_eq!(value(&props, "/to/b").await.unwrap(), "2");
        assert_eq!(value(&props, "/to/c").await, None, "what was there is gone");
        assert_eq!((value(&props, "/a").await, value(&props, "/a/b").await), (None, None));
        assert_eq!(value(&props, "/a-b").await.unwrap(), "3");
        let inside = props.within(&path("/to")).await.unwrap();
        assert_eq!(inside.keys().map(ToString::to_string).collect::<Vec<_>>(), ["/to/b"]);
        props.removed(&path("/to")).await.unwrap();
        assert_eq!((value(&props, "/to").await, value(&props, "/to/b").await), (None, None));
    }

    #[tokio::test]
    async fn there_is_not_more_than_there_may_be() {
        let props = MemoryProps::new();
        let long = Bytes::from(vec![b'x'; 100_000]);
        props.change(&path("/a"), &[(name("a"), Some(long.clone()))]).await.unwrap();
        let more = [(name("b"), Some(long.clone()))];
        assert!(matches!(props.change(&path("/a"), &more).await, Err(FsError::Quota)));
        assert_eq!(props.of(&path("/a")).await.unwrap().len(), 1, "all or nothing");
        let mut kept = 1;
        while props.change(&path(&format!("/{kept}")), &more).await.is_ok() {
            kept += 1;
        }
        assert_eq!(kept, MOST / 100_100);
        props.change(&path("/a"), &[(name("a"), None)]).await.unwrap();
        assert!(props.change(&path("/b"), &more).await.is_ok(), "what is removed makes room");
        props.removed(&VPath::ROOT).await.unwrap();
        assert_eq!(props.kept().octets, 0);
    }
}
