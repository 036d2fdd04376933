//! People, kept in the file `core.db` of a store: a folder that is its owner's alone.
//!
//! Several processes may use a store at once. A server that runs sees what another process changed within half a second,
//! or at once where it is told to [`forget`].

mod bans;
mod credential;
mod people;
mod prepared;
mod row;
mod scram;
mod secret;
mod ssh_key;
mod verify;

use std::fmt;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ropewalk_core::data::cred::Hashing;
use ropewalk_core::{Error, Result};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

pub use credential::{Credential, CredentialKind};
pub use people::{Account, Change, NewAccount, Scram};
use row::Rows;
pub use row::forget;
pub use scram::ITERATIONS;
pub use secret::generate_password;
pub use ssh_key::SshKey;

use crate::sqlite::{Database, Schema};

/// The accounts' part of a store.
const SCHEMA: Schema = Schema {
    id: 0x7277_6c6b,
    steps: &[include_str!("../../migrations/core/1.sql"), include_str!("../../migrations/core/2.sql")],
};
const FILE: &str = "core.db";

/// The accounts of a store. Clones are the same.
///
/// Its file is opened when it is first needed: a process can be given a store before it gives up root.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    hashing: Arc<Hashing>,
    database: OnceCell<Database>,
    rows: Rows,
}

impl Store {
    /// The store in this folder, which must have been made. This blocks, and changes nothing.
    ///
    /// # Errors
    /// Where there is none, where others than its owner may write to the folder, where it has a newer schema or lies on a network file
    /// system, and where it cannot be read.
    pub fn open(dir: impl Into<PathBuf>, hashing: Arc<Hashing>) -> Result<Self> {
        let dir = dir.into();
        let file = dir.join(FILE);
        match file.try_exists() {
            Ok(true) => {
                guard(&dir)?;
                Database::check(&file, &SCHEMA)?;
            }
            Ok(false) => {
                return Err(Error::local(format!(
                    "there is no store in {}: `ropewalk user add` or `ropewalk zone import` makes one",
                    dir.display()
                )));
            }
            Err(error) => {
                return Err(Error::local(format!("cannot look at {}", file.display())).caused_by(error));
            }
        }
        Ok(Self::at(dir, hashing))
    }

    /// Whether there is one in this folder.
    pub fn is_in(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// The store in this folder, both made where they are not there. This blocks.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and where the folder cannot be made.
    pub fn create(dir: impl Into<PathBuf>, hashing: Arc<Hashing>) -> Result<Self> {
        let dir = dir.into();
        make(&dir)?;
        drop(Database::open(dir.join(FILE), &SCHEMA)?);
        Ok(Self::at(dir, hashing))
    }

    fn at(dir: PathBuf, hashing: Arc<Hashing>) -> Self {
        Self(Arc::new(Inner { dir, hashing, database: OnceCell::new(), rows: Rows::default() }))
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// That others may look into the folder, where they may, with the remedy.
    pub fn warning(&self) -> Option<String> {
        wide(self.dir())
    }

    /// The file, opened now if it is not.
    async fn database(&self) -> Result<&Database> {
        let open = || async {
            let file = self.0.dir.join(FILE);
            let opened = spawn_blocking(move || Database::open(file, &SCHEMA)).await;
            let database =
                opened.map_err(|e| Error::local("the store could not be opened").caused_by(e))??;
            if !database.read(prepared::is_done).await? {
                database.write(prepared::prepare).await?;
            }
            Ok(database)
        };
        self.0.database.get_or_try_init(open).await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.0.dir).finish_non_exhaustive()
    }
}

/// A folder for its owner only. One that is there stays as it is.
fn make(dir: &Path) -> Result<()> {
    let failed = |e| Error::local(format!("cannot make the store {}", dir.display())).caused_by(e);
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        Err(_) => {}
    }
    let meta = dir.metadata().map_err(failed)?;
    if !meta.is_dir() {
        return Err(Error::local(format!("{} is no folder", dir.display())));
    }
    guard(dir)
}

/// Whoever may write to the folder can put another store in the place of this one.
fn guard(dir: &Path) -> Result<()> {
    let is_open = dir.metadata().is_ok_and(|meta| meta.mode() & 0o022 != 0);
    wide(dir).filter(|_| is_open).map_or(Ok(()), |why| Err(Error::local(why)))
}

/// That the folder is open to more than its owner, and its group to look.
fn wide(dir: &Path) -> Option<String> {
    let mode = dir.metadata().ok()?.mode() & 0o7777;
    (mode & 0o777 & !0o750 != 0).then(|| {
        let dir = dir.display();
        format!("{dir}: mode {mode:04o} is wider than 0750 and the folder holds secrets (chmod 700 {dir})")
    })
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
