use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::endpoint::{At, Interface};
use super::{Bound, BoundDatagrams, Endpoint};
use crate::{Error, Result};

/// The sockets of an application, by where they are bound; it outlives every configuration.
///
/// A generation of the configuration claims what it needs: what is held already is handed over, what is new is
/// bound. The first generation has begun when the table is made. For the next: [`begin`](Self::begin), claim,
/// then [`commit`](Self::commit), which closes what the new one did not claim, or [`rollback`](Self::rollback),
/// which closes what only the new one did.
#[derive(Debug, Default)]
pub struct Sockets {
    streams: Table<Bound>,
    datagrams: Table<BoundDatagrams>,
}

#[derive(Debug)]
struct Table<B>(HashMap<Key, Entry<B>>);

#[derive(Debug)]
struct Entry<B> {
    bound: B,
    /// By the generation that claims now.
    claimed: bool,
    /// The generation before had it not.
    new: bool,
}

/// Where a socket is bound. TLS options, modes and the like are no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Tcp(u16, Option<Interface>),
    Udp(u16, Option<Interface>),
    Quic(u16, Option<Interface>),
    /// The n-th claim of any free port, in this generation.
    Any(Box<Self>, usize),
    Unix(PathBuf),
    Systemd(Option<String>),
    Fd(u32),
    Stdio,
    Memory(String),
    /// Cannot be listened on.
    Nowhere,
}

impl Key {
    fn of(endpoint: &Endpoint) -> Self {
        match endpoint.at() {
            At::Tcp { host: Some(_), .. } | At::Process { .. } => Self::Nowhere,
            At::Tcp { port, interface, .. } => Self::Tcp(*port, *interface),
            At::Udp { port, interface } => Self::Udp(*port, *interface),
            At::Quic { port, interface, .. } => Self::Quic(*port, *interface),
            At::Unix { path, .. } => Self::Unix(path.clone()),
            At::Systemd { name } => Self::Systemd(name.clone()),
            At::Fd(number) => Self::Fd(*number),
            At::Stdio => Self::Stdio,
            At::Memory(name) => Self::Memory(name.clone()),
        }
    }
}

impl Key {
    fn collides(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(0, _) | Self::Udp(0, _) | Self::Quic(0, _) | Self::Nowhere, _) => false,
            (Self::Tcp(port, a), Self::Tcp(same, b))
            | (Self::Udp(port, a) | Self::Quic(port, a), Self::Udp(same, b) | Self::Quic(same, b)) => {
                port == same && meet(*a, *b)
            }
            (a, b) => a == b,
        }
    }
}

impl Endpoint {
    /// Whether both cannot be listened on at once, as one takes what the other wants. Any free port is never taken.
    pub(crate) fn collides(&self, other: &Self) -> bool {
        Key::of(self).collides(&Key::of(other))
    }
}

/// Whether two interfaces have an address in common. Every address is one of IPv6 that IPv4 comes to as well.
fn meet(a: Option<Interface>, b: Option<Interface>) -> bool {
    match (a, b) {
        (None, _) | (_, None) => true,
        (Some(Interface::Localhost), Some(Interface::Localhost)) => true,
        (Some(Interface::Localhost), Some(Interface::Address(ip)))
        | (Some(Interface::Address(ip)), Some(Interface::Localhost)) => {
            ip == IpAddr::from(Ipv4Addr::LOCALHOST) || ip.is_unspecified()
        }
        (Some(Interface::Address(a)), Some(Interface::Address(b))) => {
            a == b || (a.is_ipv4() == b.is_ipv4() && (a.is_unspecified() || b.is_unspecified()))
        }
    }
}

impl Sockets {
    /// The bound socket of an endpoint: the one that is held already, or a new one.
    ///
    /// # Errors
    /// Where it cannot be bound, or this generation has claimed it before: two services cannot share a port.
    /// Port 0 is a new port each time; the next generation is given the same ones in the same order.
    pub fn claim(&mut self, endpoint: &Endpoint) -> Result<Bound> {
        let beside = self.make_room(endpoint)?;
        let bound = self.streams.claim(endpoint, || Bound::claim(endpoint, beside))?;
        bound.adopt(endpoint)?;
        Ok(bound)
    }

