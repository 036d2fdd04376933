//! Signed zones as they are transferred: every RRset and every name is seen (RFC 4035 §2, §3.1.5).

use std::collections::{BTreeMap, BTreeSet};

use super::denial::{Denial, Place, shown};
use super::signed::{BOTH, BY_NSEC, BY_NSEC3, Signed};
use crate::case::{Verdict, cases, check};
use crate::dns::expect::ZONES;
use crate::dns::rdata::{AXFR, DNSKEY, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG};
use crate::dns::transfer::{asks, transfer};
use crate::dns::wire::{Name, Record};
use crate::{Broken, Outcome, Peer};

/// CDS and CDNSKEY, by which a server that signs may tell the parent its keys.
const TOLD: [u16; 2] = [59, 60];

struct Whole {
    zone: Signed,
    records: Vec<Record>,
}

impl Whole {
    async fn of(peer: &mut Peer, zone: &str) -> Result<Self, Broken> {
        let mut records = transfer(peer, &asks(zone, AXFR)?).await?.records();
        records.pop();
        Ok(Self { zone: Signed::open(peer, zone).await?, records })
    }

    /// The names of the zone and the types of each: of delegations what is the parent's, and nothing of what is below.
    fn names(&self) -> BTreeMap<Name, BTreeSet<u16>> {
        let mut names = BTreeMap::<Name, BTreeSet<u16>>::new();
        for record in self.records.iter().filter(|record| record.kind != NSEC3) {
            let is_cut = record.kind == NS && !self.zone.is_own(record) && self.is_top(&record.name);
            let of = if record.kind == RRSIG { continue } else { record.kind };
            if is_cut || self.zone.is_own(record) {
                let types = names.entry(record.name.lower()).or_default();
                types.insert(of);
                // What is the zone's own is signed.
                types.extend((!is_cut).then_some(RRSIG));
            }
        }
        names
    }

    /// Whether no other delegation is above this one.
    fn is_top(&self, cut: &Name) -> bool {
        let above =
            |record: &Record| record.kind == NS && record.name != self.zone.apex && record.name != *cut;
        !self.records.iter().any(|record| above(record) && cut.is_under(&record.name))
    }

    /// Every name has a record that denies what is behind it, lists its types and leads to the next.
    fn denies(&self, names: impl Iterator<Item = (Place, Vec<u16>)>, denial: &Denial) -> Verdict {
        let wanted: BTreeMap<_, _> = names.collect();
        let come: BTreeMap<_, _> = denial.gaps.iter().map(|gap| (gap.from.clone(), gap)).collect();
        let same = wanted.keys().eq(come.keys()) && come.len() == denial.gaps.len();
        check(same, format!("a record for each of {} names", wanted.len()), denial)?;
        let next = come.keys().cycle().skip(1);
        for ((from, gap), next) in come.iter().zip(next) {
            let types = wanted.get(from).map_or(&[][..], Vec::as_slice);
            check(gap.types == types, shown(types), format!("{} at {from:?}", shown(&gap.types)))?;
            check(gap.to == *next, format!("{next:?} next"), format!("{:?}", gap.to))?;
        }
        Ok(Outcome::Pass)
    }
}

cases! {
    /// A signed zone has the records that were signed, and no others but those of signing.
    Must "dns/4035/3.1.5/records" [Fixture, Account, Transfer] = async |peer| {
        for zone in BOTH {
            let whole = Whole::of(peer, zone).await?;
            let source = ZONES.iter().find(|zone| zone.apex == whole.zone.apex);
            let source = source.map(|zone| zone.records.as_slice()).unwrap_or_default();
            let made = |record: &Record| {
                matches!(record.kind, RRSIG | NSEC | NSEC3 | NSEC3PARAM | DNSKEY) || TOLD.contains(&record.kind)
            };
            let more = whole.records.iter().find(|record| !made(record) && !source.contains(record));
            let missing = source.iter().find(|record| !whole.records.contains(record));
            check(more.is_none() && missing.is_none(), "the records that were signed", format!("without {missing:?}, and with {more:?}"))?;
        }
        Ok(Outcome::Pass)
    }

    /// Every RRset that is the zone's own is signed, and no other.
    Must "dns/4035/2.2/each" [Fixture, Account, Transfer] = async |peer| {
        for zone in BOTH {
            let whole = Whole::of(peer, zone).await?;
            whole.zone.verify_all(&whole.records, None)?;
        }
        Ok(Outcome::Pass)
    }

    /// Every name that the zone has records or a delegation at has an NSEC record, and no other name has.
    Must "dns/4035/2.3/chain" [Fixture, Account, Transfer] = async |peer| {
        let whole = Whole::of(peer, BY_NSEC).await?;
        let denial = Denial::read(&whole.zone.apex, &whole.records)?;
        let names = whole.names().into_iter().map(|(name, mut types)| {
            types.extend([RRSIG, NSEC]);
            (denial.place(&name), types.into_iter().collect())
        });
        whole.denies(names, &denial)
    }

    /// Every name of the zone has an NSEC3 record, also one without records, and no other name has.
    Must "dns/5155/7.1/chain" [Fixture, Account, Transfer] = async |peer| {
        let whole = Whole::of(peer, BY_NSEC3).await?;
        let denial = Denial::read(&whole.zone.apex, &whole.records)?;
        let mut names = whole.names();
        for name in names.keys().cloned().collect::<Vec<_>>() {
            for skipped in 1..name.0.len() - whole.zone.apex.0.len() {
                names.entry(Name(name.0.iter().skip(skipped).cloned().collect())).or_default();
            }
        }
        let names = names.into_iter().map(|(name, types)| (denial.place(&name), types.into_iter().collect()));
        whole.denies(names, &denial)
    }
}
