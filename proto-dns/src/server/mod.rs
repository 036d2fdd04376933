//! Answering questions.

mod acl;
mod age;
mod answer;
mod answered;
#[cfg(test)]
pub(crate) mod asking;
mod cookie;
mod counts;
mod derived;
mod desk;
mod dynamic;
mod engine;
mod extent;
pub mod forward;
mod grant;
mod keeper;
mod loading;
mod notices;
mod notify;
mod policy;
mod proof;
#[cfg(feature = "quic")]
pub(crate) mod quic;
mod reload;
mod remembered;
mod rrl;
mod rules;
mod secondary;
mod seldom;
mod serials;
mod shares;
mod signed;
mod signer;
mod signers;
mod siphash;
mod source;
mod stream;
mod tally;
#[cfg(test)]
pub(crate) mod testing;
mod transfers;
mod udp;
mod update;
mod updates;
mod views;
mod watched;
mod xfr;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ropewalk_core::app::{Context, Server};
use ropewalk_core::data::zones::Answer as _;

pub use acl::{Acl, Who};
pub use cookie::{Cookies, Secret};
pub use derived::Derive;
pub use desk::Desk;
pub use engine::{Answering, Engine, Peer, Transport, Verdict};
pub use grant::{Editors, Grant, Names};
pub use keeper::Keeper;
pub use notify::Notice;
pub use policy::Policies;
#[cfg(feature = "quic")]
pub use quic::Quic;
pub use reload::{Notes, Report, Said, Setup, Zones};
pub use remembered::Memory;
pub use rrl::{Limiter, RrlOptions};
pub use rules::{Partner, Rules};
pub(crate) use signed::now;
pub use signed::{Keys, Signed};
pub use signer::Sign;
pub use source::Source;
pub use stream::Stream;
pub use update::{May, Updated};
pub use views::Views;
pub use xfr::{Content, Difference, Transfer};

pub(crate) use xfr::is_newer;

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
    views: Vec<(Acl, Arc<Zones>)>,
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
        Self { zones, views: Vec::new(), idle: Self::IDLE, query: Self::QUERY }
    }

    /// Where these clients see other zones; who is of several views sees the first.
    #[must_use]
    pub fn view(mut self, clients: Acl, zones: Arc<Zones>) -> Self {
        self.views.push((clients, zones));
        self
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
        Stream { views: Arc::new(self.desks()), idle: self.idle, query: self.query }
    }

    /// A server of [`stream`](Self::stream) that serves datagrams and QUIC besides, and looks after the zones.
    pub fn serve(self, server: Server) -> Server {
        let views = Arc::new(self.desks());
        let all: Vec<_> = self.all().cloned().collect();
        #[cfg(feature = "quic")]
        let server = {
            let quic = self.quic();
            server.quic(quic.options(), quic)
        };
        let files = all.iter().flat_map(|zones| zones.files());
        let server = server
            .client_first()
            .reads(files.collect::<Vec<_>>())
            .datagrams(move |socket, cx| udp::serve(Arc::clone(&views), socket, cx));
        all.into_iter().fold(server, |server, zones| {
            let opened = Arc::clone(&zones);
            server.prepares(move || opened.open()).beside(move |cx| tend(Arc::clone(&zones), cx))
        })
    }

    /// What serves connections of QUIC.
    #[cfg(feature = "quic")]
    pub fn quic(&self) -> Quic {
        Quic { views: Arc::new(self.desks()), idle: self.idle, query: self.query }
    }

    fn desks(&self) -> Views {
        let others = Views::new(Arc::clone(self.zones.desk()));
        self.views
            .iter()
            .fold(others, |views, (acl, zones)| views.with(acl.clone(), Arc::clone(zones.desk())))
    }

    /// All zones, each once.
    fn all(&self) -> impl Iterator<Item = &Arc<Zones>> {
        let viewed: Vec<_> = self.views.iter().map(|(_, zones)| zones).collect();
        let is_first = move |at: usize, zones: &Arc<Zones>| {
            !Arc::ptr_eq(zones, &self.zones) && !viewed.iter().take(at).any(|other| Arc::ptr_eq(zones, other))
        };
        let views = self.views.iter().map(|(_, zones)| zones).enumerate();
        [&self.zones]
            .into_iter()
            .chain(views.filter(move |(at, zones)| is_first(*at, zones)).map(|(_, zones)| zones))
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns").field("idle", &self.idle).field("query", &self.query).finish_non_exhaustive()
    }
}

/// Looks after zones: those in files, and those of other servers.
async fn tend(zones: Arc<Zones>, cx: Context) {
    tokio::join!(tend_files(&zones, &cx), zones.tend());
}

/// Looks every second whether files have changed, and makes new cookies in time.
async fn tend_files(zones: &Zones, cx: &Context) {
    zones.derive_from(cx.facts());
    let mut rotation = tokio::time::interval(ROTATION);
    rotation.tick().await;
    // What is kept in a store may have changed since it was read.
    zones.refresh(false).await;
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
        for (command, result, count) in zones.counted() {
            cx.metrics().commands(PROTO, command, result, count);
        }
    }
}
