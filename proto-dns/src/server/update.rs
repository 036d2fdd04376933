use std::collections::{BTreeSet, HashSet};

use super::xfr::is_newer;
use crate::wire::{Class, NameRef, Opcode, Query, Raw, Rcode, Rrset, Section, Type, rdata};
use crate::zone::{Change, Record, Zone, ZoneSet, same};

/// Octets of a set at most, as it is on the wire: an answer has room for no more.
const LARGEST: usize = u16::MAX as usize - 512;
/// Types of a name at most. Each record that is added costs what is there already.
const TYPES: usize = 100;

/// What an UPDATE makes of a zone (RFC 2136): the zone after it, and what is other than before.
#[derive(Debug)]
pub struct Updated {
    /// The zone after the update, with another serial if anything changed.
    pub zone: Zone,
    /// The records that are gone, the SOA first: the first half of the difference in IXFR's form (RFC 1995 §4). Empty if
    /// nothing changed.
    pub removed: Vec<Record>,
    /// The records that are new, the SOA first.
    pub added: Vec<Record>,
}

/// What may be changed: asked with the name and the type of each record, which is ANY where all types of a name go.
pub type May<'a> = &'a dyn Fn(NameRef<'_>, Type) -> bool;

/// A record of an UPDATE, its class and TTL as they are there, as they have meanings of their own.
struct Line {
    record: Record,
    is_empty: bool,
}

impl Updated {
    /// Works off an UPDATE: prerequisites, what may be changed, and the changes, all or none of them. Pure: the zone that
    /// is served does not change until the caller changes it, and updates of one zone are to be made one after another.
    ///
    /// # Errors
    /// The code of the reply: FORMERR, NOTAUTH if it is no zone of ours, NOTZONE, REFUSED if `may` does not allow a change,
    /// if the zone would break a rule, or if a name would have more than an answer has room for, and those of prerequisites (RFC 2136 §3).
    pub fn new(zones: &ZoneSet, query: &Query<'_>, may: May<'_>) -> Result<Self, Rcode> {
        let question =
            query.question.filter(|_| query.head.opcode == Opcode::UPDATE).ok_or(Rcode::FORMERR)?;
        if question.qtype != Type::SOA {
            return Err(Rcode::FORMERR);
        }
        let zone =
            zones.zone(question.name).filter(|_| question.qclass == Class::IN).ok_or(Rcode::NOTAUTH)?;
        require(zone, &lines(query, &query.answer)?)?;
        let lines = lines(query, &query.authority)?;
        lines.iter().try_for_each(|line| line.scan(zone))?;
        // Only who may do all does anything.
        if !lines.iter().all(|line| may(line.record.name.view(), line.record.rtype)) {
            return Err(Rcode::REFUSED);
        }
        let mut after = zone.as_ref().clone();
        for line in &lines {
            let changes = line.changes(&after);
            if !changes.is_empty() {
                after = after.apply(&changes).map_err(|_| Rcode::REFUSED)?;
                if !line.fits(&after) {
                    return Err(Rcode::REFUSED);
                }
            }
        }
        let names: BTreeSet<NameRef<'_>> = lines.iter().map(|line| line.record.name.view()).collect();
        Self::of(zone, after, &names).ok_or(Rcode::SERVFAIL)
    }

    /// The difference, with another serial if there is one.
    fn of(before: &Zone, after: Zone, names: &BTreeSet<NameRef<'_>>) -> Option<Self> {
        let records = |zone: &Zone| -> Vec<Record> {
            let nodes = names.iter().filter_map(|name| zone.node(*name));
            nodes.flat_map(|node| node.records()).map(|record| record.to_record()).collect()
        };
        let (old, new) = (records(before), records(&after));
        let is_soa = |record: &Record| record.rtype == Type::SOA;
        let without = |records: &[Record], others: &[Record]| -> Vec<Record> {
            let others: HashSet<_> = others.iter().collect();
            records.iter().filter(|record| !others.contains(record) && !is_soa(record)).cloned().collect()
        };
        let (mut removed, mut added) = (without(&old, &new), without(&new, &old));
        if removed.is_empty() && added.is_empty() && before.serial() == after.serial() {
            return Some(Self { zone: after, removed, added });
        }
        // The client may have set it itself (RFC 2136 §3.6).
        let zone = if before.serial() == after.serial() { after.renewed()? } else { after };
        removed.insert(0, soa(before)?);
        added.insert(0, soa(&zone)?);
        Some(Self { zone, removed, added })
    }

    /// Whether anything changed.
    pub fn is_change(&self) -> bool {
        !self.added.is_empty()
    }
}

/// The SOA record.
fn soa(zone: &Zone) -> Option<Record> {
    zone.apex().records().find(|record| record.rtype == Type::SOA).map(|record| record.to_record())
}

/// The records of a section.
fn lines(query: &Query<'_>, section: &Section) -> Result<Vec<Line>, Rcode> {
    query.records(section).map(|raw| Line::read(query.message, &raw).ok_or(Rcode::FORMERR)).collect()
}

/// Whether the prerequisites hold (RFC 2136 §3.2).
fn require(zone: &Zone, lines: &[Line]) -> Result<(), Rcode> {
    let demand = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
    let mut exact = Vec::new();
    for line in lines {
        let Record { name, class, rtype, ttl, .. } = &line.record;
        demand(*ttl == 0, Rcode::FORMERR)?;
        demand(name.view().is_within(zone.origin()), Rcode::NOTZONE)?;
        let node = zone.node(name.view()).filter(|node| !node.is_empty());
        let has_set = || node.is_some_and(|node| node.set(*rtype).is_some());
        match (*class, *rtype) {
            (Class::ANY | Class::NONE, _) if !line.is_empty => return Err(Rcode::FORMERR),
            (Class::ANY, Type::ANY) => demand(node.is_some(), Rcode::NXDOMAIN)?,
            (Class::ANY, _) => demand(has_set(), Rcode::NXRRSET)?,
            (Class::NONE, Type::ANY) => demand(node.is_none(), Rcode::YXDOMAIN)?,
            (Class::NONE, _) => demand(!has_set(), Rcode::YXRRSET)?,
            (Class::IN, rtype) if !rtype.is_meta() => exact.push(&line.record),
            _ => return Err(Rcode::FORMERR),
        }
    }
    exact.sort_by_key(|record| (record.name.view(), record.rtype));
    for records in exact.chunk_by(|a, b| a.name == b.name && a.rtype == b.rtype) {
        demand(is_exactly(zone, records), Rcode::NXRRSET)?;
    }
    Ok(())
}

/// Whether the zone has these records of one name and type, and no others of them.
fn is_exactly(zone: &Zone, records: &[&Record]) -> bool {
    let [first, ..] = records else { return true };
    let Some(set) = zone.node(first.name.view()).and_then(|node| node.set(first.rtype)) else { return false };
    let equal = |a: &[u8], b: &[u8]| same(first.rtype, a, b);
    // What is longer has others, and is not gone through for each.
    set.rdata().count() <= records.len()
        && set.rdata().all(|rdata| records.iter().any(|record| equal(rdata, &record.rdata)))
        && records.iter().all(|record| set.rdata().any(|rdata| equal(rdata, &record.rdata)))
}

impl Line {
    fn read(message: &[u8], raw: &Raw) -> Option<Self> {
        let mut data = Vec::new();
        // Without data it speaks of all there is.
        if raw.length > 0 {
            rdata::read(raw.rtype, message, raw.at, raw.length, &mut data).ok()?;
        }
        let record = Record {
            name: raw.owner(message)?,
            class: raw.class,
            rtype: raw.rtype,
            ttl: raw.ttl,
            rdata: data.into(),
        };
        Some(Self { record, is_empty: raw.length == 0 })
    }

    /// Whether it is a change that there can be (RFC 2136 §3.4.1).
    fn scan(&self, zone: &Zone) -> Result<(), Rcode> {
        let Record { name, class, rtype, ttl, rdata: data } = &self.record;
        if !name.view().is_within(zone.origin()) {
            return Err(Rcode::NOTZONE);
        }
        let is_good = match *class {
            Class::IN => !rtype.is_meta() && rdata::check(*rtype, data).is_ok(),
            Class::ANY => *ttl == 0 && self.is_empty && (*rtype == Type::ANY || !rtype.is_meta()),
            Class::NONE => *ttl == 0 && !rtype.is_meta(),
            _ => false,
        };
        if is_good { Ok(()) } else { Err(Rcode::FORMERR) }
    }

    /// Whether the name has room for what was added to it.
    fn fits(&self, zone: &Zone) -> bool {
        let Record { name, class, rtype, .. } = &self.record;
        let Some(node) = zone.node(name.view()).filter(|_| *class == Class::IN) else { return true };
        // Behind a pointer, type, class, TTL and length.
        let octets = |set: Rrset<'_>| set.rdata().map(|rdata| 12 + rdata.len()).sum::<usize>();
        node.sets().count() <= TYPES && node.set(*rtype).map_or(0, octets) <= LARGEST
    }

    /// What it does to the zone as it is by now; some are to be ignored (RFC 2136 §3.4.2).
    fn changes(&self, zone: &Zone) -> Vec<Change> {
        let Record { name, class, rtype, .. } = &self.record;
        if (*class, *rtype) != (Class::ANY, Type::ANY) || name.view() != zone.origin() {
            return self.change(zone).into_iter().collect();
        }
        let types =
            zone.apex().sets().map(|set| set.rtype).filter(|rtype| !matches!(*rtype, Type::SOA | Type::NS));
        types.map(|rtype| Change::RemoveSet(name.clone(), rtype)).collect()
    }

    fn change(&self, zone: &Zone) -> Option<Change> {
        let Record { name, class, rtype, .. } = &self.record;
        let is_apex = name.view() == zone.origin();
        // RFC 2181 §8: what has the highest bit set is 0.
        let ttl = if self.record.ttl > i32::MAX as u32 { 0 } else { self.record.ttl };
        let record = || Record { class: Class::IN, ttl, ..self.record.clone() };
        let lasts = is_apex && matches!(*rtype, Type::SOA | Type::NS);
        match (*class, *rtype) {
            (Class::IN, _) => self.is_welcome(zone).then(|| Change::Add(record())),
            (Class::ANY, Type::ANY) => Some(Change::RemoveName(name.clone())),
            (Class::ANY, _) => (!lasts).then(|| Change::RemoveSet(name.clone(), *rtype)),
            (_, Type::SOA) => None,
            (_, Type::NS) if is_apex => {
                let servers = zone.apex().set(Type::NS)?;
                let stays = |rdata: &[u8]| !same(*rtype, rdata, &self.record.rdata);
                servers.rdata().any(stays).then(|| Change::Remove(record()))
            }
            _ => Some(Change::Remove(record())),
        }
    }

    /// Whether a record can be added beside what is there (RFC 2136 §3.4.2.2).
    fn is_welcome(&self, zone: &Zone) -> bool {
        let Record { name, rtype, rdata, .. } = &self.record;
        let Some(node) = zone.node(name.view()) else { return *rtype != Type::SOA };
        let beside = |rtype: Type| matches!(rtype, Type::RRSIG | Type::NSEC | Type::KEY);
        match *rtype {
            Type::CNAME => node.sets().all(|set| set.rtype == Type::CNAME || beside(set.rtype)),
            Type::SOA => {
                let serial = rdata.split_last_chunk::<20>().and_then(|(_, numbers)| numbers.first_chunk());
                let serial = serial.map(|serial| u32::from_be_bytes(*serial));
                let newer = serial.zip(zone.serial()).is_some_and(|(new, old)| is_newer(new, old));
                newer && name.view() == zone.origin()
            }
            rtype => node.set(Type::CNAME).is_none() || beside(rtype),
        }
    }
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
