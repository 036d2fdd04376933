use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout, timeout_at};

use super::application::{Member, Rebuild, Rebuilt, Signals};
use super::group::Running;
use super::notify::Notifier;
use super::privileges::Dropped;
use super::{Context, Prepare, Service as _, Task};
use crate::net::{Endpoint, Sockets};
use crate::{Error, Result};

/// How long members that were ended are waited for: those that block a thread cannot be.
const GONE: Duration = Duration::from_secs(1);

/// The members that run now, and the sockets they hold.
pub(super) struct Generation {
    running: Vec<Current>,
    /// Members of earlier generations that finish with their peers.
    retiring: Vec<Task<()>>,
    sockets: Sockets,
    cx: Context,
    dropped: Dropped,
    notifier: Notifier,
}

struct Current {
    name: String,
    fingerprint: [u8; 32],
    stays: bool,
    claims: Vec<Endpoint>,
    running: Running,
}

/// A member whose sockets are bound.
pub(super) struct Prepared {
    member: Member,
    claims: Vec<Endpoint>,
}

/// What members asked for while they were prepared.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) claims: Vec<Endpoint>,
    pub(super) reads: Vec<PathBuf>,
    pub(super) writes: Vec<PathBuf>,
    pub(super) warnings: Vec<String>,
}

/// Prepares these members in order.
pub(super) fn prepare(members: Vec<Member>, sockets: &mut Sockets) -> Result<(Vec<Prepared>, Asked)> {
    let mut asked = Asked::default();
    let mut prepared = Vec::with_capacity(members.len());
    for mut member in members {
        let mut prepare = Prepare::new(sockets);
        let result = member.service.prepare(&mut prepare);
        let Prepare { claims, reads, warnings, .. } = prepare;
        result.map_err(|e| e.during(format!("service {}", member.name)))?;
        asked.claims.extend(claims.iter().cloned());
        asked.reads.extend(reads);
        asked.warnings.extend(warnings);
        prepared.push(Prepared { member, claims });
    }
    Ok((prepared, asked))
}

/// How the start of members ended.
enum Started {
    All,
    /// A signal to stop came first.
    Stopped,
    /// This one was not ready in time.
    Late(String),
}

/// What a member that stays has already, so that it is not closed.
fn claim_again(sockets: &mut Sockets, endpoint: &Endpoint) -> Result<()> {
    if endpoint.is_datagram() {
        sockets.claim_datagram(endpoint).map(drop)
    } else {
        sockets.claim(endpoint).map(drop)
    }
}

impl Generation {
    pub(super) fn new(sockets: Sockets, cx: Context, dropped: Dropped, notifier: Notifier) -> Self {
        Self { running: Vec::new(), retiring: Vec::new(), sockets, cx, dropped, notifier }
    }

    /// Starts members in order, each when the earlier are ready; false if `stop` came first.
    pub(super) async fn start(&mut self, members: Vec<Prepared>, stop: impl Future<Output = ()>) -> bool {
        let (running, started) = start(members, &self.cx, None, stop).await;
        self.running = running;
        matches!(started, Started::All)
    }

    /// Waits for a signal to stop or for all members to be done; reloads meanwhile.
    pub(super) async fn wait(&mut self, signals: &mut Signals, mut rebuild: Option<Rebuild>) {
        loop {
            let all_done = join_all(self.running.iter().filter(|c| !c.stays).map(|c| c.running.done()));
            tokio::select! {
                reload = signals.reload_or_stop() => if !reload { return },
                _ = all_done => return,
            }
            self.notifier.reloading();
            self.cx.reload();
            let changed = self.reload(&mut rebuild, signals.stop()).await;
            self.notifier.ready();
            match changed {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::error!(error = %error.chain(), "reload failed; nothing was changed"),
            }
        }
    }

    /// Builds all anew and changes to it; false if `stop` came first.
    async fn reload(&mut self, slot: &mut Option<Rebuild>, stop: impl Future<Output = ()>) -> Result<bool> {
        let mut stop = pin!(stop);
        let mut rebuild = slot.take().ok_or_else(|| Error::local("there is nothing to read again"))?;
        // It reads files, and may hash: not in the runtime's threads.
        let built = tokio::task::spawn_blocking(move || {
            let members = catch_unwind(AssertUnwindSafe(&mut rebuild));
            (rebuild, members)
        });
        let built = tokio::select! {
            built = built => built,
            () = &mut stop => return Ok(false),
        };
        let (rebuild, members) = built.map_err(|e| Error::local("reading was cut off").caused_by(e))?;
        *slot = Some(rebuild);
        let Rebuilt { members, then } = members.map_err(|_| Error::local("reading panicked"))??;
        let goes_on = self.change_to(members, stop).await?;
        then();
        Ok(goes_on)
    }

