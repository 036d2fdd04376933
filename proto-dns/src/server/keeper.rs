//! Zones that change while they are served: kept in a store, each with what changed in it last.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ropewalk_core::data::zones::{self, Kept, Stamp, Zones as Store};
use ropewalk_core::{Error, Result};
use tokio::task::spawn_blocking;

use super::dynamic::{Dynamic, Judged, judge, stale};
use super::extent::Extent;
use super::{Difference, Engine, now};
use crate::wire::{Name, NameRef};
use crate::zone::{Zone, kept};

/// The zones of an engine that are kept, each in the turn of whoever changes it.
pub struct Keeper {
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    /// By their origins.
    zones: Vec<Dynamic>,
}

impl Keeper {
    /// A keeper of these zones, which the engine serves.
    pub(super) fn new(engine: Arc<Engine>, store: Arc<dyn Store>, mut zones: Vec<Dynamic>) -> Self {
        zones.sort_by(|a, b| a.origin.cmp(&b.origin));
        Self { engine, store, zones }
    }

    /// The zone of this origin, if it is kept.
    pub(super) fn of(&self, origin: NameRef<'_>) -> Option<&Dynamic> {
        let at = self.zones.binary_search_by(|zone| zone.origin.view().cmp(&origin)).ok()?;
        self.zones.get(at)
    }

    /// What has changed in a zone since it had this serial, up to what it is here: as much as is kept of it, and where that
    /// is less than all of the zone.
    pub(super) async fn since(&self, zone: &Zone, serial: u32) -> Option<Vec<Difference>> {
        let dynamic = self.of(zone.origin())?;
        let was = Stamp { serial, ..dynamic.state().stamp? };
        let since = self.store.since(&dynamic.wire(), was).await;
        let mut all = since.inspect_err(|error| error.log("differences could not be read")).ok()??;
        // It may have changed again since it was looked at.
        let end = all.iter().position(|difference| Some(difference.to) == zone.serial())?;
        all.truncate(end + 1);
        kept::differences(zone, &all)
    }

    /// Takes up what others have changed in the store, and what files say that was not kept yet; and the zones that are
    /// kept no more, whose files are to be read again.
    pub(super) async fn follow(&self) -> Vec<Name> {
        let mut gone = Vec::new();
        let listed = match self.store.list().await {
            Ok(listed) => listed,
            Err(error) => {
                error.log("kept zones could not be listed");
                return gone;
            }
        };
        let listed: HashMap<_, _> = listed.into_iter().map(|one| (one.origin, one.stamp)).collect();
        let is_other = |zone: &&Dynamic| {
            let state = zone.state();
            state.waiting.is_some() || listed.get(&zone.wire()) != state.stamp.as_ref()
        };
        for zone in self.zones.iter().filter(is_other) {
            match self.follow_one(zone).await {
                Ok(true) => {}
                Ok(false) => gone.push(zone.origin.clone()),
                Err(error) => error.log("a zone could not be brought up to date"),
            }
        }
        gone
    }

    /// Whether it is kept still, if it was.
    async fn follow_one(&self, zone: &Dynamic) -> Result<bool> {
        let _turn = zone.turn.lock().await;
        let is_kept = self.catch_up(zone).await?;
        self.take_waiting(zone).await?;
        Ok(is_kept)
    }

    async fn read(&self, zone: &Dynamic) -> Result<Option<(Zone, Kept)>> {
        let (store, origin) = (Arc::clone(&self.store), zone.origin.clone());
        let read = spawn_blocking(move || kept::read(store.as_ref(), origin.view())).await;
        read.map_err(|e| Error::local("a zone could not be read").caused_by(e))?
    }

    /// Serves what is kept, where that is not what is served. Whoever calls it has the turn.
    pub(super) async fn catch_up(&self, zone: &Dynamic) -> Result<bool> {
        let was = zone.state().stamp;
        let now = self.store.stamp(&zone.wire()).await?;
        if was == now {
            return Ok(true);
        }
        let Some(now) = now else {
            let mut state = zone.state();
            (state.stamp, state.extent) = (None, None);
            drop(state);
            if let Some(signer) = &zone.signer {
                signer.forget();
            }
            self.engine.update(|set| {
                let mut set = (**set).clone();
                set.insert_unavailable(zone.origin.clone());
                set
            });
            tracing::info!(zone = %zone.origin, "zone is kept no more");
            return Ok(false);
        };
        let (after, stamp) = match self.differences(zone, was, now).await? {
            Some(after) => after,
            None => match self.read(zone).await? {
                Some((after, kept)) => (after, kept.stamp),
                None => return Ok(true),
            },
        };
        tracing::info!(zone = %zone.origin, serial = stamp.serial, "zone taken from the store");
        self.serve(zone, Arc::new(after), stamp).await?;
        Ok(true)
    }

