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

/// How many sessions each person has. All guests have one name: a guest is an address.
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
    use std::net::SocketAddr;

    use ropewalk_core::data::cred::Method;

    use super::*;

    fn person(name: &str, method: Method) -> Principal {
        Principal::new(name.parse().unwrap(), [], method)
    }

    fn at(address: &str) -> Address {
        address.parse::<SocketAddr>().unwrap().into()
    }

    #[test]
    fn a_person_has_so_many_seats_wherever_and_gets_them_back() {
        let seats = Arc::new(Seats::default());
        let (ann, bob) = (person("ann", Method::Password), person("bob", Method::Certificate));
        let take = |who, from| seats.take(&Who::of(who, &at(from)), 2);
        let (first, second) = (take(&ann, "192.0.2.1:1").unwrap(), take(&ann, "192.0.2.2:1").unwrap());
        assert!(take(&ann, "192.0.2.1:1").is_none() && take(&bob, "192.0.2.1:1").is_some());
        drop(first);
        let third = take(&ann, "192.0.2.1:1").unwrap();
        assert!(take(&ann, "192.0.2.2:1").is_none());
        drop((second, third));
        assert!(seats.0.lock().unwrap().is_empty());
    }

    #[test]
    fn guests_are_counted_by_their_network() {
        let seats = Arc::new(Seats::default());
        let guest = person("anonymous", Method::Anonymous);
        let take = |from| seats.take(&Who::of(&guest, &at(from)), 1);
        let _held = take("192.0.2.1:1").unwrap();
        assert!(take("192.0.2.1:2").is_none());
        let _other = take("[2001:db8::1]:1").unwrap();
        assert!(take("[2001:db8::2]:1").is_none());
        assert!(take("192.0.2.2:1").is_some());
    }
}
