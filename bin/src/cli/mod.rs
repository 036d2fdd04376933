//! The command line: what can be typed, and what is done about it.

mod external;
#[cfg(feature = "dns")]
mod names;
mod process;
mod servers;
#[cfg(any(feature = "http", feature = "ftp"))]
mod user;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use ropewalk_core::config::Registry;

use crate::exit::Exit;
use crate::{commands, process as processes};

pub(crate) use process::{LogFormat, ProcessArgs, RuntimeKind};

/// Internet servers of many protocols in one process: one configuration, one set of files, one log.
#[derive(Parser)]
#[command(name = "ropewalk", version, max_term_width = 100)]
#[command(after_help = "Several servers run in one process when `+` stands between them:\n  \
    ropewalk web --port 8080 --path . + echo --listen tcp:8000\n\n\
    An executable ropewalk-NAME on the PATH is run by `ropewalk NAME`.\n\
    Exit codes: 0 ok, 1 failure, 2 usage, 3 a check found problems, 69 unavailable, 75 try later, 77 permission, \
    78 configuration, 130 interrupted.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every server over what is in this folder; what is not there is made.
    #[cfg(feature = "suite")]
    Up(commands::up::UpArgs),
    /// Run every server over temporary data, for a trial.
    #[cfg(feature = "suite")]
    Dev(commands::up::DevArgs),
    /// Run what a configuration file says, in the foreground.
    Run(RunArgs),
    /// Check a configuration file, and say all that is wrong with it at once.
    Check(commands::check::CheckArgs),
    /// Show the configuration in force, its schema, or examples.
    Config(commands::config::ConfigArgs),
    /// List the kinds of services and resources.
    Kinds(commands::kinds::KindsArgs),
    /// Serve a folder over HTTP/1.1 and HTTP/2.
    #[cfg(feature = "http")]
    Web(servers::WebArgs),
    /// Serve a folder over FTP and FTPS.
    #[cfg(feature = "ftp")]
    Ftp(servers::FtpArgs),
    /// Answer questions about names, from zones and hosts files.
    #[cfg(feature = "dns")]
    Dns(names::DnsArgs),
    /// Send back what is sent (RFC 862).
    Echo(servers::EchoArgs),
    /// Fetch something over HTTP or FTP.
    #[cfg(feature = "http")]
    Fetch(Box<commands::fetch::FetchArgs>),
    /// Send a file over FTP or HTTP.
    #[cfg(feature = "http")]
    Put(Box<commands::put::PutArgs>),
    /// Say what is in a directory of a server of FTP or HTTP.
    #[cfg(feature = "http")]
    Ls(Box<commands::ls::LsArgs>),
    /// Ask a name server.
    #[cfg(all(feature = "dns", feature = "http"))]
    Dig(Box<commands::dig::DigArgs>),
    /// Say who can log in: people, their groups, passwords and keys.
    #[cfg(feature = "store")]
    User(commands::user::UserArgs),
    /// Say who is banned from a server that runs; ban and unban.
    #[cfg(feature = "store")]
    Ban(commands::ban::BanArgs),
    /// Say what a server does that runs.
    #[cfg(feature = "store")]
    Status(commands::ban::StatusArgs),
    /// Check zones of DNS; list, show and change those that are kept in a store.
    #[cfg(feature = "dns")]
    Zone(commands::zone::ZoneArgs),
    /// Make certificates for development.
    Cert(commands::cert::CertArgs),
    /// Hash passwords for files of accounts.
    Password(commands::password::PasswordArgs),
    /// Check a server against the RFCs.
    #[cfg(feature = "conform")]
    Conform(commands::conform::ConformArgs),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder.
    Man {
        /// The folder.
        dir: PathBuf,
    },
    /// Print the version.
    Version {
        /// And what it was built with.
        #[arg(long)]
        verbose: bool,
    },
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Where the configuration comes from.
#[derive(Args, Clone)]
pub(crate) struct SourceArgs {
    /// The configuration file; files `conf.d/*.toml` beside it are read after it.
    #[arg(long, short, default_value = "ropewalk.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Override one value, as `section.key=value`; stronger than ROPEWALK__SECTION__KEY.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Args)]
struct RunArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

/// Reads the command line and does what it says.
pub(crate) fn run(registry: &Registry) -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    match parse(&args) {
        Ok(commands) => dispatch(commands, registry).into(),
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            // Nobody is left to be told that the terminal is gone.
            let _ = error.print();
            code.into()
        }
    }
}

