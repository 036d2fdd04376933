use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ftp::fixture;

/// What files hold, and folders, which hold nothing, by their path from the root. The root is the empty path.
type Nodes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The files of one subject.
#[derive(Clone)]
pub(super) struct Tree(Arc<Mutex<Nodes>>);

impl Tree {
    pub(super) fn of_fixture() -> Self {
        let mut nodes = BTreeMap::new();
        for folder in ["", "/upload", "/dir", "/dir/sub"] {
            nodes.insert(folder.into(), None);
        }
        for file in fixture::FILES {
            nodes.insert(format!("/{}", file.path).into(), Some(file.content()));
        }
        Self(Arc::new(Mutex::new(nodes)))
    }

    pub(super) fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn file(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.nodes().get(path).cloned().flatten()
    }

    pub(super) fn is_folder(&self, path: &[u8]) -> bool {
        matches!(self.nodes().get(path), Some(None))
    }

    pub(super) fn exists(&self, path: &[u8]) -> bool {
        self.nodes().contains_key(path)
    }

    /// The names in a folder.
    pub(super) fn names(&self, folder: &[u8]) -> Vec<Vec<u8>> {
        let nodes = self.nodes();
        let below = nodes.keys().filter_map(|path| path.strip_prefix(folder)?.strip_prefix(b"/"));
        below.filter(|name| !name.contains(&b'/')).map(<[u8]>::to_vec).collect()
    }
}

/// The folder of a path, and its name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let at = path.iter().rposition(|octet| *octet == b'/').unwrap_or_default();
    let (folder, name) = path.split_at_checked(at).unwrap_or_default();
    (folder, name.get(1..).unwrap_or_default())
}

/// The path that is meant in this folder; `..` stays at the root.
pub(super) fn resolve(folder: &[u8], path: &[u8]) -> Vec<u8> {
    let base: &[u8] = if path.starts_with(b"/") { b"" } else { folder };
    let mut steps: Vec<&[u8]> = Vec::new();
    for step in base.split(|octet| *octet == b'/').chain(path.split(|octet| *octet == b'/')) {
        match step {
            b"" | b"." => {}
            b".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.iter().flat_map(|step| [b"/", *step].concat()).collect()
}
