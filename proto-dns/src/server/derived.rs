//! Records that keep themselves: made from the services that run in the same process.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use ropewalk_core::data::facts::{Fact, Listens, Over};

use super::{is_newer, now};
use crate::wire::key::Key;
use crate::wire::{Class, Name, NameRef, Type};
use crate::zone::{Change, Found, Record, Zone, text};

/// What is made for a zone from the services that run: addresses of the host that they are on, and at it how to come to them
/// (SRV, RFC 2782; HTTPS, RFC 9460) and what their certificates are (TLSA 3 1 1, RFC 6698).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derive {
    /// The name of the host, in the zone; `None` for that of the zone.
    pub host: Option<Name>,
    /// Its addresses; where there are none, those that services listen at, apart from loopback.
    pub addresses: Vec<IpAddr>,
    /// The types that are made: of these [`TYPES`](Self::TYPES).
    pub types: Vec<Type>,
    /// How long others may keep what is made.
    pub ttl: Duration,
}

/// How a service is called in SRV (the registry of RFC 6335), by its protocol and what it is spoken over.
const SERVICES: [(&str, Over, &str); 9] = [
    ("http", Over::Tcp, "_http._tcp"),
    ("http", Over::Tls, "_https._tcp"),
    ("ftp", Over::Tcp, "_ftp._tcp"),
    ("ftp", Over::Tls, "_ftps._tcp"),
    ("dns", Over::Udp, "_domain._udp"),
    ("dns", Over::Tcp, "_domain._tcp"),
    ("dns", Over::Tls, "_domain-s._tcp"),
    ("dns", Over::Quic, "_domain-s._udp"),
    ("echo", Over::Tcp, "_echo._tcp"),
];
/// The port of HTTPS, whose records are at the name itself (RFC 9460 §9.1).
const HTTPS: u16 = 443;

impl Default for Derive {
    fn default() -> Self {
        Self {
            host: None,
            addresses: Vec::new(),
            types: Self::TYPES.to_vec(),
            ttl: Duration::from_secs(5 * 60),
        }
    }
}

impl Derive {
    /// All types that can be made.
    pub const TYPES: [Type; 5] = [Type::A, Type::AAAA, Type::SRV, Type::TLSA, Type::HTTPS];

    fn host<'a>(&'a self, origin: NameRef<'a>) -> NameRef<'a> {
        self.host.as_ref().map_or(origin, Name::view)
    }

    /// Why nothing can be made for the zone at `origin`, whatever is in it.
    pub(super) fn misplaced(&self, origin: NameRef<'_>) -> Option<String> {
        let host = self.host(origin);
        (!host.is_within(origin)).then(|| format!("the host {host} is not in the zone {origin}"))
    }

    /// The records of a zone without a file but those that are made: its SOA and its NS, of which this host is the server.
    pub(super) fn bare(&self, origin: NameRef<'_>) -> Vec<Record> {
        let (host, ttl, serial, below) = (self.host(origin), self.ttl.as_secs(), seconds(), below(origin));
        let soa = format!("{origin} {ttl} SOA {host} hostmaster{below} {serial} 2h 30m 2w {ttl}\n");
        read(&format!("{soa}{origin} {ttl} NS {host}\n"), origin)
    }

    /// What is made of these facts, in an order that depends on nothing else.
    pub(super) fn records(&self, origin: NameRef<'_>, facts: &[Fact]) -> Vec<Record> {
        let listens: Vec<_> = facts.iter().filter_map(listens).collect();
        let addresses = self.addresses(&listens);
        let (host, ttl) = (self.host(origin), self.ttl.as_secs());
        let mut lines = BTreeSet::new();
        for address in &addresses {
            let rtype = if address.is_ipv4() { Type::A } else { Type::AAAA };
            lines.insert(format!("{host} {ttl} {rtype} {address}\n"));
        }
        for one in
            listens.iter().filter(|one| one.at.ip().is_unspecified() || addresses.contains(&one.at.ip()))
        {
            self.service(one, origin, &mut lines);
        }
        let records = read(&lines.into_iter().collect::<String>(), origin);
        records.into_iter().filter(|record| self.types.contains(&record.rtype)).collect()
    }

