//! Telling other servers that a zone has changed (RFC 1996).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ropewalk_core::{Error, Result};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::Engine;
use super::notify::Notice;
use super::rules::{Book, Partner};
use crate::client::{Client, Options, Via, random};
use crate::wire::{Name, Rcode};
use crate::zone::Zone;

/// How often zones are looked at, whoever changes them.
const LOOK: Duration = Duration::from_secs(1);
/// How long a server has to reply before it is told again, each time (RFC 1996 §3.6).
const TRIES: [u64; 5] = [2, 4, 8, 16, 32];
/// Servers that are told at once.
const AT_ONCE: usize = 32;

/// What other servers were told.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// The serial of each zone that was told of. Held by the one service that tells.
    told: Mutex<HashMap<Name, Option<u32>>>,
}

impl Notices {
    /// Tells of every change, for as long as it is polled; and of all zones at the beginning, as nobody knows what was told
    /// before. Where several services answer from these zones, one of them does.
    pub(super) async fn tend(&self, engine: &Engine, book: &Book) {
        let mut told = self.told.lock().await;
        let (room, mut running) = (Semaphore::new(AT_ONCE), FuturesUnordered::new());
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                Some(()) = running.next() => continue,
            }
            let zones = engine.zones();
            if seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &zones)) {
                continue;
            }
            for (name, rules) in book.iter().filter(|(_, rules)| !rules.notify.is_empty()) {
                let Some(zone) = zones.zone(name.view()) else { continue };
                if told.insert(name.clone(), zone.serial()) != Some(zone.serial()) {
                    running.extend(rules.notify.iter().map(|partner| tell(Arc::clone(zone), partner, &room)));
                }
            }
            seen = Some(zones);
        }
    }
}

/// Tells one server, until it replies.
async fn tell(zone: Arc<Zone>, partner: &Partner, room: &Semaphore) {
    let Ok(_permit) = room.acquire().await else { return };
    let (origin, serial) = (zone.origin(), zone.serial());
    match try_to_tell(&zone, partner).await {
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
