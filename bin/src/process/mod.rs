//! From a configuration to a running process.

mod detach;
mod pidfile;

use std::io::IsTerminal as _;
use std::path::Path;

use ropewalk_core::app::{self, Application, Privileges, Rebuild, Runtime};
use ropewalk_core::config::{Document, Plan, Reading, Registry};
use ropewalk_core::telemetry::{self, Destination, Format, LogGuard, LogOptions, Rotation};
use ropewalk_core::{Error, Result};

use crate::cli::{LogFormat, ProcessArgs, RuntimeKind, SourceArgs};
use crate::exit::Exit;
use crate::settings::{self, Settings};

/// Where a process' configuration comes from.
pub(crate) enum Source {
    /// A file, with the environment and `--set` over it; read again by a reload.
    File(SourceArgs),
    /// What a command line stands for.
    Text(String),
}

impl Source {
    /// Reads it, as it is now.
    pub(crate) fn document(&self) -> Document {
        match self {
            Self::File(args) => {
                Document::new().file(&args.config).environment(std::env::vars_os()).set(&args.set)
            }
            Self::Text(text) => {
                let here = std::env::current_dir().unwrap_or_default();
                Document::new().text("the command line", &here, text)
            }
        }
    }
}

/// What is done about being root without `--uid`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Refused,
    Warned,
}

/// Starts what the configuration says and runs it to its end.
pub(crate) fn launch(registry: &Registry, source: Source, args: &ProcessArgs, root: Root) -> Exit {
    if args.detach && !detach::is_child() {
        return detach::spawn();
    }
    match start(registry, source, args, root) {
        Ok(()) => Exit::Ok,
        Err((exit, message)) => {
            if !message.is_empty() {
                eprintln!("error: {message}");
            }
            exit
        }
    }
}

fn failed(error: Error) -> (Exit, String) {
    (Exit::of(&error), error.chain())
}

fn start(registry: &Registry, source: Source, args: &ProcessArgs, root: Root) -> Result<(), (Exit, String)> {
    let reading = source.document().read(registry, settings::read);
    let Some(plan) = tell(reading) else { return Err((Exit::Config, String::new())) };
    if plan.members.is_empty() {
        return Err((Exit::Config, "the configuration has no [[service]]".into()));
    }
    check_root(args, root)?;
    let _log = begin_log(&plan.settings.log, args).map_err(failed)?;
    let _pidfile = args.pidfile.as_deref().map(pidfile::Pidfile::write).transpose().map_err(failed)?;
    let detached = detach::is_child().then(detach::Child::begin).transpose().map_err(failed)?;
    let limits = plan.limits.clone();
    let registry = registry.clone();
    let rebuild: Rebuild = Box::new(move || {
        let Reading { plan, diagnostics, .. } = source.document().read(&registry, settings::read);
        let plan = plan.ok_or_else(|| Error::local(format!("\n{}", diagnostics.render(false))))?;
        members(plan)
    });
    let runtime = match args.runtime {
        Some(RuntimeKind::CurrentThread) => Runtime::CurrentThread,
        _ => Runtime::MultiThread,
    };
    let result = Application::new(members(plan).map_err(failed)?)
        .limits(limits)
        .privileges(privileges(args))
        .runtime(runtime, args.threads.map(usize::from))
        .rebuild(rebuild)
        .on_ready(move || {
            if let Some(child) = detached {
                child.ready();
            }
        })
        .run();
    result.map_err(|error| {
        tracing::error!(error = %error.chain(), "cannot run");
        failed(error)
    })
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
fn members(plan: Plan<Settings>) -> Result<Vec<app::Member>> {
    let mut members = Vec::new();
    #[cfg(feature = "http")]
    if let Some(endpoint) = &plan.settings.admin {
        members.push(crate::admin::member(endpoint.clone()));
    }
    #[cfg(not(feature = "http"))]
    if plan.settings.admin.is_some() {
        return Err(Error::local("[admin] needs a build with HTTP"));
    }
    members.extend(plan.members.into_iter().map(app::Member::from));
    Ok(members)
}

fn privileges(args: &ProcessArgs) -> Privileges {
    Privileges {
        uid: args.uid.clone(),
        gid: args.gid.clone(),
        chroot: args.chroot.clone(),
        umask: args.umask,
        rundir: args.rundir.clone(),
    }
}

fn begin_log(options: &LogOptions, args: &ProcessArgs) -> Result<LogGuard> {
    let mut options = options.clone();
    if let Some(level) = &args.log_level {
        options.level.clone_from(level);
    }
    match args.log_format {
        Some(LogFormat::Json) => options.format = Format::Json,
        Some(LogFormat::Text) => options.format = Format::Text,
        None => {}
    }
    let file = |path: &Path| Destination::File { path: path.into(), rotation: Rotation::Never, keep: 1 };
    match &args.log_file {
        Some(path) => options.to = file(path),
        // Standard error of a detached process is nowhere.
        None if args.detach && matches!(options.to, Destination::Stderr) => {
            let folder = args.rundir.as_deref().unwrap_or(Path::new("."));
            options.to = file(&folder.join("ropewalk.log"));
        }
        None => {}
    }
    telemetry::init(&options)
}

/// Serving as root needs to be asked for, or is at least worth a line.
fn check_root(args: &ProcessArgs, root: Root) -> Result<(), (Exit, String)> {
    let stays = args.uid.as_deref().is_none_or(|user| user == "root" || user == "0");
    if !nix::unistd::geteuid().is_root() || !stays || args.allow_root {
        return Ok(());
    }
    if root == Root::Refused {
        return Err((Exit::Permission, "will not serve as root: give --uid USER, or --allow-root".into()));
    }
    if !detach::is_child() {
        eprintln!("warning: serving as root; --uid USER gives that up once ports are bound");
    }
    Ok(())
}
