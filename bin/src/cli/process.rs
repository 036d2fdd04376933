use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ropewalk_core::telemetry::check_level;

/// How the process runs.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Process")]
pub(crate) struct ProcessArgs {
    /// Go into the background; returns when all services are ready, and prints the process id. The log goes to
    /// `ropewalk.log` in the working folder if nothing says otherwise.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Write the process id into this file, and remove it at the end.
    #[arg(long, value_name = "FILE")]
    pub(crate) pidfile: Option<PathBuf>,
    /// Write the log into this file instead of standard error.
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
    /// What goes into the log: `error`, `warn`, `info`, `debug`, `trace`, `off`, and by module after commas.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub(crate) log_level: Option<String>,
    /// How the log is written.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Work in this folder. Other paths on the command line are relative to where it was typed.
    #[arg(long, value_name = "DIR")]
    pub(crate) rundir: Option<PathBuf>,
    /// Take these permissions away from files that are made, in octal.
    #[arg(long, value_name = "MODE", value_parser = octal)]
    pub(crate) umask: Option<u32>,
    /// Give up root for this user, a name or number, once ports are bound and keys are read.
    #[arg(long, value_name = "USER")]
    pub(crate) uid: Option<String>,
    /// Run in this group only, a name or number.
    #[arg(long, value_name = "GROUP")]
    pub(crate) gid: Option<String>,
    /// See this folder as the root of the file system, once ports are bound and keys are read.
    #[arg(long, value_name = "DIR")]
    pub(crate) chroot: Option<PathBuf>,
    /// The runtime that services share.
    #[arg(long, value_name = "KIND")]
    pub(crate) runtime: Option<RuntimeKind>,
    /// How many threads serve connections; as many as there are processors, if it is not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Serve as root all the same.
    #[arg(long)]
    pub(crate) allow_root: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuntimeKind {
    CurrentThread,
    MultiThread,
}

fn level(text: &str) -> Result<String, String> {
    check_level(text).map(|()| text.to_owned()).map_err(|error| error.chain())
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("an octal number of up to three digits, such as 027".into()),
    }
}

impl ProcessArgs {
    /// These options and those of a further command of the same process.
    ///
    /// # Errors
    /// The name of an option that both give.
    pub(crate) fn merge(self, other: Self) -> Result<Self, &'static str> {
        fn one<T>(a: Option<T>, b: Option<T>, name: &'static str) -> Result<Option<T>, &'static str> {
            if a.is_some() && b.is_some() { Err(name) } else { Ok(a.or(b)) }
        }
        Ok(Self {
            detach: self.detach || other.detach,
            pidfile: one(self.pidfile, other.pidfile, "--pidfile")?,
            log_file: one(self.log_file, other.log_file, "--log-file")?,
            log_level: one(self.log_level, other.log_level, "--log-level")?,
            log_format: one(self.log_format, other.log_format, "--log-format")?,
            rundir: one(self.rundir, other.rundir, "--rundir")?,
            umask: one(self.umask, other.umask, "--umask")?,
            uid: one(self.uid, other.uid, "--uid")?,
            gid: one(self.gid, other.gid, "--gid")?,
            chroot: one(self.chroot, other.chroot, "--chroot")?,
            runtime: one(self.runtime, other.runtime, "--runtime")?,
            threads: one(self.threads, other.threads, "--threads")?,
            allow_root: self.allow_root || other.allow_root,
        })
    }
}
