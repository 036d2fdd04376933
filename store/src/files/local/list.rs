use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ropewalk_core::data::files::{DirStream, Entry, FsError, Kind, ListOptions, Meta, Name, VPath};
use rustix::fs::{Dir, OFlags};
use rustix::io::Errno;

use super::Tree;
use super::facts::{error, facts, kind};

/// The most entries that are looked at before the thread is given back.
const MAX_BATCH: usize = 1024;

/// A directory being read, a batch at a time.
pub(super) struct Listing {
    tree: Arc<Tree>,
    path: VPath,
    options: ListOptions,
    /// Away while a thread reads it.
    dir: Option<Dir>,
}

impl Listing {
    pub(super) fn new(
        tree: &Arc<Tree>,
        path: &VPath,
        dir: OwnedFd,
        options: ListOptions,
    ) -> Result<Self, FsError> {
        let dir = Dir::new(dir).map_err(error)?;
        Ok(Self { tree: tree.clone(), path: path.clone(), options, dir: Some(dir) })
    }
}

#[async_trait]
impl DirStream for Listing {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Entry>, FsError> {
        let max = max.clamp(1, MAX_BATCH);
        let mut dir =
            self.dir.take().ok_or_else(|| FsError::Io(io::Error::other("the listing was given up")))?;
        let (tree, path, options) = (self.tree.clone(), self.path.clone(), self.options);
        let (dir, batch) = self
            .tree
            .pool
            .run(move || {
                let batch = read(&mut dir, &tree, &path, options, max);
                Ok((dir, batch))
            })
            .await?;
        self.dir = Some(dir);
        batch
    }
}

fn read(
    dir: &mut Dir,
    tree: &Tree,
    path: &VPath,
    options: ListOptions,
    max: usize,
) -> Result<Vec<Entry>, FsError> {
    let mut batch = Vec::new();
    while batch.len() < max {
        let Some(found) = dir.read() else { break };
        let found = found.map_err(error)?;
        // `.` and `..` are no names.
        let Ok(name) = Name::new(Bytes::copy_from_slice(found.file_name().to_bytes())) else { continue };
        let meta = match facts(dir.fd().map_err(error)?, name.as_bytes()) {
            Ok(meta) => meta,
            // It has vanished.
            Err(Errno::NOENT) => continue,
            // A directory that may be read but not searched tells names and kinds.
            Err(_) => Meta::new(kind(found.file_type()), 0),
        };
        let meta = match meta.kind {
            Kind::Link if options.follow => target(tree, path, &name).unwrap_or(meta),
            _ => meta,
        };
        batch.push(Entry { name, meta });
    }
    Ok(batch)
}

/// The facts of what a link leads to, if it leads to anything in this tree.
fn target(tree: &Tree, path: &VPath, name: &Name) -> Option<Meta> {
    let target = tree.jail.open(&path.join(name).ok()?, OFlags::PATH).ok()?;
    facts(target, b"").ok()
}
