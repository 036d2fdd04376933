use ropewalk_core::data::zones::{Difference, Records};

use crate::zone::{RecordRef, Zone};

/// How large a zone is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// How many records it has.
    pub(super) records: usize,
    /// Their octets, as they are on the wire without compression.
    pub(super) octets: usize,
}

impl Extent {
    /// Of this zone, all of which is gone through.
    pub(super) fn of(zone: &Zone) -> Self {
        let records = zone.nodes().flat_map(|node| node.records());
        records.fold(Self::default(), |extent, record| extent.with(record))
    }

    fn with(self, RecordRef { name, rdata, .. }: RecordRef<'_>) -> Self {
        // Type, class, TTL and length.
        let octets = name.wire().len() + 10 + rdata.len();
        Self { records: self.records + 1, octets: self.octets + octets }
    }

    /// Of what comes of it by this.
    pub(super) fn after(self, difference: &Difference) -> Self {
        let change = |was: usize, of: fn(&Records) -> usize| {
            was.saturating_sub(of(&difference.removed)).saturating_add(of(&difference.added))
        };
        let records = change(self.records, Records::len);
        Self { records, octets: change(self.octets, |records| records.octets().len()) }
    }

    /// Whether it is more than this, and has become so: who makes less of what is too much may.
    pub(super) fn outgrows(self, before: Self, most: Self) -> bool {
        let outgrows = |now: usize, before: usize, most: usize| now > most && now > before;
        outgrows(self.records, before.records, most.records)
            || outgrows(self.octets, before.octets, most.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::zone;
    use super::*;
    use crate::zone::kept;

    #[test]
    fn what_a_difference_makes_of_it_is_what_is_counted_anew() {
        let head =
            "example. 60 IN SOA ns.example. root.example. 7 2 3 4 300\nexample. 60 IN NS ns.example.\n";
        let before = zone(&format!("{head}a.example. 60 IN TXT one two\nA.b.example. 60 IN A 192.0.2.1"));
        let after = zone(&format!(
            "{head}a.example. 60 IN TXT three\nb.example. 60 IN AAAA ::1\nc.example. 9 IN A 192.0.2.2"
        ));
        let extent = Extent::of(&before).after(&kept::difference(&before, &after));
        assert_eq!(extent, Extent::of(&after));
        assert_eq!(extent.octets, kept::records(&after).octets().len());
        assert_eq!((extent.records, Extent::of(&before).records), (5, 4));
    }

    #[test]
    fn it_grows_by_records_and_by_octets_each_no_further_than_it_may() {
        let of = |(records, octets)| Extent { records, octets };
        for (now, before, outgrows) in [
            ((10, 100), (9, 99), false),
            ((11, 90), (10, 95), true),
            ((9, 101), (10, 100), true),
            ((12, 120), (12, 120), false),
            ((12, 119), (13, 119), false),
        ] {
            assert_eq!(of(now).outgrows(of(before), of((10, 100))), outgrows, "{now:?} {before:?}");
        }
    }
}
