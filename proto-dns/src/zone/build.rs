use std::collections::HashSet;

use super::node::{Draft, DraftSet, Node};
use super::problem::Problems;
use super::table::Table;
use super::{Problem, RecordRef, Zone};
use crate::wire::key::Key;
use crate::wire::rdata::{self, Piece};
use crate::wire::{Class, Name, NameRef, Type};

/// Takes in the records of a zone, in any order, and makes the zone of them.
///
/// Until then they are kept in one piece of memory, so that a million of them needs little more than their octets.
#[derive(Debug)]
pub struct Builder {
    origin: Name,
    octets: Vec<u8>,
    /// The hash of its name, and where it is, for each record.
    places: Vec<(u32, u32)>,
    problems: Problems,
}

impl Builder {
    /// A zone that begins at `origin`.
    pub fn new(origin: NameRef<'_>) -> Self {
        Self {
            origin: origin.to_name(),
            octets: Vec::new(),
            places: Vec::new(),
            problems: Problems::default(),
        }
    }

    /// Takes in a record.
    pub fn add(&mut self, record: &RecordRef<'_>) {
        if let Some(rule) = self.refuses(record) {
            return self.problems.error(record.name, record.rtype, rule);
        }
        let Ok(at) = u32::try_from(self.octets.len()) else {
            return self.problems.error(record.name, record.rtype, "a zone has at most 4 GiB of records");
        };
        self.places.push((Key::new(record.name).whole().hash, at));
        let wire = record.name.wire();
        self.octets.push(wire.len() as u8);
        self.octets.extend_from_slice(wire);
        self.octets.extend_from_slice(&record.rtype.0.to_be_bytes());
        self.octets.extend_from_slice(&record.ttl.to_be_bytes());
        self.octets.extend_from_slice(&(record.rdata.len() as u16).to_be_bytes());
        self.octets.extend_from_slice(record.rdata);
    }

    fn refuses(&self, record: &RecordRef<'_>) -> Option<&'static str> {
        if record.class != Class::IN {
            Some("the class of a zone's records is IN")
        } else if !record.name.is_within(self.origin.view()) {
            Some("a record is at the zone's name or below it")
        } else if record.rtype.is_meta() {
            Some("the type is one for questions and messages only")
        } else if record.rdata.len() > usize::from(u16::MAX)
            || rdata::check(record.rtype, record.rdata).is_err()
        {
            Some("the data is not of the form of its type")
        } else {
            None
        }
    }

    /// The zone, and what in it is strange but does no harm.
    ///
    /// # Errors
    /// All that is wrong: each with the record and the rule that it breaks. After 1000 problems, no more are told.
    pub fn finish(mut self) -> Result<(Zone, Vec<Problem>), Vec<Problem>> {
        let (octets, mut places) = (self.octets, self.places);
        places.sort_unstable();
        let (mut nodes, mut names) = (Vec::new(), Vec::new());
        let mut has_apex = false;
        for same in places.chunk_by(|(a, _), (b, _)| a == b) {
            let mut records: Vec<_> =
                same.iter().filter_map(|(_, at)| Some((*at, record_at(&octets, *at)?))).collect();
            // Nearly always they have one name.
            records.sort_by_key(|(_, record)| record.name);
            for records in records.chunk_by(|(_, a), (_, b)| a.name == b.name) {
                let [(at, first), ..] = records else { continue };
                let draft = draft(records.iter().map(|(_, record)| record), &mut self.problems);
                let is_apex = first.name == self.origin.view();
                has_apex |= is_apex;
                check(first.name, &draft, is_apex, &mut self.problems);
                nodes.push(Node::new(Key::new(first.name).whole(), &draft));
                if !is_apex {
                    names.push(*at);
                }
            }
        }
        if !has_apex {
            check(self.origin.view(), &Draft::default(), true, &mut self.problems);
        }
        let warnings = self.problems.end()?;
        let table = Table::new(nodes);
        let mut zone = Zone::of(&self.origin, table).ok_or_else(Vec::new)?;
        for at in names {
            if let Some(record) = record_at(&octets, at) {
                zone.link(&Key::new(record.name));
            }
        }
        Ok((zone, warnings))
    }
}

/// A record that [`Builder::add`] kept.
fn record_at(octets: &[u8], at: u32) -> Option<RecordRef<'_>> {
    let (&length, rest) = octets.get(at as usize..)?.split_first()?;
    let (name, rest) = rest.split_at_checked(length.into())?;
    let (&[a, b, c, d, e, f, g, h], rest) = rest.split_first_chunk()?;
    Some(RecordRef {
        name: NameRef::from_wire(name).ok()?,
        class: Class::IN,
        rtype: Type(u16::from_be_bytes([a, b])),
        ttl: u32::from_be_bytes([c, d, e, f]),
        rdata: rest.get(..u16::from_be_bytes([g, h]).into())?,
    })
}

