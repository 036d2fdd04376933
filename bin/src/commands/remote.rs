//! What `fetch`, `put` and `ls` share: whom they ask, and how they wait for it.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ropewalk_core::Result;
use ropewalk_core::net::Endpoint;
use ropewalk_core::tls::{Authorities, ClientTls};
use ropewalk_http::client::Options;
use tokio::signal::unix::{SignalKind, signal};

use super::fetch::{Stop, clean, environment, seconds, user};
use super::hidden::{hidden, terminal};
use crate::exit::Exit;

/// How a server is reached.
#[derive(Args, Clone, Debug)]
pub(super) struct Reach {
    /// Give up where looking up, connecting, TLS, an answer or the next piece of the content takes so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) timeout: Option<Duration>,
    /// Give up after so many seconds, whatever has come.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) max_time: Option<Duration>,
    /// Trust the authorities in this PEM file instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// Believe any server. Whoever stands between can read and change everything.
    #[arg(long, short = 'k', conflicts_with = "cacert")]
    pub(super) insecure: bool,
    /// Who asks: over HTTP by the Basic scheme. A password that is left out, with its colon, is asked for at the terminal.
    #[arg(long, short, value_name = "NAME[:PASSWORD]", value_parser = user)]
    pub(super) user: Option<String>,
    /// Connect to this endpoint instead of the URL's host, such as `unix:/run/x.sock`.
    #[arg(long, value_name = "ENDPOINT")]
    pub(super) connect_to: Option<Endpoint>,
    /// Of ftp: begin TLS before the login (AUTH TLS), or do not log in.
    #[arg(long)]
    pub(super) tls: bool,
    /// Of ftp: have the server connect to us for data.
    #[arg(long)]
    pub(super) active: bool,
}

impl Reach {
    /// Asks for the password of `--user`, where it has none; or else of who is named in a URL of FTP without one, where there is
    /// a terminal.
    pub(super) fn ask(&mut self, url: &str) -> Result<(), Stop> {
        let (name, terminal) = match self.user.as_deref() {
            Some(user) if user.contains(':') => return Ok(()),
            Some(name) => {
                let terminal = terminal().ok_or_else(|| {
                    let message = format!(
                        "{name}'s password is asked for at a terminal, and there is none: give NAME:PASSWORD"
                    );
                    Stop::new(Exit::Usage, message)
                })?;
                (name.to_owned(), terminal)
            }
            None => match named(url).and_then(|name| Some((name, terminal()?))) {
                Some(both) => both,
                None => return Ok(()),
            },
        };
        let typed = hidden(&terminal, &format!("password for {name}: "))?;
        let typed = std::str::from_utf8(&typed).map_err(|_| Stop::new(Exit::Usage, "a password is UTF-8"))?;
        let both = user(&format!("{name}:{typed}")).map_err(|why| Stop::new(Exit::Usage, why))?;
        self.user = Some(both);
        Ok(())
    }

    /// Whom to trust, where that is not for the system to say.
    fn trust(&self) -> Result<Option<ClientTls>> {
        if self.insecure {
            return ClientTls::danger_accept_any().map(Some);
        }
        let Some(file) = &self.cacert else { return Ok(None) };
        ClientTls::new(&Authorities::file(file)?).map(Some)
    }

    /// The client of HTTP that is meant.
    pub(super) fn http(&self) -> Result<Options> {
        let mut options = Options::default();
        options.tls = self.trust()?;
        options.proxies = environment()?;
        options.connect_to.clone_from(&self.connect_to);
        if let Some(time) = self.timeout {
            let times = &mut options.times;
            (times.resolve, times.connect, times.tls, times.head, times.body) =
                (time, time, time, time, time);
        }
        options.times.whole = self.max_time;
        Ok(options)
    }

    /// A session with the server of this URL, logged in: as `--user` says, or the URL, or as `anonymous`.
    #[cfg(feature = "ftp")]
    pub(super) async fn ftp(
        &self,
        url: &ropewalk_ftp::client::Url,
    ) -> Result<ropewalk_ftp::client::Client, Stop> {
        use ropewalk_ftp::client::{Client, Options, Security};
        let mut options = Options::default();
        options.security = match (url.secure, self.tls) {
            (true, _) => Security::Implicit,
            (false, true) => Security::Require,
            (false, false) => Security::Clear,
        };
        options.tls = self.trust()?;
        options.connect_to.clone_from(&self.connect_to);
        options.active = self.active;
        if let Some(time) = self.timeout {
            let times = &mut options.times;
            (times.resolve, times.connect, times.tls, times.reply, times.stall) =
                (time, time, time, time, time);
        }
        let security = options.security;
        let mut client = Client::connect(&url.host, url.port, options).await?;
        let given = self.user.as_deref().map(|user| user.split_once(':').unwrap_or((user, "")));
        let said = url.user.as_deref().map(|user| (user, url.password.as_deref().unwrap_or_default()));
        let (user, password) = given.or(said).unwrap_or(("anonymous", "anonymous@"));
        let far = client.info().and_then(|info| info.peer.ip()).is_some_and(|peer| !peer.is_loopback());
        if security == Security::Clear && far && given.or(said).is_some() {
            eprintln!("warning: the password goes in clear text; --tls asks for TLS first");
        }
        client.login(user, password).await?;
        Ok(client)
    }

