use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ropewalk_core::app::Context;
use tokio::time::{Instant, sleep};

use super::Options;
use super::content::Progress;
use super::engine::Sender;
use super::origin::Origin;

/// Connections that nobody needs now, by their origins, the one that was used last at the end. Those of HTTP/2 stay in
/// it while they are used.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    kept: Mutex<Kept>,
    per_origin: usize,
    all: usize,
    keep: Duration,
    cx: Context,
}

#[derive(Default)]
struct Kept {
    origins: HashMap<Origin, VecDeque<(Instant, Sender)>>,
    count: usize,
    /// Whether a task looks after what waits for too long.
    watched: bool,
}

impl Pool {
    pub(super) fn new(options: &Options, cx: Context) -> Self {
        let (per_origin, all, keep) = (options.kept_per_origin, options.kept, options.keep);
        Self(Arc::new(Inner { kept: Mutex::default(), per_origin, all, keep, cx }))
    }

    /// A connection to this origin that still seems to be open.
    pub(super) fn take(&self, origin: &Origin) -> Option<Sender> {
        let mut kept = self.kept();
        kept.sweep(self.0.keep);
        let Kept { origins, count, .. } = &mut *kept;
        let queue = origins.get_mut(origin)?;
        let (_, sender) = queue.pop_back()?;
        if let Some(shared) = sender.share() {
            queue.push_back((Instant::now(), sender));
            return Some(shared);
        }
        *count -= 1;
        if queue.is_empty() {
            origins.remove(origin);
        }
        Some(sender)
    }

    /// Keeps a connection for later. The one that waited longest gives way where there are too many.
    pub(super) fn put(&self, origin: &Origin, mut sender: Sender) {
        if self.0.per_origin == 0 || self.0.all == 0 || sender.is_closed() {
            return;
        }
        sender.reused = true;
        let mut kept = self.kept();
        kept.sweep(self.0.keep);
        if kept.count >= self.0.all {
            kept.drop_oldest();
        }
        if !std::mem::replace(&mut kept.watched, true) {
            self.0.cx.spawn(watch(Arc::downgrade(&self.0), self.0.keep)).detach();
        }
        let Kept { origins, count, .. } = &mut *kept;
        let queue = origins.entry(origin.clone()).or_default();
        if queue.len() >= self.0.per_origin {
            queue.pop_front();
            *count -= 1;
        }
        queue.push_back((Instant::now(), sender));
        *count += 1;
    }

    /// A connection that is in use, to be given back when its answer has been read.
    pub(super) fn lend(&self, origin: &Origin, sender: Sender, progress: Arc<Progress>) -> Lease {
        Lease { pool: self.clone(), origin: origin.clone(), sender: Some(sender), progress }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept().count
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what has waited for too long, as long as anything waits.
async fn watch(pool: Weak<Inner>, keep: Duration) {
    loop {
        sleep(keep).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut kept = pool.kept();
        kept.sweep(keep);
        if kept.count == 0 {
            kept.watched = false;
            return;
        }
    }
}

impl Kept {
    /// Lets go of what is closed or has waited for too long.
    fn sweep(&mut self, keep: Duration) {
        self.origins.retain(|_, queue| {
            queue.retain(|(since, sender)| !sender.is_closed() && since.elapsed() < keep);
            !queue.is_empty()
        });
        self.count = self.origins.values().map(VecDeque::len).sum();
    }

    fn drop_oldest(&mut self) {
        let oldest = self.origins.iter().min_by_key(|(_, queue)| queue.front().map(|(since, _)| *since));
        let Some(origin) = oldest.map(|(origin, _)| origin.clone()) else { return };
        if let Some(queue) = self.origins.get_mut(&origin) {
            queue.pop_front();
            self.count -= 1;
            if queue.is_empty() {
                self.origins.remove(&origin);
            }
        }
    }
}

/// A connection in use. Dropped, it closes the connection, but for one that others use too.
pub(super) struct Lease {
    pool: Pool,
    origin: Origin,
    sender: Option<Sender>,
    progress: Arc<Progress>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.progress.give_up();
    }
}

impl Lease {
    /// The answer has been read to its end.
    pub(super) fn give_back(mut self) {
        // What is shared has never left. Where the request is still being sent, nothing else can be.
        if let Some(sender) = self.sender.take()
            && sender.share().is_none()
            && self.progress.is_whole()
        {
            self.pool.put(&self.origin, sender);
        }
    }
}
