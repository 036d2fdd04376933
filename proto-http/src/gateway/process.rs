//! Programs that run, and how they end.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::app::Context;
use ropewalk_core::{Error, Limits, Result};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, WaitOptions, getrlimit, kill_process_group,
    prlimit, waitid, waitpid,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Span;

use super::script::Script;
use super::stderr::Log;

/// A program that has just begun, with our ends of its pipes.
pub(super) struct Spawned {
    pub(super) group: Group,
    pub(super) stdin: Option<pipe::Sender>,
    pub(super) stdout: pipe::Receiver,
}

/// Starts a program. It has no descriptors of ours but its pipes, as all of them are closed on exec. For a thread that
/// may block.
pub(super) fn spawn(
    script: &Script,
    name: Arc<str>,
    variables: Vec<(OsString, OsString)>,
    stdin: Stdio,
    descriptors: u64,
    keeper: Keeper,
    place: OwnedSemaphorePermit,
) -> Result<Spawned> {
    let cannot =
        |error: io::Error| Error::local(format!("cannot run {}", script.file.display())).caused_by(error);
    let mut command = match script.command.split_first() {
        None => Command::new(&script.file),
        Some((program, words)) => {
            let mut command = Command::new(program);
            command.args(words).arg(&script.file);
            command
        }
    };
    command
        .env_clear()
        .envs(variables)
        .current_dir(script.file.parent().unwrap_or(Path::new("/")))
        .process_group(0)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(cannot)?;
    let mut leader = Leader { pid: Pid::from_child(&child), log: Log::new(name), _place: place };
    leader.limit(descriptors);
    let no_pipe = || cannot(io::ErrorKind::BrokenPipe.into());
    let stdout = OwnedFd::from(child.stdout.take().ok_or_else(no_pipe)?);
    let stderr = OwnedFd::from(child.stderr.take().ok_or_else(no_pipe)?);
    let stdin = child.stdin.take().map(OwnedFd::from);
    leader.log.read_from(pipe::Receiver::from_owned_fd(stderr).map_err(cannot)?);
    Ok(Spawned {
        group: Group { leader: Some(leader), keeper },
        stdin: stdin.map(pipe::Sender::from_owned_fd).transpose().map_err(cannot)?,
        stdout: pipe::Receiver::from_owned_fd(stdout).map_err(cannot)?,
    })
}

/// A program that runs. Dropping it ends the program: by SIGTERM, and after a while by SIGKILL.
pub(super) struct Group {
    leader: Option<Leader>,
    keeper: Keeper,
}

impl Group {
    /// Done when the program itself has ended. What it has left in its group is then killed. Until then what it says on its
    /// standard error is logged. Cancel-safe.
    pub(super) async fn over(&mut self) {
        let Some(leader) = &mut self.leader else { return pending().await };
        // Where that cannot be known, it is not ours any more.
        drop(leader.ended_and_logged().await);
        leader.signal(Signal::KILL);
    }

    /// How the program has ended, whose output has: the system closes that a little earlier. `None` where it goes on.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        let leader = self.leader.as_mut()?;
        timeout(SETTLING, leader.ended_and_logged()).await.ok()?.ok()
    }

    /// The path of the program, as clients know it.
    pub(super) fn script(&self) -> &str {
        self.leader.as_ref().map_or("", |leader| leader.log.script())
    }

    /// A program that has said all that it had to say, or whose output nobody wants, has until then to end.
    pub(super) fn let_end(mut self, stdout: pipe::Receiver, until: Instant) {
        if let Some(leader) = self.leader.take() {
            self.keeper.spawn(leader.let_end(stdout, until, self.keeper.grace));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader.take() {
            // Before its pipes are closed, so that it does not take what is cut for the whole.
            leader.signal(Signal::TERM);
            self.keeper.spawn(leader.end(self.keeper.grace));
        }
    }
}

