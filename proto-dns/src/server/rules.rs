use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Acl;
use crate::client::{Client, Options, Via};
use crate::wire::tsig::TsigKey;
use crate::wire::{Name, NameRef};

/// How long a partner has to reply.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is particular to a zone.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Who may ask about it, if others than the policies say.
    pub queries: Option<Acl>,
    /// Who may have all of it (RFC 5936 §5): nobody, where nobody is named.
    pub transfers: Acl,
    /// Who is told of its changes (RFC 1996).
    pub notify: Vec<Partner>,
}

/// Another server of a zone.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Where it is.
    pub addr: SocketAddr,
    /// What it knows us by, and we it.
    pub key: Option<Arc<TsigKey>>,
    /// What zones come by: TCP or TLS (RFC 9103).
    pub via: Via,
}

/// The rules of all zones, by their names.
#[derive(Debug, Default)]
pub(super) struct Book(Vec<(Name, Arc<Rules>)>);

impl Partner {
    /// The port of name servers.
    pub const PORT: u16 = 53;

    /// A partner that is asked over TCP.
    pub fn new(addr: SocketAddr, key: Option<Arc<TsigKey>>) -> Self {
        Self { addr, key, via: Via::Tcp }
    }

    /// What talks to it so.
    pub(super) fn client(&self, via: Via) -> Client {
        let options = Options { key: self.key.clone(), timeout: TIMEOUT, ..Options::default() };
        Client::with(self.addr, via, options)
    }
}

impl Book {
    pub(super) fn new(mut rules: Vec<(Name, Arc<Rules>)>) -> Self {
        rules.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self(rules)
    }

    /// The rules of the zone at this origin.
    pub(super) fn of(&self, origin: NameRef<'_>) -> Option<&Arc<Rules>> {
        let at = self.0.binary_search_by(|(name, _)| name.view().cmp(&origin)).ok()?;
        self.0.get(at).map(|(_, rules)| rules)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Name, &Rules)> {
        self.0.iter().map(|(name, rules)| (name, rules.as_ref()))
    }
}
