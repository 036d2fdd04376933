//! Programs that answer requests: the Common Gateway Interface (RFC 3875).
//!
//! A program is found by the decoded path, under the rules that hold for files: nothing outside of the folder, no name
//! with a dot before it. It is then run by its path. To run what was opened instead is not possible: the kernel hands
//! a `#!` interpreter the name of a descriptor that is closed by then. Only who may write to the folder could put another
//! program there in between, and such a person can do that at any time.
//!
//! Each program is the leader of a process group of its own, and what it leaves in that group ends with it. The
//! pipes of [`ropewalk_core::net`] are not used for this: they end one process at once, not a group by degrees, and
//! keep the environment of the server.

mod config;
mod exchange;
mod input;
mod output;
mod process;
mod redirect;
mod script;
mod stderr;
mod variables;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use ropewalk_core::Pool;
use ropewalk_core::data::cred::Principal;
use ropewalk_core::data::files::{DotDot, VPath};
use ropewalk_core::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::server::{BoxHandler, Failure, Handler, Request, Response};
use crate::site::Gate;
pub(crate) use config::read;
use exchange::Exchange;
use process::Keeper;
pub use redirect::LocalRedirects;
use script::{Folder, Located, Script};

/// The programs of a folder, as a handler.
///
/// `/NAME/more` runs the program NAME with `/more` as its `PATH_INFO`; so does `/sub/NAME/more` where `sub` is a folder
/// in the folder. Which files are programs is said by [`extension`](Self::extension); without one, all are, and must be
/// executable. A file with such an extension is never sent as it is, and never handed on to
/// [`otherwise`](Self::otherwise).
///
/// A program ends with its request: it gets SIGTERM, and SIGKILL a little later, when the client goes, a time is over or the
/// server stops, and with it all of its process group. NPH programs (RFC 3875 §5) and the command line of §4.4 are not
/// supported: a query never becomes an argument.
pub struct Cgi {
    at: VPath,
    folder: Folder,
    /// The `DOCUMENT_ROOT`.
    root: Arc<Path>,
    limits: CgiLimits,
    /// Further variables.
    variables: Vec<(OsString, OsString)>,
    /// Whether programs see `Authorization`.
    authorization: bool,
    otherwise: Option<BoxHandler>,
    running: Arc<Semaphore>,
    waiting: Semaphore,
    pool: Pool,
    keeper: Keeper,
}

/// What programs may take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CgiLimits {
    /// Programs at once. Further requests wait.
    pub processes: usize,
    /// How long a request waits for others to end before it is answered 503. Eight wait for each of
    /// [`processes`](Self::processes); more are answered so at once.
    pub queue_time: Duration,
    /// Without a head and without taking input; then the answer is 504.
    pub head_time: Duration,
    /// Without output and without taking input, after the head.
    pub idle_time: Duration,
    /// A whole run.
    pub time: Duration,
    /// From SIGTERM to SIGKILL, for a program that is to end.
    pub grace: Duration,
    /// Octets of the head of an answer.
    pub head: usize,
    /// Octets of a request's content; more is 413.
    pub content: u64,
    /// Whether a program is started only when all of the content has come: a slow client then keeps none waiting. What
    /// comes without a length is always awaited, as `CONTENT_LENGTH` has to be right. Over 64 KiB it is kept in a
    /// file without a name in the folder for temporary files.
    pub buffered: bool,
    /// Descriptors that a program may have, unless it raises that limit itself. The server's own limit, which it has
    /// raised, is too high for programs that use select(2).
    pub descriptors: u64,
}

impl Default for CgiLimits {
    fn default() -> Self {
        Self {
            processes: 32,
            queue_time: Duration::from_secs(5),
            head_time: Duration::from_secs(60),
            idle_time: Duration::from_secs(60),
            time: Duration::from_secs(60 * 60),
            grace: Duration::from_secs(5),
            head: 32 * 1024,
            content: 64 * 1024 * 1024,
            buffered: false,
            descriptors: 1024,
        }
    }
}

/// Threads that look for programs and start them, and requests that wait for one.
const THREADS: usize = 4;
const QUEUE: usize = 1024;

