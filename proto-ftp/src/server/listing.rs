//! Directories, as data connections carry them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use ropewalk_core::data::files::{
    DirStream, Entry, Files, FsError, Kind, ListOptions, Ops, Reach, Time, VPath,
};
use ropewalk_core::net::Connection;
use tokio::io::AsyncWriteExt as _;
use tokio::task::coop::consume_budget;

use super::errors::{Doing, refusal};
use super::event::Form;
use super::transfer::Failed;
use crate::wire::{Escaped, Fact, Reply, Rights, write_facts, write_ls};

/// Entries of a directory that are read at once.
const BATCH: usize = 256;
/// Octets of a listing that leave in one write.
const PAGE: usize = 32 * 1024;

/// A directory that is open, or what is listed in its place.
pub(super) struct Listing {
    what: Listed,
    files: Arc<dyn Files>,
    /// What is listed.
    path: VPath,
    form: Form,
}

enum Listed {
    Dir(Box<dyn DirStream>),
    /// It is no directory.
    One(Box<Entry>),
}

impl Listing {
    /// Opens what is at a path, to be listed.
    pub(super) async fn open(files: &Arc<dyn Files>, path: &VPath, form: Form) -> Result<Self, Reply> {
        let failed = |error| refusal(&error, Doing::Using, path);
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
        Ok(Self { what, files: Arc::clone(files), path: path.clone(), form })
    }

    /// Sends it, a line for each name.
    pub(super) async fn send(mut self, conn: &mut Connection, octets: &AtomicU64) -> Result<(), Failed> {
        let now = SystemTime::now().into();
        let mut page = Vec::with_capacity(PAGE);
        let stream = match self.what {
            Listed::Dir(ref mut stream) => stream,
            Listed::One(ref entry) => {
                write_entry(entry, self.form, Rights::default(), now, &mut page);
                return flush(conn, &page, octets).await;
            }
        };
        loop {
            let batch = stream.next_batch(BATCH).await?;
            if batch.is_empty() {
                return flush(conn, &page, octets).await;
            }
            for entry in &batch {
                let rights = match (self.form, self.path.join(&entry.name)) {
                    (Form::Facts(facts), Ok(path)) if facts.has(Fact::Perm) => {
                        rights(&*self.files, &path, entry.meta.kind)
                    }
                    _ => Rights::default(),
                };
                write_entry(entry, self.form, rights, now, &mut page);
            }
            if page.len() >= PAGE {
                conn.write_all(&page).await?;
                octets.fetch_add(page.len() as u64, Ordering::Relaxed);
                page.clear();
            }
            consume_budget().await;
        }
    }
}

/// What may be done with what is at a path, and with what STOU would leave there.
pub(super) fn rights(files: &dyn Files, path: &VPath, kind: Kind) -> Rights {
    let within = if kind == Kind::Dir { files.rights(path, Reach::Inside) } else { Ops::NONE };
    let stays = if *path == VPath::ROOT { Ops::RENAME | Ops::DELETE } else { Ops::NONE };
    Rights { own: files.rights(path, Reach::Here) - stays, within }
}

/// Sends what is left, and the end.
async fn flush(conn: &mut Connection, page: &[u8], octets: &AtomicU64) -> Result<(), Failed> {
    conn.write_all(page).await?;
    octets.fetch_add(page.len() as u64, Ordering::Relaxed);
    Ok(conn.shutdown().await?)
}

fn write_entry(entry: &Entry, form: Form, rights: Rights, now: Time, out: &mut Vec<u8>) {
    match form {
        Form::Ls => return write_ls(entry, now, out),
        Form::Names => Escaped(entry.name.as_bytes()).write(out),
        Form::Facts(facts) => write_facts(facts, &entry.meta, rights, entry.name.as_bytes(), out),
    }
    out.extend_from_slice(b"\r\n");
}
