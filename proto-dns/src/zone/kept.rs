//! Zones as they are kept where a process that ends leaves them.

use std::collections::{BTreeSet, HashSet};

use aws_lc_rs::digest;
use ropewalk_core::data::zones::{self, Difference, Kept, Records, Seed, Stamp, Zones};
use ropewalk_core::{Error, Result};

use super::{Builder, Change, Node, Problem, Record, RecordRef, Zone};
use crate::wire::{Class, Name, NameRef, Type};

/// How often a change is tried again where others come before.
const TRIES: usize = 10;

/// All records of a zone, as they are kept.
pub fn records(zone: &Zone) -> Records {
    zone.nodes().flat_map(|node| node.records()).map(octets).collect()
}

/// The zone of these records.
///
/// # Errors
/// If they are no zone, as no one is that was kept as a whole.
pub fn zone(origin: NameRef<'_>, records: &Records) -> Result<Zone> {
    let mut builder = Builder::new(origin);
    for record in records.iter() {
        let record = view(record).ok_or_else(|| Error::local(format!("a record of {origin} has no name")))?;
        builder.add(&record);
    }
    built(origin, builder.finish().map(|(zone, _)| zone))
}

/// The digest of a zone's records: another one where a record is, whatever their order and the case of owners.
pub fn seed(zone: &Zone) -> Seed {
    let mut sum = [0_u64; 4];
    for record in zone.nodes().flat_map(|node| node.records()) {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(record.name.to_lower().wire());
        context.update(&record.rtype.0.to_be_bytes());
        context.update(&record.ttl.to_be_bytes());
        context.update(record.rdata);
        let hash = context.finish();
        for (sum, lane) in sum.iter_mut().zip(hash.as_ref().as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*lane));
        }
    }
    let mut seed = Seed::default();
    for (place, sum) in seed.as_chunks_mut::<8>().0.iter_mut().zip(sum) {
        *place = sum.to_be_bytes();
    }
    seed
}

/// What is other in a zone than it was.
pub fn difference(before: &Zone, after: &Zone) -> Difference {
    let mut difference = Difference {
        from: before.serial().unwrap_or_default(),
        to: after.serial().unwrap_or_default(),
        removed: missing(before, after),
        added: missing(after, before),
    };
    if difference.from != difference.to || !difference.is_empty() {
        difference.removed = begun(before, difference.removed);
        difference.added = begun(after, difference.added);
    }
    difference
}

/// The same where it is known which names it can be other at.
pub(crate) fn touched(before: &Zone, after: &Zone, names: &BTreeSet<Name>) -> Difference {
    let nodes =
        |of: &Zone, other: &Zone| missing_of(names.iter().filter_map(|name| of.node(name.view())), other);
    Difference {
        from: before.serial().unwrap_or_default(),
        to: after.serial().unwrap_or_default(),
        removed: begun(before, nodes(before, after)),
        added: begun(after, nodes(after, before)),
    }
}

/// These differences as others get them, where they are no more than all of the zone.
pub(crate) fn differences(zone: &Zone, all: &[Difference]) -> Option<Vec<crate::server::Difference>> {
    let records = all.iter().map(|one| one.removed.len() + one.added.len()).sum::<usize>();
    let taken = |one: &Difference| crate::server::Difference {
        removed: taken(&one.removed),
        added: taken(&one.added),
    };
    // No more of the zone is looked at than there is of them.
    let last = records.saturating_sub(1);
    let is_less = zone.nodes().flat_map(Node::records).nth(last).is_some();
    is_less.then(|| all.iter().map(taken).collect())
}

/// The records of a zone that another has not, but for the SOA.
fn missing(of: &Zone, other: &Zone) -> Records {
    missing_of(of.nodes(), other)
}

fn missing_of<'z>(nodes: impl Iterator<Item = &'z Node>, other: &Zone) -> Records {
    let mut records = Records::new();
    for node in nodes {
        let there: HashSet<_> = other.node(node.name()).into_iter().flat_map(|node| node.records()).collect();
        for record in node.records().filter(|record| record.rtype != Type::SOA && !there.contains(record)) {
            records.push(octets(record));
        }
    }
    records
}

/// The records after the SOA of their zone.
fn begun(zone: &Zone, rest: Records) -> Records {
    let soa = zone.apex().records().filter(|record| record.rtype == Type::SOA).map(octets);
    soa.chain(rest.iter()).collect()
}

/// These records, as they are kept.
pub(crate) fn all<'a>(records: impl IntoIterator<Item = &'a Record>) -> Records {
    records.into_iter().map(|record| octets(record.view())).collect()
}

/// These records, as others send them.
pub(crate) fn taken(records: &Records) -> Vec<Record> {
    records.iter().filter_map(|record| Some(view(record)?.to_record())).collect()
}

