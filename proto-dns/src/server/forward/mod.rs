//! Questions that are not ours, passed on to servers that know.

mod cache;
mod outcome;
mod upstream;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ropewalk_core::policy::Network;
use ropewalk_core::{Error, Result};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout};

use super::{Acl, Peer, Transport};
use crate::client::Ask;
use crate::wire::{
    Class, Encoder, Flags, Head, Key, Name, NameRef, Opcode, Opt, Owner, Part, Query, Question, Rcode, Type,
};
use cache::Cache;
use outcome::{Outcome, Set};
pub use upstream::Upstream;

/// What a reply over UDP may have without EDNS (RFC 1035 §4.2.1).
const PLAIN: u16 = 512;
/// Who may ask where nothing else is said: this machine, and networks that are nobody else's (RFC 1918, RFC 3927, RFC 4193,
/// RFC 4291).
const PRIVATE: [&str; 7] =
    ["loopback", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"];

/// Passes questions on to servers that know, and keeps what they say for as long as it counts.
///
/// A question is sent from a random port, with a random ID and a mixture of small and large letters, and what is not of it
/// is not taken from the reply (RFC 5452). Equal questions that come together are asked once; so servers that pass on to
/// each other in a circle come to an end.
pub struct Forwarder {
    /// The longest first.
    routes: Vec<Route>,
    options: Options,
    cache: Cache,
    /// Requests that are being answered.
    room: Semaphore,
    flights: Mutex<HashMap<cache::Question, Flight>>,
}

type Flight = Arc<OnceCell<Arc<Outcome>>>;

/// Whom questions of a name, and below it, are passed on to.
#[derive(Debug)]
pub struct Route {
    /// The name; the root for all that no other is for.
    pub name: Name,
    /// The servers: the first that answers.
    pub upstreams: Vec<Upstream>,
}

/// How a [`Forwarder`] answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Who may ask. Others are refused: a server that asks for everybody is a weapon.
    pub allow: Acl,
    /// How long all upstreams of a question have together.
    pub timeout: Duration,
    /// Octets of what is kept.
    pub cache: usize,
    /// Requests that are waited for at once; more fail.
    pub in_flight: usize,
    /// The largest reply over UDP, in octets.
    pub udp_size: u16,
}

impl Default for Options {
    fn default() -> Self {
        let private = PRIVATE.iter().filter_map(|network| network.parse::<Network>().ok());
        Self {
            allow: Acl::of_networks(private),
            timeout: Duration::from_secs(8),
            cache: 16 * 1024 * 1024,
            in_flight: 4096,
            udp_size: 1232,
        }
    }
}

impl Forwarder {
    /// A forwarder by these routes.
    ///
    /// # Errors
    /// Where two are for one name, or one has no servers.
    pub fn new(mut routes: Vec<Route>, options: Options) -> Result<Self> {
        routes
            .sort_by(|a, b| b.name.wire().len().cmp(&a.name.wire().len()).then_with(|| a.name.cmp(&b.name)));
        for (route, next) in routes.iter().zip(routes.iter().skip(1)) {
            if route.name == next.name {
                return Err(Error::local(format!("{} is passed on twice", route.name)));
            }
        }
        if let Some(route) = routes.iter().find(|route| route.upstreams.is_empty()) {
            return Err(Error::local(format!("{} is passed on to nobody", route.name)));
        }
        let (cache, room) = (Cache::new(options.cache), Semaphore::new(options.in_flight));
        Ok(Self { routes, options, cache, room, flights: Mutex::default() })
    }

    /// Whether questions of this name are passed on.
    pub fn takes(&self, name: NameRef<'_>) -> bool {
        self.route(name).is_some()
    }

    /// The reply to a request that no zone of ours answers; `None` where it deserves none. It may take as long as the
    /// options say, and may be dropped.
    pub async fn forward(&self, request: &[u8], from: &Peer) -> Option<Vec<u8>> {
        let head = Head::read(request)?;
        let query = match Query::read(head, request) {
            Ok(query) => query,
            Err(rcode) => {
                let mut out = Vec::new();
                let mut reply = Encoder::new(&mut out, &head, PLAIN.into());
                reply.rcode = rcode;
                reply.finish();
                return Some(out);
            }
        };
        let now = Instant::now();
        match self.outcome(&query, from, now).await {
            Ok((outcome, age)) => Some(self.reply(&query, from, outcome.rcode, Some((&outcome, age)))),
            Err(rcode) => Some(self.reply(&query, from, rcode, None)),
        }
    }

    /// What is known, and for how many seconds; or the code of a refusal.
    async fn outcome(
        &self,
        query: &Query<'_>,
        from: &Peer,
        now: Instant,
    ) -> Result<(Arc<Outcome>, u32), Rcode> {
        if query.edns.is_some_and(|edns| edns.version > 0) {
            return Err(Rcode::BADVERS);
        }
        if query.head.opcode != Opcode::QUERY {
            return Err(Rcode::NOTIMP);
        }
        let question = query.question.ok_or(Rcode::FORMERR)?;
        let is_forwarded = question.qclass == Class::IN
            && !matches!(question.qtype, Type::AXFR | Type::IXFR)
            // Who wishes no recursion wants to know what we know ourselves, or what others have asked.
            && query.head.rd
            && self.options.allow.admits(&from.addr.into(), None);
        let route = self.route(question.name).filter(|_| is_forwarded).ok_or(Rcode::REFUSED)?;
        let key = cache::Question {
            name: question.name.to_lower(),
            qtype: question.qtype,
            dnssec: query.edns.is_some_and(|edns| edns.dnssec),
            cd: query.head.cd,
        };
        if let Some(known) = self.cache.get(&key, now) {
            return Ok(known);
        }
        let _permit = self.room.try_acquire().map_err(|_| Rcode::SERVFAIL)?;
        let flight = Joined::new(&self.flights, key);
        let outcome = flight.cell.get_or_init(|| self.asked(route, &flight.question)).await;
        Ok((Arc::clone(outcome), 0))
    }

