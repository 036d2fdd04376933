use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_lc_rs::rand;
use bytes::Bytes;

use super::meta::Result;
use super::{Change, Changes, FsError, Marks, VPath};

/// The locks of a tree (RFC 4918 §6). They hold between those who ask; a protocol that does not ask is not held up.
///
/// Where one tree lies in another, its locks are those of the other as well; a lock of a directory that it lies in, which
/// holds for all below, is one of its root.
///
/// A lock ends by itself. What has ended is never returned, and counts for nothing.
#[async_trait]
pub trait Locks: Send + Sync {
    /// The locks that hold for `path`: its own, and those of directories above it that hold for all below. With `below`
    /// also those of everything below it. In the order of their paths.
    async fn over(&self, path: &VPath, below: bool) -> Result<Vec<Lock>>;

    /// Makes a lock.
    ///
    /// # Errors
    /// [`LockError::Conflict`] where another lock is in its way; [`FsError::Quota`] where there are too many.
    async fn lock(&self, wanted: NewLock) -> std::result::Result<Lock, LockError>;

    /// Lets the lock with this token end only after this time from now. Nothing where there is none.
    async fn refresh(&self, token: &str, timeout: Duration) -> Result<Option<Lock>>;

    /// Ends a lock. Whether there was one.
    async fn unlock(&self, token: &str) -> Result<bool>;

    /// Ends the locks of what was at `path`, and below it.
    async fn removed(&self, path: &VPath) -> Result<()>;

    /// Says that what is at `path`, or anything below it, is about to be changed, until this is dropped. Who respects locks looks
    /// for them [over](Self::over) it after this, and keeps it until the change is made.
    fn change(&self, path: &VPath) -> Change;

    /// Waits until the changes are over that had [begun](Self::change) before this lock could be seen, of what it is on: from then
    /// on nobody changes that who respects locks, but its owner.
    async fn settled(&self, lock: &Lock);
}

/// A lock that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLock {
    /// What is to be locked.
    pub path: VPath,
    /// Whether it holds for everything below as well.
    pub deep: bool,
    /// Whether no other may hold beside it.
    pub exclusive: bool,
    /// Who asks; nothing for somebody unknown.
    pub user: Option<String>,
    /// What they want others to know: kept as it is.
    pub owner: Bytes,
    /// When it ends, from now on.
    pub timeout: Duration,
}

impl NewLock {
    /// The lock that is wanted, from `now` on, with a token of its own: for an engine that has found nothing in its way.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] where it would end later than a clock can say.
    pub fn granted(self, now: SystemTime) -> Result<Lock> {
        let Self { path, deep, exclusive, user, owner, timeout } = self;
        let until = now.checked_add(timeout).ok_or(FsError::Unsupported)?;
        Ok(Lock { path, deep, exclusive, user, owner, token: token()?, until })
    }
}

/// A lock that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// What is locked.
    pub path: VPath,
    /// Whether it holds for everything below as well.
    pub deep: bool,
    /// Whether no other may hold beside it.
    pub exclusive: bool,
    /// Who made it, and alone may use it; whoever knows the token, where nobody was known.
    pub user: Option<String>,
    /// What they want others to know.
    pub owner: Bytes,
    /// A URI that is no other lock's, ever: `urn:uuid:…` (RFC 4918 §6.5).
    pub token: String,
    /// When it ends.
    pub until: SystemTime,
}

impl Lock {
    /// Whether it holds for `path`.
    pub fn covers(&self, path: &VPath) -> bool {
        self.path == *path || (self.deep && path.is_within(&self.path))
    }
}

/// Why there is no lock.
#[derive(Debug)]
#[non_exhaustive]
pub enum LockError {
    /// This one is in the way.
    Conflict(Box<Lock>),
    /// It cannot be kept.
    Files(FsError),
}

impl From<FsError> for LockError {
    fn from(error: FsError) -> Self {
        Self::Files(error)
    }
}

/// Locks in memory: they end with the process. There are as many as [`Marks`] says.
#[derive(Debug)]
pub struct MemoryLocks {
    /// Where the tree is whose locks these are.
    dir: VPath,
    /// The locks of all trees, by where their files are.
    all: Arc<Mutex<BTreeMap<VPath, Vec<Lock>>>>,
    changes: Changes,
}

impl Default for MemoryLocks {
    fn default() -> Self {
        Self { dir: VPath::ROOT, all: Arc::default(), changes: Changes::default() }
    }
}

impl MemoryLocks {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of the tree in this directory of the one with all these: they are the same where both have a file.
    #[must_use]
    pub fn of(&self, dir: &VPath) -> Self {
        Self { dir: dir.beneath(&self.dir), all: Arc::clone(&self.all), changes: self.changes.clone() }
    }

