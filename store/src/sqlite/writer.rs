use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ropewalk_core::{Error, Fault, Result};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{is_full, wrong};

/// Writes that share a commit, at most.
const BATCH: usize = 256;
/// Writes that wait, at most; whoever comes after them waits without taking room.
const QUEUE: usize = 1024;
/// How long a commit is put off for writes that are on their way, at most.
const GATHER: Duration = Duration::from_millis(5);
/// And no longer than until this passes without one that comes.
const LULL: Duration = Duration::from_micros(200);
/// A log that nobody has written to for so long is brought into the file.
const IDLE: Duration = Duration::from_secs(30);

/// The thread that writes. It ends when this is dropped, after what waits.
pub(super) struct Writer {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    come: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Write>>,
    /// How many are to wait before the thread is woken; so many never do while it is at work.
    wanted: usize,
    closed: bool,
}

/// A piece of work, and whoever waits for it.
trait Write: Send {
    /// Does it, within a transaction; whether it is to be kept.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells that it was committed, or why not.
    fn answer(self: Box<Self>, committed: Result<(), NotCommitted>);
}

/// Why a commit failed, for each of those who wait for it.
#[derive(Clone)]
struct NotCommitted {
    fault: Fault,
    is_full: bool,
    why: String,
}

impl From<rusqlite::Error> for NotCommitted {
    fn from(error: rusqlite::Error) -> Self {
        let error = wrong(error);
        Self { fault: error.fault(), is_full: is_full(&error), why: error.chain() }
    }
}

impl From<NotCommitted> for Error {
    fn from(NotCommitted { fault, is_full, why }: NotCommitted) -> Self {
        match fault {
            Fault::Limit => Self::limit("store", why),
            _ if is_full => Self::local(why).caused_by(io::Error::from(io::ErrorKind::StorageFull)),
            _ => Self::local(why),
        }
    }
}

struct Waiting<T, F, A> {
    work: Option<F>,
    done: Option<rusqlite::Result<T>>,
    told: A,
    _room: OwnedSemaphorePermit,
}

impl<T, F, A> Write for Waiting<T, F, A>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    A: FnOnce(Result<T>) + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.done = self.work.take().map(|work| work(connection));
        matches!(self.done, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, committed: Result<(), NotCommitted>) {
        let answer = match (self.done, committed) {
            (Some(Err(error)), _) => Err(wrong(error)),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(why)) => Err(why.into()),
            (None, Ok(())) => Err(gone()),
        };
        (self.told)(answer);
    }
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("store".into())
            .spawn(move || of_thread.work(connection))
            .map_err(|e| Error::local("cannot start a thread").caused_by(e))?;
        Ok(Self { shared, room: Arc::new(Semaphore::new(QUEUE)) })
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| gone())?;
        let (to, answer) = oneshot::channel();
        let told = move |done| {
            // Whoever went away is not told.
            let _ = to.send(done);
        };
        self.push(Waiting { work: Some(work), done: None, told, _room: room })?;
        answer.await.map_err(|_| gone())?
    }

    /// Nobody waits for it.
    pub(super) fn post(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else { return };
        let told = |done: Result<()>| {
            if let Err(error) = done {
                error.log("store");
            }
        };
        if let Err(error) = self.push(Waiting { work: Some(work), done: None, told, _room: room }) {
            error.log("store");
        }
    }

    fn push(&self, waiting: impl Write + 'static) -> Result<()> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(gone());
        }
        state.waiting.push_back(Box::new(waiting));
        let is_enough = state.waiting.len() >= state.wanted;
        drop(state);
        if is_enough {
            self.shared.come.notify_one();
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.come.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of the thread.
    fn work(self: Arc<Self>, connection: Connection) {
        let _closes = Closes(&self);
        let (mut last, mut quiet) = (0, true);
        loop {
            let Some(batch) = self.gather(last, !quiet) else { return };
            if batch.is_empty() {
                quiet = true;
                // What readers still need stays in the log until the next time.
                if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)") {
                    wrong(error).log("checkpoint");
                }
                continue;
            }
            (last, quiet) = (batch.len(), false);
            commit(&connection, batch);
        }
    }

    /// What waits, once something does: also those that are on their way, until as many are here as the `last` time.
    /// Nothing after [`IDLE`], where that is `timed`; none at the end.
    fn gather(&self, last: usize, timed: bool) -> Option<Vec<Box<dyn Write>>> {
        let mut state = self.lock();
        state.wanted = 1;
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            if !timed {
                state = self.come.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (woken, wait) = self.come.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if wait.timed_out() && state.waiting.is_empty() {
                return Some(Vec::new());
            }
        }
        let (crowd, until) = (last.min(BATCH), Instant::now() + GATHER);
        state.wanted = crowd;
        while state.waiting.len() < crowd && Instant::now() < until && !state.closed {
            let before = state.waiting.len();
            let (woken, _) = self.come.wait_timeout(state, LULL).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if state.waiting.len() == before {
                break;
            }
        }
        state.wanted = usize::MAX;
        let all = state.waiting.len().min(BATCH);
        Some(state.waiting.drain(..all).collect())
    }
}

/// So that nobody waits for a thread that has panicked.
struct Closes<'a>(&'a Shared);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.waiting.clear();
    }
}

/// One transaction, in which each piece of work can fail by itself. What was not committed is not answered with yes,
/// and is not tried again: after an error of the disk nobody knows what is on it.
fn commit(connection: &Connection, mut batch: Vec<Box<dyn Write>>) {
    let say = |sql| connection.prepare_cached(sql)?.execute([]).map(drop);
    let committed = say("BEGIN IMMEDIATE").and_then(|()| {
        for write in &mut batch {
            say("SAVEPOINT one")?;
            if !write.run(connection) {
                // An error such as a full disk has rolled all back by itself.
                say("ROLLBACK TO one")?;
            }
            say("RELEASE one")?;
        }
        say("COMMIT")
    });
    let committed = committed.map_err(|error| {
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            wrong(error).log("rollback");
        }
        NotCommitted::from(error)
    });
    for write in batch {
        write.answer(committed.clone());
    }
}

fn gone() -> Error {
    Error::local("the thread that writes the store has ended")
}
