use std::sync::Arc;
use std::time::Duration;

use super::application::{Member, Rebuild, Signals};
use super::group::Running;
use super::privileges::Dropped;
use super::{Context, Prepare, Service as _, notify};
use crate::net::{Endpoint, Sockets};
use crate::{Error, Result};

/// The members that run now, and the sockets they hold.
pub(super) struct Generation {
    running: Vec<Current>,
    sockets: Sockets,
    cx: Context,
    dropped: Dropped,
}

struct Current {
    name: String,
    fingerprint: [u8; 32],
    claims: Vec<Endpoint>,
    running: Running,
}

/// A member whose sockets are bound.
pub(super) struct Prepared {
    member: Member,
    claims: Vec<Endpoint>,
}

/// Prepares these members in order; gives what the run-time user cannot have again as warnings by name.
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

/// What members asked for while they were prepared.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) claims: Vec<Endpoint>,
    pub(super) reads: Vec<std::path::PathBuf>,
    pub(super) warnings: Vec<String>,
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
    pub(super) fn new(sockets: Sockets, cx: Context, dropped: Dropped) -> Self {
        Self { running: Vec::new(), sockets, cx, dropped }
    }

    /// Starts members in order, each when the earlier are ready; false if a signal to stop came first.
    pub(super) async fn start(&mut self, members: Vec<Prepared>, signals: &mut Signals) -> bool {
        for Prepared { member, claims } in members {
            let Member { name, fingerprint, service } = member;
            let running = Running::start(&name, Arc::new(service), &self.cx);
            let stop = running.until_ready_or(signals.stop()).await;
            self.running.push(Current { name, fingerprint, claims, running });
            if stop {
                return false;
            }
        }
        true
    }

    /// Waits for a signal to stop or for all members to be done; reloads meanwhile.
    pub(super) async fn wait(&mut self, signals: &mut Signals, mut rebuild: Option<Rebuild>) {
        loop {
            let all_done = async {
                for current in &self.running {
                    current.running.done().await;
                }
            };
            tokio::select! {
                reload = signals.reload_or_stop() => if !reload { return },
                () = all_done => return,
            }
            notify::reloading();
            self.cx.reload();
            match self.reload(&mut rebuild, signals).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::error!(error = %error.chain(), "reload failed; nothing was changed"),
            }
            notify::ready();
        }
    }

    /// Builds all anew; false if a signal to stop came meanwhile.
    async fn reload(&mut self, rebuild: &mut Option<Rebuild>, signals: &mut Signals) -> Result<bool> {
        let mut build = rebuild.take().ok_or_else(|| Error::local("there is no configuration file"))?;
        // It reads files, and may hash: not in the runtime's threads.
        let built = tokio::task::spawn_blocking(move || {
            let members = build();
            (build, members)
        });
        let (build, members) = built.await.map_err(|e| Error::local("reading failed").caused_by(e))?;
        *rebuild = Some(build);
        self.change_to(members?, signals).await
    }

    /// Changes what is different: new members take over sockets before old ones drain.
    async fn change_to(&mut self, members: Vec<Member>, signals: &mut Signals) -> Result<bool> {
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
        let (kept, old): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.running).into_iter().partition(|c| same.contains(&c.name));
        let counts = (kept.len(), fresh.len(), old.len());
        self.running = kept;
        let go_on = self.start(fresh, signals).await;
        self.sockets.commit();
        for gone in old.iter().filter(|c| !names.contains(&c.name)) {
            self.cx.health().forget(&gone.name);
        }
        let deadline = self.cx.limits().drain;
        for current in old.into_iter().rev() {
            self.cx.spawn(current.running.stop_within(deadline)).detach();
        }
        tracing::info!(kept = counts.0, started = counts.1, draining = counts.2, "reloaded");
        Ok(go_on)
    }

    fn prepare_beside(&mut self, same: &[String], fresh: Vec<Member>) -> Result<Vec<Prepared>> {
        self.sockets.begin();
        for current in self.running.iter().filter(|c| same.contains(&c.name)) {
            for endpoint in &current.claims {
                claim_again(&mut self.sockets, endpoint)?;
            }
        }
        let (fresh, asked) = prepare(fresh, &mut self.sockets)?;
        for warning in asked.warnings {
            tracing::warn!("{warning}");
        }
        Ok(fresh)
    }

    /// Whether this very member runs already.
    fn runs(&self, member: &Member) -> bool {
        let same = |c: &&Current| c.name == member.name && c.fingerprint == member.fingerprint;
        self.running.iter().find(same).is_some_and(|c| !c.running.is_done())
    }

    /// Stops all, in reverse, until the deadline or a second signal; then cuts.
    pub(super) async fn drain(self, signals: &mut Signals, deadline: Duration) {
        notify::stopping();
        self.cx.health().drain();
        let cx = self.cx;
        let stopped = async {
            for current in self.running.into_iter().rev() {
                current.running.stop_within(deadline).await;
            }
        };
        tokio::pin!(stopped);
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(deadline) => tracing::warn!("drain deadline: stopping now"),
            () = signals.stop() => tracing::warn!("second signal: stopping now"),
        }
        cx.end();
        // Tasks are dropped where they wait.
        stopped.await;
    }
}
