//! The kind `dns` and the zones it answers from: how a server of DNS is configured.

mod derived;
mod forward;
mod keys;
mod policy;
mod sign;
mod transfer;
mod update;

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::app::{BoxService, Service as _};
use ropewalk_core::config::{Kind, ResourceKind, Resources, Section, Text};
use ropewalk_core::data::zones::Answer;

use crate::server::{
    Acl, Answering, Desk, Dns, Editors, Keys, Memory, Notes, Policies, Rules, Setup, Source, Who, Zones,
};
use crate::wire::Name;
pub use keys::KEYS;

/// What the protocol is called over QUIC (RFC 9250 §8.1).
const QUIC: &[&str] = if cfg!(feature = "quic") { &["doq"] } else { &[] };

/// The kind `dns`: answers over UDP, TCP, TLS and QUIC.
pub const KIND: Kind = Kind {
    name: "dns",
    summary: "Answers questions about names, over UDP, TCP, TLS and QUIC",
    example: "listen = [\"udp:5553:interface=localhost\", \"tcp:5553:interface=localhost\"]\nzones = \"example\"",
    build,
};

/// `[zones.NAME]`: what is known of names.
pub const ZONES: ResourceKind = ResourceKind {
    name: "zones",
    summary: "Zones of names and addresses, and how they are asked",
    example: "hosts = \"/etc/hosts\"",
    build: |section, resources| {
        if let Some(zones) = zones(section, resources) {
            let zones = Arc::new(zones);
            resources.provide::<dyn Answer>(section, Arc::<Zones>::clone(&zones));
            resources.provide::<Zones>(section, zones);
        }
    },
};

fn build(section: &mut Section<'_>, resources: &Resources) -> Option<BoxService> {
    let zones = section.key("zones", "What is answered.").resource::<Zones>("zones", resources);
    let idle = time(section, "idle", "A connection without an answer ends after this.", Dns::IDLE);
    let query =
        time(section, "query", "From the first octet of a question on a connection to its last.", Dns::QUERY);
    let views = views(section, resources);
    let dns = zones.map(|zones| Dns::new(zones).idle(idle).query(query));
    let dns = dns.map(|dns| views.into_iter().fold(dns, |dns, (clients, zones)| dns.view(clients, zones)));
    let protocol = dns.as_ref().map(Dns::stream);
    let server = section.datagram_server(crate::server::PROTO, &["dot"], QUIC, protocol, resources)?;
    Some(dns?.serve(server).boxed())
}

/// Who sees other zones than all.
fn views(section: &mut Section<'_>, resources: &Resources) -> Vec<(Acl, Arc<Zones>)> {
    let keys = keys::keys(section, resources);
    let doc = "Other zones for some clients: of several views that they are in, the first.";
    let mut views = Vec::new();
    for table in &mut section.tables("view", doc) {
        let clients = acl(table, "clients", "Who sees it: networks, and keys as `key:NAME`.", &keys);
        if clients.is_none() && !table.has("clients") {
            table.error("`clients` is missing");
        }
        let zones = table.key("zones", "What is answered to them.").resource::<Zones>("zones", resources);
        views.extend(clients.zip(zones));
    }
    views
}

fn time(section: &mut Section<'_>, name: &'static str, doc: &'static str, default: Duration) -> Duration {
    let time = section.key(name, doc).or(default);
    if time.is_zero() {
        section.error_in(name, "a limit is more than zero");
    }
    time
}

