use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Error, Result};

/// Threads for connections, each with a runtime of its own.
///
/// A connection and the tasks it makes stay on the thread that accepted it: no other thread is woken for them, and
/// what they use stays in one processor's cache. Dropping this stops the threads, and drops the tasks that are left.
pub(super) struct Shards {
    handles: Vec<Handle>,
    _stop: DropGuard,
}

impl Shards {
    /// Starts this many threads.
    ///
    /// # Errors
    /// Where the system gives no thread, or no descriptor to wait for events with.
    pub(super) fn start(count: usize) -> Result<Self> {
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let handles = (1..=count).map(|number| shard(number, stop.clone())).collect::<Result<_>>();
        Ok(Self { handles: handles.map_err(|e| e.during("cannot start the threads"))?, _stop: guard })
    }

    /// Where tasks are made that run on these threads.
    pub(super) fn handles(&self) -> Vec<Handle> {
        self.handles.clone()
    }
}

fn shard(number: usize, stop: CancellationToken) -> Result<Handle> {
    let failed = |e| Error::local("the system gives no runtime").caused_by(e);
    let runtime =
        Builder::new_current_thread().enable_all().thread_name("ropewalk").build().map_err(failed)?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name(format!("ropewalk-{number}"))
        .spawn(move || {
            runtime.block_on(stop.cancelled());
            runtime.shutdown_background();
        })
        .map_err(|e| Error::local("the system gives no thread").caused_by(e))?;
    Ok(handle)
}
