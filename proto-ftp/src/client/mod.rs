//! The client: FTP and FTPS, one control connection each.
//!
//! ```no_run
//! # async fn example() -> Result<(), ropewalk_ftp::client::Error> {
//! use ropewalk_ftp::client::{Client, Options};
//!
//! let mut client = Client::connect("ftp.example.org", None, Options::default()).await?;
//! client.login("ann", "swordfish").await?;
//! let mut download = client.retrieve(b"pub/file", 0).await?;
//! while let Some(chunk) = download.chunk().await? {
//!     println!("{} octets", chunk.len());
//! }
//! client.quit().await
//! # }
//! ```
//!
//! An [`Error`] names the [`Phase`] that failed, and the code of the reply that said no. Paths are bytes, meant as UTF-8; a
//! relative one begins where the login has led.

mod commands;
mod control;
mod data;
mod error;
mod list;
mod options;
mod same;
mod session;
mod url;

pub use commands::Store;
pub use data::{Download, Upload};
pub use error::{Error, Phase};
pub use list::Listing;
pub use options::{Options, Security, Times};
pub use url::Url;

use std::fmt;
use std::time::Duration;

use ropewalk_core::net::{Connection, Info, Transport as _, reach, resolve};
use ropewalk_core::sansio::Reply;
use ropewalk_core::tls::{Authorities, ClientTls};
use ropewalk_core::{Error as Cause, Result};
use tokio::time::{Instant, timeout};

use crate::wire::Command;
use control::{Control, Trust};

/// How long a reply is waited for that may not come.
const SOON: Duration = Duration::from_secs(2);
/// Lines of FEAT that are kept.
const FEATURES: usize = 200;

/// One session with a server.
///
/// It does one thing at a time, and moves only while it is asked to. Dropping it closes its connections;
/// [`quit`](Self::quit) says so before.
pub struct Client {
    control: Control,
    options: Options,
    trust: Option<Trust>,
    /// Data connections are under TLS.
    private: bool,
    /// In upper case.
    features: Vec<String>,
    /// What TYPE was set to.
    kind: Option<u8>,
    /// The server knows EPSV, as far as is known.
    extended: bool,
    /// A transfer has begun, and its last reply was not heard.
    busy: bool,
    spent: Spent,
}

/// How long the steps to a greeting took; `None` for those that were not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spent {
    /// Looking up the host.
    pub resolve: Option<Duration>,
    /// Connecting.
    pub connect: Option<Duration>,
    /// TLS, with AUTH.
    pub tls: Option<Duration>,
}

impl Client {
    /// Connects to this host, hears its greeting, and begins TLS as the options say; the port is that of the
    /// [`Security`] where none is given.
    ///
    /// # Errors
    /// With the phase that failed.
    pub async fn connect(host: &str, port: Option<u16>, options: Options) -> Result<Self, Error> {
        let times = options.times;
        let mut spent = Spent::default();
        let begun = Instant::now();
        let conn = if let Some(endpoint) = &options.connect_to {
            within(Phase::Connect, times.connect, endpoint.connect()).await?
        } else {
            let port = port.unwrap_or(options.security.port());
            let addresses = within(Phase::Resolve, times.resolve, resolve(host, port)).await?;
            spent.resolve = Some(begun.elapsed());
            within(Phase::Connect, times.connect, reach(addresses)).await?
        };
        spent.connect = Some(begun.elapsed().saturating_sub(spent.resolve.unwrap_or_default()));
        let mut client = Self::over(conn, host, options).await?;
        client.spent = Spent { tls: client.spent.tls, ..spent };
        Ok(client)
    }

