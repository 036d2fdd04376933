//! What the files of the trees that are served have together.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use ropewalk_core::data::files::layers::Share;

/// By where each tree is. It lasts as long as the process, over all reloads: what is still being written then, by a service
/// that goes on or drains, counts for all.
static KEPT: LazyLock<Mutex<HashMap<PathBuf, Share>>> = LazyLock::new(Mutex::default);

/// The share of the tree at this place, whose path is its real one, under this limit.
pub(super) fn of(at: &Path, limit: u64) -> Share {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    match kept.get(at) {
        Some(share) => share.limited(limit),
        None => kept.entry(at.to_owned()).or_insert(Share::uncounted(limit)).clone(),
    }
}