/// A process group, whose leader nobody has waited for: so its number is nobody else's, and signals reach no others.
/// Dropping it kills what is left of it.
struct Leader {
    pid: Pid,
    log: Log,
    /// Its place among the programs that may run.
    _place: OwnedSemaphorePermit,
}

impl Leader {
    /// The limit on descriptors that a child takes over from us is far too high for programs that use select(2).
    fn limit(&self, descriptors: u64) {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current.is_none_or(|current| current > descriptors) {
            let lower = Rlimit { current: Some(descriptors), maximum };
            if let Err(error) = prlimit(Some(self.pid), Resource::Nofile, lower) {
                tracing::debug!(%error, "cannot limit the descriptors of a program");
            }
        }
    }

    async fn let_end(mut self, stdout: pipe::Receiver, until: Instant, grace: Duration) {
        let end = timeout_at(until, async {
            tokio::select! {
                end = self.ended_and_logged() => end,
                never = swallow(stdout) => match never {},
            }
        });
        match end.await {
            Ok(Ok(Ended::Status(0))) => {}
            Ok(Ok(end)) => tracing::warn!(script = self.log.script(), %end, "program failed"),
            _ => {
                tracing::warn!(script = self.log.script(), "program ends, as its time is over");
                self.signal(Signal::TERM);
                self.end(grace).await;
            }
        }
    }

    /// Sees a program to its end that has been told to end.
    async fn end(mut self, grace: Duration) {
        if timeout(grace, self.ended_and_logged()).await.is_err() {
            self.signal(Signal::KILL);
            drop(self.ended_and_logged().await);
        }
    }

    async fn ended_and_logged(&mut self) -> io::Result<Ended> {
        let end = tokio::select! {
            biased;
            end = ended(self.pid) => end,
            never = self.log.run() => match never {},
        };
        // What it said last.
        let _ = timeout(Duration::ZERO, self.log.run()).await;
        end
    }

    fn signal(&self, signal: Signal) {
        // Where nobody is left, nobody needs it.
        let _ = kill_process_group(self.pid, signal);
    }
}

/// How long a program that has ended its output may take to end itself before it is taken for one that goes on.
const SETTLING: Duration = Duration::from_millis(500);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, with this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it ended with exit status {status}"),
            Self::Signal(signal) => write!(f, "it was killed by signal {signal}"),
        }
    }
}

/// Waits until a child of ours has ended, which nobody is to wait for yet.
async fn ended(pid: Pid) -> io::Result<Ended> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let mut children = signal(SignalKind::child())?;
    loop {
        if let Some(status) = waitid(WaitId::Pid(pid), options)? {
            let signal = status.terminating_signal().map(Ended::Signal);
            return Ok(signal.unwrap_or_else(|| Ended::Status(status.exit_status().unwrap_or_default())));
        }
        children.recv().await.ok_or(io::ErrorKind::BrokenPipe)?;
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // It has ended, or the runtime ends and we with it.
        let _ = waitpid(Some(self.pid), WaitOptions::NOHANG);
    }
}

/// Reads what nobody wants.
async fn swallow(mut stdout: pipe::Receiver) -> Infallible {
    let mut space = vec![0; 16 * 1024];
    while let Ok(1..) = stdout.read(&mut space).await {}
    pending().await
}

/// Where programs are seen to their end, which may come after that of the connection that they were for.
#[derive(Clone)]
pub(super) struct Keeper {
    cx: Context,
    /// From SIGTERM to SIGKILL.
    grace: Duration,
}

impl Keeper {
    pub(super) fn new(grace: Duration) -> Self {
        Self { cx: Context::root(Limits::default()), grace }
    }

    /// This one, for a program of the request that is being answered here: so what it says last is logged like the rest.
    pub(super) fn here(&self) -> Self {
        Self { cx: self.cx.child(Span::current()), grace: self.grace }
    }

    /// Without a runtime nobody is there to wait: what `end` holds is dropped.
    fn spawn(&self, end: impl Future<Output = ()> + Send + 'static) {
        if Handle::try_current().is_ok() {
            self.cx.spawn(end).detach();
        }
    }
}
