//! Zones from files, which are read again when they change.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ropewalk_core::data::zones::{Answer, Answered};
use ropewalk_core::{Address, Error, Result};
use tokio::sync::{Mutex, mpsc};

use super::age::max_age;
use super::secondary::Secondary;
use super::source::{Loaded, Source};
use super::{Answering, Desk, Engine, Keys, Peer, Policies, Rules, Transport, Verdict};
use crate::wire::Name;
use crate::zone::{Zone, ZoneSet};

/// Problems of a file that are told one by one.
const TOLD: usize = 20;

/// Zones from files, and what answers from them.
#[derive(Debug)]
pub struct Zones {
    desk: Arc<Desk>,
    watched: Arc<Mutex<Vec<Watched>>>,
}

/// What all zones have in common.
#[derive(Debug)]
pub struct Setup {
    /// What is around answers. What zones say of themselves is added.
    pub policies: Policies,
    /// How questions are answered.
    pub answering: Answering,
    /// The keys that requests may be signed with.
    pub keys: Keys,
    /// How many zones are transferred to others at once.
    pub transfers: usize,
}

/// What there is to say of sources, each by its number.
pub type Said = Vec<(usize, String)>;

/// A file that zones come from.
#[derive(Debug)]
struct Watched {
    source: Source,
    /// All that was read, files that it includes among them.
    files: Vec<PathBuf>,
    origins: Vec<Name>,
    /// As the files were when they were read.
    read: Vec<Stamp>,
    /// As they were at the last look.
    seen: Vec<Stamp>,
}

/// What tells one content of a file from another without a look into it; none where there is no such file.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Default for Setup {
    fn default() -> Self {
        Self {
            policies: Policies::default(),
            answering: Answering::default(),
            keys: Keys::default(),
            transfers: Desk::TRANSFERS,
        }
    }
}

impl Zones {
    /// Reads all sources, each with what is particular to its zones; and what is strange in them, by their number. Blocks.
    ///
    /// # Errors
    /// All that is wrong with them, by their number: each with its file, line and column where it has one.
    pub fn load(sources: Vec<(Source, Rules)>, setup: Setup) -> Result<(Self, Said), Said> {
        let mut loading = Loading::default();
        for (number, (source, rules)) in sources.into_iter().enumerate() {
            match source.fetched() {
                Ok((secondary, zone)) => loading.fetched(number, secondary, zone, rules),
                Err(source) => loading.read(number, source, rules),
            }
        }
        if !loading.wrong.is_empty() {
            return Err(loading.wrong);
        }
        let Loading { set, book, watched, secondaries, warned, .. } = loading;
        let desk = setup.desk(set, book).secondaries(secondaries);
        Ok((Self { desk: Arc::new(desk), watched: Arc::new(Mutex::new(watched)) }, warned))
    }

    /// What answers from them.
    pub fn engine(&self) -> &Arc<Engine> {
        self.desk.engine()
    }

    /// What works off requests about them.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// The files that are read.
    pub fn files(&self) -> Vec<PathBuf> {
        let watched = self.watched.try_lock();
        watched.map_or_else(|_| Vec::new(), |all| all.iter().flat_map(|one| one.files.clone()).collect())
    }

    /// The first reply to a request that takes longer.
    async fn later(&self, verdict: Verdict, request: &[u8], peer: &Peer) -> Option<Vec<u8>> {
        let (replies, mut ready) = mpsc::channel(1);
        tokio::select! {
            biased;
            reply = ready.recv() => reply,
            _ = self.desk.answer(verdict, request, peer, &replies) => ready.try_recv().ok(),
        }
    }

    /// Reads again what has changed: at once where the operator asks, else when it has not changed since the last look, so
    /// that a file that is being written is not taken for whole.
    async fn look(&self, asked: bool) -> Result<()> {
        // Where several services answer from these zones, one of them is enough.
        let Ok(mut watched) = Arc::clone(&self.watched).try_lock_owned() else { return Ok(()) };
        let engine = Arc::clone(self.engine());
        let looked = tokio::task::spawn_blocking(move || {
            for one in watched.iter_mut().filter_map(|one| one.has_changed(asked).then_some(one)) {
                one.change(&engine);
            }
        });
        looked.await.map_err(|e| Error::local("zones could not be read").caused_by(e))
    }
}

/// Zones while they are loaded.
#[derive(Default)]
struct Loading {
    set: ZoneSet,
    book: Vec<(Name, Arc<Rules>)>,
    watched: Vec<Watched>,
    secondaries: Vec<Secondary>,
    wrong: Said,
    warned: Said,
}

impl Loading {
    fn read(&mut self, number: usize, source: Source, rules: Rules) {
        let (mut one, rules) = (Watched::new(source), Arc::new(rules));
        match one.load() {
            Ok(Loaded { zones, warnings }) => {
                self.warned.extend(told(warnings).into_iter().map(|text| (number, text)));
                for zone in zones {
                    self.claim(number, zone.origin().to_name(), &rules);
                    self.set.insert(zone);
                }
            }
            Err(problems) => self.wrong.extend(told(problems).into_iter().map(|text| (number, text))),
        }
        self.watched.push(one);
    }

