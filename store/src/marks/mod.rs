//! Locks and properties of files, kept in the file `files.db` of a store.
//!
//! Each file is known by its path on this machine, so that trees that lie in one another have the same of what both have. What
//! was answered is on the disk.

mod locks;
mod props;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ropewalk_core::data::files::{Changes, DotDot, FsError, Marks, VPath};
use ropewalk_core::{Error, Result};
use rusqlite::{Connection, Row};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::sqlite::{Database, Schema, is_full};

/// The files' part of a store.
const SCHEMA: Schema = Schema {
    id: 0x7277_6d6b,
    steps: &[include_str!("../../migrations/files/1.sql"), include_str!("../../migrations/files/2.sql")],
};
const FILE: &str = "files.db";

/// The locks and properties of a store. Clones are the same.
///
/// Its file is opened, and made where there is none, when it is first needed: a process can be given a store before it
/// gives up root.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    database: OnceCell<Database>,
    changes: Changes,
}

impl Store {
    /// The store in this folder. This blocks, and changes nothing.
    ///
    /// # Errors
    /// Where what is there has a newer schema, is another program's, lies on a network file system, or cannot be read.
    pub fn open(dir: &Path) -> Result<Self> {
        let file = dir.join(FILE);
        match file.try_exists() {
            Ok(true) => Database::check(&file, &SCHEMA)?,
            Ok(false) => {}
            Err(error) => {
                return Err(Error::local(format!("cannot look at {}", file.display())).caused_by(error));
            }
        }
        let (dir, database, changes) = (dir.to_owned(), OnceCell::new(), Changes::default());
        Ok(Self(Arc::new(Inner { dir, database, changes })))
    }

    /// The folder of the store.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// The marks of the tree in the folder with this real path.
    pub fn of(&self, folder: &[u8]) -> Marks {
        let at = At(folder.strip_suffix(b"/").unwrap_or(folder).into());
        let tree = Arc::new(Tree { store: self.clone(), at });
        Marks::new(Arc::clone(&tree) as _, tree)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.0.dir).finish_non_exhaustive()
    }
}

/// A tree.
struct Tree {
    store: Store,
    at: At,
}

/// Where a tree is: the path of its folder, without the slash that it may be.
#[derive(Clone)]
struct At(Arc<[u8]>);

impl At {
    /// The real path of what is at `path` in the tree.
    fn real(&self, path: &VPath) -> Vec<u8> {
        match path.relative() {
            b"" if !self.0.is_empty() => self.0.to_vec(),
            _ => [&*self.0, path.as_bytes()].concat(),
        }
    }

    /// What of a real path is in the tree, if that is.
    fn inside<'a>(&self, real: &'a [u8]) -> Option<&'a [u8]> {
        real.strip_prefix(&*self.0).filter(|path| matches!(*path, b"" | [b'/', ..]))
    }

    /// The path in the tree of what has this real path; none where it is elsewhere, or too deep to be asked for.
    fn path(&self, real: &[u8]) -> Option<VPath> {
        VPath::parse(self.inside(real)?, &VPath::ROOT, DotDot::Refuse).ok()
    }

    /// Whether it is in the folder with this real path.
    fn is_within(&self, real: &[u8]) -> bool {
        real == b"/" || self.0.strip_prefix(real).is_some_and(|rest| matches!(rest, b"" | [b'/', ..]))
    }
}

impl Tree {
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &At) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, FsError> {
        let at = self.at.clone();
        let database = self.database().await?;
        database.read(move |db| work(db, &at)).await.map_err(failed)
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &At) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, FsError> {
        let at = self.at.clone();
        let database = self.database().await?;
        database.write(move |db| work(db, &at)).await.map_err(failed)
    }

    /// The file, opened now if it is not.
    async fn database(&self) -> Result<&Database, FsError> {
        let store = &self.store.0;
        let open = || async {
            let file = store.dir.join(FILE);
            let opened = spawn_blocking(move || Database::open(file, &SCHEMA)).await;
            opened.map_err(|e| Error::local("the store could not be opened").caused_by(e))?
        };
        store.database.get_or_try_init(open).await.map_err(failed)
    }
}

fn failed(error: Error) -> FsError {
    if is_full(&error) { FsError::NoSpace } else { FsError::Io(io::Error::other(error)) }
}

/// The octets between which all lies that is below a real path.
fn below(real: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let base = real.strip_suffix(b"/").unwrap_or(real);
    // What follows a slash in the order of octets.
    ([base, b"/"].concat(), [base, b"0"].concat())
}

/// The real path of what something is directly in.
fn folder(real: &[u8]) -> Option<&[u8]> {
    let slash = real.iter().rposition(|octet| *octet == b'/')?;
    match slash {
        0 if real == b"/" => None,
        0 => Some(b"/"),
        _ => real.get(..slash),
    }
}

/// How many there are.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    row.get(column).map(|count: i64| usize::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests;