    /// All locks. Some of them have ended.
    fn all(&self) -> MutexGuard<'_, BTreeMap<VPath, Vec<Lock>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lock as it is in this tree: of one above, all of it is locked.
    fn seen(&self, lock: Lock) -> Lock {
        Lock { path: lock.path.strip(&self.dir).unwrap_or(VPath::ROOT), ..lock }
    }

    /// Whether it holds for something in this tree.
    fn concerns(&self, lock: &Lock) -> bool {
        lock.path.is_within(&self.dir) || lock.covers(&self.dir)
    }
}

/// The locks over `path`, as [`Locks::over`] wants them.
fn over(all: &BTreeMap<VPath, Vec<Lock>>, path: &VPath, below: bool, now: SystemTime) -> Vec<Lock> {
    let mut found = Vec::new();
    let mut above = path.parent();
    while let Some(dir) = above {
        found.splice(0..0, all.get(&dir).into_iter().flatten().filter(|lock| lock.deep).cloned());
        above = dir.parent();
    }
    found.extend(all.get(path).into_iter().flatten().cloned());
    if below {
        // Between `/a` and `/a/b` there may be `/a-b`.
        let rest = all.range(path.clone()..).skip_while(|(at, _)| *at == path);
        let prefix = path.relative();
        let rest = rest.take_while(|(at, _)| at.relative().starts_with(prefix));
        found.extend(rest.filter(|(at, _)| at.is_within(path)).flat_map(|(_, locks)| locks).cloned());
    }
    found.retain(|lock| lock.until > now);
    found
}

fn purge(all: &mut BTreeMap<VPath, Vec<Lock>>, keeps: impl Fn(&Lock) -> bool) {
    all.retain(|_, locks| {
        locks.retain(&keeps);
        !locks.is_empty()
    });
}

/// A random UUID, of version 4, as a URN.
fn token() -> Result<String> {
    let mut octets = [0; 16];
    rand::fill(&mut octets).map_err(|_| FsError::Io(std::io::Error::other("no random numbers")))?;
    let number = u128::from_be_bytes(octets);
    let number = number & !(0xf << 76) | 4 << 76;
    let number = number & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{number:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    Ok(format!("urn:uuid:{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)))
}

#[async_trait]
impl Locks for MemoryLocks {
    async fn over(&self, path: &VPath, below: bool) -> Result<Vec<Lock>> {
        let found = over(&self.all(), &path.beneath(&self.dir), below, SystemTime::now());
        Ok(found.into_iter().map(|lock| self.seen(lock)).collect())
    }

    async fn lock(&self, wanted: NewLock) -> std::result::Result<Lock, LockError> {
        let now = SystemTime::now();
        let wanted = NewLock { path: wanted.path.beneath(&self.dir), ..wanted };
        let mut all = self.all();
        let in_the_way = |lock: &Lock| wanted.exclusive || lock.exclusive;
        if let Some(lock) = over(&all, &wanted.path, wanted.deep, now).into_iter().find(in_the_way) {
            return Err(LockError::Conflict(Box::new(self.seen(lock))));
        }
        purge(&mut all, |lock| lock.until > now);
        let own = || all.values().flatten().filter(|lock| lock.path.is_within(&self.dir));
        if own().count() >= Marks::LOCKS
            || own().filter(|lock| lock.user == wanted.user).count() >= Marks::LOCKS_OF_ONE
        {
            return Err(FsError::Quota.into());
        }
        let lock = wanted.granted(now)?;
        all.entry(lock.path.clone()).or_default().push(lock.clone());
        Ok(self.seen(lock))
    }

    async fn refresh(&self, token: &str, timeout: Duration) -> Result<Option<Lock>> {
        let now = SystemTime::now();
        let until = now.checked_add(timeout).ok_or(FsError::Unsupported)?;
        let mut all = self.all();
        let mut held = all.values_mut().flatten().filter(|lock| lock.until > now && self.concerns(lock));
        Ok(held.find(|lock| lock.token == token).map(|lock| {
            lock.until = until;
            self.seen(lock.clone())
        }))
    }

    async fn unlock(&self, token: &str) -> Result<bool> {
        let now = SystemTime::now();
        let mut all = self.all();
        let is_it = |lock: &Lock| lock.token == token && self.concerns(lock);
        let held = all.values().flatten().any(|lock| is_it(lock) && lock.until > now);
        purge(&mut all, |lock| !is_it(lock));
        Ok(held)
    }

    async fn removed(&self, path: &VPath) -> Result<()> {
        let path = path.beneath(&self.dir);
        purge(&mut self.all(), |lock| !lock.path.is_within(&path));
        Ok(())
    }

    fn change(&self, path: &VPath) -> Change {
        self.changes.begin(path.beneath(&self.dir).as_bytes().to_vec())
    }

    async fn settled(&self, lock: &Lock) {
        self.changes.settled(lock.path.beneath(&self.dir).as_bytes(), lock.deep).await;
    }
}
