//! Files that zones come from, which are read again when they change.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ropewalk_core::data::facts::Fact;

use super::derived::Derived;
use super::remembered::{Last, Memory, Reading};
use super::signer::Signer;
use super::source::{Broken, Loaded, Source};
use super::{Engine, is_newer, now};
use crate::wire::Name;
use crate::zone::{Zone, kept};

/// Problems of a file that are told one by one.
const TOLD: usize = 20;

/// A file that zones come from.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) source: Source,
    /// What was read of it last, whoever did, if it is in files.
    known: Option<Last>,
    /// Whether something is said of its zone, by the name that it had at the start.
    is_bound: bool,
    /// What is made for its zone.
    derived: Option<Derived>,
    /// All that was read, files that it includes among them.
    pub(super) files: Vec<PathBuf>,
    pub(super) origins: Vec<Name>,
    /// What signs its zone.
    pub(super) signer: Option<Arc<Signer>>,
    /// As the files were when they were read.
    pub(super) read: Vec<Stamp>,
    /// As they were at the last look.
    seen: Vec<Stamp>,
    /// Whether what was read last is not what is served, as something is wrong with it.
    pub(super) is_wrong: bool,
    /// What was wrong with it at the start, and was not logged yet.
    untold: Vec<String>,
    /// What is strange in what was read last.
    warnings: Vec<String>,
    /// Why secondaries may not see what is served.
    unseen: Option<String>,
}

/// What tells one content of a file from another without a look into it; none where there is no such file.
pub(super) type Stamp = Option<(u64, u64, i64, i64)>;

impl Watched {
    pub(super) fn new(source: Source, is_bound: bool, memory: &Memory) -> Self {
        let files = source.path().map(Path::to_owned).into_iter().collect();
        Self {
            known: source.id().map(|id| memory.of(id)),
            is_bound,
            derived: source.derives(),
            source,
            files,
            origins: Vec::new(),
            signer: None,
            read: Vec::new(),
            seen: Vec::new(),
            is_wrong: false,
            untold: Vec::new(),
            warnings: Vec::new(),
            unseen: None,
        }
    }

    /// Reads the source. Whatever comes of it, it is not read again before it changes.
    pub(super) fn load(&mut self) -> Result<Loaded, Broken> {
        let loaded = self.once().and_then(|loaded| self.derive(loaded));
        self.seen.clone_from(&self.read);
        self.is_wrong = loaded.is_err();
        if let Ok(loaded) = &loaded {
            self.origins = loaded.zones.iter().map(|zone| zone.origin().to_name()).collect();
            self.warnings = told(loaded.warnings.clone());
        }
        loaded
    }

    /// What was read of it before, and is served still.
    pub(super) fn last(&mut self) -> Vec<Arc<Zone>> {
        let last = self.known.as_ref().and_then(|known| known.lock().as_ref().and_then(Reading::zones));
        let last = last.unwrap_or_default();
        self.derive(Loaded { zones: last, warnings: Vec::new() })
            .map_or_else(|_| Vec::new(), |last| last.zones)
    }

    /// Notes what is wrong, for the log.
    pub(super) fn fail(&mut self, problems: &[String]) {
        self.is_wrong = true;
        self.untold.extend_from_slice(problems);
    }

    /// Logs what was wrong at the start, once.
    pub(super) fn say(&mut self, engine: &Engine) {
        let untold = std::mem::take(&mut self.untold);
        self.log(&untold, engine);
    }

    fn log(&self, problems: &[String], engine: &Engine) {
        let set = engine.zones();
        let is_served = self.origins.iter().any(|origin| set.zone(origin.view()).is_some());
        let what = match (is_served, self.origins.is_empty()) {
            (true, _) => "a zone was not read; it stays as it was",
            (false, false) => "a zone was not read; its questions get SERVFAIL until its file is mended",
            (false, true) => {
                "zones were not read, and their names are not known: nothing is answered of them"
            }
        };
        for problem in problems {
            tracing::error!(%problem, "{what}");
        }
    }

