//! Questions that are not ours, passed on to servers that know.

mod cache;
mod outcome;
mod special;
mod upstream;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ropewalk_core::policy::Network;
use ropewalk_core::{Error, Result};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout};

use super::answer::{Answers, answer};
use super::counts::{Counted, Counts};
use super::desk::Case;
use super::policy::Why;
use super::shares::Shares;
use super::{Acl, Engine, Peer, Signed, Verdict};
use crate::client::Ask;
use crate::wire::{Encoder, Flags, Head, Key, Name, NameRef, Owner, Part, Query, Question, Rcode, Type};
use crate::zone::{Best, ZoneSet};
use cache::Cache;
use outcome::{Outcome, Set};
pub use upstream::Upstream;

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
    /// Names that nobody is asked for, unless a route is for them.
    special: ZoneSet,
    cache: Cache,
    /// Questions that are being asked.
    room: Semaphore,
    shares: Shares,
    flights: Mutex<HashMap<cache::Question, Flight>>,
    counts: Counts,
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

/// How a [`Forwarder`] asks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long all upstreams of a question have together.
    pub timeout: Duration,
    /// Octets of what is kept.
    pub cache: usize,
    /// Questions that are waited for at once; more fail. A client has a sixteenth of them, or 64.
    pub in_flight: usize,
    /// Names that mean something on this machine or network only, or nothing anywhere, are answered here, unless a route other
    /// than that of the root is for them (RFC 6303, RFC 6761).
    pub special: bool,
}

/// A question that others know, and what of it is ours.
struct Sought<'q> {
    question: Question<'q>,
    /// Our zones, if an alias of theirs leads to what others know.
    aliased: Option<Arc<ZoneSet>>,
    /// What others are asked.
    asked: cache::Question,
}

/// What there is to say.
enum Known {
    /// It is nobody's: no route is for it.
    Nobodys,
    /// A special name.
    Special,
    /// There is no room for more questions.
    Full,
    /// This, for so many seconds.
    Said(Arc<Outcome>, u32),
}

impl Default for Options {
    fn default() -> Self {
        let (timeout, cache) = (Duration::from_secs(8), 16 * 1024 * 1024);
        Self { timeout, cache, in_flight: 4096, special: true }
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
        let special = if options.special { special::zones()? } else { ZoneSet::default() };
        let (cache, room) = (Cache::new(options.cache), Semaphore::new(options.in_flight));
        let shares = Shares::new(share(options.in_flight));
        let (flights, counts) = (Mutex::default(), Counts::default());
        Ok(Self { routes, options, special, cache, room, shares, flights, counts })
    }

    /// Who may ask where nothing else is said: this machine, and networks that are nobody else's.
    pub fn private() -> Acl {
        Acl::of_networks(PRIVATE.iter().filter_map(|network| network.parse::<Network>().ok()))
    }

    /// What was counted, which the caller tells.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Replies to a request for which the verdict is [`Verdict::Forward`], if it is known what.
    pub(super) fn respond(
        &self,
        engine: &Engine,
        request: &[u8],
        from: &Peer,
        out: &mut Vec<u8>,
    ) -> Option<Verdict> {
        let query = Query::read(Head::read(request)?, request).ok()?;
        let sought = Sought::new(engine, &query)?;
        let known = self.known(&sought)?;
        Some(engine.compose(&query, from, &Signed::default(), out, |reply| self.fill(&sought, &known, reply)))
    }

    /// The same, but those who know are asked.
    pub(super) async fn work(&self, case: &mut Case<'_>) {
        let Some(sought) = Sought::new(case.engine, case.query) else {
            return case.decline(Rcode::REFUSED, Some(Why::NotAuthoritative)).await;
        };
        let known = match self.known(&sought) {
            Some(known) => known,
            None => self.ask(&sought.asked, case.from.addr.ip()).await,
        };
        case.reply(|reply| self.fill(&sought, &known, reply)).await;
    }

    /// What can be said without asking.
    fn known(&self, sought: &Sought<'_>) -> Option<Known> {
        let asked = &sought.asked;
        let Some(route) = self.route(asked.name.view()) else { return Some(Known::Nobodys) };
        let special = || self.special.best(&Key::new(asked.name.view()), asked.qtype == Type::DS);
        if route.name.view().is_root() && !matches!(special(), Best::Foreign) {
            return Some(if sought.aliased.is_some() { Known::Nobodys } else { Known::Special });
        }
        let (outcome, age) = self.cache.get(asked, Instant::now())?;
        self.counts.add(Counted::CacheHit);
        Some(Known::Said(outcome, age))
    }

