//! How zones come to other servers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ropewalk_core::config::Section;

use super::{acl, name};
use crate::server::{Acl, Keys, Partner};
use crate::wire::tsig::TsigKey;

/// `allow_transfer` of all zones or of one.
pub(super) fn allowed(section: &mut Section<'_>, keys: &Keys) -> Option<Acl> {
    let doc = "Who may have zones as a whole (AXFR, IXFR): nobody, where nothing is said.";
    acl(section, "allow_transfer", doc, keys)
}

/// `notify` of all zones or of one.
pub(super) fn notified(section: &mut Section<'_>, keys: &Keys) -> Option<Vec<Partner>> {
    partners(section, "notify", "A server that is told of changes (RFC 1996).", keys)
}

/// The servers of an array of tables, if it is there.
pub(super) fn partners(
    section: &mut Section<'_>,
    key: &'static str,
    doc: &'static str,
    keys: &Keys,
) -> Option<Vec<Partner>> {
    let is_there = section.has(key);
    let mut partners = Vec::new();
    for table in &mut section.tables(key, doc) {
        partners.extend(partner(table, keys));
    }
    is_there.then_some(partners)
}

fn partner(section: &mut Section<'_>, keys: &Keys) -> Option<Partner> {
    let address: Option<String> =
        section.key("address", "Its address; with a port, if it is not 53.").required();
    let key: Option<String> =
        section.key("key", "The key that both know: the name of a `[keys.NAME]`.").optional();
    let key = match key {
        Some(text) => Some(known(section, "key", &text, keys)?),
        None => None,
    };
    let address = address?;
    let parsed = match address.parse::<IpAddr>() {
        Ok(ip) => Ok(SocketAddr::new(ip, Partner::PORT)),
        Err(_) => address.parse(),
    };
    let Ok(address) = parsed else {
        section.error_in("address", format!("{address:?} is no address, as 192.0.2.1 or [2001:db8::1]:5353"));
        return None;
    };
    Some(Partner::new(address, key))
}

fn known(section: &Section<'_>, key: &str, text: &str, keys: &Keys) -> Option<Arc<TsigKey>> {
    let found = keys.find(name(section, key, text)?.view());
    if found.is_none() {
        section.error_in(key, format!("there is no [keys.\"{text}\"]"));
    }
    found
}
