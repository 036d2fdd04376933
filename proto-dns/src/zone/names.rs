//! Many names of a zone at once.

use std::collections::{BTreeSet, HashMap};
use std::iter;
use std::ops::Bound;

use ropewalk_core::{Error, Result};

use super::Zone;
use crate::wire::Name;

/// As many names are work for several threads.
pub(super) const MANY: usize = 1000;

/// What is made of all names, in their order: of many, by the processors, but for a few where there are many.
pub(super) fn all<T: Send>(
    names: &BTreeSet<Name>,
    make: impl Fn(&Name) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let threads = std::thread::available_parallelism().map_or(1, |all| all.get() - all.get() / 4);
    if threads == 1 || names.len() < MANY {
        return names.iter().map(make).collect();
    }
    let (names, make): (Vec<_>, _) = (names.iter().collect(), &make);
    let parts = std::thread::scope(|scope| {
        let parts = names.chunks(names.len().div_ceil(threads));
        let running: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(|name| make(name)).collect::<Result<Vec<_>>>()))
            .collect();
        let failed = |_| Error::local("signing ended in the middle");
        running.into_iter().map(|one| one.join().map_err(failed)?).collect::<Result<Vec<_>>>()
    });
    Ok(parts?.into_iter().flatten().collect())
}

/// Whether all names that a zone has below one are among these.
pub(super) fn has_all_below(zone: &Zone, top: &Name, names: &BTreeSet<Name>) -> bool {
    let after = names.range::<Name, _>((Bound::Excluded(top), Bound::Unbounded));
    let below = after.take_while(|name| name.view().is_within(top.view()));
    // How many names one label below each are still to come, which is after it.
    let mut missing: HashMap<Name, u32> = HashMap::new();
    for name in iter::once(top).chain(below) {
        let Some(node) = zone.node(name.view()) else { continue };
        if name != top {
            let parent = name.view().ancestors().nth(1).map(|parent| parent.to_name());
            let Some(left) = parent.and_then(|parent| missing.get_mut(&parent)) else { return false };
            *left = left.saturating_sub(1);
        }
        missing.insert(name.clone(), node.children());
    }
    missing.values().all(|left| *left == 0)
}
