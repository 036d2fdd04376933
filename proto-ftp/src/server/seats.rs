use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ropewalk_core::data::cred::Name;

/// How many sessions each person has.
#[derive(Debug, Default)]
pub(super) struct Seats(Mutex<HashMap<Name, usize>>);

/// One session of a person, counted for as long as it lives.
pub(super) struct Seat(Arc<Seats>, Name);

impl Seats {
    /// One more session of this person, if there are fewer than `most`.
    pub(super) fn take(self: &Arc<Self>, person: &Name, most: usize) -> Option<Seat> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(person).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        taken.insert(person.clone(), count + 1);
        Some(Seat(Arc::clone(self), person.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get(&self.1).copied() {
            Some(2..) => {
                taken.entry(self.1.clone()).and_modify(|count| *count -= 1);
            }
            _ => drop(taken.remove(&self.1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_so_many_seats_and_gets_them_back() {
        let seats = Arc::new(Seats::default());
        let (ann, bob) = ("ann".parse().unwrap(), "bob".parse().unwrap());
        let (first, second) = (seats.take(&ann, 2).unwrap(), seats.take(&ann, 2).unwrap());
        assert!(seats.take(&ann, 2).is_none() && seats.take(&bob, 2).is_some());
        drop(first);
        let third = seats.take(&ann, 2).unwrap();
        assert!(seats.take(&ann, 2).is_none());
        drop((second, third));
        assert!(seats.0.lock().unwrap().is_empty());
    }
}
