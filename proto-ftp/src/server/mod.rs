//! The server.

mod area;
mod ascii;
mod commands;
mod data;
mod errors;
mod event;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod guest;
mod handler;
mod hash;
mod hearing;
mod listing;
mod options;
mod passive;
mod running;
mod seats;
mod session;
mod tally;
mod transfer;
mod upload;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ropewalk_core::Result;
use ropewalk_core::app::{Context, Drive, Protocol};
use ropewalk_core::net::Connection;
use ropewalk_core::tls::ServerTls;
use tokio::time::Instant;

pub use area::Area;
pub(crate) use area::Same;
use handler::Handler;
use hash::Turns;
pub use options::{Options, Public, Tie};
use passive::Ports;
use seats::Seats;
use session::{Session, Tls};
use tally::Tally;

/// A server of FTP, and of FTPS where it has certificates.
pub struct Ftp {
    options: Arc<Options>,
    area: Area,
    hosts: BTreeMap<String, Area>,
    tls: Option<ServerTls>,
    ports: Arc<Ports>,
    seats: Arc<Seats>,
    hashes: Arc<Turns>,
    service: String,
}

impl Ftp {
    /// A server of this area.
    pub fn new(area: Area) -> Self {
        let options = Arc::new(Options::default());
        Self {
            ports: Arc::new(Ports::new(options.passive.clone())),
            options,
            area,
            hosts: BTreeMap::new(),
            tls: None,
            seats: Arc::default(),
            hashes: Arc::default(),
            service: "ftp".into(),
        }
    }

    /// With these options.
    #[must_use]
    pub fn with(mut self, options: Options) -> Self {
        self.ports = Arc::new(Ports::new(options.passive.clone()));
        self.options = Arc::new(options);
        self
    }

    /// Another area, for clients that ask for this host (RFC 7151).
    #[must_use]
    pub fn host(mut self, name: &str, area: Area) -> Self {
        self.hosts.insert(name.to_ascii_lowercase(), area);
        self
    }

    /// With TLS for who asks for it (RFC 4217). ALPN is set here: clients that offer only other protocols are refused.
    #[must_use]
    pub fn tls(mut self, tls: &ServerTls) -> Self {
        self.tls = Some(tls.with_alpn(["ftp"]));
        self
    }

    /// The name under which logins are asked for and logged.
    #[must_use]
    pub fn named(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }
}

impl Protocol for Ftp {
    async fn serve(&self, mut conn: Connection, cx: Context) -> Result<()> {
        // The interrupt before ABOR comes as urgent (RFC 959 §4.1.3).
        conn.urgent_inline()?;
        // A control connection may be silent for as long as a transfer runs: the session keeps the time.
        conn.pace().idle(Duration::MAX);
        let implicit = conn.server_tls().cloned();
        let tls = match &implicit {
            Some(tls) => Some(tls.clone()),
            None => self.tls.as_ref().map(ServerTls::apart).transpose()?,
        };
        let on = implicit.is_some();
        let state = Tls { offered: tls.is_some() && !on, on, implicit: on, ..Tls::default() };
        let now = Instant::now().into_std();
        let options = Arc::clone(&self.options);
        let session = Session::new(now, cx.limits(), options, state, !self.hosts.is_empty());
        let mut session = session.counted(Tally::new(cx.metrics().clone()));
        let agreed = Arc::new(conn.info().tls.clone().map_or_else(OnceLock::new, OnceLock::from));
        let mut handler = Handler::new(self, &conn, tls.clone(), Arc::clone(&agreed), cx.clone());
        let drive = match tls {
            Some(tls) if !on => Drive::default().accept_tls(tls).tell_tls(agreed),
            _ => Drive::default(),
        };
        drive.run(conn, &mut session, &mut handler, &cx).await
    }
}

impl fmt::Debug for Ftp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ftp").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
