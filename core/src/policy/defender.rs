use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Network;
use crate::Address;
use crate::app::{Defend, Offence};

/// Networks that are kept at most; who would be one more is not counted.
const MOST: usize = 65_536;
/// As long as a ban can be: a century.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
/// A full table is tidied no more often than this.
const TIDY: Duration = Duration::from_secs(1);

/// When a peer is banned, and for how long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DefenderOptions {
    /// The points at which a peer is banned.
    pub threshold: u32,
    /// Points are half as many after this time.
    pub half_life: Duration,
    /// The first ban; each further one is twice as long.
    pub ban: Duration,
    /// The longest ban. A peer that was not banned for so long begins anew.
    pub longest: Duration,
    /// Peers that are never banned.
    pub allow: Vec<Network>,
    /// Whether peers on this machine are counted too.
    pub local: bool,
    /// Whether bans are only told.
    pub dry_run: bool,
}

impl Default for DefenderOptions {
    fn default() -> Self {
        Self {
            threshold: 20,
            half_life: Duration::from_secs(5 * 60),
            ban: Duration::from_secs(10 * 60),
            longest: Duration::from_secs(24 * 60 * 60),
            allow: Vec::new(),
            local: false,
            dry_run: false,
        }
    }
}

/// Bans peers that offend too often: one table for all servers of an application.
///
/// Each offence is some points: 1 for garbage and for a login that does not come, 2 for a wrong password, 3 for an
/// unknown user and for a scanner's path. Points fade. Peers are counted by IPv4 address and IPv6 /64 network.
/// An operator can ban other networks too.
/// A ban is of all that the peer has and will have: its connections end, whoever has logged in on them, and new ones are
/// refused.
pub struct Defender {
    state: Mutex<State>,
    /// Bans in the table, passed ones among them: while there is none, nobody need look into it.
    banned: AtomicUsize,
    changed: Notify,
}

struct State {
    /// None where nobody is counted or banned.
    options: Option<DefenderOptions>,
    /// By what counts as one peer; and what an operator has banned besides, wider or narrower.
    peers: HashMap<Network, Peer>,
    /// The prefixes that networks in there have, or had.
    prefixes: BTreeSet<u8>,
    tidied: Option<Instant>,
}

struct Peer {
    points: f64,
    /// When there were so many.
    at: Instant,
    ban: Option<Sentence>,
}

/// The last ban of a peer, which may have passed.
struct Sentence {
    until: Instant,
    times: u32,
    why: String,
}

/// A peer that is banned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Its address; of IPv6 the network, a /64; or what an operator has banned.
    pub network: Network,
    /// How long from now.
    pub left: Duration,
    /// How often it was banned, this time included.
    pub times: u32,
    /// The last offence, or what an operator said.
    pub why: String,
}

impl Defender {
    /// A table with nobody in it. Without options it does nothing until it is [configured](Self::configure).
    pub fn new(options: impl Into<Option<DefenderOptions>>) -> Self {
        let state = State {
            options: options.into(),
            peers: HashMap::new(),
            prefixes: BTreeSet::from([32, 64]),
            tidied: None,
        };
        Self { state: Mutex::new(state), banned: AtomicUsize::new(0), changed: Notify::new() }
    }

    /// Goes on with other options, or none. Who was not exempt and is by these is banned no more.
    pub fn configure(&self, options: Option<DefenderOptions>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let was_exempt = |network: &Network| state.options.as_ref().is_some_and(|old| old.exempt(network));
        let is_exempt = |network: &Network| options.as_ref().is_some_and(|new| new.exempt(network));
        let mut bans = 0;
        state.peers.retain(|network, peer| {
            let goes = is_exempt(network) && !was_exempt(network);
            bans += usize::from(goes && peer.ban.is_some());
            !goes
        });
        state.options = options;
        self.banned.fetch_sub(bans, Ordering::Relaxed);
        drop(guard);
        self.changed.notify_one();
    }

    /// Whether it has options, and so does anything.
    pub fn is_on(&self) -> bool {
        self.lock().options.is_some()
    }

    /// Whether somebody in this network is never banned for what they do.
    pub fn is_exempt(&self, network: &Network) -> bool {
        self.lock().options.as_ref().is_none_or(|options| options.exempt(network))
    }

    /// All bans that have not passed, by network.
    pub fn bans(&self) -> Vec<Ban> {
        let now = Instant::now();
        let ban = |(network, peer): (&Network, &Peer)| {
            let Sentence { until, times, why } = peer.ban.as_ref().filter(|ban| ban.until > now)?;
            Some(Ban { network: network.clone(), left: *until - now, times: *times, why: why.clone() })
        };
        let mut all: Vec<_> = self.lock().peers.iter().filter_map(ban).collect();
        all.sort_by(|one, other| one.network.cmp(&other.network));
        all
    }

    /// Bans this network, whether it is exempt or not; for the usual time if none is given. Nothing where there are no options.
    pub fn ban(&self, network: Network, time: Option<Duration>, why: &str) {
        let now = Instant::now();
        let mut guard = self.lock();
        let State { options, peers, prefixes, .. } = &mut *guard;
        let Some(options) = options else { return };
        prefixes.extend(network.prefix());
        let peer = peers.entry(network).or_insert_with(|| Peer::new(now));
        self.sentence(options, peer, now, time, why);
        drop(guard);
        self.changed.notify_one();
    }

    /// Ends the ban of this very network, and forgets what it did. Whether there was one.
    pub fn unban(&self, network: &Network) -> bool {
        let removed = self.lock().peers.remove(network).and_then(|peer| peer.ban);
        let Some(ban) = removed else { return false };
        self.banned.fetch_sub(1, Ordering::Relaxed);
        self.changed.notify_one();
        ban.until > Instant::now()
    }