    /// Where the host is.
    fn addresses(&self, listens: &[&Listens]) -> BTreeSet<IpAddr> {
        if !self.addresses.is_empty() {
            return self.addresses.iter().copied().collect();
        }
        let elsewhere = |ip: &IpAddr| {
            let is_local = match ip {
                IpAddr::V4(ip) => ip.is_link_local(),
                IpAddr::V6(ip) => ip.is_unicast_link_local(),
            };
            !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || is_local)
        };
        listens.iter().map(|one| one.at.ip()).filter(elsewhere).collect()
    }

    /// What leads to a service.
    fn service(&self, one: &Listens, origin: NameRef<'_>, lines: &mut BTreeSet<String>) {
        let (host, ttl, port) = (self.host(origin), self.ttl.as_secs(), one.at.port());
        let named = SERVICES.iter().find(|(proto, over, _)| (*proto, *over) == (one.proto, one.over));
        if let Some((_, _, service)) = named {
            lines.insert(format!("{service}{} {ttl} SRV 0 0 {port} {host}\n", below(origin)));
        }
        let carrier = match one.over {
            Over::Udp | Over::Quic => "_udp",
            _ => "_tcp",
        };
        for key in &one.keys {
            let key = HEXLOWER.encode(key);
            lines.insert(format!("_{port}.{carrier}{} {ttl} TLSA 3 1 1 {key}\n", below(host)));
        }
        if (one.proto, one.over) == ("http", Over::Tls) {
            let alpn = if one.alpn.iter().any(|name| name == b"h2") { " alpn=h2" } else { "" };
            lines.insert(match port {
                HTTPS => format!("{host} {ttl} HTTPS 1 .{alpn}\n"),
                _ => format!("_{port}._https{} {ttl} HTTPS 1 {host}{alpn}\n", below(host)),
            });
        }
    }

    /// The zone with what is made for it, where it has nothing of that name and type itself. Its serial is the time in seconds, or
    /// the next after `last` if that is later: so none comes again, also after a restart.
    ///
    /// # Errors
    /// Where nothing can be made for such a zone.
    pub(super) fn compose(
        &self,
        base: &Zone,
        made: &[Record],
        now: u32,
        last: Option<u32>,
    ) -> Result<Zone, String> {
        let origin = base.origin();
        let file = base.serial().unwrap_or_default();
        if let Some(problem) = self.misplaced(origin) {
            return Err(problem);
        }
        if base.apex().set(Type::DNSKEY).is_some() {
            return Err(format!("{origin} is signed, and derived records would not be"));
        }
        if is_newer(file, now) {
            return Err(format!(
                "the serial {file} of {origin} is after {now}, the time in seconds, which is the serial where records are derived: write {now}"
            ));
        }
        let serial = match last {
            Some(last) if !is_newer(now, last) => last.wrapping_add(1),
            _ => now,
        };
        let soa = base.soa().and_then(|soa| Some((soa.ttl, soa.rdata().next()?)));
        let (ttl, soa) = soa.ok_or_else(|| format!("{origin} has no SOA record"))?;
        let mut rdata = soa.to_vec();
        if let Some((_, [a, b, c, d, ..])) = rdata.split_last_chunk_mut::<20>() {
            [*a, *b, *c, *d] = serial.to_be_bytes();
        }
        let soa =
            Record { name: origin.to_name(), class: Class::IN, rtype: Type::SOA, ttl, rdata: rdata.into() };
        let free = made.iter().filter(|record| is_free(base, record)).cloned();
        let changes: Vec<_> = [soa].into_iter().chain(free).map(Change::Add).collect();
        base.apply(&changes)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }
}

/// A zone with what is made for it.
#[derive(Debug, Default)]
pub(super) struct Derived {
    how: Arc<Derive>,
    facts: Vec<Fact>,
    base: Option<Arc<Zone>>,
    made: Vec<Record>,
    serial: Option<u32>,
}

impl Derived {
    pub(super) fn new(how: Arc<Derive>) -> Self {
        Self { how, ..Self::default() }
    }

    /// What is served where this is what the zone says itself. Where it is an error, all stays as it was.
    ///
    /// # Errors
    /// Where nothing can be made for it.
    pub(super) fn over(&mut self, base: Arc<Zone>) -> Result<Arc<Zone>, String> {
        let made = self.how.records(base.origin(), &self.facts);
        let zone = self.how.compose(&base, &made, seconds(), self.serial)?;
        (self.base, self.made, self.serial) = (Some(base), made, zone.serial());
        Ok(Arc::new(zone))
    }

    /// What is served from now on, where it is other records that these facts make.
    pub(super) fn hear(&mut self, facts: &[Fact]) -> Option<Result<Arc<Zone>, String>> {
        if self.facts == facts {
            return None;
        }
        self.facts = facts.to_vec();
        let base = self.base.clone()?;
        if self.how.records(base.origin(), facts) == self.made {
            return None;
        }
        let zone = self.over(base);
        if let Ok(zone) = &zone {
            self.tell(zone);
        }
        Some(zone)
    }

    fn tell(&self, zone: &Zone) {
        let (origin, serial, records) = (zone.origin(), zone.serial(), self.made.len());
        tracing::info!(zone = %origin, serial, records, "records derived from what runs");
        let host = self.how.host(origin);
        let has = |rtype| zone.node(host).is_some_and(|node| node.set(rtype).is_some());
        if records > 0 && ![Type::A, Type::AAAA, Type::CNAME].into_iter().any(has) {
            tracing::warn!(zone = %origin, %host, "no address of the host is known: give `addresses`, or records in the file");
        }
    }
}

/// The time, as serials have it.
fn seconds() -> u32 {
    now() as u32
}

fn listens(fact: &Fact) -> Option<&Listens> {
    match fact {
        Fact::Listens(listens) => Some(listens),
        _ => None,
    }
}

/// What follows labels below a name.
fn below(name: NameRef<'_>) -> String {
    if name.is_root() { ".".to_owned() } else { format!(".{name}") }
}

/// The records that these lines are.
fn read(lines: &str, origin: NameRef<'_>) -> Vec<Record> {
    // A line that is none was made of a name that is too long with what is before it: there is no such name.
    let one = |line: &str| text::records("derived", line.as_bytes(), Some(origin)).unwrap_or_default();
    lines.lines().flat_map(one).collect()
}

/// Whether the zone says nothing itself of what a record says, and has its name.
fn is_free(zone: &Zone, record: &Record) -> bool {
    match zone.find(&Key::new(record.name.view()), false) {
        Found::Exact(node) => node.set(record.rtype).is_none() && node.set(Type::CNAME).is_none(),
        Found::Missing | Found::Wildcard(_) => true,
        Found::Cut(..) | Found::Redirect(..) => false,
    }
}

#[cfg(test)]
#[path = "derived_tests.rs"]
mod tests;
