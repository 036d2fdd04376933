//! Who may change what of a zone (RFC 3007 §3).

use std::fmt;
use std::str::FromStr;

use crate::wire::{Name, NameError, NameRef, Type};
use crate::zone::Zone;

/// Types that nobody may change without being told so: what makes the zone, what signs it, and what speaks of more than its
/// own name: of all names below, or of the keys that a zone is trusted by.
const SPECIAL: [Type; 13] = [
    Type::SOA,
    Type::NS,
    Type::DNAME,
    Type::DNSKEY,
    Type::RRSIG,
    Type::NSEC,
    Type::NSEC3,
    Type::NSEC3PARAM,
    Type::ZONEMD,
    Type::DS,
    Type::CDS,
    Type::CDNSKEY,
    Type::CSYNC,
];

/// Who may change a zone, and how large it may become: nobody, where nobody is named.
#[derive(Clone, Debug)]
pub struct Editors {
    /// What each key may do. A key may have several.
    pub grants: Vec<Grant>,
    /// How many records the zone may have after a change that adds some.
    pub records: usize,
    /// How many octets its records may have after a change that adds some, as they are on the wire without compression.
    pub octets: usize,
}

/// What a key may change.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The name of the key that requests are signed with.
    pub key: Name,
    /// The names that may be changed.
    pub names: Vec<Names>,
    /// The types: all if ANY is among them. Where there is none, all but the ones that make the zone and sign it.
    pub types: Vec<Type>,
}

/// Names in a [`Grant`]: as text a name, or `*.` and a name for all below that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// This one.
    One(Name),
    /// All below this one, but not itself.
    Below(Name),
}

impl Editors {
    /// How large a zone may become, where nothing else is said.
    pub const RECORDS: usize = 1_000_000;
    /// The same in octets.
    pub const OCTETS: usize = 256 * 1024 * 1024;

    /// What is wrong with it for this zone: names that are elsewhere.
    pub(super) fn stray(&self, origin: NameRef<'_>) -> impl Iterator<Item = String> {
        let names = self.grants.iter().flat_map(|grant| &grant.names);
        let stray = names.filter(move |names| !names.are_within(origin));
        stray.map(move |names| format!("`allow_update` speaks of {names}, which is not in {origin}"))
    }

    /// What this key may do.
    pub fn of(&self, key: NameRef<'_>) -> Vec<&Grant> {
        self.grants.iter().filter(|grant| grant.key.view() == key).collect()
    }
}

impl Default for Editors {
    fn default() -> Self {
        Self { grants: Vec::new(), records: Self::RECORDS, octets: Self::OCTETS }
    }
}

impl Grant {
    /// Whether records of this name and type may be changed; of ANY, all that the zone has at the name, and that would go.
    pub fn allows(&self, zone: &Zone, name: NameRef<'_>, rtype: Type) -> bool {
        if !self.names.iter().any(|names| names.has(name)) {
            return false;
        }
        let is_apex = name == zone.origin();
        let stays = |rtype| is_apex && matches!(rtype, Type::SOA | Type::NS);
        match rtype {
            Type::ANY => zone.node(name).is_none_or(|node| {
                node.sets()
                    .map(|set| set.rtype)
                    .filter(|rtype| !stays(*rtype))
                    .all(|rtype| self.is_for(rtype))
            }),
            rtype => self.is_for(rtype),
        }
    }

    fn is_for(&self, rtype: Type) -> bool {
        match &self.types[..] {
            [] => !SPECIAL.contains(&rtype),
            types => types.contains(&rtype) || types.contains(&Type::ANY),
        }
    }
}

impl Names {
    fn has(&self, name: NameRef<'_>) -> bool {
        match self {
            Self::One(one) => one.view() == name,
            Self::Below(above) => name.is_within(above.view()) && above.view() != name,
        }
    }

    /// Whether all of them are in this zone.
    pub fn are_within(&self, origin: NameRef<'_>) -> bool {
        let (Self::One(name) | Self::Below(name)) = self;
        name.view().is_within(origin)
    }
}

impl FromStr for Names {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix("*.") {
            Some("") => Ok(Self::Below(Name::root())),
            Some(above) => above.parse().map(Self::Below),
            None => text.parse().map(Self::One),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(name) => name.fmt(f),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::zone;
    use super::*;

    const ZONE: &str = "
        example. 60 IN SOA ns.example. root.example. 7 2 3 4 300
        example. 60 IN NS ns.example.
        example. 60 IN TXT text
        host.dyn.example. 60 IN A 192.0.2.1
        host.dyn.example. 60 IN TXT text
        cut.dyn.example. 60 IN NS ns.example.
    ";

    fn allows(names: &[&str], types: &[Type], name: &str, rtype: Type) -> bool {
        let names = names.iter().map(|text| text.parse().unwrap()).collect();
        let grant = Grant { key: Name::root(), names, types: types.to_vec() };
        let name: Name = name.parse().unwrap();
        grant.allows(&zone(ZONE), name.view(), rtype)
    }

    #[test]
    fn a_name_is_itself_and_a_star_is_all_below() {
        for (names, name, expected) in [
            (&["*.dyn.example"][..], "host.DYN.example", true),
            (&["*.dyn.example"], "a.b.dyn.example", true),
            (&["*.dyn.example"], "*.dyn.example", true),
            (&["*.dyn.example"], "dyn.example", false),
            (&["*.dyn.example"], "xdyn.example", false),
            (&["dyn.example."], "dyn.example", true),
            (&["dyn.example."], "host.dyn.example", false),
            (&["other.example", "*.dyn.example."], "host.dyn.example", true),
            (&["*."], "example", true),
            (&[], "example", false),
        ] {
            assert_eq!(allows(names, &[], name, Type::A), expected, "{names:?} {name}");
        }
    }

    #[test]
    fn what_makes_a_zone_has_to_be_named() {
        for (types, rtype, expected) in [
            (&[][..], Type::TXT, true),
            (&[], Type::NS, false),
            (&[], Type::SOA, false),
            (&[], Type::RRSIG, false),
            // All names below, granted or not, would be elsewhere.
            (&[], Type::DNAME, false),
            (&[], Type::DS, false),
            (&[], Type::CDS, false),
            (&[], Type::CNAME, true),
            (&[Type::DNAME], Type::DNAME, true),
            (&[Type::A], Type::A, true),
            (&[Type::A], Type::TXT, false),
            (&[Type::NS], Type::NS, true),
            (&[Type::ANY], Type::SOA, true),
        ] {
            assert_eq!(allows(&["*."], types, "new.example", rtype), expected, "{types:?} {rtype}");
        }
    }

    #[test]
    fn who_takes_all_of_a_name_may_take_each() {
        for (types, name, expected) in [
            (&[][..], "host.dyn.example", true),
            (&[Type::A, Type::TXT], "host.dyn.example", true),
            (&[Type::A], "host.dyn.example", false),
            (&[], "cut.dyn.example", false),
            (&[Type::A], "none.example", true),
            // SOA and NS stay.
            (&[Type::TXT], "example", true),
            (&[Type::A], "example", false),
        ] {
            assert_eq!(allows(&["*."], types, name, Type::ANY), expected, "{types:?} {name}");
        }
    }
}
