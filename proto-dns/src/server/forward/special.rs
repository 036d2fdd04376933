//! Names that nobody else is asked for: they mean something here only, or nothing anywhere.

use std::fmt::Write as _;
use std::sync::Arc;

use ropewalk_core::{Error, Result};

use crate::wire::Name;
use crate::zone::{Zone, ZoneSet, text};

/// Addresses that are not unique, or nobody's, by their names in `in-addr.arpa` and `ip6.arpa` (RFC 6303 §4), but for ranges.
const ADDRESSES: [&str; 17] = [
    "10.in-addr.arpa",
    "168.192.in-addr.arpa",
    "0.in-addr.arpa",
    "127.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "d.f.ip6.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
];
/// Names that are special (RFC 6761, RFC 6762 §22.1, RFC 7686, RFC 8375 §4, RFC 9462 §6.1).
const NAMES: [&str; 7] = ["localhost", "invalid", "test", "local", "onion", "home.arpa", "resolver.arpa"];
/// What an empty zone says of itself (RFC 6303 §3).
const EMPTY: &str = "@ 10800 IN SOA @ nobody.invalid. 1 3600 1200 604800 10800\n@ 10800 IN NS @\n";
/// What is known of this machine, which is the same everywhere.
const LOCAL: [(&str, &str); 3] = [
    (
        "localhost",
        "@ 10800 IN A 127.0.0.1\n@ 10800 IN AAAA ::1\n* 10800 IN A 127.0.0.1\n* 10800 IN AAAA ::1\n",
    ),
    ("127.in-addr.arpa", "1.0.0 10800 IN PTR localhost.\n"),
    (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
        "@ 10800 IN PTR localhost.\n",
    ),
];

/// The zones of all these names.
pub(super) fn zones() -> Result<ZoneSet> {
    // RFC 1918 and RFC 6598.
    let ranges = (16..32).map(|n| format!("{n}.172.in-addr.arpa"));
    let ranges = ranges.chain((64..128).map(|n| format!("{n}.100.in-addr.arpa")));
    let mut zones = ZoneSet::default();
    for name in ADDRESSES.iter().chain(&NAMES).map(|name| (*name).to_owned()).chain(ranges) {
        zones.insert(Arc::new(zone(&name)?));
    }
    Ok(zones)
}

fn zone(name: &str) -> Result<Zone> {
    let wrong = |what: String| Error::local(format!("the zone {name}: {what}"));
    let origin: Name = name.parse().map_err(|error: crate::wire::NameError| wrong(error.to_string()))?;
    let mut content = EMPTY.to_owned();
    for (_, records) in LOCAL.iter().filter(|(local, _)| *local == name) {
        // Writing to a String does not fail.
        let _ = content.write_str(records);
    }
    let records = text::records(name, content.as_bytes(), Some(origin.view()));
    let records = records.map_err(|all| wrong(all.first().map(ToString::to_string).unwrap_or_default()))?;
    let (zone, _) = Zone::build(origin.view(), records)
        .map_err(|all| wrong(all.first().map(ToString::to_string).unwrap_or_default()))?;
    Ok(zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Key, Type};
    use crate::zone::Best;

    #[test]
    fn names_that_mean_nothing_elsewhere_are_known() {
        let zones = zones().unwrap();
        let origin = |name: &str| {
            let name: Name = name.parse().unwrap();
            match zones.best(&Key::new(name.view()), false) {
                Best::Zone(zone) => zone.origin().to_string(),
                _ => String::new(),
            }
        };
        for (name, zone) in [
            ("4.3.2.10.in-addr.arpa", "10.in-addr.arpa."),
            ("1.1.16.172.in-addr.arpa", "16.172.in-addr.arpa."),
            ("1.1.31.172.in-addr.arpa", "31.172.in-addr.arpa."),
            ("1.1.127.100.in-addr.arpa", "127.100.in-addr.arpa."),
            ("x.d.f.ip6.arpa", "d.f.ip6.arpa."),
            ("a.LOCALHOST", "localhost."),
            ("printer.local", "local."),
            ("1.1.32.172.in-addr.arpa", ""),
            ("1.1.63.100.in-addr.arpa", ""),
            ("1.1.1.1.in-addr.arpa", ""),
            ("localhost.example", ""),
            ("arpa", ""),
            ("example", ""),
        ] {
            assert_eq!(origin(name), zone, "{name}");
        }
        let localhost: Name = "localhost".parse().unwrap();
        assert!(zones.zone(localhost.view()).unwrap().apex().set(Type::AAAA).is_some());
    }
}
