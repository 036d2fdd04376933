//! What services tell of themselves, for those who make names of it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that others need to know to come to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// It listens there.
    Listens(Listens),
}

/// Where a service listens, and what it shows there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listens {
    /// The protocol, as it is called in metrics.
    pub proto: &'static str,
    /// The address, which may be that of all addresses.
    pub at: SocketAddr,
    /// What it is spoken over.
    pub over: Over,
    /// What the protocol is called in TLS (RFC 7301), the most wanted first.
    pub alpn: Vec<Vec<u8>>,
    /// The SHA-256 of the public key of each certificate that may be shown, as RFC 6698 §2.1 has it: now, and others after a
    /// renewal. None where there is no TLS.
    pub keys: Vec<[u8; 32]>,
}

/// What a protocol is spoken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Over {
    /// TCP, perhaps with TLS later.
    Tcp,
    /// TCP with TLS from the first octet.
    Tls,
    /// Datagrams.
    Udp,
    /// QUIC.
    Quic,
}

/// What a service tells of itself, as it is when it is asked.
pub trait Tells: Send + Sync {
    /// All there is to tell, in an order that stays the same.
    fn facts(&self) -> Vec<Fact>;
}

impl<F: Fn() -> Vec<Fact> + Send + Sync> Tells for F {
    fn facts(&self) -> Vec<Fact> {
        self()
    }
}

/// What all services of an application tell. A clone is another handle to the same.
#[derive(Clone, Default)]
pub struct Facts(Arc<Mutex<BTreeMap<String, Arc<dyn Tells>>>>);

impl Facts {
    /// From now on a service tells this, and nothing else that it has told before.
    pub fn tell(&self, service: &str, tells: impl Tells + 'static) {
        self.lock().insert(service.into(), Arc::new(tells));
    }

    /// What all of them tell now.
    pub fn all(&self) -> Vec<Fact> {
        let all: Vec<_> = self.lock().values().cloned().collect();
        all.iter().flat_map(|one| one.facts()).collect()
    }

    /// There is no such service any more.
    pub(crate) fn forget(&self, service: &str) {
        self.lock().remove(service);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<dyn Tells>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_tells_the_last_that_it_said_until_it_is_forgotten() {
        let facts = Facts::default();
        let listens = |port: u16| {
            let at = SocketAddr::from(([192, 0, 2, 1], port));
            let one = Listens { proto: "echo", at, over: Over::Tcp, alpn: Vec::new(), keys: Vec::new() };
            vec![Fact::Listens(one)]
        };
        facts.tell("b", move || listens(1));
        facts.tell("a", move || listens(2));
        facts.clone().tell("b", move || listens(3));
        assert_eq!(facts.all(), [listens(2), listens(3)].concat());
        facts.forget("a");
        assert_eq!(facts.all(), listens(3));
    }
}
