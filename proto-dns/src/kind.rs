//! The kind `dns` and the zones it answers from: how a server of DNS is configured.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::app::{BoxService, Service as _};
use ropewalk_core::config::{Kind, ResourceKind, Resources, Secret as Hidden, Section, Text};
use ropewalk_core::data::zones::Answer;
use ropewalk_core::policy::Network;

use crate::server::{Acl, Answering, Cookies, Dns, Limiter, Policies, RrlOptions, Secret, Source, Zones};
use crate::wire::Name;

/// The kind `dns`: answers over UDP, TCP and TLS.
pub const KIND: Kind = Kind {
    name: "dns",
    summary: "Answers questions about names, over UDP, TCP and TLS",
    example: "listen = [\"udp:5553:interface=localhost\", \"tcp:5553:interface=localhost\"]\nzones = \"example\"",
    build,
};

/// `[zones.NAME]`: what is known of names.
pub const ZONES: ResourceKind = ResourceKind {
    name: "zones",
    summary: "Zones of names and addresses, and how they are asked",
    example: "hosts = \"/etc/hosts\"",
    build: |section, resources| {
        if let Some(zones) = zones(section) {
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
    let dns = zones.map(|zones| Dns::new(zones).idle(idle).query(query));
    let protocol = dns.as_ref().map(Dns::stream);
    let server = section.datagram_server(crate::server::PROTO, &["dot"], protocol, resources)?;
    Some(dns?.serve(server).boxed())
}

fn time(section: &mut Section<'_>, name: &'static str, doc: &'static str, default: Duration) -> Duration {
    let time = section.key(name, doc).or(default);
    if time.is_zero() {
        section.error_in(name, "a limit is more than zero");
    }
    time
}

fn zones(section: &mut Section<'_>) -> Option<Zones> {
    let mut policies = Policies::default();
    let mut sources = Vec::new();
    let mut whole = true;
    let mut tables = section.tables("zone", "A zone, as text (RFC 1035 §5).");
    for table in &mut tables {
        let file: Option<PathBuf> = table.key("file", "Its file; changes count within seconds.").required();
        let origin: Option<String> =
            table.key("origin", "Its name; by default that of its SOA record.").optional();
        let origin = origin.map(|text| name(table, "origin", &text));
        let queries =
            acl(table, "allow_query", "Who may ask about this zone, where others than may ask about all.");
        whole &= file.is_some() && !matches!(origin, Some(None));
        let Some(file) = file else { continue };
        let source = Source::zone(file, origin.flatten());
        sources.push((source, queries));
    }
    let hosts: Option<PathBuf> = section
        .key("hosts", "File of addresses and names, as /etc/hosts; the addresses can be asked for too.")
        .optional();
    policies.queries = acl(section, "allow_query", "Who may ask; everybody, where nothing is said.");
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
    texts(section, &mut policies);
    cookies(section, &mut policies);
    policies.limiter = limiter(section);
    if sources.is_empty() && hosts.is_none() && whole {
        section.error("there is nothing to answer from: give a `zone` or `hosts`");
        return None;
    }
    let count = sources.len();
    sources.extend(hosts.map(|hosts| (Source::hosts(hosts), None)));
    if !whole {
        return None;
    }
    let place =
        |number: usize| if number < count { tables.get(number).map(|table| (table, "file")) } else { None };
    match Zones::load(sources, policies, answering) {
        Ok((zones, warned)) => {
            for (number, message) in warned {
                let (table, key) = place(number).unwrap_or((section, "hosts"));
                table.warn_in(key, message);
            }
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

fn acl(section: &mut Section<'_>, key: &'static str, doc: &'static str) -> Option<Acl> {
    let networks: Option<Vec<Text<Network>>> = section.key(key, doc).optional();
    networks.map(|all| Acl::new(all.into_iter().map(|Text(network)| network).collect()))
}

/// What a server says of itself.
fn texts(section: &mut Section<'_>, policies: &mut Policies) {
    policies.version =
        text(section, "version", "What is answered to `version.bind`, which is refused otherwise.");
    policies.id = text(
        section,
        "id",
        "What is answered to `id.server` and `hostname.bind`, which are refused otherwise.",
    );
    let nsid = text(section, "nsid", "What tells this server from others at its address (RFC 5001).");
    policies.nsid = nsid.map(|text| text.into_bytes().into());
}

fn text(section: &mut Section<'_>, key: &'static str, doc: &'static str) -> Option<String> {
    let text: Option<String> = section.key(key, doc).optional();
    if text.as_ref().is_some_and(|text| text.len() > 255) {
        section.error_in(key, "such a text has at most 255 octets");
    }
    text
}

fn cookies(section: &mut Section<'_>, policies: &mut Policies) {
    let cookies = section
        .key("cookies", "Whether clients get cookies that prove their addresses (RFC 7873), and must have one to be answered over UDP.")
        .word_or(("on", Some(false)), &[("off", None), ("require", Some(true))]);
    let secrets: Vec<Hidden> = section
        .key("cookie_secrets", "Secrets that several servers of one address share, 32 hexadecimal digits each; the first makes cookies, all check them.")
        .or(Vec::new());
    let read = |hidden: &Hidden| Secret::from_str(hidden.expose());
    let secrets: Result<Vec<_>, _> = secrets.iter().map(read).collect();
    let secrets = secrets.map_err(|error| section.error_in("cookie_secrets", error.to_string()));
    let (Some(required), Ok(secrets)) = (cookies, secrets) else { return };
    policies.cookie_required = required;
    let made = if secrets.is_empty() { Cookies::random() } else { Ok(Cookies::new(secrets)) };
    policies.cookies = made.map_err(|error| section.error_in("cookies", error.chain())).ok();
}

/// `rrl`, whose default is to limit.
fn limiter(section: &mut Section<'_>) -> Option<Limiter> {
    let mut options = RrlOptions::default();
    let doc = "How many answers a network gets over UDP, where senders can be forged.";
    let Some(mut table) = section.table("rrl", doc) else { return Some(Limiter::new(options)) };
    options.rate = table.key("rate", "Answers a second, of each class; 0 for no limit.").or(options.rate);
    options.slip = table
        .key("slip", "Each such of those above is a truncated answer, upon which honest clients ask over TCP; 0 for none.")
        .or(options.slip);
    options.v4 = bits(&mut table, "ipv4", "Bits of an IPv4 address that make a network.", options.v4, 32);
    options.v6 = bits(&mut table, "ipv6", "Bits of an IPv6 address that make a network.", options.v6, 128);
    let exempt: Vec<Text<Network>> =
        table.key("exempt", "Networks without a limit, besides this machine.").or(Vec::new());
    options.exempt = exempt.into_iter().map(|Text(network)| network).collect();
    (options.rate > 0).then(|| Limiter::new(options))
}

fn bits(section: &mut Section<'_>, key: &'static str, doc: &'static str, default: u8, most: u8) -> u8 {
    let bits = section.key(key, doc).or(default);
    if !(1..=most).contains(&bits) {
        section.error_in(key, format!("a network has from 1 to {most} bits"));
    }
    bits
}

#[cfg(test)]
#[path = "kind_tests.rs"]
mod tests;