    /// Changes what is different: new members take over sockets before old ones drain.
    async fn change_to(&mut self, members: Vec<Member>, stop: impl Future<Output = ()>) -> Result<bool> {
        let names: Vec<_> = members.iter().map(|m| m.name.clone()).collect();
        let (same, fresh): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| self.runs(member));
        let same: Vec<_> = same.into_iter().map(|m| m.name).collect();
        let fresh = match self.prepare_beside(&same, fresh) {
            Ok(fresh) => fresh,
            Err(error) => {
                self.sockets.rollback();
                return Err(self.dropped.explain(error));
            }
        };
        let late = Some(self.cx.limits().drain);
        let (begun, started) = start(fresh, &self.cx, late, stop).await;
        if let Started::Late(name) = started {
            self.take_back(begun).await;
            return Err(Error::local(format!("service {name} did not serve in time")));
        }
        let (mut running, old): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.running).into_iter().partition(|c| same.contains(&c.name));
        tracing::info!(kept = running.len(), started = begun.len(), draining = old.len(), "reloaded");
        running.extend(begun);
        running.sort_by_key(|current| names.iter().position(|name| *name == current.name));
        self.running = running;
        self.sockets.commit();
        self.retire(old);
        Ok(matches!(started, Started::All))
    }

    fn prepare_beside(&mut self, same: &[String], fresh: Vec<Member>) -> Result<Vec<Prepared>> {
        self.sockets.begin();
        for current in self.running.iter().filter(|c| same.contains(&c.name)) {
            for endpoint in &current.claims {
                claim_again(&mut self.sockets, endpoint)?;
            }
        }
        let (fresh, asked) = prepare(fresh, &mut self.sockets)?;
        for warning in asked.warnings.iter().chain(&self.dropped.lost(&asked)) {
            tracing::warn!("{warning}");
        }
        Ok(fresh)
    }

    /// Ends members that were begun in vain, and closes what only they had.
    async fn take_back(&mut self, begun: Vec<Current>) {
        let names: Vec<_> = begun.iter().map(|current| current.name.clone()).collect();
        join_all(begun.into_iter().map(|current| current.running.stop_by(Instant::now()))).await;
        self.sockets.rollback();
        for name in names {
            match self.running.iter().find(|current| current.name == name) {
                Some(old) => self.cx.health().set(&name, old.running.is_ready()),
                None => self.forget(&name),
            }
        }
    }

    /// There is no member of this name any more.
    fn forget(&self, name: &str) {
        self.cx.health().forget(name);
        self.cx.facts().forget(name);
    }

    /// Lets members that were replaced or removed finish with their peers.
    fn retire(&mut self, old: Vec<Current>) {
        let deadline = Instant::now() + self.cx.limits().drain;
        self.retiring.retain(|task| !task.is_finished());
        for Current { name, running, .. } in old.into_iter().rev() {
            if !self.running.iter().any(|current| current.name == name) {
                self.forget(&name);
            }
            self.retiring.push(self.cx.spawn(running.stop_by(deadline)));
        }
    }

    /// Whether this very member runs already.
    fn runs(&self, member: &Member) -> bool {
        let same = |c: &&Current| c.name == member.name && c.fingerprint == member.fingerprint;
        self.running.iter().find(same).is_some_and(|c| !c.running.is_done())
    }

    /// Stops all, those that stay at the end, until the drain deadline or `now`; then cuts.
    pub(super) async fn drain(mut self, now: impl Future<Output = ()>) {
        self.notifier.stopping();
        self.cx.health().drain();
        // Whoever comes now is refused; otherwise they would wait in a queue from which nobody takes them.
        self.sockets.begin();
        self.sockets.commit();
        let deadline = Instant::now() + self.cx.limits().drain;
        let (last, first): (Vec<_>, Vec<_>) = self.running.into_iter().partition(|c| c.stays);
        let mut stopped = pin!(async {
            let retired = async {
                // Their own deadlines are earlier or were this one.
                let _ = timeout_at(deadline, join_all(self.retiring)).await;
            };
            tokio::join!(stop(first, deadline), retired);
            stop(last, deadline).await;
        });
        tokio::select! {
            () = &mut stopped => return,
            () = now => tracing::warn!("second signal: stopping now"),
        }
        // Tasks are dropped where they wait.
        self.cx.end();
        if timeout(GONE, stopped).await.is_err() {
            tracing::warn!("something still runs; it is left behind");
        }
    }
}

/// Starts members in order, each when the earlier are ready, the last of them within `late`.
async fn start(
    members: Vec<Prepared>,
    cx: &Context,
    late: Option<Duration>,
    stop: impl Future<Output = ()>,
) -> (Vec<Current>, Started) {
    let mut stop = pin!(stop);
    let mut late = pin!(async {
        match late {
            Some(late) => tokio::time::sleep(late).await,
            None => std::future::pending().await,
        }
    });
    let mut all = Vec::with_capacity(members.len());
    for Prepared { member, claims } in members {
        let Member { name, fingerprint, service, stays } = member;
        let running = Running::start(&name, Arc::new(service), cx);
        all.push(Current { name: name.clone(), fingerprint, stays, claims, running });
        let Some(Current { running, .. }) = all.last() else { break };
        tokio::select! {
            biased;
            () = running.ready_or_done() => {}
            () = &mut stop => return (all, Started::Stopped),
            () = &mut late => return (all, Started::Late(name)),
        }
    }
    (all, Started::All)
}

/// Asks all to stop, the last first, and waits for them.
async fn stop(members: Vec<Current>, deadline: Instant) {
    join_all(members.into_iter().rev().map(|current| current.running.stop_by(deadline))).await;
}

#[cfg(test)]
#[path = "generation_tests.rs"]
mod tests;
