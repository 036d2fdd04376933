use std::sync::Arc;

use super::Zone;
use super::table::{Item, Table};
use crate::wire::key::Key;
use crate::wire::{Name, NameRef};

/// The zones that questions are answered from. As a zone, it does not change: a copy with a change shares the rest.
#[derive(Clone, Debug)]
pub struct ZoneSet {
    table: Table<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    hash: u32,
    origin: Name,
    zone: Option<Arc<Zone>>,
}

/// What a [`ZoneSet`] has for a name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Best<'z> {
    /// The zone that it is in.
    Zone(&'z Zone),
    /// It is in the zone of ours at this origin, whose records we do not have.
    Unavailable(NameRef<'z>),
    /// It is in no zone of ours.
    Foreign,
}

impl Default for ZoneSet {
    fn default() -> Self {
        Self { table: Table::new(Vec::new()) }
    }
}

impl ZoneSet {
    /// Puts in a zone, in the place of the one at the same origin.
    pub fn insert(&mut self, zone: Arc<Zone>) {
        let origin = zone.origin().to_name();
        self.put(origin, Some(zone));
    }

    /// Says that there is a zone without records: it was not loaded, or it expired. Its questions get SERVFAIL.
    pub fn insert_unavailable(&mut self, origin: Name) {
        self.put(origin, None);
    }

    /// Takes out the zone at `origin`.
    pub fn remove(&mut self, origin: NameRef<'_>) {
        let key = Key::new(origin);
        self.table.remove(key.whole().hash, key.whole().wire);
    }

    /// The zone at `origin`, if it has records.
    pub fn zone(&self, origin: NameRef<'_>) -> Option<&Arc<Zone>> {
        let key = Key::new(origin);
        self.table.find(key.whole().hash, key.whole().wire)?.zone.as_ref()
    }

    /// Whether there is a zone at `origin`, with records or without.
    pub fn has(&self, origin: NameRef<'_>) -> bool {
        let key = Key::new(origin);
        self.table.find(key.whole().hash, key.whole().wire).is_some()
    }

    /// All zones that have records, in no order.
    pub fn zones(&self) -> impl Iterator<Item = &Arc<Zone>> {
        self.table.iter().filter_map(|entry| entry.zone.as_ref())
    }

    /// All origins, in no order.
    pub fn origins(&self) -> impl Iterator<Item = NameRef<'_>> {
        self.table.iter().map(|entry| entry.origin.view())
    }

    /// The zone that a name is in: the one with the longest origin. With `of_parent`, the zone above it is preferred where
    /// the name is an origin, as for DS (RFC 4035 §3.1.4.1).
    pub(crate) fn best(&self, key: &Key<'_>, of_parent: bool) -> Best<'_> {
        let mut at_origin = None;
        for labels in (0..=key.labels()).rev() {
            let name = key.suffix(labels);
            let Some(entry) = self.table.find(name.hash, name.wire) else { continue };
            let without = || Best::Unavailable(entry.origin.view());
            let best = entry.zone.as_deref().map_or_else(without, Best::Zone);
            if !of_parent || labels < key.labels() {
                return best;
            }
            at_origin = Some(best);
        }
        at_origin.unwrap_or(Best::Foreign)
    }

    fn put(&mut self, origin: Name, zone: Option<Arc<Zone>>) {
        let hash = Key::new(origin.view()).whole().hash;
        match self.table.find_mut(hash, origin.wire()) {
            Some(entry) => entry.zone = zone,
            None => self.table.insert(Entry { hash, origin, zone }),
        }
    }
}

impl FromIterator<Zone> for ZoneSet {
    fn from_iter<I: IntoIterator<Item = Zone>>(zones: I) -> Self {
        let mut set = Self::default();
        zones.into_iter().for_each(|zone| set.insert(Arc::new(zone)));
        set
    }
}

impl Item for Entry {
    fn hash(&self) -> u32 {
        self.hash
    }

    fn name(&self) -> &[u8] {
        self.origin.wire()
    }
}
