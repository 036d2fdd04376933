use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::signers::Signers;
use super::source::{Id, Loaded};
use super::watched::{Stamp, stamp};
use crate::zone::Zone;

/// What was read from files, for all that share it: zones that are served, and those of a configuration that is read anew. So a file
/// is read once, and signed once, and where it is broken by then, there is what is served of it. It holds nothing that nobody
/// serves.
#[derive(Clone, Default)]
pub struct Memory {
    read: Arc<Mutex<HashMap<Id, Weak<Shared>>>>,
    pub(super) signers: Arc<Signers>,
}

type Shared = Mutex<Option<Reading>>;

/// What was read from one source last. Whoever reads it has it meanwhile.
#[derive(Debug)]
pub(super) struct Last(Arc<Shared>);

/// What was read from a source: there for as long as somebody serves it.
#[derive(Debug)]
pub(super) struct Reading {
    /// All files that were read, as they were before that.
    files: Vec<(PathBuf, Stamp)>,
    zones: Vec<Weak<Zone>>,
    warnings: Vec<String>,
}

impl Memory {
    /// What is known of a source, which is there for as long as somebody has it.
    pub(super) fn of(&self, id: Id) -> Last {
        let mut all = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = all.get(&id).and_then(Weak::upgrade) {
            return Last(last);
        }
        all.retain(|_, last| last.strong_count() > 0);
        let last = Arc::default();
        all.insert(id, Arc::downgrade(&last));
        Last(last)
    }
}

impl Last {
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    pub(super) fn new(files: Vec<(PathBuf, Stamp)>, loaded: &Loaded) -> Self {
        let zones = loaded.zones.iter().map(Arc::downgrade).collect();
        Self { files, zones, warnings: loaded.warnings.clone() }
    }

    /// What there is to be read, if the files are as they were: with them.
    pub(super) fn current(&self) -> Option<(Loaded, Vec<(PathBuf, Stamp)>)> {
        let is_same = self.files.iter().all(|(file, read)| stamp(file) == *read);
        let zones = self.zones().filter(|_| is_same)?;
        Some((Loaded { zones, warnings: self.warnings.clone() }, self.files.clone()))
    }

    /// The zones, if all of them are served still.
    pub(super) fn zones(&self) -> Option<Vec<Arc<Zone>>> {
        self.zones.iter().map(Weak::upgrade).collect()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
