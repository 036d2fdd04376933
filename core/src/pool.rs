use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::Span;

use crate::{Error, Result};

/// A bounded pool for work that blocks or computes for long.
///
/// At most `threads` pieces of work run at once and at most `queue` wait, in the order in which they came.
/// Whoever comes then is told at once.
///
/// The threads are the runtime's own for blocking work; the pool only decides how many of them it may have.
/// So it costs nothing until it is used, may be made before the process is detached and gives up root,
/// and has no thread of its own that could outlive it: work that has not begun is dropped with the future that
/// waits for it, and work that runs ends by itself, as nothing can stop a thread from outside.
pub struct Pool {
    places: Arc<Semaphore>,
    threads: Arc<Semaphore>,
    size: usize,
}

impl Pool {
    /// A pool of this many threads (at least one), and places to wait.
    pub fn new(threads: usize, queue: usize) -> Self {
        let threads = threads.clamp(1, Semaphore::MAX_PERMITS / 2);
        let size = threads + queue.min(Semaphore::MAX_PERMITS / 2);
        Self { places: Arc::new(Semaphore::new(size)), threads: Arc::new(Semaphore::new(threads)), size }
    }

    /// Does the work on a thread of its own and gives its result. Dropping the future gives up the place in
    /// the queue, or, if the work has begun, only its result.
    ///
    /// # Errors
    /// A limit's, at once, where the queue is full; ours where the work panicked or the runtime stopped.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Error::limit("queue", "too much work is waiting"))?;
        let closed = |e| Error::local("the pool is closed").caused_by(e);
        let thread = Arc::clone(&self.threads).acquire_owned().await.map_err(closed)?;
        let span = Span::current();
        let run = move || {
            // Held until the work is done, or has panicked.
            let _held = (place, thread);
            span.in_scope(work)
        };
        spawn_blocking(run).await.map_err(|error| {
            let what = if error.is_panic() { "work panicked" } else { "the runtime has stopped" };
            Error::local(what).caused_by(error)
        })
    }

    /// How many pieces of work run or wait now.
    pub fn load(&self) -> usize {
        self.size - self.places.available_permits()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("size", &self.size).field("load", &self.load()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use futures_util::FutureExt as _;

    use super::*;
    use crate::Fault;

    /// Work that says when it begins and ends when it is told to.
    fn gate() -> (impl FnOnce() + Send + 'static, Receiver<()>, SyncSender<()>) {
        let (begun, has_begun) = sync_channel(1);
        let (go_on, may_go_on) = sync_channel::<()>(1);
        let work = move || {
            begun.send(()).unwrap();
            may_go_on.recv().ok();
        };
        (work, has_begun, go_on)
    }

    #[tokio::test]
    async fn work_gives_its_result() {
        assert_eq!(Pool::new(1, 0).run(|| 6 * 7).await.unwrap(), 42);
        assert_eq!(Pool::new(0, 0).run(|| 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_full_queue_is_a_limit_at_once() {
        let pool = Pool::new(1, 1);
        let (work, begun, go_on) = gate();
        let mut first = Box::pin(pool.run(work));
        assert!(first.as_mut().now_or_never().is_none());
        begun.recv().unwrap();
        let mut second = Box::pin(pool.run(|| 2));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(pool.load(), 2);
        let error = pool.run(|| 3).now_or_never().unwrap().unwrap_err();
        assert_eq!((error.fault(), error.limit_name()), (Fault::Limit, Some("queue")));
        go_on.send(()).unwrap();
        first.await.unwrap();
        assert_eq!(second.await.unwrap(), 2);
        assert_eq!(pool.load(), 0);
        assert_eq!(pool.run(|| 4).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn no_more_than_its_threads_run_at_once() {
        static NOW: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let pool = Pool::new(3, 40);
        let work = || {
            MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            NOW.fetch_sub(1, Ordering::SeqCst);
        };
        let all = futures_util::future::join_all((0..40).map(|_| pool.run(work))).await;
        assert!(all.iter().all(Result::is_ok));
        assert!(MOST.load(Ordering::SeqCst) <= 3);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_frees_the_thread() {
        let pool = Pool::new(1, 0);
        let error = pool.run(|| panic!("bad day")).await.unwrap_err();
        assert_eq!((error.fault(), error.to_string().as_str()), (Fault::Local, "work panicked"));
        assert_eq!(pool.run(|| 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn dropped_before_it_began_it_never_begins() {
        static RAN: AtomicBool = AtomicBool::new(false);
        let pool = Pool::new(1, 1);
        let (work, begun, go_on) = gate();
        let mut first = Box::pin(pool.run(work));
        assert!(first.as_mut().now_or_never().is_none());
        begun.recv().unwrap();
        assert!(pool.run(|| RAN.store(true, Ordering::SeqCst)).now_or_never().is_none());
        assert_eq!(pool.load(), 1);
        go_on.send(()).unwrap();
        first.await.unwrap();
        pool.run(|| ()).await.unwrap();
        assert!(!RAN.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn dropped_after_it_began_it_keeps_its_thread_to_its_end() {
        let pool = Pool::new(1, 0);
        let (work, begun, go_on) = gate();
        assert!(pool.run(work).now_or_never().is_none());
        begun.recv().unwrap();
        assert!(pool.run(|| ()).now_or_never().unwrap().is_err());
        go_on.send(()).unwrap();
        while pool.load() > 0 {
            tokio::task::yield_now().await;
        }
        pool.run(|| ()).await.unwrap();
    }
}
