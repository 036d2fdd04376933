use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::paths::{Paths, Turn};
use crate::data::files::meta::Result;
use crate::data::files::{FileId, Files, FsError, Kind, ListOptions, Meta, VPath};

/// Entries that are looked at to count what is there.
const MOST: usize = 1_000_000;

/// Somebody's share of the room: how many bytes their files may have, and have, with those that are set aside for what is
/// being written. All views of one tree have one count, whatever the limit of each is: clones, and what
/// [`limited`](Self::limited) makes.
#[derive(Clone)]
pub struct Share {
    limit: u64,
    account: Arc<Account>,
}

/// What is counted, in memory.
#[derive(Default)]
struct Account {
    used: AtomicU64,
    /// Set once it is known what was there before.
    counted: OnceCell<()>,
    /// Content that is open, of files that have a name when they are opened.
    open: Mutex<HashMap<FileId, Weak<Content>>>,
    paths: Paths,
}

impl Share {
    /// `used` of `limit` bytes, of a tree in which no more is there.
    pub fn new(limit: u64, used: u64) -> Self {
        let account =
            Account { used: used.into(), counted: OnceCell::new_with(Some(())), ..Account::default() };
        Self { limit, account: Arc::new(account) }
    }

    /// The same of a tree of which it is not known what is there: it is counted before something is first changed.
    pub fn uncounted(limit: u64) -> Self {
        Self { limit, account: Arc::default() }
    }

    /// The same tree and count, under this limit.
    #[must_use]
    pub fn limited(&self, limit: u64) -> Self {
        Self { limit, account: self.account.clone() }
    }

    /// How many bytes there may be.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How many bytes there are, with those that are set aside.
    pub fn used(&self) -> u64 {
        self.account.used.load(Ordering::Relaxed)
    }

    /// Sets so many bytes aside, or, where there would be more than the limit, none.
    fn reserve(&self, bytes: u64) -> Result<()> {
        let more = |used: u64| used.checked_add(bytes).filter(|sum| bytes == 0 || *sum <= self.limit);
        let reserved = self.account.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        reserved.map(drop).map_err(|_| FsError::Quota)
    }

    /// Counts what is there, if nobody has yet.
    pub(super) async fn count(&self, files: &impl Files) -> Result<()> {
        let count = async || {
            let (bytes, all) = usage(files, &VPath::ROOT, MOST).await?;
            if !all {
                tracing::warn!(entries = MOST, "too many files to count all of them for a quota");
            }
            self.account.add(bytes);
            Ok(())
        };
        self.account.counted.get_or_try_init(count).await.copied()
    }

    /// Waits until nobody changes what is at these paths, below or above them.
    pub(super) async fn turn(&self, paths: &[&VPath]) -> Turn<'_> {
        self.account.paths.turn(paths).await
    }

    /// New content, which nothing is paid for yet.
    pub(super) fn new_content(&self) -> Charge {
        self.charge(Content::new(&self.account, Paid { len: 0, named: false }, None))
    }

    /// The content of this file, which is paid for.
    pub(super) fn content(&self, of: &Meta) -> Charge {
        let new = || Content::new(&self.account, Paid { len: of.len, named: true }, of.id);
        let Some(id) = of.id else { return self.charge(new()) };
        let mut open = lock(&self.account.open);
        let known = open.get(&id).and_then(Weak::upgrade);
        let content = known.unwrap_or_else(|| {
            let new = new();
            open.insert(id, Arc::downgrade(&new));
            new
        });
        self.charge(content)
    }

    /// The content of this file, if somebody has it open.
    pub(super) fn open(&self, file: &Meta) -> Option<Charge> {
        let known = lock(&self.account.open).get(&file.id?).and_then(Weak::upgrade);
        known.map(|content| self.charge(content))
    }

    fn charge(&self, content: Arc<Content>) -> Charge {
        Charge { share: self.clone(), content }
    }
}

