//! Zones that are signed here: what is served of each, and when it is signed anew.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ropewalk_core::data::zones;
use ropewalk_core::{Error, Result};

use super::serials::Serials;
use super::{Difference, Engine};
use crate::dnssec::{Algorithm, folder};
use crate::wire::{Name, NameRef};
use crate::zone::{Before, Cds, Node, Signed, Signing, Zone, kept};

/// How a zone is signed, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// The folder of its key, and of what is to outlast a restart.
    pub keys: PathBuf,
    /// The algorithm of the key, where one is made.
    pub algorithm: Algorithm,
    /// Whether names are denied by NSEC3, or by NSEC.
    pub nsec3: bool,
    /// What the parent is told.
    pub cds: Cds,
    /// How long signatures count. They are renewed when a quarter of it is left.
    pub validity: Duration,
}

/// Signs one zone, whatever it comes from, and serves it.
#[derive(Debug)]
pub(super) struct Signer {
    origin: Name,
    how: Sign,
    /// With what; not before it was opened. Who signs holds it, which may take long.
    with: Mutex<Option<(Signing, Serials)>>,
    /// Held for a moment only.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// As it is without signatures, also where it was not signed yet.
    base: Option<Arc<Zone>>,
    /// What is served, and what it was made of.
    signed: Option<(Arc<Zone>, Arc<Zone>)>,
    /// What changed in it last, in its order; and the octets of that.
    journal: VecDeque<zones::Difference>,
    octets: usize,
    /// When there is something to do, in seconds since 1970.
    due: u64,
}

/// How long nothing is tried again after it failed, in seconds.
const PAUSE: u64 = 60;

impl Default for Sign {
    fn default() -> Self {
        Self {
            keys: "ropewalk-data/dnssec".into(),
            algorithm: Algorithm::EcdsaP256,
            nsec3: false,
            cds: Cds::Publish,
            validity: Duration::from_secs(14 * 24 * 60 * 60),
        }
    }
}

impl Signer {
    /// A signer of the zone at `origin`, which is `base`, if it is known: one that [can be signed](Signing::admits). Nothing is
    /// signed before [`tend`](Self::tend).
    pub(super) fn new(origin: Name, how: Sign, base: Option<Arc<Zone>>) -> Self {
        let state = Mutex::new(State { base, ..State::default() });
        Self { origin, how, with: Mutex::default(), state }
    }