/// The records of one name.
fn draft<'a>(records: impl Iterator<Item = &'a RecordRef<'a>>, problems: &mut Problems) -> Draft<'a> {
    let mut draft = Draft::default();
    for &RecordRef { name, rtype, ttl, rdata, .. } in records {
        let covers = covers(rtype, rdata);
        match draft.set_mut(rtype, covers) {
            Some(set) => {
                if set.ttl != ttl {
                    problems.warn(name, rtype, "the records of a set have one TTL: the lowest is taken");
                    set.ttl = set.ttl.min(ttl);
                }
                set.rdata.push(rdata);
            }
            None => draft.insert(DraftSet { rtype, covers, ttl, rdata: vec![rdata] }),
        }
    }
    for set in draft.sets.iter_mut().filter(|set| set.rdata.len() > 1) {
        let (rtype, mut seen) = (set.rtype, HashSet::new());
        set.rdata.retain(|rdata| seen.insert(folded(rtype, rdata)));
    }
    draft
}

/// RDATA with the names in it in small letters, so that what is the same record is the same octets.
fn folded(rtype: Type, rdata: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(rdata.len());
    for piece in rdata::pieces(rtype, rdata) {
        match piece {
            Piece::Octets(octets) => folded.extend_from_slice(octets),
            Piece::Name(name, _) => folded.extend(name.wire().iter().map(u8::to_ascii_lowercase)),
        }
    }
    folded
}

/// The type that an RRSIG covers, or 0.
pub(crate) fn covers(rtype: Type, rdata: &[u8]) -> Type {
    match (rtype, rdata.first_chunk()) {
        (Type::RRSIG, Some(covers)) => Type(u16::from_be_bytes(*covers)),
        _ => Type(0),
    }
}

/// What the records of one name may not be together.
pub(crate) fn check(name: NameRef<'_>, draft: &Draft<'_>, is_apex: bool, problems: &mut Problems) {
    let of = |rtype: Type| draft.sets.iter().find(|set| set.rtype == rtype).map_or(0, |set| set.rdata.len());
    let mut demand = |holds: bool, rtype, rule| {
        if !holds {
            problems.error(name, rtype, rule);
        }
    };
    if is_apex {
        demand(of(Type::SOA) > 0, Type::SOA, "a zone has an SOA record (RFC 1035 §5.2)");
        demand(of(Type::NS) > 0, Type::NS, "a zone has an NS record (RFC 1034 §4.2.1)");
    } else {
        demand(of(Type::SOA) == 0, Type::SOA, "an SOA record is at the zone's name only (RFC 1035 §5.2)");
        let both = of(Type::NS) > 0 && of(Type::DNAME) > 0;
        demand(!both, Type::DNAME, "a DNAME record is not beside NS but at the zone's name (RFC 6672 §2.3)");
    }
    for (rtype, rule) in [
        (Type::SOA, "a zone has one SOA record (RFC 1035 §5.2)"),
        (Type::CNAME, "a name has one CNAME record (RFC 2181 §10.1)"),
        (Type::DNAME, "a name has one DNAME record (RFC 6672 §2.4)"),
    ] {
        demand(of(rtype) <= 1, rtype, rule);
    }
    // What DNSSEC adds may be beside a CNAME (RFC 4035 §2.5).
    let beside =
        |set: &DraftSet<'_>| !matches!(set.rtype, Type::CNAME | Type::RRSIG | Type::NSEC | Type::KEY);
    let alone = of(Type::CNAME) == 0 || !draft.sets.iter().any(beside);
    demand(alone, Type::CNAME, "a CNAME record is alone at its name (RFC 1034 §3.6.2)");
    for set in &draft.sets {
        demand(set.rdata.len() <= usize::from(u16::MAX), set.rtype, "a set has at most 65535 records");
    }
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