    /// What is strange in what is served of it.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &String> {
        self.warnings.iter().chain(&self.unseen)
    }

    /// What is read, or was already and has not changed.
    fn once(&mut self) -> Result<Loaded, Broken> {
        let Some(known) = self.known.take() else { return self.anew() };
        let loaded = self.once_of(&mut known.lock());
        self.known = Some(known);
        loaded
    }

    fn once_of(&mut self, known: &mut Option<Reading>) -> Result<Loaded, Broken> {
        if let Some((loaded, files)) = known.as_ref().and_then(Reading::current) {
            (self.files, self.read) = files.into_iter().unzip();
            return Ok(loaded);
        }
        let loaded = self.anew()?;
        let files = self.files.iter().cloned().zip(self.read.iter().copied());
        *known = Some(Reading::new(files.collect(), &loaded));
        Ok(loaded)
    }

    fn anew(&mut self) -> Result<Loaded, Broken> {
        let before: Vec<_> = self.files.iter().map(|file| (file.clone(), stamp(file))).collect();
        let loaded = self.source.load(&mut self.files);
        // As they were before, so that a change meanwhile is seen; but some were included for the first time.
        let known = |file: &PathBuf| before.iter().find(|(known, _)| known == file).map(|(_, stamp)| *stamp);
        self.read = self.files.iter().map(|file| known(file).unwrap_or_else(|| stamp(file))).collect();
        loaded
    }

    /// What was read, with what is made for it.
    fn derive(&mut self, loaded: Loaded) -> Result<Loaded, Broken> {
        let Some(derived) = &mut self.derived else { return Ok(loaded) };
        let origins = loaded.zones.iter().map(|zone| zone.origin().to_name()).collect();
        let zones: Result<_, _> = loaded.zones.into_iter().map(|zone| derived.over(zone)).collect();
        let zones = zones.map_err(|problem| Broken { problems: vec![problem], origins })?;
        Ok(Loaded { zones, ..loaded })
    }

    /// Whether records are made for its zone.
    pub(super) fn derives(&self) -> bool {
        self.derived.is_some()
    }

    /// Serves what is made of these facts; what is wrong, where the zone stays as it was.
    pub(super) fn hear(&mut self, facts: &[Fact], engine: &Engine) -> Option<String> {
        let heard = self.derived.as_mut()?.hear(facts)?;
        match heard.and_then(|zone| self.serve(&[zone], &[], engine)) {
            Ok(()) => None,
            Err(problem) => {
                tracing::error!(%problem, "derived records are as they were");
                Some(problem)
            }
        }
    }

    /// Why the zones cannot take the place of those that were there before.
    fn wrong(&self, before: &[Name], zones: &[Arc<Zone>], engine: &Engine) -> Option<String> {
        self.renamed(before, zones).or_else(|| self.takes(before, zones, engine))
    }

    /// Another name, under which nothing is known of who may do what.
    fn renamed(&self, before: &[Name], zones: &[Arc<Zone>]) -> Option<String> {
        let is_new = |zone: &&Arc<Zone>| !before.iter().any(|name| name.view() == zone.origin());
        let zone = zones.iter().find(is_new).filter(|_| self.is_bound)?;
        let (file, name) = (self.prefix(), zone.origin());
        Some(format!(
            "{file}the zone {name} had another name when it was loaded, or none that was known, and what is particular to it \
             was said of that: SIGHUP loads it anew"
        ))
    }

    /// Which of the zones is another source's by now, if one is.
    fn takes(&self, before: &[Name], zones: &[Arc<Zone>], engine: &Engine) -> Option<String> {
        let set = engine.zones();
        let foreign = |zone: &&Arc<Zone>| {
            set.has(zone.origin()) && !before.iter().any(|name| name.view() == zone.origin())
        };
        let zone = zones.iter().find(foreign)?;
        Some(format!("{}the zone {} is there twice", self.prefix(), zone.origin()))
    }

    /// What begins a problem of the source as a whole.
    pub(super) fn prefix(&self) -> String {
        self.source.path().map(|path| format!("{}: ", path.display())).unwrap_or_default()
    }

    fn file(&self) -> String {
        self.source.path().map(|path| path.display().to_string()).unwrap_or_default()
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.files.iter().map(|file| stamp(file)).collect()
    }

    /// Whether it is to be read again; what is wrong, as often as the operator asks.
    pub(super) fn has_changed(&mut self, asked: bool) -> bool {
        let now = self.stamps();
        let settled = self.seen == now;
        self.seen = now;
        self.seen != self.read && (asked || settled) || asked && self.is_wrong
    }

    /// Notes whether others see what takes the place of the zone that was served: not unless its serial is after that one's.
    /// Where the serial is not the file's, it is made so.
    fn compare(&mut self, zones: &[Arc<Zone>], engine: &Engine) {
        if self.source.is_hosts() || self.source.is_kept() || self.signer.is_some() || self.derives() {
            return;
        }
        let set = engine.zones();
        for zone in zones {
            let Some(before) = set.zone(zone.origin()) else { continue };
            let (serial, was) = (zone.serial().unwrap_or_default(), before.serial().unwrap_or_default());
            if is_newer(serial, was) {
                self.unseen = None;
            } else if !Arc::ptr_eq(before, zone) && kept::seed(before) != kept::seed(zone) {
                let (file, origin) = (self.file(), zone.origin());
                self.unseen = Some(format!(
                    "{file}: warning: the records of {origin} are others than before, but their serial {serial} is not \
                     after {was}: they are served, and secondaries that have {was} do not fetch them (RFC 1982). Give \
                     the file a newer serial"
                ));
            }
        }
    }

    /// Serves these zones in the place of those that there were, signed if they are to be.
    fn serve(&self, zones: &[Arc<Zone>], before: &[Name], engine: &Engine) -> Result<(), String> {
        if let Some(signer) = &self.signer {
            let mut signed = zones.iter().map(|zone| signer.give(Arc::clone(zone), engine, now()));
            return signed.try_for_each(|signed| signed.map_err(|error| error.chain()));
        }
        engine.update(|set| {
            let mut set = (**set).clone();
            before.iter().for_each(|origin| set.remove(origin.view()));
            zones.iter().for_each(|zone| set.insert(Arc::clone(zone)));
            set
        });
        Ok(())
    }

    /// Replaces the zones that this source had by those that it has now. What is kept in a store is given back, for its keeper
    /// to take.
    ///
    /// # Errors
    /// What is wrong, where the zones stay as they were.
    pub(super) fn change(&mut self, engine: &Engine) -> Result<Vec<Arc<Zone>>, Vec<String>> {
        let before = self.origins.clone();
        self.untold.clear();
        let read =
            self.load().map_err(|broken| told(broken.problems)).and_then(|Loaded { zones, .. }| {
                match self.wrong(&before, &zones, engine) {
                    None => Ok(zones),
                    Some(why) => {
                        self.origins.clone_from(&before);
                        self.is_wrong = true;
                        Err(vec![why])
                    }
                }
            });
        let zones = read.inspect_err(|problems| self.log(problems, engine))?;
        self.compare(&zones, engine);
        for warning in self.warnings() {
            tracing::warn!(%warning, "something is strange in a zone");
        }
        if self.source.is_kept() {
            return Ok(zones);
        }
        if let Err(problem) = self.serve(&zones, &before, engine) {
            tracing::error!(%problem, "a zone was not signed; it stays as it was");
            self.origins = before;
            self.is_wrong = true;
            return Err(vec![problem]);
        }
        let file = self.file();
        for zone in &zones {
            tracing::info!(%file, zone = %zone.origin(), serial = zone.serial(), names = zone.names(), "zone read again");
        }
        Ok(Vec::new())
    }
}

pub(super) fn stamp(file: &Path) -> Stamp {
    let meta = fs::metadata(file).ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}

/// As many problems as somebody reads.
pub(super) fn told(mut problems: Vec<String>) -> Vec<String> {
    let more = problems.len().saturating_sub(TOLD);
    problems.truncate(TOLD);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    problems
}
