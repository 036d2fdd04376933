use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{BoxService, Context, Prepare, Service, Task};
use crate::{Error, Result};

/// The first pause before a failed member runs again; it doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A member that ran this long is taken to be well again.
const WELL: Duration = Duration::from_secs(60);

/// Services as one service.
///
/// Members start in order, each when the earlier are ready, and stop in reverse, each when the later have
/// stopped. A member that fails or panics runs again after a growing pause; one that returns without an error
/// is done. Each runs in its own task. The group is done when all its members are.
#[derive(Default)]
pub struct Group(Vec<(String, Arc<BoxService>)>);

impl Group {
    /// A group without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this service as its last member. The name is for logs and health.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, service: impl Service) -> Self {
        self.0.push((name.into(), Arc::new(service.boxed())));
        self
    }
}

impl Service for Group {
    fn prepare(&mut self, prepare: &mut Prepare<'_>) -> Result<()> {
        for (name, service) in &mut self.0 {
            Arc::get_mut(service)
                .ok_or_else(|| Error::local("a group that runs cannot be prepared"))?
                .prepare(prepare)
                .map_err(|e| e.during(format!("service {name}")))?;
        }
        Ok(())
    }

    async fn run(&self, cx: Context) -> Result<()> {
        let mut running = Vec::new();
        for (name, service) in &self.0 {
            let member = Running::start(name, Arc::clone(service), &cx);
            tokio::select! {
                biased;
                () = member.ready_or_done() => {}
                () = cx.stopping() => {}
            }
            running.push(member);
            if cx.is_stopping() {
                break;
            }
        }
        cx.ready();
        let all_done = async {
            for member in &running {
                member.done().await;
            }
        };
        tokio::select! {
            () = cx.stopping() => {}
            () = all_done => {}
        }
        let deadline = Instant::now() + cx.limits().drain;
        for member in running.into_iter().rev() {
            member.stop_by(deadline).await;
        }
        Ok(())
    }
}

/// A supervised service.
pub(super) struct Running {
    cx: Context,
    done: CancellationToken,
    task: Task<()>,
}

impl Running {
    pub(super) fn start(name: &str, service: Arc<BoxService>, parent: &Context) -> Self {
        let cx = parent.member(tracing::info_span!(parent: parent.span(), "service", service = name));
        let done = CancellationToken::new();
        let guard = done.clone().drop_guard();
        let (name, own) = (name.to_owned(), cx.clone());
        let task = cx.spawn(async move {
            supervise(&name, &service, &own).await;
            drop(guard);
        });
        Self { cx, done, task }
    }

    /// Waits until the member serves or is done.
    pub(super) async fn ready_or_done(&self) {
        tokio::select! {
            () = self.cx.until_ready() => {}
            () = self.done() => {}
        }
    }

    /// Whether it has begun to serve.
    pub(super) fn is_ready(&self) -> bool {
        self.cx.is_ready()
    }

    pub(super) async fn done(&self) {
        self.done.cancelled().await;
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.is_cancelled()
    }

    /// Asks it to stop, and cuts it off at the deadline.
    pub(super) async fn stop_by(self, deadline: Instant) {
        self.cx.stop();
        if timeout_at(deadline, self.done.cancelled()).await.is_err() {
            tracing::warn!(parent: self.cx.span(), "stopped at the drain deadline");
        }
        self.cx.end();
        drop(self.task);
    }
}

/// Runs a service, again and again while it fails, until it is done or told to stop. One that stops says no more
/// of its health: another of its name may have taken its place.
async fn supervise(name: &str, service: &BoxService, cx: &Context) {
    let health = cx.health();
    health.enter(name);
    let mut pause = FIRST_PAUSE;
    while !cx.is_stopping() {
        let began = Instant::now();
        match run_once(name, service, cx).await {
            Ok(()) if cx.is_stopping() => return,
            Ok(()) => return health.set(name, true),
            Err(error) => error.log("service failed"),
        }
        if cx.is_stopping() {
            return;
        }
        health.set(name, false);
        if began.elapsed() >= WELL {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            () = sleep(pause) => tracing::info!(after = ?pause, "starting again"),
            () = cx.stopping() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One run, in a context of its own, whose tasks end with it.
async fn run_once(name: &str, service: &BoxService, cx: &Context) -> Result<()> {
    let own = cx.child(cx.span().clone());
    let run = AssertUnwindSafe(service.run(own.clone())).catch_unwind();
    tokio::pin!(run);
    let result = tokio::select! {
        result = &mut run => result,
        () = own.until_ready() => {
            cx.health().set(name, true);
            cx.ready();
            run.await
        }
    };
    own.end();
    result.unwrap_or_else(|_| Err(Error::local("service panicked")))
}

#[cfg(test)]
#[path = "group_tests.rs"]
pub(super) mod tests;
