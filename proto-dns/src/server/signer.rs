//! Zones that are signed here: what is served of each, and when it is signed anew.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use ropewalk_core::data::zones;
use ropewalk_core::{Error, Result};

use super::serials::Serials;
use super::{Difference, Engine};
use crate::dnssec::{Algorithm, folder};
use crate::wire::{Name, NameRef, Type};
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

/// Signs one zone, whatever it comes from, and serves it: by all engines that it is told of, the same.
#[derive(Debug)]
pub(super) struct Signer {
    origin: Name,
    how: Sign,
    /// With what; not before it was opened. Who signs holds it, which may take long.
    with: Mutex<Option<With>>,
    /// Held for a moment only.
    state: Mutex<State>,
}

type With = (Signing, Serials);

#[derive(Debug, Default)]
struct State {
    /// As it is without signatures by now, where that is not signed yet.
    next: Option<Arc<Zone>>,
    /// What is served, and what it was made of.
    signed: Option<(Arc<Zone>, Arc<Zone>)>,
    /// What is served until then.
    shown: Option<Arc<Zone>>,
    /// What changed in it last, in its order; and the octets of that.
    journal: VecDeque<zones::Difference>,
    octets: usize,
    /// When there is something to do, in seconds since 1970.
    due: u64,
    /// From when on all its signatures count.
    from: u64,
    /// How often it was forgotten.
    forgotten: u64,
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
    /// Names that are signed while somebody waits for it; more are signed beside all else.
    pub(super) const AT_ONCE: usize = 10_000;

    /// A signer of the zone at `origin`. Nothing is signed before [`open`](Self::open) or [`tend`](Self::tend), and what others have
    /// signed is served.
    pub(super) fn new(origin: Name, how: Sign, shown: Option<Arc<Zone>>) -> Self {
        Self { origin, how, with: Mutex::default(), state: Mutex::new(State { shown, ..State::default() }) }
    }