    pub(super) fn origin(&self) -> NameRef<'_> {
        self.origin.view()
    }

    /// The zone without signatures.
    pub(super) fn base(&self) -> Option<Arc<Zone>> {
        self.state().base.clone()
    }

    /// Signs the zone as it is now, and serves it; before [`open`](Self::open) it is noted only. Blocks.
    ///
    /// # Errors
    /// If it cannot be signed: all stays as it was then.
    pub(super) fn serve(&self, base: Arc<Zone>, engine: &Engine, now: u64) -> Result<()> {
        if base.origin() != self.origin.view() {
            return Err(Error::local(format!("{} was {} at the start", base.origin(), self.origin)));
        }
        let mut with = self.with.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *with {
            Some(with) => self.sign(with, base, engine, now),
            None => {
                Signing::admits(&base)?;
                self.state().base = Some(base);
                Ok(())
            }
        }
    }

    /// Serves the zone no more: it is gone where it was kept.
    pub(super) fn forget(&self) {
        let due = self.state().due;
        *self.state() = State { due, ..State::default() };
    }

    /// Opens or makes the key, if that was not done, and signs what is to be signed. Blocks.
    ///
    /// # Errors
    /// If there is no key, or it does not sign.
    pub(super) fn open(&self, engine: &Engine, now: u64) -> Result<()> {
        let mut with = self.with.lock().unwrap_or_else(PoisonError::into_inner);
        if with.is_some() {
            return Ok(());
        }
        let Sign { keys, algorithm, nsec3, cds, validity } = &self.how;
        let key = folder::open(keys, self.origin.view(), *algorithm)?;
        let validity = u32::try_from(validity.as_secs()).unwrap_or(u32::MAX / 2);
        let serials = Serials::open(folder::beside(keys, self.origin.view(), "serial"))?;
        let with = with.insert((Signing { key, nsec3: *nsec3, cds: *cds, validity }, serials));
        self.base().map_or(Ok(()), |base| self.sign(with, base, engine, now))
    }

    /// Does what is due: to be called every second or so. What went wrong is told, and tried again a minute later, or where
    /// somebody asks. Blocks.
    pub(super) fn tend(&self, engine: &Engine, now: u64, asked: bool) -> Option<String> {
        if !asked && self.state().due > now {
            return None;
        }
        let done = self.open(engine, now).and_then(|()| {
            let mut with = self.with.lock().unwrap_or_else(PoisonError::into_inner);
            let (Some(with), Some(base)) = (&mut *with, self.base()) else { return Ok(()) };
            self.sign(with, base, engine, now)
        });
        let error = done.err()?;
        self.state().due = now + PAUSE;
        let said = error.chain();
        error.log("a zone is not signed anew");
        Some(said)
    }

    /// Signs what changed or ends soon, and serves it.
    fn sign(
        &self,
        (signing, serials): &mut (Signing, Serials),
        base: Arc<Zone>,
        engine: &Engine,
        now: u64,
    ) -> Result<()> {
        let (old, due) = {
            let state = self.state();
            (state.signed.clone(), state.due)
        };
        let (renew, all) = ((now + u64::from(signing.validity / 4)) as u32, due <= now);
        let before = old.as_ref().map(|(base, signed)| Before { base, signed, renew, all });
        let last = old.as_ref().and_then(|(_, signed)| signed.serial());
        let serial = serials.next(base.serial().unwrap_or_default(), last);
        let signed = signing.sign(&base, before, serial, now as u32)?;
        let is_new = signed.is_some();
        let (zone, touched) = match (signed, &old) {
            (Some(Signed { zone, touched }), _) => (Arc::new(zone), touched),
            (None, Some((_, zone))) => (Arc::clone(zone), BTreeSet::new()),
            (None, None) => return Ok(()),
        };
        if is_new {
            serials.reserve(serial)?;
            let (names, key) = (touched.len(), signing.key.tag());
            tracing::info!(zone = %self.origin, serial, key, names, "zone signed");
        }
        let difference = old.filter(|_| is_new).map(|(_, old)| kept::touched(&old, &zone, &touched));
        // What was signed now does not end first.
        let next = if all { next(&zone, signing.validity, now) } else { due };
        let mut state = self.state();
        state.base = Some(Arc::clone(&base));
        state.signed = Some((base, Arc::clone(&zone)));
        state.due = next;
        difference.into_iter().for_each(|difference| state.note(difference));
        drop(state);
        engine.update(|set| {
            let mut set = (**set).clone();
            set.insert(Arc::clone(&zone));
            set
        });
        Ok(())
    }

    /// What has changed in `zone`, as it is served, since it had this serial: as much as is known of it, and where that is less
    /// than all of the zone.
    pub(super) fn since(&self, zone: &Zone, serial: u32) -> Option<Vec<Difference>> {
        let state = self.state();
        let begin = state.journal.iter().position(|one| one.from == serial)?;
        let end = state.journal.iter().position(|one| Some(one.to) == zone.serial())?;
        let all: Vec<_> = state.journal.range(begin..=end.max(begin)).cloned().collect();
        drop(state);
        kept::differences(zone, &all)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the first signature of a zone is to be renewed.
fn next(zone: &Zone, validity: u32, now: u64) -> u64 {
    let first = zone.nodes().filter_map(Node::expires).min();
    let left = first.map_or(0, |first| first.wrapping_sub(now as u32));
    // What ends within an hour, or less, of the first one is renewed with it.
    now + u64::from(left.saturating_sub(validity / 4) + (validity / 64).min(60 * 60))
}

impl State {
    fn note(&mut self, difference: zones::Difference) {
        self.octets += difference.octets();
        self.journal.push_back(difference);
        while self.octets > zones::Difference::KEPT {
            let Some(oldest) = self.journal.pop_front() else { break };
            self.octets -= oldest.octets();
        }
    }
}

#[cfg(test)]
#[path = "signer_tests.rs"]
mod tests;
