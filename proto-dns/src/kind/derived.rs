//! `derived`: what is made for a zone from the services that run.

use std::net::IpAddr;

use ropewalk_core::config::{Section, Text};

use super::{name, time};
use crate::server::Derive;
use crate::wire::Type;

/// What is made, if it is; `whole` becomes false where it is wrong.
pub(super) fn derive(section: &mut Section<'_>, whole: &mut bool) -> Option<Derive> {
    let doc = "Makes records of the services that run in this process, which follow them: of the host's addresses, and of how to come to what is there.";
    let mut table = section.table("derived", doc)?;
    let default = Derive::default();
    let doc = "The name of the host, in the zone; by default that of the zone.";
    let host: Option<String> = table.key("host", doc).optional();
    let host = host.map(|text| name(&table, "host", &text));
    *whole &= !matches!(host, Some(None));
    let doc = "Its addresses; by default those that services listen at, where that is not loopback. One that listens at all addresses tells none.";
    let addresses: Vec<Text<IpAddr>> = table.key("addresses", doc).or(Vec::new());
    let doc = "The types that are made: `A`, `AAAA`, `SRV`, `TLSA`, `HTTPS`; all, where nothing is said.";
    let types: Option<Vec<Text<Type>>> = table.key("types", doc).optional();
    let types = types.map(|types| types.into_iter().map(|Text(rtype)| rtype).collect());
    let types: Vec<Type> = types.unwrap_or(default.types);
    for rtype in types.iter().filter(|rtype| !Derive::TYPES.contains(rtype)) {
        table.error_in("types", format!("{rtype} is not made of services"));
    }
    let ttl = time(&mut table, "ttl", "How long others may keep what is made.", default.ttl);
    let addresses = addresses.into_iter().map(|Text(address)| address).collect();
    Some(Derive { host: host.flatten(), addresses, types, ttl })
}