fn zones(section: &mut Section<'_>, resources: &Resources) -> Option<Zones> {
    let keys = keys::keys(section, resources);
    let mut policies = Policies::default();
    let common = Rules {
        queries: None,
        transfers: transfer::allowed(section, &keys).unwrap_or_default(),
        notify: transfer::notified(section, &keys).unwrap_or_default(),
        editors: Editors::default(),
    };
    let store = update::store(resources);
    let mut sources = Vec::new();
    let mut whole = true;
    let mut tables = section.tables("zone", "A zone, as text (RFC 1035 §5).");
    for table in &mut tables {
        let doc = "Its file, of which changes count within seconds; or what it is kept in, if it has primaries. Without one the zone is in the store alone.";
        let file: Option<PathBuf> = table.key("file", doc).optional();
        let origin: Option<String> =
            table.key("origin", "Its name; by default that of its SOA record.").optional();
        let origin = origin.map(|text| name(table, "origin", &text));
        let rules = rules(table, &common, &keys);
        let primaries = transfer::primaries(table, &keys);
        let is_fetched = primaries.is_some();
        let derive = derived::derive(table, &mut whole);
        let sign = sign::sign(table, resources);
        let has_text = file.is_some() || derive.is_some();
        let is_kept = update::is_kept(table, has_text, is_fetched, &rules.editors, resources);
        if derive.is_some() && (is_kept || is_fetched) {
            table.error("derived records are of a zone that nobody else changes: it has no `allow_update`, `keep` or `primary`");
            whole = false;
        }
        if sign.is_some() && is_fetched {
            table.error("a zone that has primaries is signed there, and not here");
            whole = false;
        }
        let source = match (file, primaries, origin) {
            (_, _, Some(None)) => None,
            (Some(file), None, origin) if is_kept => Some(Source::zone(file, origin.flatten()).kept()),
            (Some(file), None, origin) => Some(Source::zone(file, origin.flatten())),
            (Some(file), Some(primaries), Some(Some(origin))) => {
                Some(Source::secondary(file, origin, primaries))
            }
            (Some(_), Some(_), None) => {
                table.error("a zone that has primaries needs its name: give `origin`");
                None
            }
            (None, None, Some(Some(origin))) => Some(match &derive {
                Some(how) => Source::made(origin, how.clone()),
                None => Source::stored(origin),
            }),
            (None, None, None) => {
                table.error("a zone has a `file`, or the `origin` of one that is in the store");
                None
            }
            (None, Some(_), _) => {
                table.error("a zone that has primaries is kept in a file: give `file`");
                None
            }
        };
        whole &= source.is_some() && !(is_kept && store.is_none());
        let source = source.map(|source| derive.into_iter().fold(source, Source::derived));
        let source = source.map(|source| sign.into_iter().fold(source, Source::signed));
        sources.extend(source.map(|source| (source, rules)));
    }
    let hosts: Option<PathBuf> = section
        .key("hosts", "File of addresses and names, as /etc/hosts; the addresses can be asked for too.")
        .optional();
    policies.queries = acl(section, "allow_query", "Who may ask; everybody, where nothing is said.", &keys);
    let mut answering = Answering::default();
    answering.udp_size = section
        .key(
            "udp_size",
            "Octets of an answer over UDP at most; one that has more is asked for again over TCP.",
        )
        .or(answering.udp_size);
    if !(512..=4096).contains(&answering.udp_size) {
        section.error_in("udp_size", "an answer over UDP has from 512 to 4096 octets");
    }
    answering.minimal = section
        .key("minimal", "Answer only what was asked, without records that are likely asked for next.")
        .or(false);
    let forwarder = forward::forwarder(section, &keys, &mut answering, &mut whole);
    policy::texts(section, &mut policies);
    policy::cookies(section, &mut policies);
    policies.limiter = policy::limiter(section);
    let transfers = section
        .key("transfers", "How many zones are transferred to others at once, half of them to one client; more are told to come again.")
        .or(Desk::TRANSFERS);
    if sources.is_empty() && hosts.is_none() && forwarder.is_none() && whole {
        section.error("there is nothing to answer from: give a `zone`, `hosts` or `forward`");
        return None;
    }
    let count = sources.len();
    sources.extend(hosts.map(|hosts| (Source::hosts(hosts), common)));
    if !whole {
        return None;
    }
    let place =
        |number: usize| if number < count { tables.get(number).map(|table| (table, "file")) } else { None };
    // Without one, nothing is known of what is served.
    let memory = resources.of_settings::<Memory>().map(|memory| Memory::clone(&memory)).unwrap_or_default();
    let setup = Setup { policies, answering, keys, transfers, store, forwarder, memory };
    match Zones::load(sources, setup) {
        Ok((zones, Notes { problems, warnings })) => {
            for (number, message) in problems {
                let (table, key) = place(number).unwrap_or((section, "hosts"));
                table.fault_in(key, message);
            }
            for (number, message) in warnings {
                let (table, key) = place(number).unwrap_or((section, "hosts"));
                table.warn_in(key, message);
            }
            // A file may have told another name by the time that it is read anew.
            zones.bound().for_each(|name| section.depends_on(name.wire()));
            Some(zones)
        }
        Err(wrong) => {
            for (number, message) in wrong {
                let (table, key) = place(number).unwrap_or((section, "hosts"));
                table.error_in(key, message);
            }
            None
        }
    }
}

fn name(section: &Section<'_>, key: &str, text: &str) -> Option<Name> {
    Name::from_str(text).map_err(|error| section.error_in(key, format!("{text:?}: {error}"))).ok()
}

/// Who may: networks, and keys that there are.
fn acl(section: &mut Section<'_>, key: &'static str, doc: &'static str, keys: &Keys) -> Option<Acl> {
    let who: Option<Vec<Text<Who>>> = section.key(key, doc).optional();
    let acl = Acl::new(who?.into_iter().map(|Text(who)| who));
    for name in acl.keys().filter(|name| keys.find(name.view()).is_none()) {
        section.error_in(key, format!("there is no [keys.\"{}\"]", name.to_string().trim_end_matches('.')));
    }
    Some(acl)
}

/// What is particular to a zone; what it does not say is as for all.
fn rules(table: &mut Section<'_>, common: &Rules, keys: &Keys) -> Rules {
    let doc = "Who may ask about this zone, where others than may ask about all.";
    Rules {
        queries: acl(table, "allow_query", doc, keys),
        transfers: transfer::allowed(table, keys).unwrap_or_else(|| common.transfers.clone()),
        notify: transfer::notified(table, keys).unwrap_or_else(|| common.notify.clone()),
        editors: update::editors(table, keys),
    }
}

#[cfg(test)]
mod tests;
