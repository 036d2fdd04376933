//! Telling other servers that a zone has changed (RFC 1996).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ropewalk_core::{Error, Result};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::Engine;
use super::counts::{Counted, Counts};
use super::notify::Notice;
use super::rules::{Book, Partner};
use crate::client::{Client, Options, Via, random};
use crate::wire::{Name, Rcode};
use crate::zone::Zone;

/// How often zones are looked at, whoever changes them.
const LOOK: Duration = Duration::from_secs(1);
/// How long a server has to reply before it is told again, each time (RFC 1996 §3.6).
const TRIES: [u64; 5] = [2, 4, 8, 16, 32];
/// Zones that one server is told of at once.
const AT_ONCE: usize = 8;

/// What other servers were told.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// The serial that each was told last. Held by the one service that tells.
    told: Mutex<HashMap<(Name, usize), Option<u32>>>,
}

/// Who is told of a zone.
#[derive(Clone, Copy)]
struct Target<'b> {
    origin: &'b Name,
    /// Its place among those of the zone.
    place: usize,
    partner: &'b Partner,
}

impl Notices {
    /// Tells of every change, for as long as it is polled; and of all zones at the beginning, as nobody knows what was told
    /// before. Where several services answer from these zones, one of them does.
    ///
    /// A server is told of one change of a zone at a time: who does not reply is told of what has changed since in the end,
    /// and takes nobody else's turn meanwhile.
    pub(super) async fn tend(&self, engine: &Engine, book: &Book, counts: &Counts) {
        let mut told = self.told.lock().await;
        let room = |target: Target<'_>| (target.partner.addr, Semaphore::new(AT_ONCE));
        let rooms: HashMap<_, _> = targets(book).map(room).collect();
        let (mut busy, mut running) = (HashSet::new(), FuturesUnordered::new());
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            let ended: Option<Target<'_>> = tokio::select! {
                _ = ticks.tick() => None,
                Some(target) = running.next() => Some(target),
            };
            let zones = engine.zones();
            let due: Vec<Target<'_>> = match ended {
                Some(target) => {
                    busy.remove(&target.key());
                    vec![target]
                }
                None if seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &zones)) => continue,
                None => targets(book).collect(),
            };
            for target in due {
                let Some(zone) = zones.zone(target.origin.view()) else { continue };
                let key = target.key();
                if busy.contains(&key) || told.get(&key) == Some(&zone.serial()) {
                    continue;
                }
                told.insert(key.clone(), zone.serial());
                busy.insert(key);
                running.push(tell(Arc::clone(zone), target, rooms.get(&target.partner.addr), counts));
            }
            if ended.is_none() {
                seen = Some(zones);
            }
        }
    }
}

/// Who is told of what.
fn targets(book: &Book) -> impl Iterator<Item = Target<'_>> {
    book.iter().flat_map(|(origin, rules)| {
        let all = rules.notify.iter().enumerate();
        all.map(move |(place, partner)| Target { origin, place, partner })
    })
}

impl Target<'_> {
    fn key(&self) -> (Name, usize) {
        (self.origin.clone(), self.place)
    }
}

/// Tells one server, until it replies.
async fn tell<'b>(
    zone: Arc<Zone>,
    target: Target<'b>,
    room: Option<&Semaphore>,
    counts: &Counts,
) -> Target<'b> {
    let _permit = match room {
        Some(room) => room.acquire().await.ok(),
        None => None,
    };
    let (origin, serial, partner) = (zone.origin(), zone.serial(), target.partner);
    let told = try_to_tell(&zone, partner).await;
    let is_told = matches!(told, Ok(Rcode::NOERROR));
    counts.add(if is_told { Counted::NotifyTold } else { Counted::NotifyFailed });
    match told {
        Ok(Rcode::NOERROR) => {
            tracing::info!(zone = %origin, serial, server = %partner.addr, "told of a change")
        }
        Ok(rcode) => {
            tracing::warn!(zone = %origin, server = %partner.addr, %rcode, "does not want to be told of changes");
        }
        Err(error) => {
            let error = error.chain();
            tracing::warn!(zone = %origin, serial, server = %partner.addr, %error, "not told of a change");
        }
    }
    target
}

async fn try_to_tell(zone: &Zone, partner: &Partner) -> Result<Rcode> {
    let message = Notice::request(zone, random()?);
    let mut last = Error::local("it was not told");
    for seconds in TRIES {
        let timeout = Duration::from_secs(seconds);
        let next = Instant::now() + timeout;
        let options = Options { timeout, tries: 1, key: partner.key.clone(), ..Options::default() };
        match Client::with(partner.addr, Via::Udp, options).exchange(&message).await {
            Ok(reply) => return Ok(reply.message.rcode),
            Err(error) => last = error,
        }
        // Where nobody is there, as is told at once, somebody may come back.
        sleep_until(next).await;
    }
    Err(last)
}

#[cfg(test)]
#[path = "notices_tests.rs"]
mod tests;
