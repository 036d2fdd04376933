//! Zones of other servers: fetched, kept, and served for as long as they count (RFC 1034 §4.3.5).

mod kept;
mod pull;
mod timers;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use ropewalk_core::{Error, Result};
use tokio::sync::{Mutex, Notify, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::counts::{Counted, Counts};
use super::desk::Case;
use super::notify::Notice;
use super::policy::Why;
use super::rules::Partner;
use super::{Engine, Peer};
use crate::wire::{Name, NameRef, Rcode};
use crate::zone::Zone;
use kept::Kept;
use timers::Timers;

/// Zones of one primary that are asked for at once.
const AT_ONCE: usize = 8;
/// From one look for changes to the next that a NOTIFY asks for, so that nobody can make us ask all the time.
const PAUSE: Duration = Duration::from_secs(1);
/// How long it may take to see whether a zone has changed, and to fetch it.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The zones of other servers.
#[derive(Debug, Default)]
pub(super) struct Secondaries {
    /// In the order of their names.
    all: Vec<Secondary>,
    /// Held by the one service that looks after them.
    tended: Mutex<()>,
}

/// A zone of which others are the primary servers.
#[derive(Debug)]
pub(super) struct Secondary {
    origin: Name,
    primaries: Vec<Partner>,
    kept: Kept,
    /// What is served could not be written there.
    lacks: AtomicBool,
    /// Somebody said that it has changed.
    told: Notify,
    /// When it counts no more; none where there is none that counts.
    expires: watch::Sender<Option<Instant>>,
}

/// What came of a look for changes.
enum Looked {
    /// The primary has what we have.
    Same,
    /// This is the zone now.
    New(Arc<Zone>),
}

impl Secondaries {
    pub(super) fn new(mut all: Vec<Secondary>) -> Self {
        all.sort_by(|a, b| a.origin.cmp(&b.origin));
        Self { all, tended: Mutex::default() }
    }

    /// Looks for changes for as long as it is polled. Where several services answer from these zones, one of them does.
    pub(super) async fn tend(&self, engine: &Engine, counts: &Counts) {
        let _tended = self.tended.lock().await;
        // A primary that is slow holds up its own zones only.
        let of = |one: &Secondary| one.primaries.first().map(|primary| primary.addr);
        let rooms: HashMap<_, _> = self.all.iter().map(|one| (of(one), Semaphore::new(AT_ONCE))).collect();
        let tended = self.all.iter().filter_map(|one| Some(one.tend(engine, rooms.get(&of(one))?, counts)));
        join_all(tended).await;
    }

    /// Takes note of a change of which a primary of the zone tells (RFC 1996 §3.10); nobody else is heard.
    pub(super) async fn notified(&self, case: &mut Case<'_>) {
        let notice = match Notice::read(case.query) {
            Ok(notice) => notice,
            Err(rcode) => return case.decline(rcode, None).await,
        };
        let at = self.all.binary_search_by(|one| one.origin.cmp(&notice.zone)).ok();
        let zone = at.and_then(|at| self.all.get(at));
        match zone.filter(|one| one.hears(case.from, case.signed.name())) {
            Some(zone) => {
                tracing::debug!(zone = %zone.origin, peer = %case.from.addr, serial = notice.serial, "told of a change");
                zone.told.notify_one();
                case.acknowledge().await;
            }
            None => {
                case.log_refusal("NOTIFY of a stranger", notice.zone.view());
                case.decline(Rcode::REFUSED, Some(Why::Prohibited)).await;
            }
        }
    }
}

impl Secondary {
    /// A zone that is kept in this file, and what is there of it, if it counts still. Blocks.
    pub(super) fn load(origin: Name, file: PathBuf, primaries: Vec<Partner>) -> (Self, Option<Arc<Zone>>) {
        let kept = Kept::new(file);
        let loaded = kept.load(&origin).and_then(|(zone, age)| {
            let left = Timers::of(&zone).expire.checked_sub(age)?;
            Some((zone, left))
        });
        let left = loaded.as_ref().map(|(_, left)| *left);
        // Tests have a clock of their own, which counts from when there is a runtime.
        let expires = watch::Sender::new(left.map(|left| Instant::now() + left));
        let one =
            Self { origin, primaries, kept, lacks: AtomicBool::new(false), told: Notify::new(), expires };
        (one, loaded.map(|(zone, _)| zone))
    }

    /// The zone.
    pub(super) fn origin(&self) -> &Name {
        &self.origin
    }

    /// Whether this is one of its primaries: by its address, or by a key that only they know.
    fn hears(&self, peer: &Peer, key: Option<NameRef<'_>>) -> bool {
        let is = |primary: &Partner| {
            let of_key = primary.key.as_ref().map(|key| key.name());
            primary.addr.ip() == peer.addr.ip() || key.is_some() && of_key == key
        };
        self.primaries.iter().any(is)
    }

    async fn tend(&self, engine: &Engine, room: &Semaphore, counts: &Counts) {
        tokio::join!(self.look_for_changes(engine, room, counts), self.expire(engine));
    }

    /// Asks when it is time, or when a primary says so.
    async fn look_for_changes(&self, engine: &Engine, room: &Semaphore, counts: &Counts) {
        let mut failures = 0;
        loop {
            let looked = {
                let Ok(_permit) = room.acquire().await else { return };
                let look = timeout(LONGEST, self.look(engine, counts));
                look.await.unwrap_or_else(|_| Err(Error::limit("transfer", "it took too long")))
            };
            let zone = engine.zones().zone(self.origin.view()).cloned();
            let timers = zone.as_deref().map(Timers::of).unwrap_or_default();
            let pause = match looked {
                Ok(()) => {
                    failures = 0;
                    self.expires.send_replace(zone.map(|_| Instant::now() + timers.expire));
                    timers.refresh
                }
                Err(error) => {
                    counts.add(Counted::FetchFailed);
                    tracing::warn!(zone = %self.origin, error = %error.chain(), "zone not refreshed");
                    failures += 1;
                    if zone.is_some() { timers.retry } else { timers::first(failures) }
                }
            };
            // At once, but not all the time.
            sleep(PAUSE).await;
            tokio::select! {
                () = sleep(pause.saturating_sub(PAUSE)) => {}
                () = self.told.notified() => {}
            }
        }
    }

    /// Asks the primaries, until one tells something.
    async fn look(&self, engine: &Engine, counts: &Counts) -> Result<()> {
        let mut last = Error::local("it has no primary");
        for primary in &self.primaries {
            let ours = engine.zones().zone(self.origin.view()).cloned();
            let serial = ours.as_ref().and_then(|zone| zone.serial());
            match pull::look(&self.origin, primary, serial).await {
                Ok(Looked::Same) => {
                    counts.add(Counted::FetchSame);
                    match ours.filter(|_| self.lacks.load(Ordering::Relaxed)) {
                        Some(zone) => self.keep(zone).await,
                        None => self.kept.confirm().await,
                    }
                    return Ok(());
                }
                Ok(Looked::New(zone)) => {
                    counts.add(Counted::FetchNew);
                    self.take(zone, primary, engine).await;
                    return Ok(());
                }
                Err(error) => last = error.during(format!("primary {}", primary.addr)),
            }
        }
        Err(last)
    }

    async fn take(&self, zone: Arc<Zone>, primary: &Partner, engine: &Engine) {
        let (serial, names) = (zone.serial(), zone.names());
        tracing::info!(zone = %self.origin, serial, names, primary = %primary.addr, "zone fetched");
        engine.update(|set| {
            let mut set = (**set).clone();
            set.insert(Arc::clone(&zone));
            set
        });
        self.keep(zone).await;
    }

    /// Writes the file. Where that fails, what is there is an older zone, and is not to be taken for one that was seen now.
    async fn keep(&self, zone: Arc<Zone>) {
        let written = self.kept.write(zone).await;
        self.lacks.store(written.is_err(), Ordering::Relaxed);
        if let Err(error) = written {
            error.log("a zone that was fetched is not kept");
        }
    }

    /// Says that the zone is not known when it was not seen for too long (RFC 1034 §4.3.5).
    async fn expire(&self, engine: &Engine) {
        let mut expires = self.expires.subscribe();
        loop {
            let at = *expires.borrow_and_update();
            let expired = async {
                match at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = expired => {
                    tracing::error!(zone = %self.origin, "zone expired: no primary has been seen for too long");
                    engine.update(|set| {
                        let mut set = (**set).clone();
                        set.insert_unavailable(self.origin.clone());
                        set
                    });
                    self.expires.send_replace(None);
                }
                changed = expires.changed() => if changed.is_err() { return },
            }
        }
    }
}

#[cfg(test)]
mod tests;
