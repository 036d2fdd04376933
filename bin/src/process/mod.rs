//! From a configuration to a running process.

mod detach;
mod pidfile;
mod source;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use nix::sys::stat::{Mode, umask};
use ropewalk_core::app::{self, Application, Privileges, Rebuild, Rebuilt, Runtime};
use ropewalk_core::config::{Diagnostics, Plan, Reading, Record, Registry, Severity};
use ropewalk_core::policy::Defender;
use ropewalk_core::telemetry::{self, Destination, Format, LogOptions, Reopen, Rotation};
use ropewalk_core::{Error, Result};
#[cfg(feature = "store")]
use ropewalk_store::accounts::Store;

use crate::cli::{LogFormat, ProcessArgs, RuntimeKind};
#[cfg(feature = "store")]
use crate::control;
use crate::exit::Exit;
use crate::resources::Writes;
use crate::settings::Settings;

pub(crate) use detach::is_child;
pub(crate) use source::Source;

/// What is done about being root without `--uid`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Refused,
    Warned,
}

/// Why a process does not run, and how it ends.
struct Failed {
    exit: Exit,
    /// Nothing, if everything was said.
    message: String,
}

impl Failed {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::new(Exit::of(&error), error.chain())
    }
}

/// Starts what the configuration says and runs it to its end. What is to be said when all of it serves, `greet` says: in the
/// process that was started from a terminal.
pub(crate) fn launch(
    registry: &Registry,
    source: Source,
    args: &ProcessArgs,
    root: Root,
    greet: impl FnOnce() + Send + 'static,
) -> Exit {
    if args.detach && !is_child() {
        let exit = detach::spawn();
        if exit == Exit::Ok {
            greet();
        }
        return exit;
    }
    match start(registry, source, args, root, greet) {
        Ok(()) => Exit::Ok,
        Err(Failed { exit, message }) => {
            if !message.is_empty() {
                eprintln!("error: {message}");
            }
            exit
        }
    }
}

/// Takes as many descriptors as the system lets us have: the usual 1,024 are fewer than the connections that the
/// limits speak of.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::debug!(before = ?current, now = ?maximum, "descriptors"),
        Err(error) => tracing::warn!(%error, limit = ?current, "cannot take more descriptors"),
    }
}

fn start(
    registry: &Registry,
    source: Source,
    args: &ProcessArgs,
    root: Root,
    greet: impl FnOnce() + Send + 'static,
) -> Result<(), Failed> {
    let runtime = runtime(args)?;
    if let Some(mask) = args.umask {
        umask(Mode::from_bits_truncate(mask));
    }
    let reading = source.read(registry);
    // Who typed a file's name looks at the terminal: nothing is begun without that file.
    let is_refused = source.is_typed() && reading.diagnostics.has_errors();
    let plan = tell(reading).filter(|_| !is_refused).ok_or(Failed::new(Exit::Config, ""))?;
    check_root(args, root)?;
    let owner = privileges(args).ids()?;
    let log = LogOptions { owner, ..log_options(&plan.settings.log, args) };
    let log_guard = telemetry::init(&log)?;
    // Whatever panics is seen where everything else is.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    raise_descriptors();
    let _pidfile = args.pidfile.as_deref().map(|path| pidfile::Pidfile::write(path, owner)).transpose()?;
    let detached = is_child().then(detach::Child::begin).transpose()?;
    let (limits, reads) = (plan.limits.clone(), source.files());
    let writes = plan.resources.all::<Writes>("files").map(|folder| folder.0.clone()).collect();
    let fixed = fixed(&plan);
    let defender = Arc::new(Defender::new(plan.settings.defender.clone()));
    let own = Own::new(&plan.settings, Arc::clone(&defender), source.config())?;
    own.note(&plan);
    let mut all = own.members().map_err(|error| Failed::new(Exit::Config, error.chain()))?;
    all.extend(members(plan).map_err(|error| Failed::new(Exit::Config, error.chain()))?);
    let result = Application::new(all)
        .defender(defender)
        .limits(limits)
        .privileges(privileges(args))
        .reads(reads)
        .writes(writes)
        .runtime(runtime, args.threads.map(usize::from))
        .rebuild(rebuild(registry.clone(), source, fixed, own, log_guard.reopen()))
        .on_ready(move || match detached {
            Some(child) => child.ready(),
            None => greet(),
        })
        .run();
    if let (Err(error), Destination::File { .. }) = (&result, &log.to) {
        tracing::error!(error = %error.chain(), "cannot run");
    }
    Ok(result?)
}