    /// The bound port of a `udp:` endpoint: as [`claim`](Self::claim).
    ///
    /// # Errors
    /// As [`claim`](Self::claim), or if it is not for datagrams.
    pub fn claim_datagram(&mut self, endpoint: &Endpoint) -> Result<BoundDatagrams> {
        let beside = self.make_room(endpoint)?;
        self.datagrams.claim(endpoint, || BoundDatagrams::claim_beside(endpoint, beside))
    }

    /// Lets an endpoint have the port of sockets that the generation before has there and this one does not, as where `udp:`
    /// becomes `quic:`: until they are closed, the kernel divides the peers between them. Whether there are any.
    fn make_room(&self, endpoint: &Endpoint) -> Result<bool> {
        let key = Key::of(endpoint);
        let streams = self.streams.leaving(&key).map(Bound::share);
        let shared = streams.chain(self.datagrams.leaving(&key).map(BoundDatagrams::share));
        let shared: Vec<()> = shared.collect::<Result<_, _>>()?;
        Ok(!shared.is_empty())
    }

    /// Begins a new generation, in which nothing is claimed yet.
    pub fn begin(&mut self) {
        self.streams.begin();
        self.datagrams.begin();
    }

    /// Makes the new generation the one that counts: closes what it did not claim.
    pub fn commit(&mut self) {
        self.streams.retain(|entry| entry.claimed, Bound::close);
        self.datagrams.retain(|entry| entry.claimed, BoundDatagrams::close);
    }

    /// Gives the new generation up: closes what only it claimed. The table is as it was before
    /// [`begin`](Self::begin).
    pub fn rollback(&mut self) {
        self.streams.retain(|entry| !entry.new, Bound::close);
        self.datagrams.retain(|entry| !entry.new, BoundDatagrams::close);
    }
}

impl<B> Default for Table<B> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<B: Clone> Table<B> {
    fn claim(&mut self, endpoint: &Endpoint, bind: impl FnOnce() -> Result<B>) -> Result<B> {
        let key = self.key(endpoint);
        if let Some(entry) = self.0.get_mut(&key) {
            if entry.claimed {
                return Err(Error::local(format!("two services listen on {endpoint}")));
            }
            entry.claimed = true;
            return Ok(entry.bound.clone());
        }
        let bound = bind()?;
        self.0.insert(key, Entry { bound: bound.clone(), claimed: true, new: true });
        Ok(bound)
    }

    fn key(&self, endpoint: &Endpoint) -> Key {
        let key = Key::of(endpoint);
        if endpoint.port() != Some(0) {
            return key;
        }
        let mut n = 0;
        loop {
            let nth = Key::Any(Box::new(key.clone()), n);
            match self.0.get(&nth) {
                Some(entry) if entry.claimed => n += 1,
                _ => return nth,
            }
        }
    }

    /// What is in the way of this key, is another, and is not claimed by this generation.
    fn leaving(&self, key: &Key) -> impl Iterator<Item = &B> {
        let leaves =
            move |(other, entry): &(&Key, &Entry<B>)| *other != key && other.collides(key) && !entry.claimed;
        self.0.iter().filter(leaves).map(|(_, entry)| &entry.bound)
    }

    fn begin(&mut self) {
        for entry in self.0.values_mut() {
            (entry.claimed, entry.new) = (false, false);
        }
    }

    fn retain(&mut self, keep: impl Fn(&Entry<B>) -> bool, close: impl Fn(&B)) {
        self.0.retain(|_, entry| {
            let keep = keep(entry);
            if !keep {
                close(&entry.bound);
            }
            (entry.claimed, entry.new) = (true, false);
            keep
        });
    }
}

#[cfg(test)]
#[path = "sockets_tests.rs"]
mod tests;
