use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use ropewalk_core::data::files::FsError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Jobs that wait for a thread, for each thread; whoever comes after them waits without taking room.
const QUEUE: usize = 8;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads that wait for a disk, so that tasks need not.
///
/// Threads start when there is work for them, and end with the pool.
pub(super) struct Pool {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    max: usize,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Pool {
    pub(super) fn new(max: usize) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), work: Condvar::new() });
        Self { shared, room: Arc::new(Semaphore::new(max * (QUEUE + 1))), max }
    }

    /// What `job` returns, once a thread has run it. A caller that goes away does not stop a job that has begun.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        let permit = self.room.clone().acquire_owned().await.map_err(|_| gone())?;
        let (answer, answered) = oneshot::channel();
        self.push(move || {
            let _held: OwnedSemaphorePermit = permit;
            if !answer.is_closed() {
                let _ = answer.send(job());
            }
        })?;
        answered.await.map_err(|_| gone())?
    }

    /// Has `job` done by a thread some time; nobody waits for it, nor for room in the queue. Where there is no thread
    /// for it, it is dropped.
    pub(super) fn start(&self, job: impl FnOnce() + Send + 'static) {
        let _ = self.push(job);
    }

    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.shared.lock().threads
    }

    fn push(&self, job: impl FnOnce() + Send + 'static) -> Result<(), FsError> {
        let mut state = self.shared.lock();
        if state.idle <= state.jobs.len() && state.threads < self.max {
            let shared = self.shared.clone();
            match thread::Builder::new().name("files".into()).spawn(move || shared.work()) {
                Ok(_) => state.threads += 1,
                // The threads that there are do it later.
                Err(_) if state.threads > 0 => {}
                Err(error) => return Err(FsError::Io(error)),
            }
        }
        state.jobs.push_back(Box::new(job));
        // So that the thread that wakes does not wait for us at once.
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread.
    fn work(self: Arc<Self>) {
        let _counted = Counted(&self);
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.lock();
            } else if state.closed {
                return;
            } else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

/// So that a job that panics takes its thread out of the count.
struct Counted<'a>(&'a Shared);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.lock().threads -= 1;
    }
}

fn gone() -> FsError {
    FsError::Io(io::Error::other("a thread that waits for files panicked"))
}