    fn fetched(&mut self, number: usize, secondary: Secondary, zone: Option<Arc<Zone>>, rules: Rules) {
        self.claim(number, secondary.origin().clone(), &Arc::new(rules));
        match zone {
            Some(zone) => self.set.insert(zone),
            None => self.set.insert_unavailable(secondary.origin().clone()),
        }
        self.secondaries.push(secondary);
    }

    /// Notes the rules of a zone, of which there is one at each name.
    fn claim(&mut self, number: usize, origin: Name, rules: &Arc<Rules>) {
        if self.set.has(origin.view()) {
            self.wrong.push((number, format!("the zone {origin} is there twice")));
        }
        self.book.push((origin, Arc::clone(rules)));
    }
}

impl Setup {
    fn desk(self, set: ZoneSet, book: Vec<(Name, Arc<Rules>)>) -> Desk {
        let Self { mut policies, answering, keys, transfers } = self;
        let queries = book.iter().filter_map(|(name, rules)| Some((name.clone(), rules.queries.clone()?)));
        policies.zones.extend(queries);
        policies.zones.sort_by(|(a, _), (b, _)| a.cmp(b));
        let engine = Engine::new(set, answering).with(policies);
        Desk::new(Arc::new(engine)).keys(keys).rules(book).transfers(transfers)
    }
}

impl Watched {
    fn new(source: Source) -> Self {
        let files = vec![source.path().to_owned()];
        Self { source, files, origins: Vec::new(), read: Vec::new(), seen: Vec::new() }
    }

    /// Reads the source. Whatever comes of it, it is not read again before it changes.
    fn load(&mut self) -> Result<Loaded, Vec<String>> {
        let before: Vec<_> = self.files.iter().map(|file| (file.clone(), stamp(file))).collect();
        let loaded = self.source.load(&mut self.files);
        // As they were before, so that a change meanwhile is seen; but some were included for the first time.
        let known = |file: &PathBuf| before.iter().find(|(known, _)| known == file).map(|(_, stamp)| *stamp);
        self.read = self.files.iter().map(|file| known(file).unwrap_or_else(|| stamp(file))).collect();
        self.seen.clone_from(&self.read);
        if let Ok(loaded) = &loaded {
            self.origins = loaded.zones.iter().map(|zone| zone.origin().to_name()).collect();
        }
        loaded
    }

    /// Whether one of the zones is another source's by now, which is then told.
    fn takes(&self, before: &[Name], zones: &[Arc<Zone>], engine: &Engine) -> bool {
        let set = engine.zones();
        let foreign = |zone: &&Arc<Zone>| {
            set.zone(zone.origin()).is_some() && !before.iter().any(|name| name.view() == zone.origin())
        };
        let taken = zones.iter().find(foreign);
        if let Some(zone) = taken {
            let file = self.source.path().display();
            tracing::error!(%file, zone = %zone.origin(), "a zone is there twice; all stays as it was");
        }
        taken.is_some()
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.files.iter().map(|file| stamp(file)).collect()
    }

    fn has_changed(&mut self, asked: bool) -> bool {
        let now = self.stamps();
        let settled = self.seen == now;
        self.seen = now;
        self.seen != self.read && (asked || settled)
    }

    /// Replaces the zones that this source had by those that it has now; where it is broken, they stay.
    fn change(&mut self, engine: &Engine) {
        let before = self.origins.clone();
        let file = self.source.path().display().to_string();
        match self.load() {
            Err(problems) => {
                for problem in told(problems) {
                    tracing::error!(%problem, "a zone was not read; it stays as it was");
                }
            }
            Ok(Loaded { zones, .. }) if self.takes(&before, &zones, engine) => self.origins = before,
            Ok(Loaded { zones, warnings }) => {
                for warning in told(warnings) {
                    tracing::warn!(%warning, "something is strange in a zone");
                }
                engine.update(|set| {
                    let mut set = (**set).clone();
                    before.iter().for_each(|origin| set.remove(origin.view()));
                    zones.iter().for_each(|zone| set.insert(Arc::clone(zone)));
                    set
                });
                for zone in &zones {
                    tracing::info!(%file, zone = %zone.origin(), serial = zone.serial(), names = zone.names(), "zone read again");
                }
            }
        }
    }
}

fn stamp(file: &Path) -> Stamp {
    let meta = fs::metadata(file).ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}

/// As many problems as somebody reads.
fn told(mut problems: Vec<String>) -> Vec<String> {
    let more = problems.len().saturating_sub(TOLD);
    problems.truncate(TOLD);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    problems
}

#[async_trait]
impl Answer for Zones {
    async fn answer(&self, request: &[u8], peer: &Address) -> Option<Answered> {
        let mut message = Vec::new();
        let peer = Peer::new(peer, Transport::Https);
        match self.engine().respond(request, &peer, &mut message) {
            Verdict::Silence => return None,
            Verdict::Reply => {}
            later => message = self.later(later, request, &peer).await?,
        }
        Some(Answered { max_age: max_age(&message), message: message.into() })
    }

    async fn refresh(&self, asked: bool) {
        if let Err(error) = self.look(asked).await {
            error.log("zones are as they were");
        }
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
