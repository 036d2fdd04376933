use std::str::FromStr as _;

use ropewalk_core::config::{Secret as Hidden, Section, Text};
use ropewalk_core::policy::Network;

use crate::server::{Cookies, Limiter, Policies, RrlOptions, Secret};

/// What a server says of itself.
pub(super) fn texts(section: &mut Section<'_>, policies: &mut Policies) {
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

pub(super) fn cookies(section: &mut Section<'_>, policies: &mut Policies) {
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
pub(super) fn limiter(section: &mut Section<'_>) -> Option<Limiter> {
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