/// Each command between `+` signs, the program's name before each. What another program is given is its own.
fn parse(args: &[OsString]) -> Result<Vec<Command>, clap::Error> {
    if let Ok(Cli { command: Command::External(words) }) = Cli::try_parse_from(args)
        && words.first().is_some_and(|name| name != "+")
    {
        return Ok(vec![Command::External(words)]);
    }
    let (name, rest) = args.split_first().map_or((OsString::from("ropewalk"), args), |(n, r)| (n.clone(), r));
    let all: Vec<_> = rest.split(|arg| arg == "+").collect();
    if all.len() > 1 && all.iter().any(|words| words.is_empty()) {
        let says =
            "beside `+` there is nothing: it stands between two servers, as in `web + ftp --anonymous`";
        return Err(Cli::command().error(ErrorKind::MissingSubcommand, says));
    }
    all.into_iter()
        .map(|words| {
            let line = std::iter::once(&name).chain(words);
            Ok(Cli::try_parse_from(line)?.command)
        })
        .collect()
}

fn dispatch(mut all: Vec<Command>, registry: &Registry) -> Exit {
    if all.len() > 1 || all.first().is_some_and(Command::is_server) {
        return servers::run(all, registry);
    }
    let Some(command) = all.pop() else { return Exit::Usage };
    match command {
        Command::Run(RunArgs { source, process }) => {
            let source = processes::Source::file(&source);
            processes::launch(registry, source, &process, processes::Root::Refused, || {})
        }
        #[cfg(feature = "suite")]
        Command::Up(args) => commands::up::up(args, registry),
        #[cfg(feature = "suite")]
        Command::Dev(args) => commands::up::dev(&args, registry),
        Command::Check(args) => commands::check::run(&args, registry),
        Command::Config(args) => commands::config::run(&args, registry),
        Command::Kinds(args) => commands::kinds::run(&args, registry),
        #[cfg(feature = "http")]
        Command::Fetch(args) => commands::fetch::run(&args),
        #[cfg(feature = "http")]
        Command::Put(args) => commands::put::run(&args),
        #[cfg(feature = "http")]
        Command::Ls(args) => commands::ls::run(&args),
        #[cfg(all(feature = "dns", feature = "http"))]
        Command::Dig(args) => commands::dig::run(&args),
        #[cfg(feature = "store")]
        Command::User(args) => commands::user::run(args, registry),
        #[cfg(feature = "store")]
        Command::Ban(args) => commands::ban::run(args),
        #[cfg(feature = "store")]
        Command::Status(args) => commands::ban::status(&args),
        #[cfg(feature = "dns")]
        Command::Zone(args) => commands::zone::run(args),
        Command::Cert(args) => commands::cert::run(&args),
        Command::Password(args) => commands::password::run(&args),
        #[cfg(feature = "conform")]
        Command::Conform(args) => commands::conform::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ropewalk", &mut script);
            out!("{}", String::from_utf8_lossy(&script));
            Exit::Ok
        }
        Command::Man { dir } => commands::man::run(Cli::command(), &dir),
        Command::Version { verbose } => commands::version(verbose),
        Command::External(words) => external::run(&words, &Cli::command()),
        #[cfg(feature = "http")]
        Command::Web(_) => servers::run(vec![command], registry),
        #[cfg(feature = "ftp")]
        Command::Ftp(_) => servers::run(vec![command], registry),
        #[cfg(feature = "dns")]
        Command::Dns(_) => servers::run(vec![command], registry),
        Command::Echo(_) => servers::run(vec![command], registry),
    }
}

impl Command {
    fn is_server(&self) -> bool {
        match self {
            #[cfg(feature = "http")]
            Self::Web(_) => true,
            #[cfg(feature = "ftp")]
            Self::Ftp(_) => true,
            #[cfg(feature = "dns")]
            Self::Dns(_) => true,
            Self::Echo(_) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_hang_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn plus_divides_commands() {
        let line =
            "ropewalk echo --port 1 + echo --port 2".split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(parse(&line).unwrap_or_default().len(), 2);
    }

    #[test]
    fn plus_stands_between_two_servers() {
        for line in ["ropewalk web +", "ropewalk + web", "ropewalk web + + echo", "ropewalk +"] {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            let error = parse(&words).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("it stands between two servers"), "{line}: {error}");
        }
    }

    #[test]
    fn plus_is_no_divider_for_other_programs() {
        let line = ["ropewalk", "other", "a", "+", "echo"].map(OsString::from);
        let all = parse(&line).unwrap_or_default();
        let [Command::External(words)] = all.as_slice() else { panic!("not one external command") };
        assert_eq!(words, &line[1..]);
    }
}
