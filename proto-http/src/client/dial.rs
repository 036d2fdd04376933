use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ropewalk_core::Error as Cause;
use ropewalk_core::app::Context;
use ropewalk_core::net::{Connection, Handshake, Transport as _, reach, resolve};
use ropewalk_core::tls::{Authorities, ClientTls, ServerName};
use tokio::time::{Instant, timeout_at};

use super::origin::Origin;
use super::{Error, Options, Phase, proxy};

/// Makes connections to origins: looks up, connects, goes through a proxy, speaks TLS. Clones share it.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(super) cx: Context,
    pub(super) options: Arc<Options>,
    /// Read when first needed: a client of http alone needs no authorities.
    tls: Arc<OnceLock<ClientTls>>,
}

/// A connection to an origin, and how long each step to it took.
pub(crate) struct Dialled {
    pub(crate) conn: Connection,
    pub(crate) spent: Spent,
}

/// How long the steps to an answer took; `None` for those that were not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spent {
    /// Looking up the host.
    pub resolve: Option<Duration>,
    /// Connecting, through a proxy where there is one.
    pub connect: Option<Duration>,
    /// The handshake of TLS.
    pub tls: Option<Duration>,
    /// From then on to the head of the answer.
    pub head: Duration,
}

impl Dialer {
    pub(crate) fn new(cx: Context, options: Options) -> Self {
        Self { cx, options: Arc::new(options), tls: Arc::default() }
    }

    /// Connects to the origin; where it is secure, TLS is through its handshake then, with one of these protocols by
    /// ALPN or none. A proxy that is asked whole URLs (RFC 9112 §3.2.2) is at the other end where the origin is not
    /// secure and `tunnel` is not set.
    ///
    /// # Errors
    /// With the phase in which it failed; a limit where a phase took too long or `by` has come.
    pub(crate) async fn dial(
        &self,
        origin: &Origin,
        alpn: &[&str],
        through: Through,
        by: Option<Instant>,
    ) -> Result<Dialled, Error> {
        let mut spent = Spent::default();
        let conn = self.plain(origin, through, by, &mut spent).await?;
        if !origin.secure {
            return Ok(Dialled { conn, spent });
        }
        let begun = Instant::now();
        let conn = within(Phase::Tls, self.options.times.tls, by, async {
            let tls = self.tls()?.with_alpn(alpn);
            let name: ServerName = origin.host.parse()?;
            // The deadline is ours, around it.
            let mut how = Handshake::default();
            how.deadline = self.options.times.tls.saturating_mul(2);
            conn.connect_tls(&tls, &name, how).await
        })
        .await?;
        spent.tls = Some(begun.elapsed());
        Ok(Dialled { conn, spent })
    }

    async fn plain(
        &self,
        origin: &Origin,
        through: Through,
        by: Option<Instant>,
        spent: &mut Spent,
    ) -> Result<Connection, Error> {
        let times = &self.options.times;
        let begun = Instant::now();
        if let Some(endpoint) = &self.options.connect_to {
            let conn = within(Phase::Connect, times.connect, by, endpoint.connect()).await?;
            spent.connect = Some(begun.elapsed());
            return Ok(conn);
        }
        let proxy = self.options.proxies.before(origin);
        let (host, port) = proxy.map_or((&origin.host, origin.port), |proxy| (&proxy.host, proxy.port));
        // Who asked for one host wonders why another is not there.
        let named = |error: Error| match proxy {
            Some(_) => error.during(format!("through the proxy {host}:{port}")),
            None => error,
        };
        let addresses =
            within(Phase::Resolve, times.resolve, by, resolve(host, port)).await.map_err(named)?;
        spent.resolve = Some(begun.elapsed());
        let begun = Instant::now();
        let conn = within(Phase::Connect, times.connect, by, async {
            let conn = reach(addresses).await?;
            match proxy {
                Some(proxy) if origin.secure || through == Through::Tunnel => {
                    proxy::tunnel(&self.cx, conn, proxy, origin, self.options.head).await
                }
                _ => Ok(conn),
            }
        })
        .await
        .map_err(named)?;
        spent.connect = Some(begun.elapsed());
        Ok(conn)
    }

    fn tls(&self) -> Result<ClientTls, Cause> {
        if let Some(tls) = self.options.tls.as_ref().or_else(|| self.tls.get()) {
            return Ok(tls.clone());
        }
        let tls = ClientTls::new(&Authorities::system()?)?;
        Ok(self.tls.get_or_init(|| tls).clone())
    }
}

/// How a proxy is used for an origin in clear text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// It is asked whole URLs.
    Whole,
    /// It is asked for a way through, for a protocol that it need not know, such as WebSocket (RFC 6455 §4.1).
    Tunnel,
}

/// Does this in its time, and names the phase where it fails.
pub(super) async fn within<T>(
    phase: Phase,
    limit: Duration,
    by: Option<Instant>,
    work: impl Future<Output = Result<T, Cause>>,
) -> Result<T, Error> {
    match timeout_at(until(Instant::now(), limit, by), work).await {
        Ok(done) => done.map_err(|cause| phase.failed(cause)),
        Err(_) => Err(phase.failed(late(phase, limit, by))),
    }
}

/// When this time after `from` is over, or `by` has come. A time without an end is thirty years.
pub(super) fn until(from: Instant, limit: Duration, by: Option<Instant>) -> Instant {
    let far = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let own = from + limit.min(far);
    by.map_or(own, |by| by.min(own))
}

pub(super) fn late(phase: Phase, limit: Duration, by: Option<Instant>) -> Cause {
    if by.is_some_and(|by| by <= Instant::now()) {
        return Cause::limit("time", "the time for the whole request is over");
    }
    Cause::limit(phase.name(), format!("nothing within {} s", limit.as_secs_f32()))
}