/// The zone after these differences, which are the ones that follow it.
pub(crate) fn follow(zone: &Zone, differences: &[Difference]) -> Result<Zone> {
    let mut changes = Vec::new();
    for difference in differences {
        changes.extend(taken(&difference.removed).into_iter().filter(is_no_soa).map(Change::Remove));
        changes.extend(taken(&difference.added).into_iter().map(Change::Add));
    }
    built(zone.origin(), zone.apply(&changes))
}

/// A zone has one all the time: one that is added takes its place.
fn is_no_soa(record: &Record) -> bool {
    record.rtype != Type::SOA
}

/// The zone, if it was kept.
///
/// # Errors
/// If it cannot be read; see [`zone`].
pub fn read(store: &dyn Zones, origin: NameRef<'_>) -> Result<Option<(Zone, Kept)>> {
    let kept = store.read(origin.to_lower().wire())?;
    kept.map(|kept| Ok((zone(origin, &kept.records)?, kept))).transpose()
}

/// Makes a change of a kept zone, with a new serial, where it is a change: the zone after it, and what is other than before.
/// `None` if there is no such zone. This blocks now and then.
///
/// # Errors
/// If the changes are not to be, or the store fails.
pub async fn edit(
    store: &dyn Zones,
    origin: NameRef<'_>,
    changes: impl Fn(&Zone) -> Vec<Change>,
) -> Result<Option<(Zone, Difference)>> {
    for _ in 0..TRIES {
        let Some((before, kept)) = read(store, origin)? else { return Ok(None) };
        let changed = built(origin, before.apply(&changes(&before)))?;
        if difference(&before, &changed).is_empty() {
            let unchanged = difference(&before, &before);
            return Ok(Some((before, unchanged)));
        }
        let after = changed.renewed().ok_or_else(|| Error::local(format!("{origin} has no SOA record")))?;
        let difference = difference(&before, &after);
        let lower = origin.to_lower();
        if store.change(lower.wire(), kept.stamp, difference.clone(), None).await?.is_some() {
            return Ok(Some((after, difference)));
        }
    }
    Err(Error::local(format!("{origin} changes all the time")))
}

/// Keeps a zone: as a new one, or as a change of the one of this name.
///
/// # Errors
/// If the serial is not after that of the one that is there, or the store fails.
pub async fn import(store: &dyn Zones, zone: &Zone) -> Result<Difference> {
    let origin = zone.origin().to_lower();
    for _ in 0..TRIES {
        let there = read(store, zone.origin())?;
        let done = match &there {
            None => {
                let stamp = Stamp { id: 0, serial: zone.serial().unwrap_or_default() };
                let kept = Kept { stamp, seed: None, records: records(zone) };
                store.put(origin.wire(), None, kept).await?
            }
            Some((before, kept)) => {
                let difference = difference(before, zone);
                if !difference.is_empty() && !crate::server::is_newer(difference.to, difference.from) {
                    return Err(Error::local(format!(
                        "the serial of {origin} has to be after {}, which is kept already",
                        difference.from
                    )));
                }
                store.change(origin.wire(), kept.stamp, difference, None).await?
            }
        };
        if done.is_some() {
            let to = zone.serial().unwrap_or_default();
            let nothing = || Difference { from: 0, to, removed: Records::new(), added: records(zone) };
            return Ok(there.map_or_else(nothing, |(before, _)| difference(&before, zone)));
        }
    }
    Err(Error::local(format!("{origin} changes all the time")))
}

impl Zone {
    /// This zone with the next serial, which is never 0 (RFC 2136 §7.11); `None` if it has no SOA record.
    pub fn renewed(&self) -> Option<Self> {
        let soa = self.apex().records().find(|record| record.rtype == Type::SOA)?;
        let mut soa = soa.to_record();
        let serial = self.serial()?.wrapping_add(1).max(1);
        let (_, numbers) = soa.rdata.split_last_chunk_mut::<20>()?;
        *numbers.first_chunk_mut()? = serial.to_be_bytes();
        self.apply(&[Change::Add(soa)]).ok()
    }
}

fn octets(record: RecordRef<'_>) -> zones::Record<'_> {
    let RecordRef { name, rtype, ttl, rdata, .. } = record;
    zones::Record { name: name.wire(), rtype: rtype.0, ttl, rdata }
}

fn view(record: zones::Record<'_>) -> Option<RecordRef<'_>> {
    let zones::Record { name, rtype, ttl, rdata } = record;
    let name = NameRef::from_wire(name).ok()?;
    Some(RecordRef { name, class: Class::IN, rtype: Type(rtype), ttl, rdata })
}

fn built(origin: NameRef<'_>, built: Result<Zone, Vec<Problem>>) -> Result<Zone> {
    built.map_err(|problems| {
        let told: Vec<_> = problems.iter().take(20).map(ToString::to_string).collect();
        Error::local(format!("{origin} would be no zone: {}", told.join("; ")))
    })
}

/// The name whose wire form this is.
pub fn origin(wire: &[u8]) -> Option<Name> {
    Name::from_wire(wire).ok()
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
