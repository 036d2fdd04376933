use super::build::{check, covers};
use super::node::{Draft, DraftSet, Node};
use super::problem::Problems;
use super::{Problem, Record, Zone};
use crate::wire::key::Key;
use crate::wire::{Name, NameRef, Type, rdata};

/// A change of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds a record, whose TTL becomes that of its set. An SOA, CNAME or DNAME takes the place of the one that is there.
    Add(Record),
    /// Takes out the record with this name, type and data, if it is there.
    Remove(Record),
    /// Takes out all records of this name and type.
    RemoveSet(Name, Type),
    /// Takes out all records of this name.
    RemoveName(Name),
}

impl Change {
    /// The name that is changed.
    pub fn name(&self) -> NameRef<'_> {
        match self {
            Self::Add(record) | Self::Remove(record) => record.name.view(),
            Self::RemoveSet(name, _) | Self::RemoveName(name) => name.view(),
        }
    }
}

impl Zone {
    /// The zone after these changes, which are made in their order. What they do not touch is shared with this one, so
    /// that the cost is that of the changes and not of the zone.
    ///
    /// # Errors
    /// If a name that is changed is outside the zone, or breaks a rule afterwards; see [`Zone::build`].
    pub fn apply(&self, changes: &[Change]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let mut zone = self.clone();
        let mut by_name: Vec<&Change> = changes.iter().collect();
        // The order is kept within a name.
        by_name.sort_by_key(|change| change.name());
        for changes in by_name.chunk_by(|a, b| a.name() == b.name()) {
            let [first, ..] = changes else { continue };
            let name = first.name();
            if name.is_within(self.origin()) {
                zone.change(name, changes, &mut problems);
            } else {
                problems.error(name, Type::ANY, "a record is at the zone's name or below it");
            }
        }
        zone.settle();
        problems.end().map(|_| zone)
    }

    /// Makes the changes of one name.
    fn change(&mut self, name: NameRef<'_>, changes: &[&Change], problems: &mut Problems) {
        let key = Key::new(name);
        let old = self.at(key.whole()).cloned();
        let mut draft = old.as_ref().map(Node::draft).unwrap_or_default();
        for change in changes {
            draft.change(change, problems);
        }
        draft.sets.retain(|set| !set.rdata.is_empty());
        check(name, &draft, name == self.origin(), problems);
        let kept = old.as_ref().map_or(name, Node::name);
        let node = (!draft.sets.is_empty()).then(|| Node::new(Key::new(kept).whole(), &draft));
        self.replace(name, node);
    }
}

impl<'a> Draft<'a> {
    fn change(&mut self, change: &'a Change, problems: &mut Problems) {
        match change {
            Change::Add(record) => {
                let refused = record.rtype.is_meta() || rdata::check(record.rtype, &record.rdata).is_err();
                if refused || record.rdata.len() > usize::from(u16::MAX) {
                    let rule = "the data is not of the form of its type";
                    return problems.error(record.name.view(), record.rtype, rule);
                }
                self.add(record);
            }
            Change::Remove(record) => {
                if let Some(set) = self.set_mut(record.rtype, covers(record.rtype, &record.rdata)) {
                    set.rdata.retain(|rdata| !same(record.rtype, rdata, &record.rdata));
                }
            }
            Change::RemoveSet(_, rtype) => self.sets.retain(|set| set.rtype != *rtype),
            Change::RemoveName(_) => self.sets.clear(),
        }
    }

    fn add(&mut self, record: &'a Record) {
        let Record { rtype, ttl, ref rdata, .. } = *record;
        let covers = covers(rtype, rdata);
        let Some(set) = self.set_mut(rtype, covers) else {
            return self.insert(DraftSet { rtype, covers, ttl, rdata: vec![rdata] });
        };
        set.ttl = ttl;
        if matches!(rtype, Type::SOA | Type::CNAME | Type::DNAME) {
            set.rdata.clear();
        }
        if !set.rdata.iter().any(|other| same(rtype, other, rdata)) {
            set.rdata.push(rdata);
        }
    }
}

/// Whether two RDATA are the same but for the case of the names in them (RFC 2136 §1.1.1).
pub(crate) fn same(rtype: Type, a: &[u8], b: &[u8]) -> bool {
    a == b || a.eq_ignore_ascii_case(b) && rdata::pieces(rtype, a).eq(rdata::pieces(rtype, b))
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
