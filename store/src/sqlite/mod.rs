//! SQLite files: one thread that writes each, with group commit, and connections that read beside it.
//!
//! What a write changed is on the disk when it has been answered (WAL, `synchronous=FULL`). Writes that wait for the
//! disk at the same time share one commit, so that a hundred clients are not a hundred times as slow as one.

mod migrate;
mod place;
mod writer;

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ropewalk_core::{Error, Pool, Result};
use rusqlite::{Connection, OpenFlags};

pub use migrate::Schema;
use writer::Writer;

/// How long a process waits while another one writes.
const BUSY: Duration = Duration::from_secs(5);
/// Connections that read at once, and reads that wait for one.
const READERS: usize = 4;
const WAITING: usize = 1024;
/// Octets that the write-ahead log keeps on the disk when it is not needed.
const WAL_KEPT: u32 = 16 * 1024 * 1024;

/// An open SQLite file. Other processes may have it open too.
pub struct Database {
    writer: Writer,
    readers: Arc<Readers>,
    pool: Pool,
}

impl Database {
    /// Opens the file, which is made where there is none (mode 0600), and brings it to the schema's newest version.
    /// This blocks.
    ///
    /// # Errors
    /// Where it lies on a network file system, is another program's, has a newer schema, or cannot be opened.
    pub fn open(path: impl Into<PathBuf>, schema: &Schema) -> Result<Self> {
        let path = path.into();
        place::refuse_network(&path)?;
        place::touch(&path)?;
        let failed = |e| wrong(e).during(format!("cannot open {}", path.display()));
        let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
        schema.migrate(&mut connection).map_err(|e| e.during(format!("cannot open {}", path.display())))?;
        let writer = Writer::start(connection)?;
        let readers = Arc::new(Readers { path, idle: Mutex::default() });
        Ok(Self { writer, readers, pool: Pool::new(READERS, WAITING) })
    }

    /// Whether [`open`](Self::open) would succeed on a file that exists, without changing it. This blocks.
    ///
    /// # Errors
    /// As [`open`](Self::open), and where there is no such file.
    pub fn check(path: &Path, schema: &Schema) -> Result<()> {
        Self::look(path, schema, |_| Ok(())).map(drop)
    }

    /// Does the work on a file that exists, without changing or keeping it; nothing where it has an older schema, as one has
    /// that is being made. This blocks.
    ///
    /// # Errors
    /// As [`check`](Self::check), and where the work fails.
    pub fn look<T>(
        path: &Path,
        schema: &Schema,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let failed = |e: Error| e.during(format!("cannot open {}", path.display()));
        place::refuse_network(path)?;
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|e| failed(wrong(e)))?;
        if schema.version_of(&connection).map_err(failed)? < schema.steps.len() {
            return Ok(None);
        }
        work(&connection).map(Some).map_err(|e| failed(wrong(e)))
    }

    /// Does the work and commits it, together with what else waits. All of it is on the disk when this returns;
    /// nothing of it where it fails. A caller that goes away does not stop work that waits.
    ///
    /// # Errors
    /// A limit's where the file stays locked by another process; ours for all else.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.run(work).await
    }

    /// As [`write`](Self::write), for what nobody waits for: dropped where too much waits, and told to the log where it fails.
    pub fn post(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static) {
        self.writer.post(work);
    }

    /// Does the work on a connection that only reads, and sees what was committed before.
    ///
    /// # Errors
    /// A limit's where too many wait; ours for all else.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let readers = Arc::clone(&self.readers);
        self.pool.run(move || readers.run(work)).await?
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.readers.path).finish_non_exhaustive()
    }
}

/// Connections that read, opened when they are needed; as many as the pool has threads.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// A connection whose work failed is not used again.
    fn run<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle().pop();
        let fresh = || {
            let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.pragma_update(None, "query_only", true)?;
            Ok(connection)
        };
        let connection = known.map_or_else(fresh, Ok).map_err(wrong)?;
        let found = work(&connection).map_err(wrong)?;
        idle().push(connection);
        Ok(found)
    }
}

/// A connection to a file that exists, set up as all are.
fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// What SQLite says, with whose fault it is.
fn wrong(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => {
            Error::limit("store", "another process has the store locked").caused_by(error)
        }
        _ if has_no_room(&error) => {
            Error::local("the disk is full").caused_by(io::Error::new(io::ErrorKind::StorageFull, error))
        }
        _ => Error::local("the store failed").caused_by(error),
    }
}

/// Whether the disk is full, be it for the index of the log.
fn has_no_room(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR_SHMSIZE};
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_FULL | SQLITE_IOERR_SHMSIZE))
}

/// Whether the store failed because the disk is full.
pub(crate) fn is_full(error: &Error) -> bool {
    let mut sources = std::iter::successors(error.source(), |&error| error.source());
    sources.any(|error| {
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::StorageFull)
    })
}

#[cfg(test)]
mod tests;
