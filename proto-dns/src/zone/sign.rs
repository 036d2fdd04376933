//! A zone with signatures, made of one without (RFC 4035 §2).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ropewalk_core::{Error, Result};

use super::chain::Chain;
use super::names::{all, has_all_below};
use super::{Denial, Draft, DraftSet, Node, Zone};
use crate::dnssec::{Hash, SigningKey, Times, bitmap, rrsig, times};
use crate::wire::{Key, Name, NameRef, Type};

/// How long others may keep a key.
const KEY_TTL: u32 = 60 * 60;

/// How a zone is signed.
#[derive(Debug)]
pub struct Signing {
    /// With what.
    pub key: SigningKey,
    /// Whether names are denied by NSEC3 (RFC 5155), or by NSEC.
    pub nsec3: bool,
    /// What the parent is told.
    pub cds: Cds,
    /// How long signatures count, in seconds.
    pub validity: u32,
}

/// What a zone tells its parent by CDS and CDNSKEY (RFC 7344).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cds {
    /// Nothing.
    None,
    /// The DS that it should have.
    Publish,
    /// That it should have none (RFC 8078 §4).
    Delete,
}

/// A zone as it was signed before.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// Without signatures.
    pub base: &'a Zone,
    /// With them.
    pub signed: &'a Zone,
    /// What ends before this, in seconds since 1970, is signed anew; and so is what does not count yet.
    pub renew: u32,
    /// Also where nothing else changed: for this, all names are looked at.
    pub all: bool,
}

/// A zone that was signed.
#[derive(Debug)]
pub struct Signed {
    /// The zone.
    pub zone: Zone,
    /// The names that may have other records than before.
    pub touched: BTreeSet<Name>,
}

/// What a name is to a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Inside,
    /// Another zone begins there.
    Cut,
    /// It is below another zone, or below a DNAME.
    Occluded,
}

/// What is made by whoever signs, and nobody else; and digests of the zone, which others made of it without signatures.
const OURS: [Type; 8] = [
    Type::RRSIG,
    Type::NSEC,
    Type::NSEC3,
    Type::NSEC3PARAM,
    Type::DNSKEY,
    Type::CDS,
    Type::CDNSKEY,
    Type::ZONEMD,
];

impl Signing {
    /// How long before it is made a signature begins to count, as clocks differ, in seconds.
    pub(crate) const EARLY: u32 = 60 * 60;

    /// Whether records of this type are made by whoever signs, so that a zone that is signed here has none of its own.
    pub fn makes(rtype: Type) -> bool {
        OURS.contains(&rtype)
    }

    /// Whether a zone can be signed here.
    ///
    /// # Errors
    /// If it has records of those that are made here.
    pub fn admits(zone: &Zone) -> Result<()> {
        zone.nodes().try_for_each(|node| own(node, zone.origin()))
    }

    /// The zone with signatures from `now` on and with this serial. Of what it was before it keeps all that can be kept;
    /// `None` where all can.
    ///
    /// # Errors
    /// If the zone [cannot be signed](Self::admits), the key does not sign, or there is no room for hashes.
    pub fn sign(
        &self,
        base: &Zone,
        before: Option<Before<'_>>,
        serial: u32,
        now: u32,
    ) -> Result<Option<Signed>> {
        Run { how: self, base, before, serial, now, hash: self.nsec3.then(Hash::plain) }.run()
    }
}

/// A zone while it is signed.
struct Run<'a> {
    how: &'a Signing,
    base: &'a Zone,
    before: Option<Before<'a>>,
    serial: u32,
    now: u32,
    hash: Option<Hash>,
}

