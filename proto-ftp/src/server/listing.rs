//! Directories, as data connections carry them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use ropewalk_core::data::files::{Caps, DirStream, Entry, Files, FsError, ListOptions, Time, VPath};
use ropewalk_core::net::Connection;
use tokio::io::AsyncWriteExt as _;
use tokio::task::coop::consume_budget;

use super::errors::{Doing, refusal};
use super::event::Form;
use super::transfer::Failed;
use crate::wire::{Escaped, Reply, write_facts, write_ls};

/// Entries of a directory that are read at once.
const BATCH: usize = 256;
/// Octets of a listing that leave in one write.
const PAGE: usize = 32 * 1024;

/// A directory that is open, or what is listed in its place.
pub(super) struct Listing {
    what: Listed,
    form: Form,
    caps: Caps,
}

enum Listed {
    Dir(Box<dyn DirStream>),
    /// It is no directory.
    One(Box<Entry>),
}

impl Listing {
    /// Opens what is at a path, to be listed.
    pub(super) async fn open(files: &dyn Files, path: &VPath, form: Form) -> Result<Self, Reply> {
        let failed = |error| refusal(&error, Doing::Using, path);
        let caps = files.caps();
        let mut options = ListOptions::default();
        options.follow = true;
        let what = match files.list(path, options).await {
            Ok(stream) => Listed::Dir(stream),
            // RFC 3659 §7.2.1.
            Err(FsError::NotDir) if matches!(form, Form::Facts(_)) => {
                return Err(Reply::new(501, "not a directory"));
            }
            Err(FsError::NotDir) => {
                let meta = files.stat(path, true).await.map_err(failed)?;
                let name = path.file_name().ok_or_else(|| Reply::new(550, "no name"))?;
                Listed::One(Box::new(Entry { name, meta }))
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { what, form, caps })
    }

    /// Sends it, a line for each name.
    pub(super) async fn send(self, conn: &mut Connection, octets: &AtomicU64) -> Result<(), Failed> {
        let Self { what, form, caps } = self;
        let now = SystemTime::now().into();
        let mut page = Vec::with_capacity(PAGE);
        let mut stream = match what {
            Listed::Dir(stream) => stream,
            Listed::One(entry) => {
                write_entry(&entry, form, caps, now, &mut page);
                return flush(conn, &page, octets).await;
            }
        };
        loop {
            let batch = stream.next_batch(BATCH).await?;
            if batch.is_empty() {
                return flush(conn, &page, octets).await;
            }
            batch.iter().for_each(|entry| write_entry(entry, form, caps, now, &mut page));
            if page.len() >= PAGE {
                conn.write_all(&page).await?;
                octets.fetch_add(page.len() as u64, Ordering::Relaxed);
                page.clear();
            }
            consume_budget().await;
        }
    }
}

/// Sends what is left, and the end.
async fn flush(conn: &mut Connection, page: &[u8], octets: &AtomicU64) -> Result<(), Failed> {
    conn.write_all(page).await?;
    octets.fetch_add(page.len() as u64, Ordering::Relaxed);
    Ok(conn.shutdown().await?)
}

fn write_entry(entry: &Entry, form: Form, caps: Caps, now: Time, out: &mut Vec<u8>) {
    match form {
        Form::Ls => return write_ls(entry, now, out),
        Form::Names => Escaped(entry.name.as_bytes()).write(out),
        Form::Facts(facts) => write_facts(facts, &entry.meta, None, caps, entry.name.as_bytes(), out),
    }
    out.extend_from_slice(b"\r\n");
}
