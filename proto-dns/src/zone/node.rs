use std::sync::Arc;

use super::table::Item;
use crate::dnssec::{Times, times};
use crate::wire::key::Suffix;
use crate::wire::{NameRef, Rrset, Type};

/// A name of a zone with its RRsets, in one piece of memory: the length of the name, the name, and each set as its type,
/// the type that it covers, its lifetime, the length of its records, and its records.
#[derive(Clone, Debug)]
pub struct Node {
    hash: u32,
    /// The names one label below it.
    children: u32,
    octets: Arc<[u8]>,
}

/// A name of a zone as it is put together or taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft<'a> {
    /// In the order of their types.
    pub(crate) sets: Vec<DraftSet<'a>>,
}

/// An RRset as it is put together or taken apart.
#[derive(Clone, Debug)]
pub(crate) struct DraftSet<'a> {
    pub(crate) rtype: Type,
    pub(crate) covers: Type,
    pub(crate) ttl: u32,
    pub(crate) rdata: Vec<&'a [u8]>,
}

/// The octets of a set before its records.
const SET: usize = 12;

impl Node {
    pub(crate) fn new(name: Suffix<'_>, draft: &Draft<'_>) -> Self {
        let wire = name.wire;
        let records = |set: &DraftSet<'_>| set.rdata.iter().map(|rdata| 2 + rdata.len()).sum::<usize>();
        let length = 1 + wire.len() + draft.sets.iter().map(|set| SET + records(set)).sum::<usize>();
        let mut octets = Vec::with_capacity(length);
        octets.push(wire.len() as u8);
        octets.extend_from_slice(wire);
        for set in &draft.sets {
            octets.extend_from_slice(&set.rtype.0.to_be_bytes());
            octets.extend_from_slice(&set.covers.0.to_be_bytes());
            octets.extend_from_slice(&set.ttl.to_be_bytes());
            octets.extend_from_slice(&(records(set) as u32).to_be_bytes());
            for rdata in &set.rdata {
                octets.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
                octets.extend_from_slice(rdata);
            }
        }
        Self { hash: name.hash, children: 0, octets: octets.into() }
    }

    /// The owner.
    pub fn name(&self) -> NameRef<'_> {
        // What is kept was a name when it came.
        NameRef::from_wire(Item::name(self)).unwrap_or(NameRef::ROOT)
    }

    /// Its RRsets, in the order of their types.
    pub fn sets(&self) -> impl Iterator<Item = Rrset<'_>> {
        let start = 1 + usize::from(self.octets.first().copied().unwrap_or_default());
        let mut rest = self.octets.get(start..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (fixed, after) = rest.split_first_chunk::<SET>()?;
            let [a, b, c, d, e, f, g, h, i, j, k, l] = *fixed;
            let (records, after) = after.split_at_checked(u32::from_be_bytes([i, j, k, l]) as usize)?;
            rest = after;
            let [rtype, covers] = [[a, b], [c, d]].map(|number| Type(u16::from_be_bytes(number)));
            Some(Rrset::new(rtype, covers, u32::from_be_bytes([e, f, g, h]), records))
        })
    }

    /// The set of this type; of RRSIG, the first.
    pub fn set(&self, rtype: Type) -> Option<Rrset<'_>> {
        self.sets().find(|set| set.rtype == rtype)
    }

    /// The signatures of the set of this type.
    pub fn signatures(&self, of: Type) -> Option<Rrset<'_>> {
        self.sets().find(|set| set.rtype == Type::RRSIG && set.covers == of)
    }

    /// Whether it has no records, and exists only for names below it (RFC 4592 §2.2.2).
    pub fn is_empty(&self) -> bool {
        self.sets().next().is_none()
    }

    /// The names one label below it.
    pub(crate) fn children(&self) -> u32 {
        self.children
    }

    pub(crate) fn set_children(&mut self, children: u32) {
        self.children = children;
    }

    /// What it is told apart by from all other nodes: the same for all copies of it.
    pub(crate) fn identity(&self) -> usize {
        self.octets.as_ptr().addr()
    }

    /// Whether another has the same records, in the same order.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.octets == other.octets
    }

    /// Its records, to be changed.
    pub(crate) fn draft(&self) -> Draft<'_> {
        Draft { sets: self.sets().map(DraftSet::from).collect() }
    }
}

impl Item for Node {
    fn hash(&self) -> u32 {
        self.hash
    }

    fn name(&self) -> &[u8] {
        let Some((&length, rest)) = self.octets.split_first() else { return &[] };
        rest.get(..usize::from(length)).unwrap_or_default()
    }
}

impl<'a> From<Rrset<'a>> for DraftSet<'a> {
    fn from(set: Rrset<'a>) -> Self {
        Self { rtype: set.rtype, covers: set.covers, ttl: set.ttl, rdata: set.rdata().collect() }
    }
}

impl<'a> Draft<'a> {
    /// The set of this type.
    pub(crate) fn set_mut(&mut self, rtype: Type, covers: Type) -> Option<&mut DraftSet<'a>> {
        self.sets.iter_mut().find(|set| (set.rtype, set.covers) == (rtype, covers))
    }

    /// Adds a set of a type that is not there yet.
    pub(crate) fn insert(&mut self, set: DraftSet<'a>) {
        let at = self.sets.partition_point(|other| (other.rtype, other.covers) < (set.rtype, set.covers));
        self.sets.insert(at, set);
    }
}
impl Node {
    /// When the first of its signatures ends.
    pub(crate) fn expires(&self) -> Option<u32> {
        self.signed().map(|times| times.expiration).min()
    }

    /// When its signatures count.
    pub(super) fn signed(&self) -> impl Iterator<Item = Times> {
        let signatures = self.sets().filter(|set| set.rtype == Type::RRSIG);
        signatures.flat_map(|set| set.rdata()).filter_map(times)
    }

    /// The bitmap of its NSEC or NSEC3.
    pub(super) fn bits(&self) -> Option<&[u8]> {
        if let Some(nsec) = self.set(Type::NSEC) {
            return NameRef::split(nsec.rdata().next()?).ok().map(|(_, bits)| bits);
        }
        let rdata = self.set(Type::NSEC3)?.rdata().next()?;
        let (_, hash) = rdata.split_at_checked(5 + usize::from(*rdata.get(4)?))?;
        hash.get(1 + usize::from(*hash.first()?)..)
    }
}