    /// Does this in the time that there is, unless somebody interrupts it, and says why it failed.
    pub(super) fn run(&self, work: impl Future<Output = Result<Exit, Stop>>) -> Result<Exit, Stop> {
        if self.insecure {
            warn_insecure();
        }
        run(self.max_time, work)
    }

    /// The same for a command that has nothing more to say about a failure.
    pub(super) fn finish(&self, work: impl Future<Output = Result<Exit, Stop>>) -> Exit {
        self.run(work).unwrap_or_else(|stop| {
            eprintln!("error: {}", clean(&stop.message));
            stop.exit
        })
    }
}

/// Does this in the time that there is, unless somebody interrupts it.
pub(super) fn run(
    max_time: Option<Duration>,
    work: impl Future<Output = Result<Exit, Stop>>,
) -> Result<Exit, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Stop::new(Exit::Failure, format!("cannot start the runtime: {error}")))?;
    let late = async {
        match max_time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    let done = runtime.block_on(async {
        let mut kill =
            signal(SignalKind::terminate()).map_err(|error| Stop::new(Exit::Failure, error.to_string()))?;
        tokio::select! {
            biased;
            done = work => done,
            () = late => Err(Stop::new(Exit::TryLater, "the time for all of it is over")),
            _ = tokio::signal::ctrl_c() => Err(Stop::new(Exit::Interrupted, "interrupted")),
            _ = kill.recv() => Err(Stop::new(Exit::Interrupted, "stopped")),
        }
    });
    // A lookup or a read of standard input that still waits is not waited for.
    runtime.shutdown_background();
    done
}

/// Who is to log in, as a URL of FTP says without a password.
#[cfg(feature = "ftp")]
fn named(url: &str) -> Option<String> {
    let url: ropewalk_ftp::client::Url = url.parse().ok()?;
    // Of a name with a colon in it, nothing can be asked here.
    let is_asked = |user: &String| !user.contains(':') && !matches!(&**user, "" | "anonymous" | "ftp");
    url.user.filter(|user| url.password.is_none() && is_asked(user))
}

#[cfg(not(feature = "ftp"))]
fn named(_: &str) -> Option<String> {
    None
}

/// Says what `--insecure` means.
pub(super) fn warn_insecure() {
    eprintln!(
        "warning: --insecure: the server is not checked; whoever stands between can read and change everything"
    );
}

/// The schemes that the clients here speak.
const SCHEMES: &[&str] = if cfg!(feature = "ftp") {
    &["http://", "https://", "ftp://", "ftps://"]
} else {
    &["http://", "https://"]
};

/// Whether a URL is for the client of FTP, or else for that of HTTP.
pub(super) fn is_ftp(url: &str) -> Result<bool, Stop> {
    let says = match url.split_once("://") {
        Some((scheme, _)) => {
            let begins = format!("{}://", scheme.to_ascii_lowercase());
            if SCHEMES.contains(&begins.as_str()) {
                return Ok(begins.starts_with("ftp"));
            }
            format!("{scheme} is not spoken here yet")
        }
        None => format!("{url:?} is no URL"),
    };
    let mut stop = Stop::new(Exit::Usage, format!("request: {says}: one begins with {}", list(SCHEMES)));
    stop.phase = Some("request");
    Err(stop)
}

/// `a, b or c`.
fn list(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        words => words.concat(),
    }
}

/// Whether there is somebody to show progress to.
pub(super) fn is_watched(quiet: bool) -> bool {
    !quiet && std::io::stderr().is_terminal()
}

#[cfg(feature = "ftp")]
impl From<ropewalk_ftp::client::Error> for Stop {
    fn from(error: ropewalk_ftp::client::Error) -> Self {
        use ropewalk_core::Fault;
        use ropewalk_ftp::client::Phase;
        let exit = match (error.phase(), error.code(), error.fault()) {
            (_, Some(400..500), _) => Exit::TryLater,
            (Phase::Resolve | Phase::Connect, None, _) => Exit::Unavailable,
            (Phase::Request, ..) => Exit::Usage,
            (_, _, Fault::Limit) => Exit::TryLater,
            _ => Exit::Failure,
        };
        let mut stop = Self::new(exit, error.chain());
        stop.phase = Some(error.phase().name());
        stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "ftp")]
    #[test]
    fn whoever_a_url_of_ftp_names_without_a_password_is_asked_for_it() {
        for (url, asked) in [
            ("ftp://ann@host/", Some("ann")),
            ("FTPS://%61nn@host:2121/a", Some("ann")),
            ("ftp://ann:@host/", None),
            ("ftp://ann:secret@host/", None),
            ("ftp://anonymous@host/", None),
            ("ftp://host/", None),
            ("http://ann@host/", None),
        ] {
            assert_eq!(named(url).as_deref(), asked, "{url}");
        }
    }

    #[test]
    fn what_no_client_speaks_is_named_with_what_they_do() {
        let says = |url: &str| is_ftp(url).map_err(|stop| stop.message);
        assert_eq!((says("HTTPS://a/").ok(), says("http://a/").ok()), (Some(false), Some(false)));
        assert!(
            says("sftp://a/b").unwrap_err().starts_with("request: sftp is not spoken here yet: one begins")
        );
        assert!(
            says("a/b")
                .unwrap_err()
                .starts_with("request: \"a/b\" is no URL: one begins with http://, https://")
        );
        #[cfg(feature = "ftp")]
        assert_eq!((says("FTP://a/").ok(), says("ftps://a/").ok()), (Some(true), Some(true)));
    }
}
