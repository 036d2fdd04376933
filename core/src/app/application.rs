use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::generation::{Generation, Prepared, prepare};
use super::notify::Notifier;
use super::privileges::{Dropped, Privileges};
use super::shards::Shards;
use super::{BoxService, Context, Defend, Service};
use crate::net::Sockets;
use crate::{Error, Limits, Result};

/// A service of an application, by name.
pub struct Member {
    /// Its name, for logs, health and reload.
    pub name: String,
    /// A digest of everything it was built from: a reload leaves a member alone whose digest is the same.
    pub fingerprint: [u8; 32],
    /// The service.
    pub service: BoxService,
    /// Whether it serves on until all others have stopped, as what tells of their health does. The application
    /// does not wait for it to be done.
    pub stays: bool,
}

impl Member {
    /// A member that no reload will change.
    pub fn new(name: impl Into<String>, service: impl Service) -> Self {
        Self { name: name.into(), fingerprint: [0; 32], service: service.boxed(), stays: false }
    }
}

/// Builds all members anew, for a reload. Blocks; has no side effects.
pub type Rebuild = Box<dyn FnMut() -> Result<Rebuilt> + Send>;

/// What a reload has built.
pub struct Rebuilt {
    /// All members.
    pub members: Vec<Member>,
    /// What is to be done once they run: not where the reload failed.
    pub then: Box<dyn FnOnce() + Send>,
}

impl From<Vec<Member>> for Rebuilt {
    fn from(members: Vec<Member>) -> Self {
        Self { members, then: Box::new(|| {}) }
    }
}

/// The runtime that services run in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runtime {
    /// One thread for everything.
    CurrentThread,
    /// Beside the one thread this many for connections, each of which stays on its thread; as many as there are
    /// processors, if none is given.
    #[default]
    MultiThread,
}

/// Services with signals, privileges, a runtime and a drain deadline: a whole process.
///
/// [`run`](Application::run) prepares the members in order, gives up privileges, starts the runtime, starts
/// the members, tells the service manager, and waits. SIGTERM and SIGINT drain: all members are asked to stop at
/// once, the last first, so that none takes new peers while another finishes with its own; new ones are refused;
/// running connections finish until the drain deadline; members that stay are stopped after that. A second signal
/// ends at once. SIGHUP reloads: members are built anew, the unchanged are left alone, changed ones take over
/// their sockets, and any error changes nothing; a new member that does not serve within the drain deadline is one.
pub struct Application {
    members: Vec<Member>,
    limits: Limits,
    privileges: Privileges,
    reads: Vec<PathBuf>,
    writes: Vec<PathBuf>,
    runtime: Runtime,
    threads: Option<usize>,
    rebuild: Option<Rebuild>,
    defender: Option<Arc<dyn Defend>>,
    on_ready: Option<Box<dyn FnOnce() + Send>>,
}

impl Application {
    /// An application of these members.
    pub fn new(members: Vec<Member>) -> Self {
        Self {
            members,
            limits: Limits::default(),
            privileges: Privileges::default(),
            reads: Vec::new(),
            writes: Vec::new(),
            runtime: Runtime::default(),
            threads: None,
            rebuild: None,
            defender: None,
            on_ready: None,
        }
    }

    /// Under these limits, the drain deadline among them.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Gives these up after preparing.
    #[must_use]
    pub fn privileges(mut self, privileges: Privileges) -> Self {
        self.privileges = privileges;
        self
    }

    /// Reads these files again at a reload: the operator is warned if the run-time user cannot.
    #[must_use]
    pub fn reads(mut self, files: Vec<PathBuf>) -> Self {
        self.reads = files;
        self
    }

    /// Writes to these folders: the operator is warned if the run-time user cannot.
    #[must_use]
    pub fn writes(mut self, folders: Vec<PathBuf>) -> Self {
        self.writes = folders;
        self
    }

    /// In this runtime, with this many threads.
    #[must_use]
    pub fn runtime(mut self, runtime: Runtime, threads: Option<usize>) -> Self {
        self.runtime = runtime;
        self.threads = threads;
        self
    }

    /// Shuts out whom this says, on every server.
    #[must_use]
    pub fn defender(mut self, defender: Arc<dyn Defend>) -> Self {
        self.defender = Some(defender);
        self
    }

    /// On SIGHUP, builds the members anew with this.
    #[must_use]
    pub fn rebuild(mut self, rebuild: Rebuild) -> Self {
        self.rebuild = Some(rebuild);
        self
    }

    /// Calls this once all members are ready.
    #[must_use]
    pub fn on_ready(mut self, f: impl FnOnce() + Send + 'static) -> Self {
        self.on_ready = Some(Box::new(f));
        self
    }

    /// Runs to the end: until a signal, or until all members are done.
    ///
    /// # Errors
    /// If a member cannot be prepared, privileges cannot be given up, or the runtime cannot start. What
    /// happens later is logged.
    pub fn run(mut self) -> Result<()> {
        // What was handed over to us, a listening socket above all, is not for the programs that services start. Ours are
        // opened so.
        close_fds::set_fds_cloexec(3, &[]);
        let mut sockets = Sockets::default();
        sockets.begin();
        let (members, mut asked) = prepare(std::mem::take(&mut self.members), &mut sockets)?;
        sockets.commit();
        asked.reads.append(&mut self.reads);
        asked.writes.append(&mut self.writes);
        // The service manager's socket may not be below a new root.
        let notifier = Notifier::open();
        let dropped = self.privileges.give_up_all()?;
        for warning in asked.warnings.iter().chain(&dropped.lost(&asked)) {
            tracing::warn!("{warning}");
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_name("ropewalk")
            .build()
            .map_err(|e| Error::local("cannot start the runtime").caused_by(e))?;
        let shards = match self.runtime {
            Runtime::CurrentThread => None,
            Runtime::MultiThread => Some(Shards::start(self.threads())?),
        };
        let handles = shards.as_ref().map_or_else(Vec::new, Shards::handles);
        let result = runtime.block_on(self.serve(members, sockets, dropped, notifier, handles));
        // What still blocks in a thread of the pool is not waited for.
        runtime.shutdown_background();
        result
    }

    fn threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.threads.unwrap_or_else(processors).max(1)
    }

    async fn serve(
        self,
        members: Vec<Prepared>,
        sockets: Sockets,
        dropped: Dropped,
        notifier: Notifier,
        shards: Vec<Handle>,
    ) -> Result<()> {
        let mut signals = Signals::new()?;
        let cx = Context::over(self.limits, shards, self.defender);
        notifier.watchdog(&cx);
        let mut generation = Generation::new(sockets, cx.clone(), dropped, notifier.clone());
        if generation.start(members, signals.stop()).await {
            cx.health().start();
            notifier.ready();
            tracing::info!("ready");
            if let Some(tell) = self.on_ready {
                tell();
            }
            generation.wait(&mut signals, self.rebuild).await;
        }
        generation.drain(signals.stop()).await;
        tracing::info!("stopped");
        Ok(())
    }
}

pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal to stop.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The next signal of any kind; whether it asks for a reload.
    pub(super) async fn reload_or_stop(&mut self) -> bool {
        tokio::select! {
            _ = self.hangup.recv() => true,
            _ = self.terminate.recv() => false,
            _ = self.interrupt.recv() => false,
        }
    }
}
