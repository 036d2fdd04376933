//! `forward`: who is asked what no zone of ours knows.

use ropewalk_core::config::{Section, Size, Text};

use super::{acl, name, time};
use crate::server::forward::{Forwarder, Options, Route, Upstream};
use crate::server::{Answering, Keys};
use crate::wire::Name;

/// What passes questions on, if any are; and who may ask them, in `answering`. `whole` becomes false where it is wrong.
pub(super) fn forwarder(
    section: &mut Section<'_>,
    keys: &Keys,
    answering: &mut Answering,
    whole: &mut bool,
) -> Option<Forwarder> {
    let doc = "Passes questions of no zone here on to servers that know, and keeps their answers.";
    let mut table = section.table("forward", doc)?;
    let doc = "Servers that all questions go to, the first that answers: an address, with a port where that is not 53, or an endpoint with an address (`tcp:53:host=192.0.2.53`, `tls:853:host=192.0.2.53:name=dns.example`).";
    let mut routes = Vec::from_iter(route(&mut table, Name::root(), "to", doc));
    let mut tables = table.tables("route", "Names that other servers know.");
    for one in &mut tables {
        let text: Option<String> = one.key("name", "The name; those below it are meant too.").required();
        let name = text.and_then(|text| name(one, "name", &text));
        *whole &= name.is_some();
        routes.extend(route(one, name.unwrap_or_else(Name::root), "to", "Servers that know it."));
    }
    let doc = "Whose questions are passed on; by default those of this machine and of networks that are nobody else's (`10.0.0.0/8`, `fc00::/7` and the like). A server that asks for everybody is a weapon.";
    answering.recursion = Some(acl(&mut table, "allow", doc, keys).unwrap_or_else(Forwarder::private));
    let options = options(&mut table);
    if routes.is_empty() && !table.has("to") {
        table.error("nobody is asked: give `to` or a `route`");
    }
    let made = Forwarder::new(routes, options).map_err(|error| table.error(error.chain())).ok();
    *whole &= made.is_some();
    made
}

fn options(table: &mut Section<'_>) -> Options {
    let mut options = Options::default();
    options.timeout = time(
        table,
        "timeout",
        "What an answer may take, of all servers of a name together.",
        options.timeout,
    );
    let cache =
        table.key("cache", "Octets of answers that are kept; 0 for none.").or(Size(options.cache as u64));
    options.cache = usize::try_from(cache.0).unwrap_or(usize::MAX);
    options.in_flight =
        table.key("in_flight", "Questions that are waited for at once; more fail, and so do those of one client above a sixteenth of them, or 64.").or(options.in_flight);
    options.special = table
        .key("special", "Answer here what means something on this machine or network only: `localhost`, `local`, `10.in-addr.arpa` and the like (RFC 6303, RFC 6761), unless a `route` is for it.")
        .or(true);
    options
}

/// The servers of a name; `None` where none are given.
fn route(section: &mut Section<'_>, name: Name, key: &'static str, doc: &'static str) -> Option<Route> {
    let servers: Vec<Text<Upstream>> = section.key(key, doc).optional()?;
    let upstreams: Vec<_> = servers.into_iter().map(|Text(server)| server).collect();
    if upstreams.is_empty() {
        section.error_in(key, "there is no server");
        return None;
    }
    Some(Route { name, upstreams })
}
