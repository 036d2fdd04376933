//! What is known of zones that are kept in a store.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ropewalk_core::Result;
use ropewalk_core::data::zones::{Kept, Seed, Stamp, Zones as Store};
use tokio::sync::Mutex as Turn;

use super::answered::Answered;
use super::extent::Extent;
use super::is_newer;
use super::signer::Signer;
use crate::wire::Name;
use crate::zone::{Zone, kept};

/// A zone that is kept.
pub(super) struct Dynamic {
    pub(super) origin: Name,
    /// Whoever changes what is served, or kept, does so alone.
    pub(super) turn: Turn<Answered>,
    pub(super) state: Mutex<State>,
    /// What signs it: what is kept has no signatures.
    pub(super) signer: Option<Arc<Signer>>,
}

/// A zone, what is served of it if there is something, and what is strange.
pub(super) type Opened = (Dynamic, Option<Arc<Zone>>, Option<String>);

/// What is known of a zone that is kept.
#[derive(Default)]
pub(super) struct State {
    /// Of what is served; none where nothing of it is kept.
    pub(super) stamp: Option<Stamp>,
    /// What its file says, which is still to be kept and served.
    pub(super) waiting: Option<(Arc<Zone>, Seed)>,
    /// How large what is served is, where that was counted.
    pub(super) extent: Option<Extent>,
}

/// What becomes of what a file says, where something is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// It is what was taken from it the last time.
    Known,
    /// It is what is kept, whatever was taken from it.
    Same,
    /// It is newer.
    Newer,
    /// It is another, and not newer.
    Stale,
}

pub(super) fn judge(zone: &Zone, seed: &Seed, kept: &Zone, of_kept: Option<Seed>) -> Judged {
    let (serial, than) = (zone.serial().unwrap_or_default(), kept.serial().unwrap_or_default());
    if of_kept == Some(*seed) {
        Judged::Known
    } else if kept::seed(kept) == *seed {
        Judged::Same
    } else if is_newer(serial, than) {
        Judged::Newer
    } else {
        Judged::Stale
    }
}

/// Why a file is not taken.
pub(super) fn stale(zone: &Zone, kept: &Zone) -> String {
    let (origin, serial, than) =
        (zone.origin(), zone.serial().unwrap_or_default(), kept.serial().unwrap_or_default());
    format!(
        "the records of {origin} are others than when the file was last read, but their serial {serial} is not after \
         {than}, to which updates have brought the zone: they are not taken. Give the file a newer serial; \
         `ropewalk zone export {origin}` writes what is served"
    )
}

impl Dynamic {
    /// A zone with what its file says, if it has one; what is to be served, if there is something, and what is strange. This
    /// blocks.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) fn open(origin: Name, store: &dyn Store, file: Option<Arc<Zone>>) -> Result<Opened> {
        let known = kept::read(store, origin.view())?;
        let (mut state, mut warning) = (State::default(), None);
        let file = file.map(|zone| {
            let seed = kept::seed(&zone);
            (zone, seed)
        });
        let served = match known {
            Some((zone, Kept { stamp, seed, .. })) => {
                state.stamp = Some(stamp);
                match file.as_ref().map(|(file, of_file)| judge(file, of_file, &zone, seed)) {
                    None | Some(Judged::Known) => {}
                    Some(Judged::Same | Judged::Newer) => state.waiting = file,
                    Some(Judged::Stale) => warning = file.map(|(file, _)| stale(&file, &zone)),
                }
                Some(Arc::new(zone))
            }
            None => {
                state.waiting.clone_from(&file);
                file.map(|(zone, _)| zone)
            }
        };
        let dynamic = Self { origin, turn: Turn::default(), state: Mutex::new(state), signer: None };
        if served.is_none() {
            let origin = &dynamic.origin;
            warning = Some(format!(
                "{origin} is not in the store yet: `ropewalk zone import {origin}=FILE` puts it there"
            ));
        }
        Ok((dynamic, served, warning))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wire(&self) -> Vec<u8> {
        self.origin.view().to_lower().wire().to_vec()
    }
}

impl fmt::Debug for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dynamic").field("origin", &self.origin).finish_non_exhaustive()
    }
}