/// Reads all again, for a reload. The log's file is opened again whatever comes of that, as who moved it away asks for no more.
fn rebuild(registry: Registry, source: Source, started_with: String, own: Own, log: Reopen) -> Rebuild {
    Box::new(move || {
        log.ask();
        let Reading { plan, diagnostics, .. } = source.read(&registry);
        let plan = plan.ok_or_else(|| Error::local(lines(&diagnostics).join("; ")))?;
        let changed = fixed(&plan) != started_with;
        let (defender, options) = (Arc::clone(&own.defender), plan.settings.defender.clone());
        own.note(&plan);
        let mut all = own.members()?;
        all.extend(members(plan)?);
        if changed {
            tracing::warn!("[log], `store` and `drain` stay as they were: a change of them needs a restart");
        }
        Ok(Rebuilt { members: all, then: Box::new(move || defender.configure(options)) })
    })
}

/// What was found, each thing in a line with its place: errors first.
pub(crate) fn lines(diagnostics: &Diagnostics) -> Vec<String> {
    let line = |Record { file, line, column, severity, message, .. }: Record| {
        let place = if line == 0 { String::new() } else { format!("{file}:{line}:{column}: ") };
        let severity = if severity == Severity::Warning { "warning: " } else { "" };
        format!("{place}{severity}{message}")
    };
    let mut records = diagnostics.records();
    records.sort_by_key(|record| record.severity);
    records.into_iter().map(line).collect()
}

/// What no reload changes.
fn fixed(plan: &Plan<Settings>) -> String {
    let Settings { log, store, .. } = &plan.settings;
    format!("{log:?} {:?} {store:?}", plan.limits.drain)
}

/// What the process has for itself, over all reloads.
struct Own {
    defender: Arc<Defender>,
    #[cfg(feature = "store")]
    kept: Option<Kept>,
}

/// What is in the store.
#[cfg(feature = "store")]
struct Kept {
    dir: PathBuf,
    bans: Arc<control::Bans>,
    zones: Arc<control::Served>,
    config: Option<PathBuf>,
}

impl Own {
    #[cfg(feature = "store")]
    fn new(settings: &Settings, defender: Arc<Defender>, config: Option<PathBuf>) -> Result<Self> {
        let Some(dir) = settings.store.clone() else { return Ok(Self { defender, kept: None }) };
        let bans = control::Bans::new(Arc::clone(&defender), Store::open(&dir, Arc::default())?);
        Ok(Self { defender, kept: Some(Kept { dir, bans: Arc::new(bans), zones: Arc::default(), config }) })
    }

    #[cfg(not(feature = "store"))]
    fn new(settings: &Settings, defender: Arc<Defender>, _: Option<PathBuf>) -> Result<Self> {
        match &settings.store {
            Some(_) => Err(Error::local("`store` needs a build with stores")),
            None => Ok(Self { defender }),
        }
    }

    /// Takes note of what is to be served, for those who ask.
    fn note(&self, plan: &Plan<Settings>) {
        #[cfg(feature = "store")]
        if let Some(kept) = &self.kept {
            kept.zones.note(&plan.resources);
        }
        #[cfg(not(feature = "store"))]
        let _ = plan;
    }

    /// Its services, first so that bans count and orders are taken while others start.
    #[cfg(feature = "store")]
    fn members(&self) -> Result<Vec<app::Member>> {
        let Some(Kept { dir, bans, zones, config }) = &self.kept else { return Ok(Vec::new()) };
        let control = control::member(dir, Arc::clone(bans), Arc::clone(zones), config.clone())?;
        Ok(vec![control::keeper(Arc::clone(bans)), control])
    }

