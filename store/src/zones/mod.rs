//! Zones that change while they are served, kept in the file `zones.db` of a store, each with what changed in it last.
//!
//! Several processes may change them at once. What was answered is on the disk.

mod change;
mod read;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ropewalk_core::data::zones::{Difference, Kept, Listed, Seed, Stamp, Zones};
use ropewalk_core::{Error, Result};
use rusqlite::Connection;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::sqlite::{Database, Schema};

/// The zones' part of a store.
const SCHEMA: Schema = Schema { id: 0x7277_7a6e, steps: &[include_str!("../../migrations/zones/1.sql")] };
const FILE: &str = "zones.db";

/// The zones of a store. Clones are the same.
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
    /// The zones of the store in this folder. This blocks, and changes nothing.
    ///
    /// # Errors
    /// Where what is there has a newer schema, is another program's, lies on a network file system, or cannot be read.
    pub fn open(dir: &Path) -> Result<Self> {
        let store = Self(Arc::new(Inner { dir: dir.to_owned(), database: OnceCell::new() }));
        store.look(|_| Ok(()))?;
        Ok(store)
    }

    /// The folder of the store.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    fn file(&self) -> PathBuf {
        self.0.dir.join(FILE)
    }

    /// Does the work on the file as it is, if there is one. This blocks.
    fn look<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<Option<T>> {
        let file = self.file();
        match file.try_exists() {
            Ok(true) => Database::look(&file, &SCHEMA, work),
            Ok(false) => Ok(None),
            Err(error) => Err(Error::local(format!("cannot look at {}", file.display())).caused_by(error)),
        }
    }

    /// The file, opened now if it is not.
    async fn database(&self) -> Result<&Database> {
        let open = || async {
            let file = self.file();
            let opened = spawn_blocking(move || Database::open(file, &SCHEMA)).await;
            opened.map_err(|e| Error::local("the store could not be opened").caused_by(e))?
        };
        self.0.database.get_or_try_init(open).await
    }

    async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.database().await?.read(work).await
    }

    async fn writing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.database().await?.write(work).await
    }
}

#[async_trait]
impl Zones for Store {
    async fn list(&self) -> Result<Vec<Listed>> {
        self.reading(read::list).await
    }

    async fn stamp(&self, origin: &[u8]) -> Result<Option<Stamp>> {
        let origin = origin.to_vec();
        self.reading(move |db| Ok(read::stamp(db, &origin)?.map(|(_, stamp)| stamp))).await
    }

    fn read(&self, origin: &[u8]) -> Result<Option<Kept>> {
        self.look(|db| read::zone(db, origin)).map(Option::flatten)
    }

    async fn put(&self, origin: &[u8], was: Option<Stamp>, zone: Kept) -> Result<Option<Stamp>> {
        let origin = origin.to_vec();
        self.writing(move |db| change::put(db, &origin, was, &zone)).await
    }

    async fn change(
        &self,
        origin: &[u8],
        was: Stamp,
        difference: Difference,
        seed: Option<Seed>,
    ) -> Result<Option<Stamp>> {
        let origin = origin.to_vec();
        self.writing(move |db| change::change(db, &origin, was, &difference, seed)).await
    }

    async fn since(&self, origin: &[u8], was: Stamp) -> Result<Option<Vec<Difference>>> {
        let origin = origin.to_vec();
        self.reading(move |db| read::since(db, &origin, was)).await
    }

    async fn remove(&self, origin: &[u8], was: Stamp) -> Result<bool> {
        let origin = origin.to_vec();
        self.writing(move |db| change::remove(db, &origin, was)).await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.0.dir).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
