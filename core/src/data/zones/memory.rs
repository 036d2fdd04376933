use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Difference, Kept, Listed, Record, Seed, Stamp, Zones};
use crate::{Error, Result};

/// Zones in memory: they end with the process.
#[derive(Debug, Default)]
pub struct MemoryZones(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    zones: BTreeMap<Vec<u8>, One>,
    /// The id of the last one.
    last: u64,
}

#[derive(Debug)]
struct One {
    stamp: Stamp,
    seed: Option<Seed>,
    /// By what tells a record from others: the owner as it was written, and the TTL.
    records: BTreeMap<Key, (Vec<u8>, u32)>,
    differences: VecDeque<Difference>,
    /// Of the differences.
    octets: usize,
}

type Key = (Vec<u8>, u16, Vec<u8>);

impl MemoryZones {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Zones for MemoryZones {
    async fn list(&self) -> Result<Vec<Listed>> {
        let listed = |(origin, one): (&Vec<u8>, &One)| {
            Listed::new(origin.clone(), one.stamp, one.records.len() as u64, one.seed)
        };
        Ok(self.all().zones.iter().map(listed).collect())
    }

    async fn stamp(&self, origin: &[u8]) -> Result<Option<Stamp>> {
        Ok(self.all().zones.get(origin).map(|one| one.stamp))
    }

    fn read(&self, origin: &[u8]) -> Result<Option<Kept>> {
        Ok(self.all().zones.get(origin).map(|one| {
            let records = one.records.iter();
            let records = records.map(|((_, rtype, rdata), (name, ttl))| Record {
                name,
                rtype: *rtype,
                ttl: *ttl,
                rdata,
            });
            Kept { stamp: one.stamp, seed: one.seed, records: records.collect() }
        }))
    }

    async fn put(&self, origin: &[u8], was: Option<Stamp>, zone: Kept) -> Result<Option<Stamp>> {
        let mut all = self.all();
        if all.zones.get(origin).map(|one| one.stamp) != was {
            return Ok(None);
        }
        all.last += 1;
        let stamp = Stamp { id: all.last, serial: zone.stamp.serial };
        let records = zone.records.iter().map(|record| (record.key(), (record.name.to_vec(), record.ttl)));
        let one = One {
            stamp,
            seed: zone.seed,
            records: records.collect(),
            differences: VecDeque::new(),
            octets: 0,
        };
        all.zones.insert(origin.to_vec(), one);
        Ok(Some(stamp))
    }

    async fn change(
        &self,
        origin: &[u8],
        was: Stamp,
        difference: Difference,
        seed: Option<Seed>,
    ) -> Result<Option<Stamp>> {
        let mut all = self.all();
        let Some(one) = all.zones.get_mut(origin).filter(|one| one.stamp == was) else { return Ok(None) };
        let mut records = one.records.clone();
        let mut is_right = difference.from == was.serial;
        for record in difference.removed.iter() {
            is_right &= records.remove(&record.key()).is_some();
        }
        for record in difference.added.iter() {
            is_right &= records.insert(record.key(), (record.name.to_vec(), record.ttl)).is_none();
        }
        if !is_right {
            return Err(Error::local("the difference is not one of this zone"));
        }
        one.records = records;
        one.seed = seed.or(one.seed);
        one.stamp.serial = difference.to;
        one.keep(difference);
        Ok(Some(one.stamp))
    }

    async fn since(&self, origin: &[u8], was: Stamp) -> Result<Option<Vec<Difference>>> {
        let all = self.all();
        let Some(one) = all.zones.get(origin).filter(|one| one.stamp.id == was.id) else { return Ok(None) };
        if one.stamp == was {
            return Ok(Some(Vec::new()));
        }
        let at = one.differences.iter().rposition(|difference| difference.from == was.serial);
        Ok(at.map(|at| one.differences.iter().skip(at).cloned().collect()))
    }

    async fn remove(&self, origin: &[u8], was: Stamp) -> Result<bool> {
        let mut all = self.all();
        let is_there = all.zones.get(origin).is_some_and(|one| one.stamp == was);
        if is_there {
            all.zones.remove(origin);
        }
        Ok(is_there)
    }
}

impl One {
    fn keep(&mut self, difference: Difference) {
        if difference.is_empty() {
            return;
        }
        self.octets += difference.octets();
        self.differences.push_back(difference);
        while self.octets > Difference::KEPT {
            let Some(oldest) = self.differences.pop_front() else { return };
            self.octets -= oldest.octets();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::suite::zones_suite;
    use super::*;

    #[tokio::test]
    async fn zones_in_memory_are_kept_as_everywhere() {
        zones_suite(MemoryZones::new).await;
    }
}