impl Account {
    /// Counts so many bytes that are there already, whatever the limit.
    fn add(&self, bytes: u64) {
        let more = |used: u64| Some(used.saturating_add(bytes));
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn release(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// Content that somebody writes or reads, or is about to take a name from. What was paid for it is given back when nobody has it any
/// more, unless it has a name: so what is not committed costs nothing, and what was removed costs on for as long as somebody has
/// it open, and it is on the disk.
struct Content {
    account: Arc<Account>,
    paid: Mutex<Paid>,
    /// Held by those who write, and alone by who has to know how long it is.
    writing: RwLock<()>,
    id: Option<FileId>,
}

struct Paid {
    len: u64,
    named: bool,
}

impl Content {
    fn new(account: &Arc<Account>, paid: Paid, id: Option<FileId>) -> Arc<Self> {
        let (account, paid, writing) = (account.clone(), Mutex::new(paid), RwLock::default());
        Arc::new(Self { account, paid, writing, id })
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        let Paid { len, named } = *lock(&self.paid);
        if !named {
            self.account.release(len);
        }
        let Some(id) = self.id else { return };
        let mut open = lock(&self.account.open);
        // Somebody may have opened it since.
        if open.get(&id).is_some_and(|known| known.strong_count() == 0) {
            open.remove(&id);
        }
    }
}

/// Content on somebody's account.
#[derive(Clone)]
pub(super) struct Charge {
    share: Share,
    content: Arc<Content>,
}

impl Charge {
    /// On whose account it is.
    pub(super) fn share(&self) -> &Share {
        &self.share
    }

    /// Pays for this length, if it is longer.
    pub(super) fn grow(&self, to: u64) -> Result<()> {
        let mut paid = lock(&self.content.paid);
        self.share.reserve(to.saturating_sub(paid.len))?;
        paid.len = paid.len.max(to);
        Ok(())
    }

    /// Pays for so much more.
    pub(super) fn extend(&self, by: u64) -> Result<()> {
        let mut paid = lock(&self.content.paid);
        self.share.reserve(by)?;
        paid.len += by;
        Ok(())
    }

    /// This is the length.
    pub(super) fn settle(&self, len: u64) {
        let mut paid = lock(&self.content.paid);
        self.share.account.add(len.saturating_sub(paid.len));
        self.share.account.release(paid.len.saturating_sub(len));
        paid.len = len;
    }

    /// While somebody writes, the length is not settled.
    pub(super) async fn writing(&self) -> RwLockReadGuard<'_, ()> {
        self.content.writing.read().await
    }

    /// Waits until nobody writes: what is found then is the length.
    pub(super) async fn settling(&self) -> RwLockWriteGuard<'_, ()> {
        self.content.writing.write().await
    }

    fn set_named(&self, named: bool) {
        lock(&self.content.paid).named = named;
    }

    /// The content has got the name that this file had, and is what is there now.
    pub(super) fn name(&self, there: Option<&Meta>, now: &Meta) {
        match there {
            // It was written into that file, which has other names too: ours goes.
            Some(there) if there.id.is_some() && there.id == now.id => {
                self.share.content(there).settle(now.len)
            }
            _ => {
                self.settle(now.len);
                self.set_named(true);
                there.map(|there| Leaving::of(&self.share, there)).unwrap_or_default().gone(&self.share);
            }
        }
    }
}

/// What goes when names do.
#[derive(Default)]
pub(super) struct Leaving {
    bytes: u64,
    /// Goes when it is closed.
    open: Vec<Charge>,
    /// Names that go, of files that have several.
    names: HashMap<FileId, u64>,
}

impl Leaving {
    /// A file.
    pub(super) fn of(share: &Share, file: &Meta) -> Self {
        let mut leaving = Self::default();
        leaving.add(share, file);
        leaving
    }

    /// All files at `path` and below.
    pub(super) async fn below(share: &Share, files: &impl Files, path: &VPath) -> Self {
        let mut leaving = Self::default();
        let add = |file: &Meta| leaving.add(share, file);
        // What cannot be listed counts nothing, as in `usage`.
        let _ = each(files, path, usize::MAX, add).await;
        leaving
    }

    fn add(&mut self, share: &Share, file: &Meta) {
        let names = file.nlink.unwrap_or(1);
        if let (2.., Some(id)) = (names, file.id) {
            let seen = self.names.entry(id).or_default();
            *seen += 1;
            if *seen < names {
                return;
            }
        }
        match share.open(file) {
            Some(content) => self.open.push(content),
            None => self.bytes = self.bytes.saturating_add(file.len),
        }
    }

    /// Without what is there yet.
    pub(super) fn without(mut self, left: &Self) -> Self {
        let same = |one: &Charge, other: &Charge| Arc::ptr_eq(&one.content, &other.content);
        self.open.retain(|content| !left.open.iter().any(|left| same(content, left)));
        Self { bytes: self.bytes.saturating_sub(left.bytes), ..self }
    }

    /// It has gone.
    pub(super) fn gone(self, share: &Share) {
        self.open.iter().for_each(|content| content.set_named(false));
        share.account.release(self.bytes);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many bytes the files at `path` and below it have, each counted once, and whether all were counted: no more
/// than `most` entries are looked at.
///
/// # Errors
/// That of listing `path` itself; what cannot be listed below it counts nothing.
pub async fn usage(files: &(impl Files + ?Sized), path: &VPath, most: usize) -> Result<(u64, bool)> {
    let (mut bytes, mut seen) = (0u64, HashSet::new());
    let add = |file: &Meta| {
        if file.nlink.unwrap_or(1) <= 1 || seen.insert(file.id) {
            bytes = bytes.saturating_add(file.len);
        }
    };
    let all = each(files, path, most, add).await?;
    Ok((bytes, all))
}

/// Looks at the files at `path` and below it, if there are no more than `most` entries: whether those were all.
async fn each(
    files: &(impl Files + ?Sized),
    path: &VPath,
    most: usize,
    mut look: impl FnMut(&Meta),
) -> Result<bool> {
    let meta = files.stat(path, false).await?;
    if meta.kind == Kind::File {
        look(&meta);
    }
    let (mut left, mut todo) = (most, Vec::from_iter((meta.kind == Kind::Dir).then(|| path.clone())));
    while let Some(dir) = todo.pop() {
        let mut stream = match files.list(&dir, ListOptions::default()).await {
            Err(error) if dir == *path => return Err(error),
            Err(_) => continue,
            Ok(stream) => stream,
        };
        while let Ok(batch) = stream.next_batch(256).await {
            if batch.is_empty() {
                break;
            }
            for entry in batch {
                left = match left.checked_sub(1) {
                    Some(left) => left,
                    None => return Ok(false),
                };
                match entry.meta.kind {
                    Kind::Dir => todo.extend(dir.join(&entry.name)),
                    Kind::File => look(&entry.meta),
                    _ => {}
                }
            }
        }
    }
    Ok(true)
}
