use std::fmt;

use super::node::{Draft, Node};
use super::table::Table;
use super::{Builder, Denial, Problem, Record, RecordRef};
use crate::wire::key::{Key, Suffix};
use crate::wire::{Class, Name, NameRef, Rrset, Type};

/// A zone: all its names and records at one time. It never changes; [`apply`](Self::apply) makes another of it that
/// shares what is the same in both.
///
/// It also knows the names that exist only because there is one below them (RFC 4592 §2.2.2).
#[derive(Clone)]
pub struct Zone {
    origin: Name,
    /// How many labels the origin has.
    labels: usize,
    apex: Node,
    table: Table<Node>,
    /// How many names are cuts or have DNAME, and how many are wildcards: where there is none, none is looked for.
    turns: usize,
    wildcards: usize,
    /// What it denies by, if it is signed.
    denial: Option<Denial>,
}

/// What a zone has for a name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'z> {
    /// The name itself.
    Exact(&'z Node),
    /// A wildcard that covers it (RFC 4592 §3.3).
    Wildcard(&'z Node),
    /// The zone ends at this name of so many labels, which has NS: it, or one above it (RFC 1034 §4.2).
    Cut(&'z Node, usize),
    /// This name of so many labels above it has DNAME.
    Redirect(&'z Node, usize),
    /// Nothing.
    Missing,
}

impl Zone {
    /// The zone with these records, and what in it is strange but does no harm.
    ///
    /// # Errors
    /// All that is wrong; see [`Builder::finish`].
    pub fn build<R>(origin: NameRef<'_>, records: R) -> Result<(Self, Vec<Problem>), Vec<Problem>>
    where
        R: IntoIterator<Item = Record>,
    {
        let mut builder = Builder::new(origin);
        records.into_iter().for_each(|record| builder.add(&record.view()));
        builder.finish()
    }

    /// The zone of these names, whose empty ones are still to be made; `None` if the origin is not among them.
    pub(crate) fn of(origin: &Name, table: Table<Node>) -> Option<Self> {
        let key = Key::new(origin.view());
        let apex = table.find(key.whole().hash, key.whole().wire)?.clone();
        let mut zone = Self {
            origin: origin.clone(),
            labels: key.labels(),
            apex,
            table,
            turns: 0,
            wildcards: 0,
            denial: None,
        };
        let (turns, wildcards) = zone.table.iter().fold((0, 0), |(turns, wildcards), node| {
            (turns + usize::from(zone.turns_at(node)), wildcards + usize::from(is_wildcard(node)))
        });
        (zone.turns, zone.wildcards) = (turns, wildcards);
        zone.settle();
        Some(zone)
    }

    /// The name that it begins at.
    pub fn origin(&self) -> NameRef<'_> {
        self.origin.view()
    }

    /// How many labels its origin has.
    pub(crate) fn labels(&self) -> usize {
        self.labels
    }

    /// What is at its origin.
    pub fn apex(&self) -> &Node {
        &self.apex
    }

    /// How many names there are.
    pub fn names(&self) -> usize {
        self.table.len()
    }

    /// The SOA record.
    pub fn soa(&self) -> Option<Rrset<'_>> {
        self.apex.set(Type::SOA)
    }

    /// The serial of its SOA.
    pub fn serial(&self) -> Option<u32> {
        let rdata = self.soa()?.rdata().next()?;
        let (_, numbers) = rdata.split_last_chunk::<20>()?;
        Some(u32::from_be_bytes(*numbers.first_chunk()?))
    }

    /// The SOA record as a negative answer has it: kept for no longer than the answer (RFC 2308 §3).
    pub(crate) fn negative(&self) -> Option<Rrset<'_>> {
        let soa = self.soa()?;
        let minimum = u32::from_be_bytes(*soa.rdata().next()?.last_chunk()?);
        Some(soa.with_ttl(soa.ttl.min(minimum)))
    }

    /// What is at a name, wherever authority ends.
    pub fn node(&self, name: NameRef<'_>) -> Option<&Node> {
        self.at(Key::new(name).whole())
    }

    pub(crate) fn at(&self, name: Suffix<'_>) -> Option<&Node> {
        self.table.find(name.hash, name.wire)
    }

    /// What is at a name that there is: one that is a hash and nothing else is none.
    pub(crate) fn existing(&self, name: Suffix<'_>) -> Option<&Node> {
        self.at(name).filter(|node| !self.denial.as_ref().is_some_and(|denial| denial.hides(node)))
    }

    /// What it denies by, if it is signed.
    pub(crate) fn denial(&self) -> Option<&Denial> {
        self.denial.as_ref()
    }

    /// Looks anew what it denies by, where that is other than it was.
    pub(crate) fn settle(&mut self) {
        self.denial = match (Denial::of(&self.apex), self.denial.take()) {
            (Some(new), Some(old)) if new.is_like(&old) => Some(old),
            (new, _) => new.map(|new| new.with(self.table.iter())),
        };
    }

    /// What there is for a name within the zone (RFC 1034 §4.3.2, RFC 6672 §3.2). With `of_parent`, what is at a cut
    /// belongs to the zone that ends there, as DS does (RFC 4035 §3.1.4.1).
    pub(crate) fn find(&self, key: &Key<'_>, of_parent: bool) -> Found<'_> {
        let whole = key.labels();
        if whole == self.labels {
            return Found::Exact(&self.apex);
        }
        if self.turns == 0
            && let Some(node) = self.existing(key.whole())
        {
            return Found::Exact(node);
        }
        if self.apex.set(Type::DNAME).is_some() {
            return Found::Redirect(&self.apex, self.labels);
        }
        for labels in self.labels + 1..=whole {
            let Some(node) = self.existing(key.suffix(labels)) else {
                return self.covering(key.suffix(labels - 1));
            };
            if node.set(Type::NS).is_some() && !(of_parent && labels == whole) {
                return Found::Cut(node, labels);
            }
            if labels == whole {
                return Found::Exact(node);
            }
            if node.set(Type::DNAME).is_some() {
                return Found::Redirect(node, labels);
            }
        }
        Found::Missing
    }

    /// The wildcard below the closest encloser.
    fn covering(&self, encloser: Suffix<'_>) -> Found<'_> {
        if self.wildcards == 0 {
            return Found::Missing;
        }
        let is = |name: &[u8]| {
            name.strip_prefix(b"\x01*").is_some_and(|parent| parent.eq_ignore_ascii_case(encloser.wire))
        };
        self.table.search(encloser.wildcard(), is).map_or(Found::Missing, Found::Wildcard)
    }

    /// All names in the canonical order (RFC 4034 §6.1), the origin first.
    pub fn canonical(&self) -> Vec<&Node> {
        let mut nodes: Vec<_> = self.table.iter().collect();
        nodes.sort_by_cached_key(|node| canonical(node.name()));
        nodes
    }

    /// All names, in no order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.table.iter()
    }

    /// All records, names in the canonical order.
    pub fn records(&self) -> impl Iterator<Item = RecordRef<'_>> {
        self.canonical().into_iter().flat_map(Node::records)
    }

    /// Puts a node in the place of the one of the same name, or in a new one.
    pub(crate) fn put(&mut self, key: &Key<'_>, mut node: Node) {
        self.count(&node, true);
        let name = key.whole();
        if key.labels() == self.labels {
            self.apex = node.clone();
        }
        if let Some(denial) = &mut self.denial {
            denial.put(&node);
        }
        let old = self.table.find_mut(name.hash, name.wire).map(|place| {
            node.set_children(place.children());
            std::mem::replace(place, node.clone())
        });
        match old {
            Some(old) => self.count(&old, false),
            None => {
                self.table.insert(node);
                self.link(key);
            }
        }
    }

    /// Takes a name out, and those above it that were there for nothing else.
    pub(crate) fn remove(&mut self, key: &Key<'_>) {
        for labels in (self.labels + 1..=key.labels()).rev() {
            let name = key.suffix(labels);
            let Some(node) = self.at(name).cloned() else { return };
            let is_whole = labels == key.labels();
            if !is_whole && !node.is_empty() || node.children() > 0 {
                return;
            }
            self.count(&node, false);
            if let Some(denial) = &mut self.denial {
                denial.remove(node.name());
            }
            self.table.remove(name.hash, name.wire);
            let parent = key.suffix(labels - 1);
            if let Some(parent) = self.table.find_mut(parent.hash, parent.wire) {
                parent.set_children(parent.children().saturating_sub(1));
            }
        }
    }

    /// Gives a name what `node` has, or nothing.
    pub(crate) fn replace(&mut self, name: NameRef<'_>, node: Option<Node>) {
        let key = Key::new(name);
        match (node, self.at(key.whole())) {
            (Some(node), _) => self.put(&key, node),
            (None, Some(old)) if old.children() > 0 => {
                let empty = Node::new(key.whole(), &Draft::default());
                self.put(&key, empty);
            }
            (None, Some(_)) => self.remove(&key),
            (None, None) => {}
        }
    }

    /// The names whose records are others in another zone of the same origin.
    pub(crate) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = NameRef<'a>> {
        let names = self.table.differing(&other.table, Node::is_same);
        names.into_iter().filter_map(|wire| NameRef::from_wire(wire).ok())
    }

    /// Tells the name above a new one of it, which is made if it is not there.
    pub(crate) fn link(&mut self, key: &Key<'_>) {
        for labels in (self.labels..key.labels()).rev() {
            let name = key.suffix(labels);
            if let Some(parent) = self.table.find_mut(name.hash, name.wire) {
                return parent.set_children(parent.children() + 1);
            }
            let mut empty = Node::new(name, &Draft::default());
            empty.set_children(1);
            self.count(&empty, true);
            self.table.insert(empty);
        }
    }

    /// What it knows beside its records: how many names, turns and wildcards there are, and the children of each name.
    #[cfg(test)]
    pub(crate) fn facts(&self) -> (usize, usize, usize, Vec<u32>) {
        let children = self.canonical().into_iter().map(Node::children).collect();
        (self.names(), self.turns, self.wildcards, children)
    }

    fn count(&mut self, node: &Node, more: bool) {
        let (turns, wildcards) = (usize::from(self.turns_at(node)), usize::from(is_wildcard(node)));
        let change =
            |count: &mut usize, by| *count = if more { *count + by } else { count.saturating_sub(by) };
        change(&mut self.turns, turns);
        change(&mut self.wildcards, wildcards);
    }

    fn turns_at(&self, node: &Node) -> bool {
        let is_apex = || node.name() == self.origin.view();
        node.sets().any(|set| set.rtype == Type::DNAME || set.rtype == Type::NS && !is_apex())
    }
}

impl Node {
    /// Its records.
    pub fn records(&self) -> impl Iterator<Item = RecordRef<'_>> {
        let name = self.name();
        self.sets().flat_map(move |set| {
            set.rdata().map(move |rdata| RecordRef {
                name,
                class: Class::IN,
                rtype: set.rtype,
                ttl: set.ttl,
                rdata,
            })
        })
    }
}

/// Octets whose order is the canonical one of names: the labels from the root on in small letters, each ended by 0,
/// which within a label is 1 1, as 1 is 1 2.
fn canonical(name: NameRef<'_>) -> Vec<u8> {
    let mut labels: Vec<_> = name.labels().collect();
    labels.reverse();
    let mut octets = Vec::with_capacity(name.wire().len());
    for label in labels {
        for octet in label.to_ascii_lowercase() {
            match octet {
                0 | 1 => octets.extend_from_slice(&[1, octet + 1]),
                _ => octets.push(octet),
            }
        }
        octets.push(0);
    }
    octets
}

fn is_wildcard(node: &Node) -> bool {
    node.name().is_wildcard()
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({}, {} names)", self.origin, self.names())
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
