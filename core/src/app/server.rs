use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::accept::{Acceptor, Chain};
use super::datagrams::Ports;
use super::telling::Told;
use super::{
    BoxPolicy, BoxProtocol, Context, LimitConnections, LimitPerPeer, Policy, Prepare, Protocol, Service, Tls,
    defend::ShutOut,
};
use crate::data::facts::Over;
use crate::net::{At, Bound, DatagramSocket, Endpoint, Notice};
#[cfg(feature = "quic")]
use crate::net::{QuicOptions, Shaken};
use crate::tls::{Certificates, ServerTls};
use crate::{Address, Error, Limits, Result};

/// How often it is said what a server that stops waits for.
const TELL: Duration = Duration::from_secs(10);

/// Endpoints, policies and a protocol, as a service.
///
/// Around every connection it keeps the [`Limits`] it was given: deadlines on the connection itself, the
/// number of connections in all and of each peer, and a login in time where one is required. Policies given
/// to [`outer`](Server::outer) run before TLS (PROXY header, allow and deny), those given to
/// [`policy`](Server::policy) inside it.
pub struct Server {
    proto: &'static str,
    name: String,
    listens: Vec<Listen>,
    outer: Vec<BoxPolicy>,
    inner: Vec<BoxPolicy>,
    protocol: BoxProtocol,
    limits: Option<Limits>,
    client_first: bool,
    login: bool,
    tls_apart: bool,
    later: Option<ServerTls>,
    notice: Option<Notice>,
    datagrams: Ports,
    #[cfg(feature = "quic")]
    quic: Option<(QuicOptions, BoxProtocol)>,
    beside: Vec<Arc<Beside>>,
    reads: Vec<PathBuf>,
    prepares: Vec<Box<PrepareFirst>>,
    /// The socket of each of `listens`, once prepared.
    bound: Vec<Bound>,
}

type PrepareFirst = dyn Fn() -> Result<()> + Send + Sync;

type Beside = dyn Fn(Context) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

struct Listen {
    endpoint: Endpoint,
    tls: Option<ServerTls>,
}

impl Server {
    /// A server of this protocol, whose name (`http`, `echo`) is the label of its metrics. It listens
    /// nowhere yet.
    pub fn new(proto: &'static str, protocol: impl Protocol) -> Self {
        Self {
            proto,
            name: proto.into(),
            listens: Vec::new(),
            outer: Vec::new(),
            inner: Vec::new(),
            protocol: protocol.boxed(),
            limits: None,
            client_first: false,
            login: false,
            tls_apart: false,
            later: None,
            notice: None,
            datagrams: Ports::default(),
            #[cfg(feature = "quic")]
            quic: None,
            beside: Vec::new(),
            reads: Vec::new(),
            prepares: Vec::new(),
            bound: Vec::new(),
        }
    }

    /// Under another name in logs and lists than its protocol's.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Listens here as well. A `udp:` endpoint is for [`datagrams`](Server::datagrams).
    #[must_use]
    pub fn listen(mut self, endpoint: Endpoint) -> Self {
        match endpoint.is_datagram() {
            true => self.datagrams.listen(endpoint),
            false => self.listens.push(Listen { endpoint, tls: None }),
        }
        self
    }

    /// Whether other machines may come to it, and need no certificate for that.
    pub fn is_exposed(&self) -> bool {
        let is_for_all = |listen: &Listen| !listen.tls.as_ref().is_some_and(ServerTls::demands_certificate);
        self.listens.iter().any(|listen| listen.endpoint.is_exposed() && is_for_all(listen))
    }

    /// Whether other machines may come to it without TLS from the first byte on.
    pub fn is_exposed_in_clear(&self) -> bool {
        self.listens.iter().any(|listen| listen.endpoint.is_exposed() && listen.tls.is_none())
    }

    /// Whether it listens somewhere with TLS from the first byte on.
    pub fn listens_with_tls(&self) -> bool {
        self.listens.iter().any(|listen| listen.tls.is_some())
    }

