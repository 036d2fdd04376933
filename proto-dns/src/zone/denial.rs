use super::Node;
use super::chain::Chain;
use crate::dnssec::Hash;
use crate::wire::{NameRef, Type};

/// What a signed zone denies names and types by: the chain of NSEC (RFC 4035 §2.3) or that of NSEC3 (RFC 5155).
#[derive(Clone, Debug)]
pub(crate) struct Denial {
    /// How names are hashed, for NSEC3.
    hash: Option<Hash>,
    chain: Chain,
}

impl Denial {
    /// How a zone with this apex does it: without nodes yet. `None` where it is not signed.
    pub(crate) fn of(apex: &Node) -> Option<Self> {
        if apex.set(Type::NSEC).is_some() {
            return Some(Self { hash: None, chain: Chain::default() });
        }
        // One with flags is in the making, or on its way out (RFC 5155 §4.1.2).
        let hash = apex.set(Type::NSEC3PARAM)?.rdata().find_map(Hash::of)?;
        Some(Self { hash: Some(hash), chain: Chain::default() })
    }

    /// The same with the nodes of the zone that belong to it.
    pub(crate) fn with<'a>(self, nodes: impl Iterator<Item = &'a Node>) -> Self {
        let chain = Chain::new(nodes.filter(|node| self.has(node)).cloned().collect());
        Self { chain, ..self }
    }

    /// Whether another denies in the same way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.hash == other.hash
    }

    /// How names are hashed, for NSEC3.
    pub(crate) fn hash(&self) -> Option<&Hash> {
        self.hash.as_ref()
    }

    /// The type of its records.
    pub(crate) fn rtype(&self) -> Type {
        if self.hash.is_some() { Type::NSEC3 } else { Type::NSEC }
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Takes note of a node that is another by now.
    pub(crate) fn put(&mut self, node: &Node) {
        if self.has(node) {
            self.chain.put(node.clone());
        } else {
            self.chain.remove(node.name());
        }
    }

    pub(crate) fn remove(&mut self, name: NameRef<'_>) {
        self.chain.remove(name);
    }

    fn has(&self, node: &Node) -> bool {
        node.set(self.rtype()).is_some()
    }

    /// Whether a node is of the chain alone, and no name that there is (RFC 5155 §7.2.8).
    pub(crate) fn hides(&self, node: &Node) -> bool {
        let only = |node: &Node| node.sets().all(|set| matches!(set.rtype, Type::NSEC3 | Type::RRSIG));
        self.hash.is_some() && node.children() == 0 && node.set(Type::NSEC3).is_some() && only(node)
    }
}
