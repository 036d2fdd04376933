use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::data::files::meta::Result;
use crate::data::files::{FileId, Files, FsError, Kind, ListOptions, VPath};

/// Entries that are looked at to count what is there.
const MOST: usize = 1_000_000;

/// Where it is written down how much of a share is used.
pub trait Ledger: Send + Sync {
    /// How many bytes there may be.
    fn limit(&self) -> u64;

    /// How many bytes there are, with those that are set aside for what is being written.
    fn used(&self) -> u64;

    /// Sets so many bytes aside.
    ///
    /// # Errors
    /// [`FsError::Quota`] where there would be more than the limit; then nothing is set aside.
    fn reserve(&self, bytes: u64) -> Result<()>;

    /// Counts so many bytes that are there already, whatever the limit.
    fn charge(&self, bytes: u64);

    /// Gives so many bytes back.
    fn release(&self, bytes: u64);
}

/// A ledger in memory: what was there when the process started is to be counted (see [`Share::uncounted`]).
#[derive(Debug)]
pub struct MemoryLedger {
    limit: u64,
    used: AtomicU64,
}

impl MemoryLedger {
    /// `used` of `limit` bytes.
    pub fn new(limit: u64, used: u64) -> Self {
        Self { limit, used: AtomicU64::new(used) }
    }
}

impl Ledger for MemoryLedger {
    fn limit(&self) -> u64 {
        self.limit
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn reserve(&self, bytes: u64) -> Result<()> {
        let more = |used: u64| used.checked_add(bytes).filter(|sum| bytes == 0 || *sum <= self.limit);
        let reserved = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        reserved.map(drop).map_err(|_| FsError::Quota)
    }

    fn charge(&self, bytes: u64) {
        let more = |used: u64| Some(used.saturating_add(bytes));
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn release(&self, bytes: u64) {
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| Some(used.saturating_sub(bytes)));
    }
}

/// Somebody's share of the room: a ledger, and what is being written on its account. All views of one person have
/// the same.
pub struct Share {
    pub(super) ledger: Arc<dyn Ledger>,
    /// Set once the ledger knows of what was there before.
    counted: tokio::sync::OnceCell<()>,
    /// Files that are open to be written in place, with their lengths.
    growing: Mutex<HashMap<FileId, Weak<Mutex<u64>>>>,
    /// So that of two that replace one file, each gives back what it replaced.
    paths: [tokio::sync::Mutex<()>; 16],
}

impl Share {
    /// The share that this ledger is of, which knows what is there.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { counted: tokio::sync::OnceCell::new_with(Some(())), ..Self::uncounted(ledger) }
    }

    /// The same for a ledger that does not: what is there is counted before something is first changed.
    pub fn uncounted(ledger: Arc<dyn Ledger>) -> Self {
        let counted = tokio::sync::OnceCell::new();
        Self { ledger, counted, growing: Mutex::default(), paths: Default::default() }
    }

    /// Counts what is there, if nobody has yet.
    pub(super) async fn count(&self, files: &impl Files) -> Result<()> {
        let count = async || {
            let (bytes, all) = usage(files, &VPath::ROOT, MOST).await?;
            if !all {
                tracing::warn!(entries = MOST, "too many files to count all of them for a quota");
            }
            self.ledger.charge(bytes);
            Ok(())
        };
        self.counted.get_or_try_init(count).await.copied()
    }

    /// The length that a file has or is going to have, as all know who write to it; `len` if nobody does yet.
    pub(super) fn growing(&self, id: Option<FileId>, len: u64) -> Arc<Mutex<u64>> {
        let new = Arc::new(Mutex::new(len));
        let Some(id) = id else { return new };
        let mut growing = lock(&self.growing);
        if let Some(known) = growing.get(&id).and_then(Weak::upgrade) {
            return known;
        }
        growing.retain(|_, known| known.strong_count() > 0);
        growing.insert(id, Arc::downgrade(&new));
        new
    }

    pub(super) async fn alone(&self, path: &VPath) -> tokio::sync::MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        let [first, ..] = &self.paths;
        self.paths.get(hasher.finish() as usize % self.paths.len()).unwrap_or(first).lock().await
    }

    /// Makes a length out of another one in the ledger.
    pub(super) fn change(&self, before: u64, after: u64) -> Result<()> {
        if after > before {
            return self.ledger.reserve(after - before);
        }
        self.ledger.release(before - after);
        Ok(())
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many bytes the files at `path` and below it have, each counted once, and whether all were counted: no more
/// than `most` entries are looked at.
///
/// # Errors
/// That of listing `path` itself; what cannot be listed below it counts nothing.
pub async fn usage(files: &(impl Files + ?Sized), path: &VPath, most: usize) -> Result<(u64, bool)> {
    let meta = files.stat(path, false).await?;
    if meta.kind != Kind::Dir {
        return Ok((if meta.kind == Kind::File { meta.len } else { 0 }, true));
    }
    let (mut bytes, mut left) = (0u64, most);
    let (mut todo, mut seen) = (vec![path.clone()], HashSet::new());
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
                    None => return Ok((bytes, false)),
                };
                match entry.meta.kind {
                    Kind::Dir => todo.extend(dir.join(&entry.name)),
                    Kind::File if entry.meta.nlink > Some(1) && !seen.insert(entry.meta.id) => {}
                    Kind::File => bytes = bytes.saturating_add(entry.meta.len),
                    _ => {}
                }
            }
        }
    }
    Ok((bytes, true))
}