    /// Serves the sockets of `udp:` endpoints with this, until [`Context::stopping`]: each in a task of its own, on one of the
    /// threads for connections. It must not wait for a peer. One that fails or panics is called again, with the same socket.
    /// Policies and limits are of connections, and do not hold for datagrams; who is banned is not heard.
    #[must_use]
    pub fn datagrams<F, R>(mut self, serve: F) -> Self
    where
        F: Fn(DatagramSocket, Context) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.datagrams.serve(serve);
        self
    }

    /// Hears datagrams only of peers for which this is true.
    #[must_use]
    pub fn admit_datagrams(mut self, admits: impl Fn(&Address) -> bool + Send + Sync + 'static) -> Self {
        self.datagrams.admit(Arc::new(admits));
        self
    }

    /// Serves connections to `quic:` endpoints with this protocol, which takes the [`Quic`](crate::net::Quic) out of each. All
    /// policies and limits are kept around it but those of octets: they are read from no connection of QUIC itself.
    #[cfg(feature = "quic")]
    #[must_use]
    pub fn quic(mut self, options: QuicOptions, protocol: impl Protocol) -> Self {
        self.quic = Some((options, protocol.boxed()));
        self
    }

    /// Listens here as well, with TLS from the first byte. A `quic:` endpoint is for [`quic`](Server::quic).
    #[must_use]
    pub fn listen_tls(mut self, endpoint: Endpoint, tls: ServerTls) -> Self {
        self.listens.push(Listen { endpoint, tls: Some(tls) });
        self
    }

    /// Runs this policy around every connection, inside TLS; later ones inside earlier ones.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.inner.push(policy.boxed());
        self
    }

    /// Runs this policy around every connection, before TLS and before connections are counted.
    #[must_use]
    pub fn outer(mut self, policy: impl Policy) -> Self {
        self.outer.push(policy.boxed());
        self
    }

    /// Keeps these limits instead of the application's.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// In this protocol the client speaks first: a silent one is closed after [`Limits::first_byte`].
    #[must_use]
    pub fn client_first(mut self) -> Self {
        self.client_first = true;
        self
    }

    /// This protocol requires a login: who has none after [`Limits::login`] is closed.
    #[must_use]
    pub fn login_required(mut self) -> Self {
        self.login = true;
        self
    }

    /// The TLS session of each connection has keys of its own, so that further connections of its peer can be tied to
    /// it: see [`ServerTls::apart`].
    #[must_use]
    pub fn tls_apart(mut self) -> Self {
        self.tls_apart = true;
        self
    }

    /// The protocol begins TLS itself, when the peer asks for it: these certificates are read and renewed as those of
    /// endpoints are.
    #[must_use]
    pub fn starttls(mut self, tls: ServerTls) -> Self {
        self.later = Some(tls);
        self
    }

    /// Runs this beside the connections, for as long as the server runs: what looks after things that they use.
    #[must_use]
    pub fn beside<F, R>(mut self, run: F) -> Self
    where
        F: Fn(Context) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.beside.push(Arc::new(move |cx| Box::pin(run(cx))));
        self
    }

    /// These files were read and will be read again: see [`Prepare::reads`].
    #[must_use]
    pub fn reads(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        self.reads.extend(files);
        self
    }

    /// Does this when it is [prepared](Service::prepare), after its sockets are bound: where it fails, the server does not start.
    #[must_use]
    pub fn prepares(mut self, prepare: impl Fn() -> Result<()> + Send + Sync + 'static) -> Self {
        self.prepares.push(Box::new(prepare));
        self
    }

    /// Says this to peers that come to an endpoint with TLS and do not speak it.
    #[must_use]
    pub fn plaintext_notice(mut self, notice: Notice) -> Self {
        self.notice = Some(notice);
        self
    }

    fn acceptor(&self, chain: Chain, cx: Context, tasks: TaskTracker) -> Acceptor {
        let Self { proto, name, login, client_first, .. } = self;
        let (proto, login, client_first) = (*proto, *login, *client_first);
        let (name, chain, failing) = (name.as_str().into(), Arc::new(chain), Arc::default());
        Acceptor { proto, name, login, client_first, chain, cx, tasks, failing }
    }

    #[cfg_attr(not(feature = "quic"), expect(unused_variables, reason = "only QUIC is set up by limits"))]
    fn chain(&self, listen: &Listen, counts: &Counts, cx: &Context) -> Result<Chain> {
        let mut all = self.outer.clone();
        // Behind a proxy it is only known now who the peer is.
        all.push(ShutOut.boxed());
        all.push(counts.all.clone());
        all.push(counts.per_peer.clone());
        let protocol = match &listen.tls {
            #[cfg(feature = "quic")]
            Some(tls) if listen.is_quic() => {
                let (options, quic) = self.quic.as_ref().ok_or_else(|| listen.unspoken())?;
                all.push(super::Shake(Shaken::new(tls, cx.limits(), *options)?).boxed());
                quic.clone()
            }
            _ if listen.is_quic() => return Err(listen.unspoken()),
            Some(tls) => {
                let tls = Tls::new(tls.clone()).notice(self.notice);
                all.push(if self.tls_apart { tls.apart().boxed() } else { tls.boxed() });
                self.protocol.clone()
            }
            None => self.protocol.clone(),
        };
        all.extend(self.inner.iter().cloned());
        Ok(Chain { policies: all, protocol, tls: listen.tls.is_some() })
    }

    /// Whether the protocol is spoken there.
    fn speaks(&self, listen: &Listen) -> bool {
        #[cfg(feature = "quic")]
        let quic = self.quic.is_some() && listen.tls.is_some();
        #[cfg(not(feature = "quic"))]
        let quic = false;
        quic || !listen.is_quic()
    }
}

impl Listen {
    fn is_quic(&self) -> bool {
        matches!(self.endpoint.at(), At::Quic { .. })
    }

