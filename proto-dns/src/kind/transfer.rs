//! How zones come to other servers, and from them.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ropewalk_core::Result;
use ropewalk_core::config::Section;
use ropewalk_core::tls::{Authorities, ClientTls};

use super::{acl, name};
use crate::client::Via;
use crate::server::{Acl, Keys, Partner};
use crate::wire::tsig::TsigKey;

/// The port of servers over TLS (RFC 7858 §3.1).
const TLS_PORT: u16 = 853;

/// `allow_transfer` of all zones or of one.
pub(super) fn allowed(section: &mut Section<'_>, keys: &Keys) -> Option<Acl> {
    let doc = "Who may have zones as a whole (AXFR, IXFR): nobody, where nothing is said.";
    acl(section, "allow_transfer", doc, keys)
}

/// `notify` of all zones or of one.
pub(super) fn notified(section: &mut Section<'_>, keys: &Keys) -> Option<Vec<Partner>> {
    let is_there = section.has("notify");
    let mut partners = Vec::new();
    for table in &mut section.tables("notify", "A server that is told of changes (RFC 1996).") {
        partners.extend(partner(table, Partner::PORT, keys));
    }
    is_there.then_some(partners)
}

/// `primary` of a zone: where it is fetched from.
pub(super) fn primaries(section: &mut Section<'_>, keys: &Keys) -> Option<Vec<Partner>> {
    let is_there = section.has("primary");
    let mut partners = Vec::new();
    for table in &mut section
        .tables("primary", "A server that the zone is fetched from (AXFR): the first that has it.")
    {
        let tls: Option<String> =
            table.key("tls", "Its name in its certificate: it is asked over TLS (RFC 9103).").optional();
        let ca: Option<PathBuf> = table
            .key(
                "ca",
                "File of the authorities whose certificates it may have; by default those of the system.",
            )
            .optional();
        let Some(mut partner) = partner(table, if tls.is_some() { TLS_PORT } else { Partner::PORT }, keys)
        else {
            continue;
        };
        match (tls, ca) {
            (Some(name), ca) => match via_tls(&name, ca.as_deref()) {
                Ok(via) => partner.via = via,
                Err(error) => table.error_in("tls", error.chain()),
            },
            (None, Some(_)) => table.error_in("ca", "there are authorities over TLS only: give `tls`"),
            (None, None) => {}
        }
        partners.push(partner);
    }
    is_there.then_some(partners)
}

fn via_tls(name: &str, ca: Option<&Path>) -> Result<Via> {
    let authorities = match ca {
        Some(file) => Authorities::file(file)?,
        None => Authorities::system()?,
    };
    Ok(Via::Tls(ClientTls::new(&authorities)?.with_alpn(["dot"]), name.parse()?))
}

fn partner(section: &mut Section<'_>, port: u16, keys: &Keys) -> Option<Partner> {
    let address: Option<String> =
        section.key("address", "Its address; with a port, if it is not 53, or 853 over TLS.").required();
    let key: Option<String> =
        section.key("key", "The key that both know: the name of a `[keys.NAME]`.").optional();
    let key = match key {
        Some(text) => Some(known(section, "key", &text, keys)?),
        None => None,
    };
    let address = address?;
    let parsed = match address.parse::<IpAddr>() {
        Ok(ip) => Ok(SocketAddr::new(ip, port)),
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