    async fn ask(&self, asked: &cache::Question, client: IpAddr) -> Known {
        let Some(_share) = self.shares.take(client) else { return Known::Full };
        let (Some(route), Ok(_permit)) = (self.route(asked.name.view()), self.room.try_acquire()) else {
            return Known::Full;
        };
        self.counts.add(Counted::CacheMiss);
        let flight = Joined::new(&self.flights, asked.clone());
        let outcome = flight.cell.get_or_init(|| self.outcome(route, &flight.question)).await;
        Known::Said(Arc::clone(outcome), 0)
    }

    fn route(&self, name: NameRef<'_>) -> Option<&Route> {
        self.routes.iter().find(|route| name.is_within(route.name.view()))
    }

    /// What the servers of a route say, which is kept.
    async fn outcome(&self, route: &Route, question: &cache::Question) -> Arc<Outcome> {
        let asked = timeout(self.options.timeout, route.ask(question, &self.counts)).await;
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

    /// Writes what there is to say into a reply, as far as it fits.
    fn fill(&self, sought: &Sought<'_>, known: &Known, reply: &mut Encoder<'_>) -> Option<Why> {
        let Sought { question, aliased, asked } = sought;
        let how = Answers { minimal: true, dnssec: asked.dnssec, continued: true, asker: None };
        let elsewhere =
            aliased.as_deref().and_then(|zones| answer(zones, question.name, question.qtype, how, reply));
        if aliased.is_none() {
            reply.point_to_question(&Key::new(question.name));
        }
        let why = match known {
            Known::Said(outcome, age) => {
                reply.rcode = outcome.rcode;
                reply.truncated |= !outcome.write(*age, reply);
                (outcome.rcode == Rcode::SERVFAIL).then_some(Why::NobodyReachable)
            }
            Known::Special => {
                answer(&self.special, question.name, question.qtype, how, reply);
                None
            }
            Known::Full => {
                reply.rcode = Rcode::SERVFAIL;
                None
            }
            Known::Nobodys if aliased.is_some() => None,
            Known::Nobodys => {
                reply.rcode = Rcode::REFUSED;
                Some(Why::NotAuthoritative)
            }
        };
        // What others say is in the answer section by now.
        if let Some(elsewhere) = elsewhere {
            elsewhere.proofs.write(reply);
        }
        why
    }
}

impl<'q> Sought<'q> {
    /// What is to be asked; `None` where our zones have all of it.
    fn new(engine: &Engine, query: &Query<'q>) -> Option<Self> {
        let question = query.question?;
        let (key, zones) = (Key::new(question.name), engine.zones());
        let dnssec = query.edns.is_some_and(|edns| edns.dnssec);
        let asked = |name: NameRef<'_>| cache::Question {
            name: name.to_lower(),
            qtype: question.qtype,
            dnssec,
            cd: query.head.cd,
        };
        if let Best::Foreign = zones.best(&key, question.qtype == Type::DS) {
            return Some(Self { asked: asked(question.name), question, aliased: None });
        }
        let mut scratch = Vec::new();
        let mut reply = Encoder::new(&mut scratch, &query.head, u16::MAX.into());
        let how = Answers { minimal: true, dnssec, continued: true, asker: None };
        let asked = answer(&zones, question.name, question.qtype, how, &mut reply)
            .map(|elsewhere| asked(elsewhere.name.view()))?;
        Some(Self { asked, question, aliased: Some(zones) })
    }
}

impl Outcome {
    /// Writes it as it is after so many seconds; whether all of it fits.
    fn write(&self, age: u32, reply: &mut Encoder<'_>) -> bool {
        let mut write = |part, set: &Set| {
            let name = Key::new(set.name.view());
            reply.rrset(part, Owner::Name(&name, name.labels()), set.aged(age))
        };
        self.answer.iter().all(|set| write(Part::Answer, set))
            && self.authority.iter().all(|set| write(Part::Authority, set))
    }
}

impl Route {
    /// Asks the servers that do well, in their order, then those that do not; the first answer is it.
    async fn ask(&self, question: &cache::Question, counts: &Counts) -> Result<Outcome> {
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
            let reply = upstream.ask(&ask).await;
            counts.add(if reply.is_ok() { Counted::UpstreamAnswered } else { Counted::UpstreamFailed });
            match reply {
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

/// How many of so many one client waits for: a sixteenth, as long as that is enough for one.
fn share(all: usize) -> usize {
    (all / 16).max(64).min(all)
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