    fn route(&self, name: NameRef<'_>) -> Option<&Route> {
        self.routes.iter().find(|route| name.is_within(route.name.view()))
    }

    /// What the servers of a route say, which is kept.
    async fn asked(&self, route: &Route, question: &cache::Question) -> Arc<Outcome> {
        let asked = timeout(self.options.timeout, route.ask(question)).await;
        let outcome = match asked {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                tracing::debug!(name = %question.name, error = %error.chain(), "not answered");
                Outcome::failure()
            }
            Err(_) => Outcome::failure(),
        };
        let outcome = Arc::new(outcome);
        self.cache.put(question.clone(), Arc::clone(&outcome), Instant::now());
        outcome
    }

    fn reply(&self, query: &Query<'_>, from: &Peer, rcode: Rcode, known: Option<(&Outcome, u32)>) -> Vec<u8> {
        let limit = match (from.transport, query.edns) {
            (Transport::Udp, Some(edns)) => edns.size.clamp(PLAIN, self.options.udp_size.max(PLAIN)),
            (Transport::Udp, None) => PLAIN,
            _ => u16::MAX,
        };
        let mut out = Vec::new();
        let mut reply = Encoder::new(&mut out, &query.head, limit.into());
        reply.rcode = rcode;
        let opt = query.edns.map(|edns| Opt { size: self.options.udp_size, dnssec: edns.dnssec });
        reply.reserve(if opt.is_some() { Opt::LENGTH } else { 0 });
        if let Some(question) = &query.question {
            reply.question(question);
            if let Some((outcome, age)) = known {
                fill(&mut reply, question, outcome, age);
            }
        }
        if let Some(opt) = opt {
            reply.opt(opt, |_| {});
        }
        reply.finish();
        // Recursion is available to those who are not refused.
        if let Some(flags) = out.get_mut(3).filter(|_| rcode != Rcode::REFUSED) {
            *flags |= Flags::RA.0 as u8;
        }
        out
    }
}

/// Writes what is known into a reply, as far as it fits.
fn fill(reply: &mut Encoder<'_>, question: &Question<'_>, outcome: &Outcome, age: u32) {
    reply.point_to_question(&Key::new(question.name));
    let write = |reply: &mut Encoder<'_>, part, set: &Set| {
        let name = Key::new(set.name.view());
        reply.rrset(part, Owner::Name(&name, name.labels()), set.aged(age))
    };
    let fits = outcome.answer.iter().all(|set| write(reply, Part::Answer, set))
        && outcome.authority.iter().all(|set| write(reply, Part::Authority, set));
    reply.truncated = !fits;
}

impl Route {
    /// Asks the servers that do well, in their order, then those that do not; the first answer is it.
    async fn ask(&self, question: &cache::Question) -> Result<Outcome> {
        let now = Instant::now();
        let mut order: Vec<_> = self.upstreams.iter().map(|one| (one.rests_until(now), one)).collect();
        order.sort_by_key(|(rest, _)| *rest);
        let mut ask = Ask::new(mixed(&question.name)?, question.qtype);
        if question.cd {
            ask.flags = ask.flags.with(Flags::CD);
        }
        if question.dnssec {
            ask = ask.with_dnssec();
        }
        let mut last = Error::local("there is nobody to ask");
        for (_, upstream) in order {
            match upstream.ask(&ask).await {
                Ok(reply) => {
                    let (name, dnssec) = (question.name.view(), question.dnssec);
                    return Ok(Outcome::of(&reply.message, name, question.qtype, dnssec));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The name in a mixture of small and large letters: each is a bit more to guess.
fn mixed(name: &Name) -> Result<Name> {
    let mut bits = [0; 32];
    aws_lc_rs::rand::fill(&mut bits).map_err(|error| Error::local("no randomness").caused_by(error))?;
    let bits = bits.iter().flat_map(|octet| (0..8).map(move |bit| octet >> bit & 1 == 1));
    // A length is at most 63, and so never a letter.
    let flip = |(octet, flip): (&u8, bool)| if flip { octet.to_ascii_uppercase() } else { *octet };
    let wire: Vec<u8> = name.wire().iter().zip(bits).map(flip).collect();
    Name::from_wire(&wire).map_err(|error| Error::local("a name").caused_by(error))
}

/// A part in asking a question, which others may have too.
struct Joined<'a> {
    flights: &'a Mutex<HashMap<cache::Question, Flight>>,
    question: cache::Question,
    cell: Flight,
}

impl<'a> Joined<'a> {
    fn new(flights: &'a Mutex<HashMap<cache::Question, Flight>>, question: cache::Question) -> Self {
        let mut all = flights.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(all.entry(question.clone()).or_default());
        Self { flights, question, cell }
    }
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        let mut all = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // Ours and that of the map: copies are made under its lock only.
        if Arc::strong_count(&self.cell) <= 2 {
            all.remove(&self.question);
        }
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder").field("routes", &self.routes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