    /// The same over a connection that is there already; a certificate must be for `host`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn over(mut conn: Connection, host: &str, options: Options) -> Result<Self, Error> {
        let (times, security) = (options.times, options.security);
        let begun = Instant::now();
        let trust = match security {
            Security::Clear => None,
            _ => Some(trust(host, &options).map_err(|cause| Phase::Tls.failed(cause))?),
        };
        let mut spent = Spent::default();
        if let (Security::Implicit, Some((tls, name))) = (security, &trust) {
            let how = control::handshake(times.tls.saturating_mul(2));
            conn = within(Phase::Tls, times.tls, conn.connect_tls(tls, name, how)).await?;
            spent.tls = Some(begun.elapsed());
        }
        let control = Control::new(conn, times.reply, times.tls);
        let mut client = Self {
            control,
            options,
            trust,
            private: false,
            features: Vec::new(),
            kind: None,
            extended: true,
            busy: false,
            spent,
        };
        client.greeting().await?;
        if matches!(security, Security::Prefer | Security::Require) {
            let begun = Instant::now();
            client.secure().await?;
            client.spent.tls = Some(begun.elapsed());
        }
        Ok(client)
    }

    /// What is known of the control connection; `None` once its TLS has failed.
    pub fn info(&self) -> Option<&Info> {
        self.control.conn().map(Connection::info)
    }

    /// How long connecting took.
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// Whether the server has said (FEAT) that it has this: `MLST`, `REST STREAM`. It is asked at the login.
    pub fn has(&self, feature: &str) -> bool {
        let is = |line: &String| {
            line.strip_prefix(feature).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        self.features.iter().any(is)
    }

    /// 120 says that 220 will come.
    async fn greeting(&mut self) -> Result<(), Error> {
        loop {
            let reply = self.control.reply().await.map_err(|cause| Phase::Connect.failed(cause))?;
            match reply.code() {
                100..200 => {}
                220 => return Ok(()),
                _ => return Err(Phase::Connect.refused("us", &reply)),
            }
        }
    }

    async fn secure(&mut self) -> Result<(), Error> {
        let Some(trust) = self.trust.clone() else { return Ok(()) };
        let answer = self.control.secure(trust).await.map_err(|cause| Phase::Tls.failed(cause))?;
        match answer {
            None => Ok(()),
            Some(_) if self.options.security == Security::Prefer => {
                self.trust = None;
                Ok(())
            }
            Some(reply) => Err(Phase::Tls.refused("AUTH TLS", &reply)),
        }
    }

    /// Logs in, by USER and PASS where that is asked for; asks for what the server has; under TLS, has data protected too
    /// (RFC 4217 §9).
    ///
    /// # Errors
    /// [`Phase::Login`], or [`Phase::Tls`] where data would not be protected. A password is never part of one.
    pub async fn login(&mut self, user: &str, password: &str) -> Result<(), Error> {
        let reply = self.say(Phase::Login, "USER", Some(user.as_bytes())).await?;
        match reply.code() {
            230 | 232 => {}
            331 => {
                let reply = self.say(Phase::Login, "PASS", Some(password.as_bytes())).await?;
                if !matches!(reply.code(), 200..300) {
                    return Err(Phase::Login.refused("PASS", &reply));
                }
            }
            _ => return Err(Phase::Login.refused("USER", &reply)),
        }
        if self.trust.is_some() {
            self.protect().await?;
        }
        self.kind = None;
        let reply = self.say(Phase::Login, "FEAT", None).await?;
        if reply.code() == 211 {
            let lines = reply.lines().iter().skip(1).take(FEATURES);
            self.features =
                lines.map(|line| String::from_utf8_lossy(line).trim().to_ascii_uppercase()).collect();
        }
        if self.has("UTF8") {
            // Some need to be told; those that do not may say no.
            self.say(Phase::Login, "OPTS", Some(b"UTF8 ON")).await?;
        }
        Ok(())
    }

    async fn protect(&mut self) -> Result<(), Error> {
        self.say(Phase::Tls, "PBSZ", Some(b"0")).await?;
        let reply = self.say(Phase::Tls, "PROT", Some(b"P")).await?;
        match reply.code() {
            200..300 => self.private = true,
            _ if self.options.security == Security::Prefer => {}
            _ => return Err(Phase::Tls.refused("PROT P", &reply)),
        }
        Ok(())
    }

    /// Says something, whatever is answered. A transfer that was left in the middle is given up first.
    async fn say(&mut self, phase: Phase, verb: &str, argument: Option<&[u8]>) -> Result<Reply, Error> {
        let command = Command::new(verb, argument).ok_or_else(|| {
            Phase::Request.failed(Cause::local("what holds a CR, a LF or a NUL cannot be said in FTP"))
        })?;
        if self.busy {
            // Boxed, for it says something itself.
            Box::pin(self.abort()).await?;
        }
        self.control.say(command).await.map_err(|cause| phase.failed(cause))
    }

    async fn expect(
        &mut self,
        phase: Phase,
        verb: &str,
        argument: Option<&[u8]>,
        code: u16,
    ) -> Result<Reply, Error> {
        let reply = self.say(phase, verb, argument).await?;
        if reply.code() == code { Ok(reply) } else { Err(phase.refused(verb, &reply)) }
    }

    async fn positive(&mut self, phase: Phase, verb: &str, argument: Option<&[u8]>) -> Result<Reply, Error> {
        let reply = self.say(phase, verb, argument).await?;
        if matches!(reply.code(), 200..300) { Ok(reply) } else { Err(phase.refused(verb, &reply)) }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("info", &self.info()).finish_non_exhaustive()
    }
}

/// Sessions of its own: another client's would be refused for its data.
fn trust(host: &str, options: &Options) -> Result<Trust> {
    let tls = match &options.tls {
        Some(tls) => tls.clone(),
        None => ClientTls::new(&Authorities::system()?)?,
    };
    Ok((tls.with_alpn(["ftp"]).apart(), host.parse()?))
}

/// Does this in its time, and names the phase where it fails.
async fn within<T>(phase: Phase, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T, Error> {
    match timeout(limit, work).await {
        Ok(done) => done.map_err(|cause| phase.failed(cause)),
        Err(_) => {
            let says = format!("nothing within {} s", limit.as_secs_f32());
            Err(phase.failed(Cause::limit(phase.name(), says)))
        }
    }
}

#[cfg(test)]
mod tests;