impl Cgi {
    /// The programs in this folder, which is looked up anew for each request.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let limits = CgiLimits::default();
        let folder = folder.into();
        let folder = absolute(folder);
        Self {
            at: VPath::ROOT,
            root: folder.as_path().into(),
            folder: Folder::new(folder),
            running: Arc::new(Semaphore::new(limits.processes)),
            waiting: Semaphore::new(limits.processes * WAITING),
            keeper: Keeper::new(limits.grace),
            limits,
            variables: Vec::new(),
            authorization: false,
            otherwise: None,
            pool: Pool::new(THREADS, QUEUE),
        }
    }

    /// For requests below this path only; others are for [`otherwise`](Self::otherwise).
    ///
    /// # Errors
    /// Where it is no path.
    pub fn at(self, path: &str) -> Result<Self> {
        let at = VPath::parse(path.as_bytes(), &VPath::ROOT, DotDot::Refuse)
            .map_err(|error| Error::local(format!("no programs at {path:?}")).caused_by(error))?;
        Ok(Self { at, ..self })
    }

    /// Files that end in a dot and this are programs, and no others but those of further calls. They are run by this
    /// command, which gets the file's path as its last argument and as `SCRIPT_FILENAME`; without words in it, the
    /// file is run itself.
    #[must_use]
    pub fn extension<W: Into<OsString>>(
        mut self,
        extension: impl Into<String>,
        command: impl IntoIterator<Item = W>,
    ) -> Self {
        self.folder.add(extension.into(), command.into_iter().map(Into::into).collect());
        self
    }

    /// The program of this name stands for its folder, where that is asked for with a slash.
    #[must_use]
    pub fn index(mut self, name: impl Into<String>) -> Self {
        self.folder.index.push(name.into());
        self
    }

    /// Under other limits.
    #[must_use]
    pub fn limits(self, limits: CgiLimits) -> Self {
        let most = Semaphore::MAX_PERMITS / WAITING;
        let processes = limits.processes.clamp(1, most);
        let (running, waiting) = (Arc::new(Semaphore::new(processes)), Semaphore::new(processes * WAITING));
        Self { keeper: Keeper::new(limits.grace), limits, running, waiting, ..self }
    }

    /// With this variable in the environment of every program. It cannot be one that a request says.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Programs see `HTTP_AUTHORIZATION`, and with it passwords (RFC 3875 §9.2).
    #[must_use]
    pub fn authorization(self) -> Self {
        Self { authorization: true, ..self }
    }

    /// Beside the files of this folder, which programs find in `DOCUMENT_ROOT`; by default that of the programs.
    #[must_use]
    pub fn document_root(self, folder: impl Into<PathBuf>) -> Self {
        Self { root: absolute(folder.into()).into(), ..self }
    }

    /// This handler answers what no program does; by default 404.
    #[must_use]
    pub fn otherwise(self, handler: impl Handler) -> Self {
        Self { otherwise: Some(handler.boxed()), ..self }
    }

    async fn hand_on(&self, request: Request) -> Result<Response, Failure> {
        match &self.otherwise {
            Some(handler) => handler.handle(request).await,
            None => Err(Failure::new(StatusCode::NOT_FOUND)),
        }
    }

    /// The program that is asked for.
    async fn locate(&self, request: &Request) -> Result<Located, Failure> {
        if !request.rest.is_within(&self.at) {
            return Ok(Located::Nothing);
        }
        let names = request.rest.names().skip(self.at.names().count());
        let names: Vec<_> = names.map(<[u8]>::to_vec).collect();
        if !self.folder.may_hold(&names, request.slash) {
            return Ok(Located::Nothing);
        }
        let (folder, slash) = (self.folder.clone(), request.slash);
        let located = self.pool.run(move || folder.locate(&names, slash)).await?;
        Ok(located.map_err(|errno| Error::local("cannot look for a program").caused_by(errno))?)
    }

    /// A place among the programs that run.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let busy = || {
            Failure::new(StatusCode::SERVICE_UNAVAILABLE)
                .with(header::RETRY_AFTER, HeaderValue::from_static("5"))
                .caused_by(Error::limit("processes", "too many programs at once"))
        };
        let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let running = Arc::clone(&self.running).acquire_owned();
        let place = timeout(self.limits.queue_time, running).await.map_err(|_| busy())?;
        place.map_err(|_| busy())
    }

    async fn run(&self, mut request: Request, script: Script) -> Result<Response, Failure> {
        if matches!(request.method, Method::CONNECT | Method::TRACE) {
            return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED).with(header::ALLOW, ALLOW));
        }
        let body = std::mem::take(&mut request.body);
        let mut input = input::accept(body, &request.headers, &self.limits).await?;
        let variables = variables::of(self, &request, &script, input.length());
        let place = self.place().await?;
        let name = String::from_utf8_lossy(&script.name(&request)).into();
        let (stdin, descriptors, keeper) = (input.stdin(), self.limits.descriptors, self.keeper.here());
        let spawn = move || process::spawn(&script, name, variables, stdin, descriptors, keeper, place);
        let spawned = self.pool.run(spawn).await??;
        let is_head = request.method == Method::HEAD;
        Exchange::new(spawned, input, self).answer(is_head, request).await
    }
}

/// A folder, as a process with another working directory can find it.
fn absolute(folder: PathBuf) -> PathBuf {
    std::path::absolute(&folder).unwrap_or(folder)
}

/// What programs may be asked by, besides methods that only they know.
const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS, PUT, POST, DELETE, PATCH");

/// Requests that wait for each program that may run.
const WAITING: usize = 8;

impl Handler for Cgi {
    async fn handle(&self, mut request: Request) -> Result<Response, Failure> {
        match self.locate(&request).await? {
            Located::Script(script) => {
                // What comes behind a program's path is its own affair, and must not take it out of a rule.
                let path = script.path(&request).ok_or(StatusCode::NOT_FOUND)?;
                Gate::admit(&mut request, &path).await?;
                let who: Option<Principal> = request.extensions.get().cloned();
                let mut response = self.run(request, script).await?;
                if let Some(who) = who {
                    response.extensions_mut().insert(who);
                }
                Ok(response)
            }
            Located::Refused(status) => Err(status.into()),
            Located::Nothing => self.hand_on(request).await,
        }
    }
}

#[cfg(test)]
mod tests;
