//! What proves to who asks for signatures that there is nothing else (RFC 4035 §3.1.3, RFC 5155 §7.2).

use crate::wire::{Encoder, Key, NameBuf, NameRef, Owner, Part, Type};
use crate::zone::{Denial, Node, Zone};

/// Records of denial in one answer at most: three for its last name, and one for each alias that a wildcard made.
const MOST: usize = 12;

/// What is denied about a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim<'z> {
    /// That it has records of a type.
    Type,
    /// That there is it, or a wildcard for it.
    Name,
    /// That there is it, where this wildcard answers.
    Closer(&'z Node),
    /// That there is it, and that this wildcard has records of a type.
    WildcardType(&'z Node),
}

/// The nodes whose records of denial an answer is to have, each once.
#[derive(Debug, Default)]
pub(crate) struct Proofs<'z> {
    nodes: [Option<&'z Node>; MOST],
    count: usize,
}

impl<'z> Proofs<'z> {
    /// Adds what denies this of a name in a zone; nothing if the zone is not signed.
    pub(super) fn deny(&mut self, zone: &'z Zone, name: &Key<'_>, claim: Claim<'z>) {
        let Some(denial) = zone.denial() else { return };
        match claim {
            Claim::Type => match find(zone, denial, name.name()) {
                Some((node, exact)) if exact || denial.hash().is_none() => self.push(node),
                _ => self.closest(zone, denial, name),
            },
            Claim::Name => {
                let encloser = encloser(zone, name);
                self.encloser(zone, denial, name, encloser);
                let mut wildcard = NameBuf::new();
                // One that is too long is not there either, and nobody can ask for it.
                if wildcard.push(b"*").and_then(|()| wildcard.finish(suffix(name, encloser))).is_ok() {
                    self.add(zone, denial, wildcard.view());
                }
            }
            Claim::Closer(wildcard) => {
                let encloser = wildcard.name().labels().count().saturating_sub(1);
                self.add(zone, denial, next_closer(denial, name, encloser));
            }
            Claim::WildcardType(wildcard) => {
                let encloser = wildcard.name().labels().count().saturating_sub(1);
                self.encloser(zone, denial, name, encloser);
                self.add(zone, denial, wildcard.name());
            }
        }
    }

    /// Proves which name of so many labels is the last that there is above one.
    fn encloser(&mut self, zone: &'z Zone, denial: &'z Denial, name: &Key<'_>, labels: usize) {
        if denial.hash().is_some() {
            self.add(zone, denial, suffix(name, labels));
        }
        self.add(zone, denial, next_closer(denial, name, labels));
    }

    /// The same for a name that the chain leaves out, as where it opts out of delegations without DS: of the last above it that is
    /// there (RFC 5155 §7.2.4).
    fn closest(&mut self, zone: &'z Zone, denial: &'z Denial, name: &Key<'_>) {
        for labels in (zone.labels()..name.labels()).rev() {
            if let Some((node, true)) = find(zone, denial, suffix(name, labels)) {
                self.push(node);
                return self.add(zone, denial, suffix(name, labels + 1));
            }
        }
    }

    /// Adds what is at a name, or denies it.
    fn add(&mut self, zone: &'z Zone, denial: &'z Denial, name: NameRef<'_>) {
        if let Some((node, _)) = find(zone, denial, name) {
            self.push(node);
        }
    }

    fn push(&mut self, node: &'z Node) {
        if let Some(place) = self.nodes.get_mut(self.count) {
            *place = Some(node);
            self.count += 1;
        }
    }

    /// Writes the records, with their signatures; if they do not fit, the client is told.
    pub(super) fn write(&self, reply: &mut Encoder<'_>) {
        for (node, rtype) in self.nodes() {
            let (Some(set), name) = (node.set(rtype), Key::new(node.name())) else { continue };
            let owner = Owner::Name(&name, name.labels());
            let fits = reply.rrset(Part::Authority, owner, set)
                && node.signatures(rtype).is_none_or(|set| reply.rrset(Part::Authority, owner, set));
            reply.truncated |= !fits;
        }
    }

    /// The nodes, each with the type of its record; none of them twice.
    fn nodes(&self) -> impl Iterator<Item = (&'z Node, Type)> {
        let all = || self.nodes.iter().take(self.count).flatten();
        let is_first = move |(at, node): &(usize, &&'z Node)| {
            !all().take(*at).any(|other| other.identity() == node.identity())
        };
        let rtype = |node: &Node| if node.set(Type::NSEC).is_some() { Type::NSEC } else { Type::NSEC3 };
        all().enumerate().filter(is_first).map(move |(_, node)| (*node, rtype(node)))
    }
}

/// What is in the chain for a name, or denies it; and whether it is the former.
fn find<'z>(zone: &Zone, denial: &'z Denial, name: NameRef<'_>) -> Option<(&'z Node, bool)> {
    let hashed = denial.hash().map(|hash| hash.owner(name, zone.origin()));
    denial.chain().at_or_before(hashed.as_ref().map_or(name, NameBuf::view))
}

/// What denies that there is anything closer than the name of so many labels: NSEC denies the name itself, and all between.
fn next_closer<'k>(denial: &Denial, name: &Key<'k>, labels: usize) -> NameRef<'k> {
    if denial.hash().is_some() { suffix(name, labels + 1) } else { name.name() }
}

/// The labels of the last name above one that there is.
fn encloser(zone: &Zone, name: &Key<'_>) -> usize {
    let mut above = (zone.labels()..name.labels()).rev();
    above.find(|labels| zone.existing(name.suffix(*labels)).is_some()).unwrap_or(zone.labels())
}

fn suffix<'k>(name: &Key<'k>, labels: usize) -> NameRef<'k> {
    NameRef::from_wire(name.wire(labels)).unwrap_or(NameRef::ROOT)
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
