//! Zones from files, which are read again when they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as Moment, OnceLock, PoisonError};

use async_trait::async_trait;
use ropewalk_core::data::facts::Facts;
use ropewalk_core::data::zones::{self, Answer, Answered};
use ropewalk_core::{Address, Error, Result};
use tokio::sync::{Mutex, mpsc};

use super::age::max_age;
use super::dynamic::Dynamic;
use super::forward::Forwarder;
use super::loading::Loading;
use super::remembered::Memory;
use super::rules::Book;
use super::signer::Signer;
use super::source::Source;
use super::watched::Watched;
use super::{Answering, Desk, Engine, Keeper, Keys, Peer, Policies, Rules, Transport, Verdict, now};
use crate::wire::{Name, NameRef};
use crate::zone::{Zone, ZoneSet};

/// Zones from files, and what answers from them.
#[derive(Debug)]
pub struct Zones {
    desk: Arc<Desk>,
    watched: Arc<Mutex<Vec<Watched>>>,
    /// The files of zones, by their names at the start.
    origins: Vec<(Name, PathBuf)>,
    facts: OnceLock<Facts>,
    /// What was read and is to be signed, which nobody was told of yet.
    unsigned: Moment<Vec<(Arc<Signer>, Arc<Zone>)>>,
    /// Held by who signs what is due.
    signing: Arc<Mutex<()>>,
}

/// What all zones have in common.
pub struct Setup {
    /// What is around answers. What zones say of themselves is added.
    pub policies: Policies,
    /// How questions are answered.
    pub answering: Answering,
    /// The keys that requests may be signed with.
    pub keys: Keys,
    /// How many zones are transferred to others at once.
    pub transfers: usize,
    /// Where zones are kept that change.
    pub store: Option<Arc<dyn zones::Zones>>,
    /// What passes on questions of no zone of theirs, for those whom `answering` names.
    pub forwarder: Option<Forwarder>,
    /// What is known of their files, as it is shared.
    pub memory: Memory,
}

/// What there is to say of sources, each by its number.
pub type Said = Vec<(usize, String)>;

/// What there is to say of sources that were loaded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// What is wrong with files, whose zones are as they were before or without records: with line and column where it has them.
    pub problems: Said,
    /// What is strange in zones that are served.
    pub warnings: Said,
}

/// What there is to say of all files, as they were read last.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong: zones are as they were before it.
    pub problems: Vec<String>,
    /// What is strange in zones that are served.
    pub warnings: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policies: Policies::default(),
            answering: Answering::default(),
            keys: Keys::default(),
            transfers: Desk::TRANSFERS,
            store: None,
            forwarder: None,
            memory: Memory::default(),
        }
    }
}

impl Zones {
    /// Reads all sources, each with what is particular to its zones; and what there is to say of them. Blocks.
    ///
    /// A file that cannot be read, or whose content breaks a rule, takes nothing from the others. Its zones are as they were
    /// where somebody serves them still. Else their questions get SERVFAIL, as far as their names are known, until the file is
    /// mended.
    ///
    /// # Errors
    /// What sources have that does not go together, whatever is in their files, or that a store cannot be read: by their number.
    pub fn load(sources: Vec<(Source, Rules)>, setup: Setup) -> Result<(Self, Notes), Said> {
        let mut loading = Loading::new(setup.memory.clone());
        for (number, (source, rules)) in sources.into_iter().enumerate() {
            loading.add(number, source, rules, setup.store.as_deref());
        }
        if !loading.wrong.is_empty() {
            return Err(loading.wrong);
        }
        let Loading { set, book, others, watched, secondaries, kept, notes, .. } = loading;
        let desk = setup.desk(set, book, others, kept).secondaries(secondaries).signers(loading.signers);
        let zones = Self {
            desk: Arc::new(desk),
            watched: Arc::new(Mutex::new(watched)),
            origins: loading.origins,
            facts: OnceLock::new(),
            unsigned: Moment::new(loading.unsigned),
            signing: Arc::default(),
        };
        Ok((zones, notes))
    }

    /// Opens the keys of zones that are signed here, makes those that there are not, and signs the zones, as far as that does not
    /// take long: the rest is signed as soon as somebody [looks after](Answer::refresh) them, and until then their questions get
    /// SERVFAIL. What was signed already, for zones that were read from the same sources, is served as it is. Blocks.
    ///
    /// # Errors
    /// If a key cannot be used or made.
    pub fn open(&self) -> Result<()> {
        self.tell_signers()?;
        let mut room = Signer::AT_ONCE;
        self.desk.signed_by().iter().try_for_each(|signer| signer.open(self.engine(), &mut room, now()))
    }

