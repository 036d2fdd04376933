use std::fmt;
use std::sync::Arc;

use super::meta::Result;
use super::{Change, Locks, MemoryLocks, MemoryProps, Props, VPath};

/// Where something is kept below all mounts, and what people have put there beside its content.
///
/// Two paths of two people that lead to one file have one place, or, in trees that lie in one another, places with the same
/// marks: so one lock holds for both.
#[derive(Clone)]
#[non_exhaustive]
pub struct Place {
    /// The marks of the tree that it is in.
    pub marks: Arc<Marks>,
    /// Its path in that tree.
    pub path: VPath,
}

/// What is kept of a tree beside its files: locks, and properties that nobody here understands.
#[derive(Clone)]
pub struct Marks {
    locks: Arc<dyn Locks>,
    props: Arc<dyn Props>,
}

impl Marks {
    /// Locks at once in a tree.
    pub const LOCKS: usize = 10_000;
    /// Locks at once of one person in a tree, and of all whom nobody knows together.
    pub const LOCKS_OF_ONE: usize = 1_000;
    /// Octets of the paths and properties of all files of a tree.
    pub const OCTETS: usize = 16 * 1024 * 1024;
    /// Octets of the path and the properties of one file.
    pub const OCTETS_OF_ONE: usize = 128 * 1024;

    /// Marks that are kept there.
    pub fn new(locks: Arc<dyn Locks>, props: Arc<dyn Props>) -> Self {
        Self { locks, props }
    }

    /// Marks that are kept in memory, and end with it.
    pub fn memory() -> Self {
        Self::new(Arc::new(MemoryLocks::new()), Arc::new(MemoryProps::new()))
    }

    /// The locks.
    pub fn locks(&self) -> &dyn Locks {
        &*self.locks
    }

    /// The properties.
    pub fn props(&self) -> &dyn Props {
        &*self.props
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marks").finish_non_exhaustive()
    }
}

impl Place {
    /// The place of `path` in the tree with these marks.
    pub fn new(marks: Arc<Marks>, path: VPath) -> Self {
        Self { marks, path }
    }

    /// Says that what is here is about to be changed, as [`Locks::change`] has it.
    pub fn change(&self) -> Change {
        self.marks.locks().change(&self.path)
    }

    /// Gives what was copied to `to` the properties of what is here, in place of those there.
    ///
    /// # Errors
    /// Those of [`Props`].
    pub async fn copied_to(&self, to: &Self) -> Result<()> {
        let props = self.marks.props().of(&self.path).await?;
        to.marks.props().removed(&to.path).await?;
        if props.is_empty() {
            return Ok(());
        }
        let changes: Vec<_> = props.into_iter().map(|prop| (prop.name, Some(prop.value))).collect();
        to.marks.props().change(&to.path, &changes).await
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_keeps_what_every_engine_keeps() {
        crate::data::files::suite::marks_suite(Marks::memory).await;
    }

    #[tokio::test]
    async fn memory_keeps_the_same_for_trees_in_one_another() {
        let (locks, props) = (MemoryLocks::new(), MemoryProps::new());
        let of = |dir: &VPath| Marks::new(Arc::new(locks.of(dir)), Arc::new(props.of(dir)));
        crate::data::files::suite::nested_marks_suite(of).await;
    }
}