    pub(super) fn origin(&self) -> NameRef<'_> {
        self.origin.view()
    }

    pub(super) fn how(&self) -> &Sign {
        &self.how
    }

    /// The zone with signatures, if it has them.
    pub(super) fn signed(&self) -> Option<Arc<Zone>> {
        self.state().served().cloned()
    }

    /// The zone without signatures, also where it was not signed yet.
    pub(super) fn base(&self) -> Option<Arc<Zone>> {
        let state = self.state();
        state.next.clone().or_else(|| state.signed.as_ref().map(|(base, _)| Arc::clone(base)))
    }

    /// Takes note of the zone as it is without signatures, for [`tend`](Self::tend) to sign it.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(super) fn note(&self, base: Arc<Zone>) -> Result<()> {
        if self.expect(base)? {
            self.state().due = 0;
        }
        Ok(())
    }

    /// Whether this is another than was signed last.
    fn expect(&self, base: Arc<Zone>) -> Result<bool> {
        if base.origin() != self.origin.view() {
            return Err(Error::local(format!("{} was {} at the start", base.origin(), self.origin)));
        }
        Signing::admits(&base)?;
        let mut state = self.state();
        let is_other = !state.signed.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, &base));
        state.next = is_other.then_some(base);
        Ok(is_other)
    }

    /// Signs the zone as it is now, and serves it; before [`open`](Self::open) it is noted only. Blocks.
    ///
    /// # Errors
    /// If it cannot be signed: what is served stays as it was then, and it is tried again.
    pub(super) fn serve(&self, base: Arc<Zone>, engine: &Engine, now: u64) -> Result<()> {
        let mut with = self.with.lock().unwrap_or_else(PoisonError::into_inner);
        self.expect(Arc::clone(&base))?;
        let Some(with) = &mut *with else { return Ok(()) };
        self.sign(with, base, engine, now).inspect_err(|_| self.state().due = now + PAUSE)
    }

    /// The same for somebody who does not wait for it: of many names it is noted only.
    ///
    /// # Errors
    /// The same.
    pub(super) fn give(&self, base: Arc<Zone>, engine: &Engine, now: u64) -> Result<()> {
        if base.names() > Self::AT_ONCE { self.note(base) } else { self.serve(base, engine, now) }
    }

    /// Serves the zone no more: it is gone where it was kept.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        let (due, forgotten) = (state.due, state.forgotten + 1);
        *state = State { due, forgotten, ..State::default() };
    }

    /// Opens or makes the key, where that was not done or there is another by now, and serves what is signed already. What is not is
    /// signed if it has no more than `room` names, of which there are fewer then. Where the zone is being signed, nobody waits for that.
    /// Blocks.
    ///
    /// # Errors
    /// If there is no key, or no more, or it does not sign.
    pub(super) fn open(&self, engine: &Engine, room: &mut usize, now: u64) -> Result<()> {
        let Some(mut with) = self.unless_signing() else {
            self.show(engine);
            return Ok(());
        };
        if let Some((signing, _)) = &*with
            && self.has_other_key(signing)?
        {
            *with = Some(self.with()?);
            let mut state = self.state();
            state.next = state.signed.as_ref().map(|(base, _)| Arc::clone(base)).or(state.next.take());
            state.due = 0;
        }
        let with = self.opened(&mut with)?;
        self.show(engine);
        let next = self.state().next.clone();
        let Some(next) = next.filter(|next| next.names() <= *room) else { return Ok(()) };
        *room -= next.names();
        self.sign(with, next, engine, now)
    }

    /// With what, unless somebody signs with it.
    fn unless_signing(&self) -> Option<MutexGuard<'_, Option<With>>> {
        match self.with.try_lock() {
            Ok(with) => Some(with),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Whether the folder has another key by now.
    fn has_other_key(&self, signing: &Signing) -> Result<bool> {
        let (origin, folder) = (self.origin(), &self.how.keys);
        // Who holds a DS of it would take another for forged.
        let gone = || {
            let (tag, folder) = (signing.key.tag(), folder.display());
            Error::local(format!(
                "the key {tag} of {origin}, which signs it, is not in {folder} any more: put it back"
            ))
        };
        Ok(folder::find(folder, origin)?.ok_or_else(gone)?.dnskey() != signing.key.dnskey())
    }

    fn with(&self) -> Result<With> {
        let Sign { keys, algorithm, nsec3, cds, validity } = &self.how;
        let key = folder::open(keys, self.origin(), *algorithm)?;
        let validity = u32::try_from(validity.as_secs()).unwrap_or(u32::MAX / 2);
        let serials = Serials::open(folder::beside(keys, self.origin(), "serial"))?;
        Ok((Signing { key, nsec3: *nsec3, cds: *cds, validity }, serials))
    }

    fn opened<'w>(&self, with: &'w mut Option<With>) -> Result<&'w mut With> {
        let opened = with.take().map_or_else(|| self.with(), Ok)?;
        Ok(with.insert(opened))
    }

    /// Whether there is something to do. What others have signed is served.
    pub(super) fn is_due(&self, engine: &Engine, now: u64) -> bool {
        self.show(engine);
        self.state().is_due(now)
    }

    /// Does what is due: to be called every second or so. What went wrong is told, and tried again a minute later, or where
    /// somebody asks. Blocks.
    pub(super) fn tend(&self, engine: &Engine, now: u64, asked: bool) -> Option<String> {
        if !asked && !self.is_due(engine, now) {
            return None;
        }
        let mut with = match self.unless_signing() {
            Some(with) => with,
            None if asked => self.with.lock().unwrap_or_else(PoisonError::into_inner),
            None => return None,
        };
        let done = self.opened(&mut with).and_then(|with| match self.base() {
            Some(base) => self.sign(with, base, engine, now),
            None => Ok(()),
        });
        let error = done.err()?;
        self.state().due = now + PAUSE;
        let said = error.chain();
        error.log("a zone is not signed anew");
        Some(said)
    }

    /// Signs what changed or ends soon, and serves it.
    fn sign(&self, (signing, serials): &mut With, base: Arc<Zone>, engine: &Engine, now: u64) -> Result<()> {
        let (old, all, forgotten) = {
            let state = self.state();
            (state.signed.clone(), state.is_due(now), state.forgotten)
        };
        let renew = (now + u64::from(signing.validity / 4)) as u32;
        // What another key has signed is of no use.
        let is_ours = |signed: &Zone| {
            signed.apex().set(Type::DNSKEY).is_some_and(|set| set.rdata().eq([signing.key.dnskey()]))
        };
        let before = old.as_ref().filter(|(_, signed)| is_ours(signed));
        let before = before.map(|(base, signed)| Before { base, signed, renew, all });
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
        let difference = before.filter(|_| is_new).map(|old| kept::touched(old.signed, &zone, &touched));
        let is_all = before.is_none();
        // What was signed now does not end first.
        let due = all.then(|| next(&zone, signing.validity, now));
        let mut state = self.state();
        if state.forgotten != forgotten {
            return Ok(());
        }
        if is_all {
            (state.journal, state.octets) = (VecDeque::new(), 0);
        }
        difference.into_iter().for_each(|difference| state.note(difference));
        state.next.take_if(|next| Arc::ptr_eq(next, &base));
        // What was noted meanwhile is next.
        state.due = if state.next.is_some() { 0 } else { due.unwrap_or(state.due) };
        let from = if all { state.from.min(now) } else { state.from };
        state.from = from.max(now.saturating_sub(Signing::EARLY.into()));
        (state.signed, state.shown) = (Some((base, zone)), None);
        drop(state);
        self.show(engine);
        Ok(())
    }

    /// Serves what is signed, if this engine does not yet.
    fn show(&self, engine: &Engine) {
        // Held until it is served, so that nothing older takes its place.
        let state = self.state();
        let Some(zone) = state.served() else { return };
        if engine.zones().zone(self.origin()).is_some_and(|shown| Arc::ptr_eq(shown, zone)) {
            return;
        }
        engine.update(|set| {
            let mut set = (**set).clone();
            set.insert(Arc::clone(zone));
            set
        });
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
    /// What is served.
    fn served(&self) -> Option<&Arc<Zone>> {
        self.signed.as_ref().map(|(_, zone)| zone).or(self.shown.as_ref())
    }

    /// Whether all is to be looked at: also where the clock has gone back, and signatures do not count yet.
    fn is_due(&self, now: u64) -> bool {
        self.due <= now || now < self.from
    }

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
