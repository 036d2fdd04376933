use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ropewalk_core::Address;
use ropewalk_core::data::cred::{Name, Principal};

/// How many sessions each person has. All guests have one name: a guest is an address.
#[derive(Debug, Default)]
pub(super) struct Seats(Mutex<HashMap<Sitter, usize>>);

/// Who is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sitter {
    Person(Name),
    /// By IPv4 address or IPv6 /64 network; none of those that have none.
    Guest(Option<IpAddr>),
}

/// One session of a person, counted for as long as it lives.
pub(super) struct Seat(Arc<Seats>, Sitter);

impl Seats {
    /// One more session of this person, if there are fewer than `most`.
    pub(super) fn take(self: &Arc<Self>, who: &Principal, peer: &Address, most: usize) -> Option<Seat> {
        let sitter = match who.is_guest() {
            true => Sitter::Guest(peer.network()),
            false => Sitter::Person(who.name().clone()),
        };
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(&sitter).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        taken.insert(sitter.clone(), count + 1);
        Some(Seat(Arc::clone(self), sitter))
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
        let (here, there) = (at("192.0.2.1:1"), at("192.0.2.2:1"));
        let (first, second) = (seats.take(&ann, &here, 2).unwrap(), seats.take(&ann, &there, 2).unwrap());
        assert!(seats.take(&ann, &here, 2).is_none() && seats.take(&bob, &here, 2).is_some());
        drop(first);
        let third = seats.take(&ann, &here, 2).unwrap();
        assert!(seats.take(&ann, &there, 2).is_none());
        drop((second, third));
        assert!(seats.0.lock().unwrap().is_empty());
    }

    #[test]
    fn guests_are_counted_by_their_network() {
        let seats = Arc::new(Seats::default());
        let guest = person("anonymous", Method::Anonymous);
        let _held = seats.take(&guest, &at("192.0.2.1:1"), 1).unwrap();
        assert!(seats.take(&guest, &at("192.0.2.1:2"), 1).is_none());
        let _other = seats.take(&guest, &at("[2001:db8::1]:1"), 1).unwrap();
        assert!(seats.take(&guest, &at("[2001:db8::2]:1"), 1).is_none());
        assert!(seats.take(&guest, &at("192.0.2.2:1"), 1).is_some());
    }
}