    fn unspoken(&self) -> Error {
        Error::local(format!("{}: this protocol is not spoken over QUIC", self.endpoint))
    }
}

/// The counts that all endpoints of a server share.
struct Counts {
    all: BoxPolicy,
    per_peer: BoxPolicy,
}

impl Counts {
    fn new(limits: &Limits) -> Self {
        Self {
            all: LimitConnections::new(limits.connections).boxed(),
            per_peer: LimitPerPeer::new(limits.connections_per_peer).boxed(),
        }
    }
}

impl Service for Server {
    fn prepare(&mut self, prepare: &mut Prepare<'_>) -> Result<()> {
        self.bound.clear();
        self.reads.iter().for_each(|file| prepare.reads(file));
        for file in self.later.iter().flat_map(|tls| tls.certificates().files()) {
            prepare.reads(file);
        }
        for listen in &self.listens {
            if !self.speaks(listen) {
                return Err(listen.unspoken());
            }
            for file in listen.tls.iter().flat_map(|tls| tls.certificates().files()) {
                prepare.reads(file);
            }
            self.bound.push(prepare.claim(&listen.endpoint)?);
        }
        self.datagrams.prepare(prepare)?;
        self.prepares.iter().try_for_each(|prepare| prepare())
    }

    async fn run(&self, cx: Context) -> Result<()> {
        let cx = match &self.limits {
            Some(limits) => cx.limited(limits.clone()),
            None => cx,
        };
        let counts = Counts::new(cx.limits());
        let tasks = TaskTracker::new();
        let (mut accepting, mut addresses, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for (listen, bound) in self.listens.iter().zip(&self.bound) {
            let chain = self.chain(listen, &counts, &cx)?;
            let listener = bound.listen()?;
            // Loopback is two addresses.
            let also = bound.local().into_iter().nth(1).map(tracing::field::display);
            let quic = listen.is_quic();
            tracing::info!(at = %listener.local(), also, tls = chain.tls, quic, "listening");
            let mut at = bound.local();
            if at.is_empty() {
                at.push(listener.local());
            }
            let (how, over) = if quic {
                (" (QUIC)", Over::Quic)
            } else if chain.tls {
                (" (TLS)", Over::Tls)
            } else {
                ("", Over::Tcp)
            };
            addresses.extend(at.iter().map(|at| format!("{at}{how}")));
            told.extend(
                at.iter().filter_map(|at| Told::new(at, over, listen.tls.as_ref().or(self.later.as_ref()))),
            );
            let acceptor = self.acceptor(chain, cx.clone(), tasks.clone());
            if listener.is_single() || cx.shards().is_empty() {
                accepting.push(cx.spawn(acceptor.run(listener)));
                continue;
            }
            for shard in cx.shards() {
                let _entered = shard.enter();
                accepting.push(cx.spawn_on(shard, acceptor.clone().run(bound.listen()?)));
            }
        }
        let (sockets, ports) = self.datagrams.start(self.proto, &cx)?;
        accepting.extend(sockets);
        addresses.extend(ports.iter().map(|at| format!("{at} (UDP)")));
        told.extend(ports.iter().filter_map(|at| Told::new(at, Over::Udp, None)));
        for tls in self.listens.iter().filter_map(|listen| listen.tls.as_ref()).chain(&self.later) {
            cx.spawn(renew(tls.certificates().clone(), cx.clone())).detach();
        }
        let _beside: Vec<_> = self.beside.iter().map(|run| cx.spawn(run(cx.clone()))).collect();
        cx.health().listens(&self.name, addresses);
        let proto = self.proto;
        cx.facts().tell(&self.name, move || told.iter().map(|one| one.fact(proto)).collect());
        cx.ready();
        futures_util::future::join_all(accepting).await;
        tasks.close();
        let mut tell = tokio::time::interval(TELL);
        loop {
            tokio::select! {
                biased;
                () = tasks.wait() => break,
                () = cx.ended() => {
                    tracing::warn!(open = tasks.len(), "connections cut at the drain deadline");
                    break;
                }
                _ = tell.tick() => {
                    tracing::info!(open = tasks.len(), "waiting for connections to end; a second signal cuts them");
                }
            }
        }
        futures_util::future::join_all(self.bound.iter().map(Bound::settle)).await;
        Ok(())
    }
}

/// Reads certificates again when their files change, and when the operator asks.
async fn renew(certificates: Certificates, cx: Context) {
    let asked = async {
        loop {
            cx.reloading().await;
            let again = certificates.clone();
            let reload = tokio::task::spawn_blocking(move || again.reload());
            // What went wrong is in the log, and the old ones are kept.
            let _ = reload.await;
        }
    };
    tokio::join!(certificates.watch(Certificates::WATCH), asked);
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;

#[cfg(test)]
#[cfg(feature = "quic")]
#[path = "quic_tests.rs"]
mod quic_tests;
