use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Changes that are under way where one set of locks holds: whoever has made a lock waits for those that had begun before it,
/// for they did not see it.
///
/// A path is that below all trees, so that those which lie in one another know of each other. Clones are the same.
#[derive(Clone, Default)]
pub struct Changes(Arc<Mutex<Begun>>);

#[derive(Default)]
struct Begun {
    next: u64,
    paths: HashMap<u64, (Vec<u8>, watch::Receiver<()>)>,
}

/// A change that is under way, until this is dropped.
///
/// Whoever respects locks has this first, looks for a lock then, and keeps it until the change is made: so either the lock
/// is seen, or it is [waited](Changes::settled) with for the change.
#[must_use = "the change is over when this is dropped"]
#[derive(Default)]
pub struct Change(Option<Mark>);

struct Mark {
    all: Changes,
    number: u64,
    /// Those who wait see it end.
    _end: watch::Sender<()>,
}

impl Changes {
    /// Begins a change of what is at `path`, and of anything below it.
    pub fn begin(&self, path: Vec<u8>) -> Change {
        let (end, ended) = watch::channel(());
        let mut begun = self.begun();
        let number = begun.next;
        begun.next = number.wrapping_add(1);
        begun.paths.insert(number, (path, ended));
        Change(Some(Mark { all: self.clone(), number, _end: end }))
    }

    /// Waits until those changes have ended that had begun before this, and that a lock of `path` keeps others from; `deep`
    /// is one that holds for all below.
    pub async fn settled(&self, path: &[u8], deep: bool) {
        let begun: Vec<_> = {
            let begun = self.begun();
            let concerned = begun.paths.values().filter(|(changed, _)| concerns(path, deep, changed));
            concerned.map(|(_, ended)| ended.clone()).collect()
        };
        for mut ended in begun {
            // It never changes; this is an error when it has ended.
            while ended.changed().await.is_ok() {}
        }
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a lock of `path` keeps others from a change of `changed`: what comes to be in a directory, or ceases to, changes that too.
fn concerns(path: &[u8], deep: bool, changed: &[u8]) -> bool {
    let directly = |inner: &[u8]| !inner.get(1..).unwrap_or_default().contains(&b'/');
    below(path, changed).is_some() || below(changed, path).is_some_and(|inner| deep || directly(inner))
}

/// What follows the path of `dir` in that of what is in it, or is it.
fn below<'a>(path: &'a [u8], dir: &[u8]) -> Option<&'a [u8]> {
    path.strip_prefix(dir.strip_suffix(b"/").unwrap_or(dir)).filter(|rest| matches!(rest, [] | [b'/', ..]))
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.all.begun().paths.remove(&self.number);
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Changes").field(&self.begun().paths.len()).finish()
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Change").field(&self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_lock_waits_for_what_it_would_have_refused() {
        for (path, deep, changed, waits) in [
            ("/a", false, "/a", true),
            ("/a", false, "/a/b", true),
            ("/a", false, "/a/b/c", false),
            ("/a", true, "/a/b/c", true),
            ("/a", true, "/ab", false),
            ("/a/b", false, "/a", true),
            ("/a/b", true, "/a/c", false),
            ("/", true, "/a/b", true),
            ("/", false, "/a", true),
            ("/", false, "/a/b", false),
            ("/a", false, "/", true),
        ] {
            let changes = Changes::default();
            let change = changes.begin(changed.into());
            let mut settled = Box::pin(changes.settled(path.as_bytes(), deep));
            assert_eq!(settled.as_mut().now_or_never().is_none(), waits, "{path} {deep} {changed}");
            if waits {
                // Who comes later is not waited for.
                let _later = changes.begin(changed.into());
                drop(change);
                assert!(settled.now_or_never().is_some(), "{path} {changed}");
            }
        }
    }
}
