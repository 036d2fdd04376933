use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ropewalk_core::app::ConnId;

/// Who holds an encoder: no more than so many at once, and of these no more than so many for each connection.
pub(super) struct Places {
    held: Mutex<HashMap<Option<ConnId>, usize>>,
    most: usize,
    each: usize,
}

/// A place for an encoder, which is free again when this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    of: Option<ConnId>,
}

impl Places {
    /// `most` places, of which a connection gets a quarter, and one at least.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { held: Mutex::default(), most, each: most.div_ceil(4) })
    }

    /// A place for this connection, if one is free.
    pub(super) fn take(self: &Arc<Self>, of: Option<ConnId>) -> Option<Place> {
        let mut held = self.lock();
        let own = held.get(&of).copied().unwrap_or(0);
        if own >= self.each || held.values().sum::<usize>() >= self.most {
            return None;
        }
        held.insert(of, own + 1);
        Some(Place { places: Arc::clone(self), of })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<ConnId>, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.lock();
        match held.get_mut(&self.of) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(held.remove(&self.of)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_an_end_for_all_and_for_each() {
        let places = Places::new(8);
        let (one, other) = (Some(ConnId::next()), Some(ConnId::next()));
        let first = [places.take(one), places.take(one)];
        assert!(first.iter().all(Option::is_some) && places.take(one).is_none());
        assert!(places.take(other).is_some());
        let many: Vec<_> = (0..20).filter_map(|_| places.take(Some(ConnId::next()))).collect();
        assert_eq!(many.len(), 6);
        assert!(places.take(other).is_none());
        drop(first);
        assert!(places.take(one).is_some());
        drop(many);
        assert!(places.lock().is_empty());
    }
}
