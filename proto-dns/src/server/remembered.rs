//! What was read from files, so that it is read once: by who serves it and by who reads the configuration anew, whether or not it
//! has changed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::source::{Id, Loaded};
use super::watched::{Stamp, stamp};
use crate::zone::Zone;

/// What was read from one source last. Whoever reads it has it meanwhile.
pub(super) type Memory = Arc<Mutex<Option<Reading>>>;

/// What was read from a source: there for as long as somebody serves it.
#[derive(Debug)]
pub(super) struct Reading {
    /// All files that were read, as they were before that.
    files: Vec<(PathBuf, Stamp)>,
    zones: Vec<Weak<Zone>>,
    warnings: Vec<String>,
}

/// Of the process, as who reads a configuration knows nothing of what is served.
static ALL: Mutex<Option<HashMap<Id, Memory>>> = Mutex::new(None);

/// The memory of a source.
pub(super) fn of(id: Id) -> Memory {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_default();
    let is_used = |memory: &Memory| match memory.try_lock() {
        Ok(reading) => reading.as_ref().is_some_and(|reading| reading.zones().is_some()),
        Err(_) => true,
    };
    if !all.contains_key(&id) {
        all.retain(|_, memory| Arc::strong_count(memory) > 1 || is_used(memory));
    }
    Arc::clone(all.entry(id).or_default())
}

pub(super) fn lock(memory: &Memory) -> MutexGuard<'_, Option<Reading>> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
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
