//! Locks and properties of files, kept in the file `files.db` of a store.
//!
//! Each tree has its own, and is known by its name: octets, such as the path of its folder. What was answered is on the disk.

mod locks;
mod props;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ropewalk_core::data::files::{DotDot, FsError, Marks, VPath};
use ropewalk_core::{Error, Result};
use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::sqlite::{Database, Schema};

/// The files' part of a store.
const SCHEMA: Schema = Schema { id: 0x7277_6d6b, steps: &[include_str!("../../migrations/files/1.sql")] };
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
        Ok(Self(Arc::new(Inner { dir: dir.to_owned(), database: OnceCell::new() })))
    }

    /// The folder of the store.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// The marks of the tree with this name.
    pub fn of(&self, tree: &[u8]) -> Marks {
        let tree = Arc::new(Tree { store: self.clone(), name: tree.into() });
        Marks::new(Arc::clone(&tree) as _, tree)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.0.dir).finish_non_exhaustive()
    }
}

/// A tree, whose name every row has.
struct Tree {
    store: Store,
    name: Arc<[u8]>,
}

impl Tree {
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &[u8]) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, FsError> {
        let name = Arc::clone(&self.name);
        let database = self.database().await?;
        database.read(move |db| work(db, &name)).await.map_err(failed)
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &[u8]) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, FsError> {
        let name = Arc::clone(&self.name);
        let database = self.database().await?;
        database.write(move |db| work(db, &name)).await.map_err(failed)
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
    FsError::Io(io::Error::other(error))
}

/// What is at `path` or below it: its octets, and those between which all that is below lies.
///
/// For `path = ?2 OR path >= ?3 AND path < ?4`.
fn within(path: &VPath) -> (&[u8], Vec<u8>, Vec<u8>) {
    let base = if *path == VPath::ROOT { b"" } else { path.as_bytes() };
    // What follows a slash in the order of octets.
    (path.as_bytes(), [base, b"/"].concat(), [base, b"0"].concat())
}

/// A path, as it was kept.
fn path(row: &Row<'_>, column: usize) -> rusqlite::Result<VPath> {
    let raw = row.get_ref(column)?.as_blob()?;
    VPath::parse(raw, &VPath::ROOT, DotDot::Refuse)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}

/// How many there are.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    row.get(column).map(|count: i64| usize::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests;