    /// What is served, brought to the present by what has changed.
    async fn differences(
        &self,
        zone: &Dynamic,
        was: Option<Stamp>,
        now: Stamp,
    ) -> Result<Option<(Zone, Stamp)>> {
        let Some(was) = was.filter(|was| was.id == now.id) else { return Ok(None) };
        let Some(served) = self.base(zone).filter(|served| served.serial() == Some(was.serial)) else {
            return Ok(None);
        };
        let Some(all) = self.store.since(&zone.wire(), was).await? else { return Ok(None) };
        let Some(last) = all.last() else { return Ok(None) };
        let stamp = Stamp { serial: last.to, ..was };
        Ok(Some((kept::follow(&served, &all)?, stamp)))
    }

    /// Keeps what a file says that waits for it, and serves that. Whoever calls it has the turn, and has caught up.
    pub(super) async fn take_waiting(&self, zone: &Dynamic) -> Result<()> {
        let waiting = zone.state().waiting.clone();
        let Some((file, seed)) = waiting else { return Ok(()) };
        let (origin, wire) = (&zone.origin, zone.wire());
        let stamp = match self.read(zone).await? {
            None => {
                let stamp = Stamp { id: 0, serial: file.serial().unwrap_or_default() };
                let records = kept::records(&file);
                self.store.put(&wire, None, Kept { stamp, seed: Some(seed), records }).await?
            }
            Some((before, Kept { stamp, seed: known, .. })) => {
                let difference = match judge(&file, &seed, &before, known) {
                    Judged::Known => {
                        zone.state().waiting = None;
                        return Ok(());
                    }
                    Judged::Stale => {
                        zone.state().waiting = None;
                        return Err(Error::local(stale(&file, &before)));
                    }
                    Judged::Same => kept::difference(&before, &before),
                    Judged::Newer => kept::difference(&before, &file),
                };
                if !difference.is_empty() {
                    let (removed, added) = (difference.removed.len(), difference.added.len());
                    let (from, to) = (difference.from, difference.to);
                    tracing::warn!(zone = %origin, from, to, removed, added, "a newer file takes the place of what updates have made");
                }
                self.store.change(&wire, stamp, difference, Some(seed)).await?
            }
        };
        let Some(stamp) = stamp else {
            // Somebody was faster: the next time.
            return Ok(());
        };
        zone.state().waiting = None;
        if Some(stamp.serial) == file.serial() {
            self.serve(zone, file, stamp).await?;
        } else {
            zone.state().stamp = Some(stamp);
        }
        Ok(())
    }

    /// Takes up what a file says now: it is kept and served if it is newer than what is.
    ///
    /// # Errors
    /// If it is not taken.
    pub(super) async fn take(&self, file: Arc<Zone>) -> Result<()> {
        let stray = || Error::local(format!("{} was another zone at the start", file.origin()));
        let zone = self.of(file.origin()).ok_or_else(stray)?;
        let seeded = Arc::clone(&file);
        let seed = spawn_blocking(move || kept::seed(&seeded)).await;
        let seed = seed.map_err(|e| Error::local("a zone could not be read").caused_by(e))?;
        let _turn = zone.turn.lock().await;
        zone.state().waiting = Some((file, seed));
        self.catch_up(zone).await?;
        self.take_waiting(zone).await
    }

    /// What is served, without the signatures that are made here.
    pub(super) fn base(&self, zone: &Dynamic) -> Option<Arc<Zone>> {
        match &zone.signer {
            Some(signer) => signer.base(),
            None => self.engine.zones().zone(zone.origin.view()).cloned(),
        }
    }

    /// Serves a zone that is kept, signed if it is to be. Where that fails it is tried again the next time.
    async fn serve(&self, zone: &Dynamic, after: Arc<Zone>, stamp: Stamp) -> Result<()> {
        match zone.signer.clone() {
            Some(signer) => {
                let engine = Arc::clone(&self.engine);
                let served = spawn_blocking(move || signer.serve(after, &engine, now())).await;
                served.map_err(|e| Error::local("a zone could not be signed").caused_by(e))??;
            }
            None => self.engine.update(|set| {
                let mut set = (**set).clone();
                set.insert(Arc::clone(&after));
                set
            }),
        }
        let mut state = zone.state();
        (state.stamp, state.extent) = (Some(stamp), None);
        Ok(())
    }

    /// The state of what is served, and how large that is.
    pub(super) fn state(&self, zone: &Dynamic, served: &Zone) -> (Option<Stamp>, Extent) {
        let mut state = zone.state();
        (state.stamp, *state.extent.get_or_insert_with(|| Extent::of(served)))
    }

    /// Keeps a difference, and serves the zone after it. False where the zone is another by now. Whoever calls it has the turn.
    pub(super) async fn change(
        &self,
        zone: &Dynamic,
        was: Stamp,
        after: Zone,
        difference: zones::Difference,
        extent: Extent,
    ) -> Result<bool> {
        // From here on it is on the disk, whether or not anybody waits for it still.
        let Some(stamp) = self.store.change(&zone.wire(), was, difference, None).await? else {
            return Ok(false);
        };
        self.serve(zone, Arc::new(after), stamp).await?;
        zone.state().extent = Some(extent);
        Ok(true)
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("zones", &self.zones).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
