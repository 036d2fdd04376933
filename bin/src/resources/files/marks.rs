//! Locks and properties of the folders that are served: in the store, or in memory.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ropewalk_core::data::files::{DotDot, Marks, MemoryLocks, MemoryProps, VPath};
use ropewalk_store::marks::Store;

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// What lasts as long as the process, over all reloads: what is in memory is nowhere else.
#[derive(Default)]
struct Kept {
    /// By their folders, each open once.
    stores: HashMap<PathBuf, Store>,
    /// Of all folders of this machine that have no store.
    memory: (MemoryLocks, MemoryProps),
    /// By the store, or none, and by where the folder is: so they are the same under each name that the configuration gives it.
    folders: HashMap<(Option<PathBuf>, PathBuf), Arc<Marks>>,
}

/// The marks of the folder `at`, whose path is its real one. What lies in two folders has the same by both.
pub(super) fn of(store: Option<&Store>, at: &Path) -> Arc<Marks> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let Kept { stores, memory: (locks, props), folders } = &mut *kept;
    let octets = at.as_os_str().as_bytes();
    let make = || match (store, VPath::parse(octets, &VPath::ROOT, DotDot::Refuse)) {
        (Some(store), _) => {
            let store = stores.entry(store.dir().to_owned()).or_insert_with(|| store.clone());
            Arc::new(store.of(octets))
        }
        (None, Ok(path)) => Arc::new(Marks::new(Arc::new(locks.of(&path)), Arc::new(props.of(&path)))),
        // No system has such a path.
        (None, Err(_)) => Arc::new(Marks::memory()),
    };
    let key = (store.map(|store| store.dir().to_owned()), at.to_owned());
    Arc::clone(folders.entry(key).or_insert_with(make))
}
