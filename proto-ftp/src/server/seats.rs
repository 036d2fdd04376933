use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ropewalk_core::Address;
use ropewalk_core::data::cred::{Name, Principal};

/// Whose sessions and ports are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Person(Name),
    /// Guests are told apart by where they come from alone.
    Guest(Option<IpAddr>),
}

impl Who {
    pub(super) fn of(principal: &Principal, peer: &Address) -> Self {
        match principal.is_guest() {
            true => Self::Guest(peer.network()),
            false => Self::Person(principal.name().clone()),
        }
    }
}

/// How many sessions each person has.
#[derive(Debug, Default)]
pub(super) struct Seats(Mutex<HashMap<Who, usize>>);

/// One session of a person, counted for as long as it lives.
pub(super) struct Seat(Arc<Seats>, Who);

impl Seats {
    /// One more session of this person, if there are fewer than `most`.
    pub(super) fn take(self: &Arc<Self>, person: &Who, most: usize) -> Option<Seat> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(person).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        taken.insert(person.clone(), count + 1);
        Some(Seat(Arc::clone(self), person.clone()))
    }
}

impl Seat {
    pub(super) fn who(&self) -> &Who {
        &self.1
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
        let (ann, bob) = (Who::Person("ann".parse().unwrap()), Who::Guest(None));
        let (first, second) = (seats.take(&ann, 2).unwrap(), seats.take(&ann, 2).unwrap());
        assert!(seats.take(&ann, 2).is_none() && seats.take(&bob, 2).is_some());
        drop(first);
        let third = seats.take(&ann, 2).unwrap();
        assert!(seats.take(&ann, 2).is_none());
        drop((second, third));
        assert!(seats.0.lock().unwrap().is_empty());
    }
}