impl Run<'_> {
    fn run(&self) -> Result<Option<Signed>> {
        let (mut names, due) = (self.other(), self.due());
        if names.is_empty() && due.is_empty() {
            return Ok(None);
        }
        names.insert(self.base.origin().to_name());
        let mut changed = names.iter().filter_map(|name| self.base.node(name.view()));
        changed.try_for_each(|node| own(node, self.base.origin()))?;
        self.spread(&mut names);
        let entries = self.entries(&names)?;
        let (order, dirty) = self.order(&entries);
        let mut touched = names;
        touched.extend(entries.keys().cloned());
        touched.extend(dirty);
        touched.extend(due);
        let mut zone = self.before.map_or(self.base, |before| before.signed).clone();
        let node = |name: &Name| self.node(name.view(), &order, entries.get(name).cloned().flatten());
        for (name, node) in touched.iter().zip(all(&touched, node)?) {
            zone.replace(name.view(), node);
        }
        zone.settle();
        Ok(Some(Signed { zone, touched }))
    }

    /// The names whose records are others than before.
    fn other(&self) -> BTreeSet<Name> {
        match self.before {
            None => self.base.nodes().map(|node| node.name().to_name()).collect(),
            Some(before) => before.base.differing(self.base).map(NameRef::to_name).collect(),
        }
    }

    /// The names with signatures that end soon, or do not count yet.
    fn due(&self) -> Vec<Name> {
        let Some(Before { signed, all: true, .. }) = self.before else { return Vec::new() };
        let is_due = |node: &&Node| node.signed().any(|times| !self.lasts(times));
        signed.nodes().filter(is_due).map(|node| node.name().to_name()).collect()
    }

    /// Whether a signature counts now and for long enough.
    fn lasts(&self, Times { inception, expiration }: Times) -> bool {
        inception <= self.now && self.before.is_none_or(|before| expiration > before.renew)
    }

    /// Adds all names below those at which the zone has begun or ceased to end; and all that there are, where denials count for
    /// another time.
    fn spread(&self, names: &mut BTreeSet<Name>) {
        let Some(before) = self.before else { return };
        let ttl = |zone: &Zone| zone.negative().map(|soa| soa.ttl);
        if ttl(before.base) != ttl(self.base) {
            return names.extend(self.base.nodes().map(|node| node.name().to_name()));
        }
        let turns = |zone: &Zone, name: &Name| {
            let node = zone.node(name.view()).filter(|_| name.view() != zone.origin());
            [Type::NS, Type::DNAME].map(|rtype| node.is_some_and(|node| node.set(rtype).is_some()))
        };
        let at_apex = |zone: &Zone| zone.apex().set(Type::DNAME).is_some();
        let mut turned: HashSet<Name> =
            names.iter().filter(|name| turns(before.base, name) != turns(self.base, name)).cloned().collect();
        if at_apex(before.base) != at_apex(self.base) {
            turned.insert(self.base.origin().to_name());
        }
        // Nearly always there is nothing below, or nothing but what changed with it.
        turned.retain(|name| [before.base, self.base].iter().any(|zone| !has_all_below(zone, name, names)));
        if turned.is_empty() {
            return;
        }
        let below =
            |node: &&Node| node.name().ancestors().skip(1).any(|name| turned.contains(&name.to_name()));
        let all = before.base.nodes().chain(self.base.nodes());
        names.extend(all.filter(below).map(|node| node.name().to_name()));
    }

    fn standing(&self, name: NameRef<'_>) -> Standing {
        let (key, zone) = (Key::new(name), self.base);
        let above =
            (zone.labels()..key.labels()).filter_map(|labels| Some((labels, zone.at(key.suffix(labels))?)));
        for (labels, node) in above {
            let is_cut = labels > zone.labels() && node.set(Type::NS).is_some();
            if is_cut || node.set(Type::DNAME).is_some() {
                return Standing::Occluded;
            }
        }
        match zone.at(key.whole()) {
            Some(node) if name != zone.origin() && node.set(Type::NS).is_some() => Standing::Cut,
            _ => Standing::Inside,
        }
    }

    /// What there is of each of these names in the chain: the owner, and the types that it has; none where it has nothing there.
    fn entries(&self, names: &BTreeSet<Name>) -> Result<BTreeMap<Name, Option<Vec<u8>>>> {
        let mut entries = BTreeMap::new();
        for name in names {
            let owner = match &self.hash {
                None => name.clone(),
                Some(hash) => hash.owner(name.view(), self.base.origin()).view().to_name(),
            };
            if owner.view().is_root() && self.hash.is_some() {
                return Err(Error::local(format!(
                    "the name {} has no room for hashes (NSEC3)",
                    self.base.origin()
                )));
            }
            entries.insert(owner, self.types(name.view()));
        }
        Ok(entries)
    }

    /// The bitmap of a name.
    fn types(&self, name: NameRef<'_>) -> Option<Vec<u8>> {
        let (node, standing) = (self.base.node(name)?, self.standing(name));
        if standing == Standing::Occluded || node.is_empty() && self.hash.is_none() {
            return None;
        }
        let own = node.sets().map(|set| set.rtype);
        let made = self.made(name).into_iter().map(|(rtype, ..)| rtype);
        let mut types: Vec<Type> = own
            .chain(made)
            .filter(|rtype| match standing {
                Standing::Cut => matches!(*rtype, Type::NS | Type::DS),
                _ => true,
            })
            .collect();
        let is_signed = types.iter().any(|rtype| is_signed(*rtype, standing));
        types.extend((is_signed || self.hash.is_none()).then_some(Type::RRSIG));
        types.extend(self.hash.is_none().then_some(Type::NSEC));
        Some(bitmap(types))
    }

    /// The chain with what is new in it, and the owners in it whose next one is another.
    fn order(&self, entries: &BTreeMap<Name, Option<Vec<u8>>>) -> (Chain, Vec<Name>) {
        let empty = |name: &Name| Node::new(Key::new(name.view()).whole(), &Draft::default());
        let known = self.before.and_then(|before| before.signed.denial()).map(Denial::chain);
        let Some(known) = known else {
            let there = entries.iter().filter(|(_, bits)| bits.is_some());
            return (Chain::new(there.map(|(name, _)| empty(name)).collect()), Vec::new());
        };
        let mut order = known.clone();
        let is_known = |name: &Name| known.at_or_before(name.view()).is_some_and(|(_, exact)| exact);
        let moved: Vec<_> = entries
            .iter()
            .filter(|(name, bits)| is_known(name) != bits.is_some())
            .map(|(name, _)| name)
            .collect();
        for name in &moved {
            match is_known(name) {
                true => order.remove(name.view()),
                false => order.put(empty(name)),
            }
        }
        let before = moved.iter().filter_map(|name| Some(order.before(name.view())?.name().to_name()));
        let dirty = before.collect();
        (order, dirty)
    }

    /// The records of a name after signing; `None` if it has none.
    fn node(&self, name: NameRef<'_>, order: &Chain, bits: Option<Vec<u8>>) -> Result<Option<Node>> {
        let old = self.before.and_then(|before| before.signed.node(name));
        let own = self.base.node(name);
        let is_apex = name == self.base.origin();
        let mut made = if is_apex { self.made(name) } else { Vec::new() };
        if is_apex {
            made.extend(self.soa());
        }
        made.extend(self.link(name, order, bits, old));
        let mut sets: Vec<DraftSet<'_>> = Vec::new();
        sets.extend(
            own.into_iter()
                .flat_map(Node::sets)
                .filter(|set| !(is_apex && set.rtype == Type::SOA))
                .map(DraftSet::from),
        );
        sets.extend(made.iter().map(|(rtype, ttl, rdata)| DraftSet {
            rtype: *rtype,
            covers: Type(0),
            ttl: *ttl,
            rdata: vec![rdata],
        }));
        let standing = self.standing(name);
        let mut signatures = Vec::new();
        for set in sets.iter().filter(|set| is_signed(set.rtype, standing)) {
            signatures.push((set.rtype, set.ttl, self.signature(name, set, old)?));
        }
        sets.extend(signatures.iter().map(|(covers, ttl, rdata)| DraftSet {
            rtype: Type::RRSIG,
            covers: *covers,
            ttl: *ttl,
            rdata: vec![rdata],
        }));
        sets.sort_by_key(|set| (set.rtype, set.covers));
        // The case of the name is that of the zone.
        let owner = own.map_or(name, Node::name);
        Ok((!sets.is_empty()).then(|| Node::new(Key::new(owner).whole(), &Draft { sets })))
    }

    /// The signature of a set: the one that it has, where it is the same set and ends late enough.
    fn signature(&self, owner: NameRef<'_>, set: &DraftSet<'_>, old: Option<&Node>) -> Result<Vec<u8>> {
        let is_same = |node: &&Node| {
            let there = node.set(set.rtype);
            there.is_some_and(|there| there.ttl == set.ttl && there.rdata().eq(set.rdata.iter().copied()))
        };
        let kept = old.filter(is_same).and_then(|node| node.signatures(set.rtype)?.rdata().next());
        if let Some(kept) = kept.filter(|kept| times(kept).is_some_and(|times| self.lasts(times))) {
            return Ok(kept.to_vec());
        }
        rrsig(&self.how.key, self.base.origin(), owner, set, self.times(owner, set.rtype))
    }

    /// Not all signatures end at once, so that they are not all renewed at once.
    fn times(&self, owner: NameRef<'_>, rtype: Type) -> Times {
        let spread = (self.how.validity / 8).max(1);
        let early = Key::new(owner).whole().hash.wrapping_add(u32::from(rtype.0).wrapping_mul(0x9e37_79b9));
        let expiration = self.now.wrapping_add(self.how.validity).wrapping_sub(early % spread);
        Times { inception: self.now.saturating_sub(Signing::EARLY), expiration }
    }

    /// The record that leads from a name to the next, if it is in the chain.
    fn link(
        &self,
        name: NameRef<'_>,
        order: &Chain,
        bits: Option<Vec<u8>>,
        old: Option<&Node>,
    ) -> Option<(Type, u32, Vec<u8>)> {
        let (_, true) = order.at_or_before(name)? else { return None };
        let next = order.after(name)?.name();
        let (rtype, mut rdata) = match &self.hash {
            None => (Type::NSEC, next.to_lower().wire().to_vec()),
            Some(hash) => {
                let next = Hash::read(next)?;
                (Type::NSEC3, [&hash.param()[..], &[next.len() as u8], &next].concat())
            }
        };
        match bits {
            Some(bits) => rdata.extend(bits),
            None => rdata.extend(old?.bits()?),
        }
        // RFC 9077 §3.
        Some((rtype, self.base.negative()?.ttl, rdata))
    }

    /// What the apex has by being signed, besides signatures.
    fn made(&self, name: NameRef<'_>) -> Vec<(Type, u32, Vec<u8>)> {
        if name != self.base.origin() {
            return Vec::new();
        }
        let key = &self.how.key;
        let mut made = vec![(Type::DNSKEY, KEY_TTL, key.dnskey().to_vec())];
        match self.how.cds {
            Cds::None => {}
            Cds::Publish => {
                made.push((Type::CDS, KEY_TTL, key.ds(name)));
                made.push((Type::CDNSKEY, KEY_TTL, key.dnskey().to_vec()));
            }
            Cds::Delete => {
                made.push((Type::CDS, KEY_TTL, vec![0; 5]));
                made.push((Type::CDNSKEY, KEY_TTL, vec![0, 0, 3, 0, 0]));
            }
        }
        made.extend(self.hash.as_ref().map(|hash| (Type::NSEC3PARAM, 0, hash.param())));
        made
    }

    /// The SOA record with the serial.
    fn soa(&self) -> Option<(Type, u32, Vec<u8>)> {
        let soa = self.base.soa()?;
        let mut rdata = soa.rdata().next()?.to_vec();
        let (_, numbers) = rdata.split_last_chunk_mut::<20>()?;
        *numbers.first_chunk_mut()? = self.serial.to_be_bytes();
        Some((Type::SOA, soa.ttl, rdata))
    }
}

/// Sees that a node has nothing that is made here.
fn own(node: &Node, origin: NameRef<'_>) -> Result<()> {
    let Some(set) = node.sets().find(|set| Signing::makes(set.rtype)) else { return Ok(()) };
    let (name, rtype) = (node.name(), set.rtype);
    Err(Error::local(format!(
        "{name} {rtype}: {origin} is to be signed here, and so has no such records of its own"
    )))
}

fn is_signed(rtype: Type, standing: Standing) -> bool {
    match (rtype, standing) {
        (Type::NSEC | Type::NSEC3, _) | (_, Standing::Inside) => true,
        (_, Standing::Cut) => rtype == Type::DS,
        (_, Standing::Occluded) => false,
    }
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
