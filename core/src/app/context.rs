use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::{ConnId, Defend, Live, Revocations, Task};
use crate::data::cred::Principal;
use crate::data::facts::Facts;
use crate::telemetry::{Health, Metrics};
use crate::{Address, Limits};

/// What a running thing is told, and where it says what others need to know.
///
/// Clones are the same context. A [`child`](Context::child) hears everything its parent hears, and ends by
/// itself: with its end, every task that was spawned in it stops.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    stopping: CancellationToken,
    ended: CancellationToken,
    span: Span,
    limits: Arc<Limits>,
    ready: Arc<Flag>,
    authenticated: Arc<Flag>,
    shared: Arc<Shared>,
    id: Option<ConnId>,
}

/// What all contexts of an application have in common.
#[derive(Default)]
struct Shared {
    metrics: Metrics,
    live: Live,
    health: Health,
    facts: Facts,
    reload: Notify,
    /// Where connections run; where there is none, in the runtime of whoever accepts them.
    shards: Vec<Handle>,
    defender: Option<Arc<dyn Defend>>,
}

/// Something a peer did that counts against its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Offence {
    /// Bytes that are not the protocol.
    Garbage,
    /// A login that did not come in time.
    GraceExceeded,
    /// A wrong password, key or certificate of a known user.
    WrongPassword,
    /// A user who does not exist.
    UnknownUser,
    /// A path that only scanners ask for.
    Scanner,
}

/// Characters of a name that the log repeats.
const LONGEST_NAME: usize = 128;

impl Offence {
    /// The name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Garbage => "garbage",
            Self::GraceExceeded => "grace_exceeded",
            Self::WrongPassword => "wrong_password",
            Self::UnknownUser => "unknown_user",
            Self::Scanner => "scanner",
        }
    }
}

impl Context {
    /// The context of a whole application.
    pub fn root(limits: Limits) -> Self {
        Self::over(limits, Vec::new(), None)
    }

    /// The context of an application whose connections run in these runtimes, and which is defended so.
    pub(super) fn over(limits: Limits, shards: Vec<Handle>, defender: Option<Arc<dyn Defend>>) -> Self {
        Self(Arc::new(Inner {
            stopping: CancellationToken::new(),
            ended: CancellationToken::new(),
            span: Span::none(),
            limits: Arc::new(limits),
            ready: Arc::default(),
            authenticated: Arc::default(),
            shared: Arc::new(Shared { shards, defender, ..Shared::default() }),
            id: None,
        }))
    }

    /// Waits until nothing new is to begin: finish what runs, then leave.
    pub async fn stopping(&self) {
        self.0.stopping.cancelled().await;
    }