    #[cfg(not(feature = "store"))]
    fn members(&self) -> Result<Vec<app::Member>> {
        Ok(Vec::new())
    }
}

/// Prints what was found; gives the plan, if it can be used.
pub(crate) fn tell<T>(reading: Reading<T>) -> Option<Plan<T>> {
    if !reading.diagnostics.is_empty() {
        eprint!("{}", reading.diagnostics.render(colour()));
    }
    reading.plan
}

/// Whether standard error is to be coloured.
pub(crate) fn colour() -> bool {
    let asked = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    !asked("NO_COLOR") && (asked("CLICOLOR_FORCE") || std::io::stderr().is_terminal())
}

/// The members of the application: the admin endpoint first, so that health can be asked while others start.
pub(crate) fn members(plan: Plan<Settings>) -> Result<Vec<app::Member>> {
    if plan.members.is_empty() {
        return Err(Error::local("the configuration has no [[service]]"));
    }
    let mut members = Vec::new();
    #[cfg(feature = "http")]
    if let Some(endpoint) = &plan.settings.admin {
        if plan.members.iter().any(|member| member.name == crate::admin::NAME) {
            return Err(Error::local("no service can be named `admin` beside [admin]"));
        }
        members.push(crate::admin::member(endpoint.clone()));
    }
    #[cfg(not(feature = "http"))]
    if plan.settings.admin.is_some() {
        return Err(Error::local("[admin] needs a build with HTTP"));
    }
    members.extend(plan.members.into_iter().map(app::Member::from));
    Ok(members)
}

fn runtime(args: &ProcessArgs) -> Result<Runtime, Failed> {
    match (args.runtime, args.threads) {
        (Some(RuntimeKind::CurrentThread), Some(_)) => {
            Err(Failed::new(Exit::Usage, "--threads is for --runtime multi-thread"))
        }
        (Some(RuntimeKind::CurrentThread), None) => Ok(Runtime::CurrentThread),
        _ => Ok(Runtime::MultiThread),
    }
}

fn privileges(args: &ProcessArgs) -> Privileges {
    Privileges {
        uid: args.uid.clone(),
        gid: args.gid.clone(),
        chroot: args.chroot.clone(),
        rundir: args.rundir.clone(),
    }
}

fn log_options(configured: &LogOptions, args: &ProcessArgs) -> LogOptions {
    let mut options = configured.clone();
    if let Some(level) = &args.log_level {
        options.level.clone_from(level);
    }
    match args.log_format {
        Some(LogFormat::Json) => options.format = Format::Json,
        Some(LogFormat::Text) => options.format = Format::Text,
        None => {}
    }
    let file = |path: &Path| Destination::File {
        path: absolute(path).unwrap_or_else(|_| path.to_owned()),
        rotation: Rotation::Never,
        keep: 1,
    };
    match &args.log_file {
        Some(path) => options.to = file(path),
        // Standard error of a detached process is nowhere.
        None if args.detach && matches!(options.to, Destination::Stderr) => {
            options.to = file(&working_folder(args).join("ropewalk.log"));
        }
        None => {}
    }
    options
}

/// Where the process will work, as seen before the root of the file system changes.
fn working_folder(args: &ProcessArgs) -> PathBuf {
    let rundir = args.rundir.as_deref();
    match &args.chroot {
        Some(root) => rundir.map_or(root.clone(), |dir| root.join(dir.strip_prefix("/").unwrap_or(dir))),
        None => rundir.unwrap_or(Path::new(".")).to_owned(),
    }
}

/// Serving as root needs to be asked for, or is at least worth a line.
fn check_root(args: &ProcessArgs, root: Root) -> Result<(), Failed> {
    let stays = args.uid.as_deref().is_none_or(|user| user == "root" || user == "0");
    if !nix::unistd::geteuid().is_root() || !stays || args.allow_root {
        return Ok(());
    }
    if root == Root::Refused {
        let message = "will not serve as root: give --uid USER, or --allow-root";
        return Err(Failed::new(Exit::Permission, message));
    }
    eprintln!("warning: serving as root; --uid USER gives that up once ports are bound");
    Ok(())
}
