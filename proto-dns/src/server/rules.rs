use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::Address;

use super::{Acl, Editors};
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
    /// Who may change it (RFC 2136).
    pub editors: Editors,
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

/// The rules of all zones.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Of those that have rules of their own, by their names.
    zones: Vec<(Name, Arc<Rules>)>,
    /// Of those that come and go with their file.
    others: Option<Arc<Rules>>,
    /// Who may have any of them.
    partners: Acl,
}

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

impl Rules {
    /// Whether they are those of any zone of which nothing is said.
    pub(super) fn is_bare(&self) -> bool {
        let Self { queries, transfers, notify, editors } = self;
        queries.is_none() && transfers.is_empty() && notify.is_empty() && editors.grants.is_empty()
    }
}

impl Book {
    pub(super) fn new(mut zones: Vec<(Name, Arc<Rules>)>, others: Option<Arc<Rules>>) -> Self {
        zones.sort_by(|(a, _), (b, _)| a.cmp(b));
        let all = zones.iter().map(|(_, rules)| rules).chain(&others);
        let partners = Acl::any(all.map(|rules| &rules.transfers));
        Self { zones, others, partners }
    }

    /// The rules of the zone at this origin.
    pub(super) fn of(&self, origin: NameRef<'_>) -> Option<&Arc<Rules>> {
        let at = self.zones.binary_search_by(|(name, _)| name.view().cmp(&origin)).ok();
        at.and_then(|at| self.zones.get(at)).map(|(_, rules)| rules).or(self.others.as_ref())
    }

    /// Whether this peer may have a zone, whichever: others are not told which ones there are.
    pub(super) fn knows(&self, peer: &Address, key: Option<NameRef<'_>>) -> bool {
        key.is_some() || self.partners.admits(peer, None)
    }

    /// All that are of a zone.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Name, &Rules)> {
        self.zones.iter().map(|(name, rules)| (name, rules.as_ref()))
    }
}
