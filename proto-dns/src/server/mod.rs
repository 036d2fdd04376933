//! Answering questions.

mod acl;
mod age;
mod answer;
#[cfg(test)]
mod asking;
mod cookie;
mod engine;
pub mod forward;
mod notify;
mod policy;
mod reload;
mod rrl;
mod siphash;
mod source;
mod stream;
mod tally;
#[cfg(test)]
pub(crate) mod testing;
mod udp;
mod update;
mod xfr;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::app::{Context, Server};
use ropewalk_core::data::zones::Answer as _;

use crate::wire::Rcode;
pub use acl::Acl;
pub use cookie::{Cookies, Secret};
pub use engine::{Answering, Engine, Peer, Transport, Verdict};
pub use notify::Notice;
pub use policy::Policies;
pub use reload::{Said, Zones};
pub use rrl::{Limiter, RrlOptions};
pub use source::Source;
pub use stream::Stream;
pub use update::{Grant, Updated};
pub use xfr::Transfer;

/// The name of the protocol in metrics.
pub(crate) const PROTO: &str = "dns";
/// How often files are looked at.
const REFRESH: Duration = Duration::from_secs(1);
/// How long a secret for cookies is used that no other server shares (RFC 7873 §7.1).
const ROTATION: Duration = Duration::from_secs(26 * 60 * 60);

/// A server of DNS: zones, and how they are asked over connections.
#[derive(Clone)]
pub struct Dns {
    zones: Arc<Zones>,
    idle: Duration,
    query: Duration,
}

impl Dns {
    /// How long a connection lasts without an answer, where nothing else is said.
    pub const IDLE: Duration = Duration::from_secs(30);
    /// How long a question takes to come, likewise.
    pub const QUERY: Duration = Duration::from_secs(10);

    /// A server of these zones.
    pub fn new(zones: Arc<Zones>) -> Self {
        Self { zones, idle: Self::IDLE, query: Self::QUERY }
    }

    /// With connections that end after so long without an answer.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// With connections that end where a question takes longer than this to come.
    #[must_use]
    pub fn query(mut self, query: Duration) -> Self {
        self.query = query;
        self
    }

    /// What serves connections.
    pub fn stream(&self) -> Stream {
        Stream { engine: Arc::clone(self.zones.engine()), idle: self.idle, query: self.query }
    }

    /// A server of [`stream`](Self::stream) that serves datagrams besides, and looks after the zones.
    pub fn serve(self, server: Server) -> Server {
        let engine = Arc::clone(self.zones.engine());
        server
            .client_first()
            .reads(self.zones.files())
            .datagrams(move |socket, cx| udp::serve(Arc::clone(&engine), socket, cx))
            .beside(move |cx| tend(Arc::clone(&self.zones), cx))
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns").field("idle", &self.idle).field("query", &self.query).finish_non_exhaustive()
    }
}

/// Looks every second whether files have changed, and makes new cookies in time.
async fn tend(zones: Arc<Zones>, cx: Context) {
    let mut rotation = tokio::time::interval(ROTATION);
    rotation.tick().await;
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(REFRESH) => false,
            () = cx.reloading() => true,
            _ = rotation.tick() => {
                zones.engine().policies().rotate();
                continue;
            }
        };
        zones.refresh(asked).await;
    }
}

/// Adds the reply to a request, if there is one, to `out`; whether there is. What no one here does is declined.
fn respond(engine: &Engine, request: &[u8], from: &Peer, out: &mut Vec<u8>) -> bool {
    let verdict = match engine.respond(request, from, out) {
        Verdict::Transfer => engine.decline(request, Rcode::REFUSED, from, out),
        Verdict::Notify => engine.decline(request, Rcode::REFUSED, from, out),
        Verdict::Update => engine.decline(request, Rcode::REFUSED, from, out),
        verdict => verdict,
    };
    verdict == Verdict::Reply
}
