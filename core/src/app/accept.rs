use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::{BoxPolicy, BoxProtocol, ConnId, Context, Next, Offence};
use crate::net::{Incoming, Listener};
use crate::{Error, Fault, Result};

/// How long accepting pauses when the system gives no connection, as when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// What runs around the connections of one endpoint.
pub(super) struct Chain {
    pub(super) policies: Vec<BoxPolicy>,
    pub(super) protocol: BoxProtocol,
    pub(super) tls: bool,
}

/// Takes the connections of a listener, and serves each.
#[derive(Clone)]
pub(super) struct Acceptor {
    pub(super) proto: &'static str,
    pub(super) name: Arc<str>,
    pub(super) login: bool,
    pub(super) client_first: bool,
    pub(super) chain: Arc<Chain>,
    pub(super) cx: Context,
    pub(super) tasks: TaskTracker,
    /// Whether the system gives no connection, which is told once, whichever thread learns it.
    pub(super) failing: Arc<AtomicBool>,
}

impl Acceptor {
    pub(super) async fn run(self, listener: Box<dyn Listener>) {
        let local = listener.local();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.cx.stopping() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(incoming) => {
                    self.failing.store(false, Ordering::Relaxed);
                    self.start(incoming);
                    if listener.is_single() {
                        return;
                    }
                    // Other threads take from the same queue: none is to empty it while it has work.
                    tokio::task::yield_now().await;
                }
                Err(error) if error.fault() == Fault::Peer => {}
                Err(error) => {
                    if !self.failing.swap(true, Ordering::Relaxed) {
                        tracing::error!(%local, error = %error.chain(), "cannot accept; trying on");
                    }
                    self.cx.metrics().error(self.proto, "local");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves one connection in a task of its own.
    fn start(&self, incoming: Box<dyn Incoming>) {
        let id = ConnId::next();
        let span = tracing::info_span!(parent: self.cx.span(), "conn", %id, peer = tracing::field::Empty);
        let cx = self.cx.connection(span.clone(), id);
        let one = One { proto: self.proto, login: self.login, client_first: self.client_first, id };
        let served = one.serve(incoming, Arc::clone(&self.chain), Arc::clone(&self.name), cx.clone());
        cx.spawn(self.tasks.track_future(served.instrument(span))).detach();
    }
}

/// How one connection is served.
struct One {
    proto: &'static str,
    login: bool,
    client_first: bool,
    id: ConnId,
}

impl One {
    async fn serve(self, incoming: Box<dyn Incoming>, chain: Arc<Chain>, name: Arc<str>, cx: Context) {
        let guarded = AssertUnwindSafe(self.try_serve(incoming, &chain, &name, &cx));
        let result = match guarded.catch_unwind().await {
            Ok(Ok(())) => "ok",
            Ok(Err(error)) => self.failed(&error, &cx),
            Err(_) => {
                tracing::error!("protocol panicked; the connection is closed");
                "panic"
            }
        };
        cx.metrics().connection_ended(self.proto, result);
        cx.end();
    }

    async fn try_serve(
        &self,
        incoming: Box<dyn Incoming>,
        chain: &Chain,
        name: &str,
        cx: &Context,
    ) -> Result<()> {
        let limits = cx.limits();
        let mut conn = tokio::time::timeout(limits.handshake, incoming.establish())
            .await
            .map_err(|_| Error::limit("handshake", "connection not established in time"))??;
        let peer = conn.info().peer.clone();
        tracing::Span::current().record("peer", tracing::field::display(&peer));
        tracing::debug!("connected");
        let metrics = cx.metrics();
        let _active = metrics.connection(self.proto, chain.tls);
        let _listed = cx.live().enter(self.id, name, peer.clone(), cx.clone());
        conn.count_into(metrics.bytes(self.proto));
        let pace = conn.pace();
        pace.idle(limits.idle);
        pace.write(limits.write);
        pace.end(limits.connection);
        if self.client_first {
            pace.first_byte(limits.first_byte);
        }
        if !chain.tls {
            pace.sniff_tls();
        }
        let served = Next::new(&chain.policies, &chain.protocol).run(conn, cx.clone());
        if !self.login {
            return served.await;
        }
        let grace = async {
            sleep(limits.login).await;
            if cx.is_authenticated() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            served = served => served,
            () = grace => {
                cx.report(&peer, Offence::GraceExceeded);
                Err(Error::limit("login", "no login in time"))
            }
        }
    }

    /// Tells the log and the metrics; gives the result for the count of connections.
    fn failed(&self, error: &Error, cx: &Context) -> &'static str {
        error.log("connection failed");
        let class = match error.fault() {
            Fault::Peer => "peer",
            Fault::Limit => "limit",
            Fault::Local => "local",
        };
        if let Some(limit) = error.limit_name() {
            cx.metrics().limit_hit(self.proto, limit);
        }
        cx.metrics().error(self.proto, class);
        class
    }
}
