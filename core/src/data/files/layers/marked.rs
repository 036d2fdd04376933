use std::sync::Arc;

use super::forward::*;
use crate::data::files::Marks;

/// A backend whose files have locks and properties: directly above it, so that everybody finds the same, whatever
/// layers and mounts are between.
///
/// What is renamed or removed, over any protocol, takes its properties along; its locks end, and those of the path
/// that it gets stay, for a lock is on a path (RFC 4918 §6.1, §7.7). It holds nobody up: who wants to respect locks asks.
pub struct Marked<F> {
    files: F,
    marks: Arc<Marks>,
}

impl<F: Files> Marked<F> {
    /// `files`, with these marks.
    pub fn new(files: F, marks: Arc<Marks>) -> Self {
        Self { files, marks }
    }
}

#[async_trait]
impl<F: Files> Files for Marked<F> {
    forward!(caps, stat, list, open, open_now, set, symlink, hardlink, readlink, space, rights to files);

    async fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        self.files.mkdir(path, mode).await?;
        // Whatever had these was removed behind our back.
        self.marks.props().removed(path).await
    }

    async fn remove(&self, path: &VPath, what: Remove) -> Result<()> {
        self.files.remove(path, what).await?;
        self.marks.locks().removed(path).await?;
        self.marks.props().removed(path).await
    }

    async fn rename(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.files.rename(from, to, over).await?;
        if from == to {
            return Ok(());
        }
        self.marks.locks().removed(from).await?;
        self.marks.props().renamed(from, to).await
    }

    async fn copy(&self, from: &VPath, to: &VPath, over: Over) -> Result<()> {
        self.files.copy(from, to, over).await?;
        let place = |path: &VPath| Place::new(self.marks.clone(), path.clone());
        place(from).copied_to(&place(to)).await
    }

    fn place(&self, path: &VPath) -> Option<Place> {
        Some(Place::new(self.marks.clone(), path.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::data::files::layers::{Dots, Hide};
    use crate::data::files::{DotDot, Memory, NewLock, PropName};

    fn path(text: &str) -> VPath {
        VPath::parse(text.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap()
    }

    async fn mark(files: &impl Files, at: &str) {
        let place = files.place(&path(at)).unwrap();
        let name = PropName { namespace: "".into(), local: "p".into() };
        place.marks.props().change(&place.path, &[(name, Some(Bytes::from_static(b"v")))]).await.unwrap();
        let timeout = Duration::from_secs(60);
        let (path, owner) = (place.path, Bytes::new());
        let wanted = NewLock { path, deep: false, exclusive: true, user: None, owner, timeout };
        place.marks.locks().lock(wanted).await.unwrap();
    }

    /// Whether it has its property, and its lock.
    async fn marks(files: &impl Files, at: &str) -> (bool, bool) {
        let place = files.place(&path(at)).unwrap();
        let props = place.marks.props().of(&place.path).await.unwrap();
        let locks = place.marks.locks().over(&place.path, false).await.unwrap();
        (!props.is_empty(), !locks.is_empty())
    }

    #[tokio::test]
    async fn properties_go_along_and_locks_stay_behind() {
        let tree = Memory::new().with("/a", "").with("/b", "").with("/dir/c", "");
        let files = Hide::new(Marked::new(tree, Arc::new(Marks::memory())), Dots::Hide);
        for at in ["/a", "/dir/c"] {
            mark(&files, at).await;
        }
        assert_eq!(marks(&files, "/a").await, (true, true));
        files.rename(&path("/a"), &path("/b"), Over::File).await.unwrap();
        assert_eq!(marks(&files, "/a").await, (false, false));
        assert_eq!(marks(&files, "/b").await, (true, false));
        files.rename(&path("/dir"), &path("/d"), Over::Never).await.unwrap();
        assert_eq!(marks(&files, "/d/c").await, (true, false));
        assert!(files.rename(&path("/none"), &path("/d"), Over::Never).await.is_err());
        assert_eq!(marks(&files, "/d/c").await, (true, false), "what failed changes nothing");
        files.remove(&path("/d"), Remove::Tree).await.unwrap();
        assert_eq!(marks(&files, "/d/c").await, (false, false));
    }

    #[tokio::test]
    async fn a_rename_onto_a_locked_path_leaves_its_lock() {
        let tree = Memory::new().with("/a", "").with("/b", "");
        let files = Marked::new(tree, Arc::new(Marks::memory()));
        mark(&files, "/b").await;
        files.rename(&path("/a"), &path("/b"), Over::File).await.unwrap();
        assert_eq!(marks(&files, "/b").await, (false, true));
    }
}