    /// Whether nothing new is to begin.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.is_cancelled()
    }

    /// Waits until there is no time left: this connection was killed, its person revoked, or the drain
    /// deadline has passed.
    pub async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// Whether there is no time left.
    pub fn is_ended(&self) -> bool {
        self.0.ended.is_cancelled()
    }

    /// Says that this service serves now. Its group starts the next one only then.
    pub fn ready(&self) {
        self.0.ready.raise();
    }

    /// Waits until this service has said that it is ready.
    pub async fn until_ready(&self) {
        self.0.ready.raised().await;
    }

    /// Whether this service has said that it is ready.
    pub fn is_ready(&self) -> bool {
        self.0.ready.is_raised()
    }

    /// Whom the application has revoked so far. It is asked for before a credential is checked.
    pub fn revocations(&self) -> Revocations {
        self.0.shared.live.revocations()
    }

    /// Says who the peer is: lifts the deadline for the login, and enters the name into the list of live
    /// connections, where it is shown and can be revoked. It is false, and nobody has logged in, where somebody was
    /// revoked since then: what the credential was checked against may be no longer so, and it has to be checked again.
    #[must_use]
    pub fn authenticated(&self, who: &Principal, since: Revocations) -> bool {
        let entered = self.0.shared.live.name(self.0.id, who.name(), since);
        if entered {
            self.0.authenticated.raise();
        }
        entered
    }

    /// Reports what a peer did: it is counted and logged, in a line that fail2ban understands. Where it is banned for it,
    /// all its connections end.
    pub fn report(&self, peer: &Address, offence: Offence) {
        self.defend(peer, offence);
        self.0.shared.metrics.offence(offence.name());
        tracing::info!(%peer, offence = offence.name(), "offence");
    }

    /// The same of a login by this name, as the peer said it.
    pub fn report_login(&self, peer: &Address, offence: Offence, user: &str) {
        self.0.shared.metrics.offence(offence.name());
        // As much as a name may be long, and somebody may send more.
        let user: String = user.chars().take(LONGEST_NAME).collect();
        // The quoted form shows controls as what they are.
        tracing::info!(%peer, offence = offence.name(), ?user, "offence");
        self.defend(peer, offence);
    }

    fn defend(&self, peer: &Address, offence: Offence) {
        if self.defender().is_some_and(|defender| defender.report(peer, offence)) {
            self.live().kill_peer(peer);
        }
    }

    /// What shuts out peers that offend.
    pub(super) fn defender(&self) -> Option<&dyn Defend> {
        self.0.shared.defender.as_deref()
    }

    /// Whether [`authenticated`](Context::authenticated) was called.
    pub fn is_authenticated(&self) -> bool {
        self.0.authenticated.is_raised()
    }

    /// Runs a task that ends with this context at the latest. Dropping the [`Task`] aborts it;
    /// [`Task::detach`] leaves it to the context.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Task<T> {
        self.spawn_on(&Handle::current(), task)
    }

    /// The same, in this runtime.
    pub(super) fn spawn_on<T: Send + 'static>(
        &self,
        runtime: &Handle,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let ended = self.0.ended.clone();
        let task = async move { ended.run_until_cancelled(task).await }.instrument(self.0.span.clone());
        #[expect(clippy::disallowed_methods, reason = "the one place where tasks are made")]
        Task::new(runtime.spawn(task))
    }

    /// The runtimes that connections are spread over; none where they run in that of whoever accepts them.
    pub(super) fn shards(&self) -> &[Handle] {
        &self.0.shared.shards
    }

    /// A context that hears what this one hears, with a log span, a readiness and an end of its own.
    pub fn child(&self, span: Span) -> Self {
        self.derive(span, None, Arc::clone(&self.0.limits))
    }

    /// A child under other limits, which hears and says what this one does.
    pub fn limited(&self, limits: Limits) -> Self {
        let Inner { stopping, ended, span, ready, authenticated, shared, id, .. } = &*self.0;
        Self(Arc::new(Inner {
            stopping: stopping.child_token(),
            ended: ended.child_token(),
            span: span.clone(),
            limits: Arc::new(limits),
            ready: Arc::clone(ready),
            authenticated: Arc::clone(authenticated),
            shared: Arc::clone(shared),
            id: *id,
        }))
    }

    /// The context of a new connection: a child with an id, which its peer may be shown.
    pub fn connection(&self, span: Span, id: ConnId) -> Self {
        self.derive(span, Some(id), Arc::clone(&self.0.limits))
    }

    fn derive(&self, span: Span, id: Option<ConnId>, limits: Arc<Limits>) -> Self {
        Self(Arc::new(Inner {
            stopping: self.0.stopping.child_token(),
            ended: self.0.ended.child_token(),
            span,
            limits,
            ready: Arc::default(),
            // Whoever logs in, does so for the whole connection.
            authenticated: if id.is_none() { Arc::clone(&self.0.authenticated) } else { Arc::default() },
            shared: Arc::clone(&self.0.shared),
            id: id.or(self.0.id),
        }))
    }

    /// A child whose stop is its own: it does not hear that its parent stops, only that it has ended. For
    /// groups, which stop their members in order.
    pub(crate) fn member(&self, span: Span) -> Self {
        let Inner { limits, shared, .. } = &*self.0;
        Self(Arc::new(Inner {
            stopping: CancellationToken::new(),
            ended: self.0.ended.child_token(),
            span,
            limits: Arc::clone(limits),
            ready: Arc::default(),
            authenticated: Arc::default(),
            shared: Arc::clone(shared),
            id: None,
        }))
    }

    /// Asks what runs in this context and its children to finish.
    pub fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// Ends this context and its children now: their tasks are dropped where they wait.
    pub fn end(&self) {
        self.0.stopping.cancel();
        self.0.ended.cancel();
    }

    /// The bounds to keep.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Where things are counted.
    pub fn metrics(&self) -> &Metrics {
        &self.0.shared.metrics
    }

    /// Waits until the operator asks for a reload: read again what may have changed. Services whose
    /// configuration changed are replaced besides.
    pub async fn reloading(&self) {
        self.0.shared.reload.notified().await;
    }

    /// Tells everything that waits for [`reloading`](Context::reloading).
    pub fn reload(&self) {
        self.0.shared.reload.notify_waiters();
    }

    /// Whether the application is ready, and each of its services.
    pub fn health(&self) -> &Health {
        &self.0.shared.health
    }

    /// What the services of the application tell of themselves.
    pub fn facts(&self) -> &Facts {
        &self.0.shared.facts
    }

    /// The live connections of the application.
    pub fn live(&self) -> &Live {
        &self.0.shared.live
    }

    /// The log span of this context.
    pub fn span(&self) -> &Span {
        &self.0.span
    }

    /// The id of the connection that this context belongs to. Show it to the peer in errors, so that it can
    /// be quoted and found in the log.
    pub fn id(&self) -> Option<ConnId> {
        self.0.id
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.0.id)
            .field("stopping", &self.is_stopping())
            .field("ended", &self.is_ended())
            .finish_non_exhaustive()
    }
}

/// Something that becomes true once, and can be waited for by many.
#[derive(Default)]
struct Flag {
    raised: AtomicBool,
    notify: Notify,
}

impl Flag {
    fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        self.notify.notify_waiters();
    }

    fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    async fn raised(&self) {
        let notified = self.notify.notified();
        if !self.is_raised() {
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::cred::Method;

    #[test]
    fn a_login_counts_for_the_whole_connection_and_for_no_other() {
        let root = Context::root(Limits::default());
        let conn = root.connection(Span::none(), ConnId::next());
        let ann = Principal::new("ann".parse().unwrap(), [], Method::Password);
        let inner = conn.limited(Limits::default()).child(Span::none());
        assert!(inner.authenticated(&ann, root.revocations()));
        assert!(conn.is_authenticated());
        assert!(!root.is_authenticated());
        assert!(!root.connection(Span::none(), ConnId::next()).is_authenticated());
    }
}