    /// Who signs goes on with what was read, as it is served from now on.
    fn tell_signers(&self) -> Result<()> {
        let unsigned = std::mem::take(&mut *self.unsigned.lock().unwrap_or_else(PoisonError::into_inner));
        unsigned.into_iter().try_for_each(|(signer, zone)| signer.note(zone))
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

    /// Whether a zone is kept in a store.
    pub fn keeps(&self, origin: NameRef<'_>) -> bool {
        self.desk.kept().is_some_and(|keeper| keeper.of(origin).is_some())
    }

    /// The zones of which something is particular, by the names that this is said of until they are loaded anew.
    pub fn bound(&self) -> impl Iterator<Item = &Name> {
        self.desk.ruled()
    }

    /// The file that a zone is in, or begins with if it is kept in a store; none of what is made or fetched.
    pub fn file(&self, origin: NameRef<'_>) -> Option<&Path> {
        self.origins.iter().find(|(name, _)| name.view() == origin).map(|(_, file)| file.as_path())
    }

    /// Takes up what others have changed in the store, now.
    pub async fn follow(&self) {
        let mut watched = self.watched.lock().await;
        self.follow_with(&mut watched).await;
    }

    /// Reads again what has changed, and what was wrong, now; and says what there is to say, however often it was said.
    pub async fn reload(&self) -> Report {
        let failed = |error: Error| Report { problems: vec![error.chain()], ..Report::default() };
        self.look(true).await.unwrap_or_else(failed)
    }

    /// Reads again what has changed: at once where the operator asks, else when it has not changed since the last look, so
    /// that a file that is being written is not taken for whole.
    async fn look(&self, asked: bool) -> Result<Report> {
        let mut watched = match Arc::clone(&self.watched).try_lock_owned() {
            Ok(watched) => watched,
            Err(_) if asked => Arc::clone(&self.watched).lock_owned().await,
            // Where several services answer from these zones, one of them is enough.
            Err(_) => return Ok(Report::default()),
        };
        self.tell_signers()?;
        let (engine, facts) = (Arc::clone(self.engine()), self.facts.get().cloned());
        if !asked {
            watched.iter_mut().for_each(|one| one.say(&engine));
        }
        let looked = tokio::task::spawn_blocking(move || {
            let (mut kept, mut wrong) = (Vec::new(), Vec::new());
            if let Some(facts) = facts.filter(|_| watched.iter().any(Watched::derives)) {
                let facts = facts.all();
                wrong.extend(watched.iter_mut().filter_map(|one| one.hear(&facts, &engine)));
            }
            for (number, one) in watched.iter_mut().enumerate() {
                if !one.has_changed(asked) {
                    continue;
                }
                match one.change(&engine) {
                    Ok(zones) => kept.extend(zones.into_iter().map(|zone| (number, zone))),
                    Err(problems) => wrong.extend(problems),
                }
            }
            (watched, kept, wrong)
        });
        let looked = looked.await;
        let (mut watched, kept, mut wrong) =
            looked.map_err(|e| Error::local("zones could not be read").caused_by(e))?;
        for (number, zone) in kept {
            if let Some(Err(error)) = self.take(zone).await {
                wrong.push(error.chain());
                error.log("a zone stays as it was");
                if let Some(one) = watched.get_mut(number) {
                    one.is_wrong = true;
                }
            }
        }
        self.follow_with(&mut watched).await;
        let warnings = watched.iter().flat_map(|one| one.warnings().cloned()).collect();
        drop(watched);
        wrong.extend(self.sign(asked).await?);
        Ok(Report { problems: wrong, warnings })
    }

    /// Has signed what is due: that takes long where it is much, and is waited for only where the operator asks. What went wrong
    /// then.
    async fn sign(&self, asked: bool) -> Result<Vec<String>> {
        let is_due = |signer: &Arc<Signer>| signer.is_due(self.engine(), now());
        // All of them are asked, as they then serve what others have signed.
        let due = self.desk.signed_by().iter().filter(|signer| is_due(signer)).count();
        if !asked && due == 0 {
            return Ok(Vec::new());
        }
        let turn = match Arc::clone(&self.signing).try_lock_owned() {
            Ok(turn) => turn,
            Err(_) if asked => Arc::clone(&self.signing).lock_owned().await,
            Err(_) => return Ok(Vec::new()),
        };
        let desk = Arc::clone(&self.desk);
        let running = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut signers: Vec<_> = desk.signed_by().iter().collect();
            // Nobody waits for one that has more to do.
            signers.sort_by_cached_key(|signer| signer.base().map_or(0, |base| base.names()));
            let tended = signers.iter().filter_map(|signer| signer.tend(desk.engine(), now(), asked));
            tended.collect()
        });
        if !asked {
            return Ok(Vec::new());
        }
        running.await.map_err(|e| Error::local("zones could not be signed").caused_by(e))
    }

    async fn take(&self, zone: Arc<Zone>) -> Option<Result<()>> {
        Some(self.desk.kept()?.take(zone).await)
    }

    async fn follow_with(&self, watched: &mut [Watched]) {
        let Some(keeper) = self.desk.kept() else { return };
        let gone = keeper.follow().await;
        // What was forgotten begins anew with its file.
        for one in watched.iter_mut().filter(|one| one.origins.iter().any(|origin| gone.contains(origin))) {
            one.read.clear();
        }
    }
}

impl Setup {
    fn desk(
        self,
        set: ZoneSet,
        book: Vec<(Name, Arc<Rules>)>,
        others: Option<Arc<Rules>>,
        kept: Vec<Dynamic>,
    ) -> Desk {
        let Self { mut policies, answering, keys, transfers, store, forwarder, .. } = self;
        let queries = book.iter().filter_map(|(name, rules)| Some((name.clone(), rules.queries.clone()?)));
        policies.zones.extend(queries);
        policies.zones.sort_by(|(a, _), (b, _)| a.cmp(b));
        let engine = Arc::new(Engine::new(set, answering).with(policies));
        let mut desk = Desk::new(Arc::clone(&engine)).keys(keys).transfers(transfers);
        desk = desk.book(Book::new(book, others));
        if let Some(forwarder) = forwarder {
            desk = desk.forwarder(forwarder);
        }
        match store {
            Some(store) if !kept.is_empty() => desk.keeper(Keeper::new(engine, store, kept)),
            _ => desk,
        }
    }
}

#[async_trait]
impl Answer for Zones {
    async fn answer(&self, request: &[u8], peer: &Address) -> Option<Answered> {
        let mut message = Vec::new();
        let peer = Peer::new(peer, Transport::Https);
        match self.desk.respond(request, &peer, &mut message) {
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

    async fn tend(&self) {
        self.desk.tend().await;
    }

    fn counted(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.desk.counted().collect()
    }

    fn derive_from(&self, facts: &Facts) {
        self.facts.get_or_init(|| facts.clone());
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