    /// Takes up bans that were kept, but not of peers that are exempt by now.
    pub fn restore(&self, bans: impl IntoIterator<Item = Ban>) {
        let now = Instant::now();
        let mut guard = self.lock();
        let State { options, peers, prefixes, .. } = &mut *guard;
        let stays = |ban: &Ban| !options.as_ref().is_some_and(|options| options.exempt(&ban.network));
        for Ban { network, left, times, why } in bans.into_iter().filter(stays).take(MOST) {
            prefixes.extend(network.prefix());
            let peer = peers.entry(network).or_insert_with(|| Peer::new(now));
            if peer.ban.replace(Sentence { until: now + left.min(FOR_EVER), times, why }).is_none() {
                self.banned.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Waits until there is another ban, or one less by a word.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn sentence(
        &self,
        options: &DefenderOptions,
        peer: &mut Peer,
        now: Instant,
        time: Option<Duration>,
        why: &str,
    ) {
        let before = peer.ban.as_ref().map_or(0, |ban| ban.times);
        let longer = options.ban.saturating_mul(2_u32.saturating_pow(before));
        let time = time.unwrap_or(longer.min(options.longest)).min(FOR_EVER);
        if peer.ban.is_none() {
            self.banned.fetch_add(1, Ordering::Relaxed);
        }
        peer.ban = Some(Sentence { until: now + time, times: before.saturating_add(1), why: why.into() });
        peer.points = 0.0;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room in a full table, of peers that say nothing any more.
    fn tidy(&self, state: &mut State, now: Instant) {
        let State { options: Some(options), peers, tidied, .. } = state else { return };
        if peers.len() < MOST || tidied.is_some_and(|at| now < at + TIDY) {
            return;
        }
        *tidied = Some(now);
        let counts = |peer: &Peer| {
            let ban = peer.ban.as_ref().is_some_and(|ban| now < ban.until + options.longest);
            ban || peer.points_at(now, options) * 4.0 >= f64::from(options.threshold)
        };
        let mut bans = 0;
        peers.retain(|_, peer| {
            let stays = counts(peer);
            bans += usize::from(!stays && peer.ban.is_some());
            stays
        });
        self.banned.fetch_sub(bans, Ordering::Relaxed);
    }
}

impl DefenderOptions {
    fn exempt(&self, network: &Network) -> bool {
        (!self.local && network.overlaps(&Network::LOOPBACK))
            || self.allow.iter().any(|of| of.overlaps(network))
    }

    /// Whether this very peer is: others of its network may be.
    fn spares(&self, peer: &Address) -> bool {
        (peer.is_local() && !self.local) || self.allow.iter().any(|network| network.contains(peer))
    }
}

impl Defend for Defender {
    fn report(&self, address: &Address, offence: Offence) -> bool {
        let Some(network) = Network::of_peer(address) else { return false };
        let now = Instant::now();
        let mut guard = self.lock();
        self.tidy(&mut guard, now);
        let State { options: Some(options), peers, .. } = &mut *guard else { return false };
        if options.spares(address) || (peers.len() >= MOST && !peers.contains_key(&network)) {
            return false;
        }
        let peer = peers.entry(network).or_insert_with(|| Peer::new(now));
        if let Some(ban) = &peer.ban {
            if now < ban.until {
                return false;
            }
            if now >= ban.until + options.longest {
                peer.ban = None;
                self.banned.fetch_sub(1, Ordering::Relaxed);
            }
        }
        peer.points = peer.points_at(now, options) + points(offence);
        peer.at = now;
        // The tenth of ten quick offences counts, though the first has faded by a little.
        if peer.points.round() < f64::from(options.threshold) {
            return false;
        }
        self.sentence(options, peer, now, None, offence.name());
        let (until, times) = peer.ban.as_ref().map_or((now, 0), |ban| (ban.until, ban.times));
        let dry_run = options.dry_run;
        drop(guard);
        self.changed.notify_one();
        let (offence, seconds) = (offence.name(), (until - now).as_secs());
        let Some(network) = address.network() else { return false };
        if dry_run {
            tracing::warn!(address = %network, offence, seconds, times, "would be banned");
        } else {
            tracing::warn!(address = %network, offence, seconds, times, "banned");
        }
        !dry_run
    }

    fn shuts_out(&self, peer: &Address) -> bool {
        if self.banned.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let Some(ip) = peer.ip() else { return false };
        let now = Instant::now();
        let state = self.lock();
        if state.options.as_ref().is_none_or(|options| options.dry_run) {
            return false;
        }
        let mut networks = state.prefixes.iter().filter_map(|prefix| Network::of(ip, *prefix));
        let ban = |network| state.peers.get(&network)?.ban.as_ref();
        networks.any(|network| ban(network).is_some_and(|ban| now < ban.until))
    }
}

impl fmt::Debug for Defender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Defender").field("options", &self.lock().options).finish_non_exhaustive()
    }
}

impl Peer {
    fn new(now: Instant) -> Self {
        Self { points: 0.0, at: now, ban: None }
    }

    fn points_at(&self, now: Instant, options: &DefenderOptions) -> f64 {
        let lives = (now - self.at).as_secs_f64() / options.half_life.as_secs_f64().max(1.0);
        self.points * 0.5_f64.powf(lives)
    }
}

fn points(offence: Offence) -> f64 {
    match offence {
        Offence::Garbage | Offence::GraceExceeded => 1.0,
        Offence::WrongPassword => 2.0,
        Offence::UnknownUser | Offence::Scanner => 3.0,
    }
}

#[cfg(test)]
#[path = "defender_tests.rs"]
mod tests;
