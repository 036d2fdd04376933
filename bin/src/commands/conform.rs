use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use ropewalk_conformance::requirements::coverage;
use ropewalk_conformance::selfcheck::selfcheck;
use ropewalk_conformance::{
    Expectations, Need, Options, Report, Subject, Suite, dns, ftp, http, suite, suites,
};

use tokio::net::TcpListener;

use crate::exit::Exit;

/// `ropewalk conform`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ConformArgs {
    #[command(subcommand)]
    command: Option<ConformCommand>,
    /// The suite: `http`, `webdav`, `ftp`, `dns`, `websocket` or `websocket-client`.
    #[arg(required = true, value_name = "PROTOCOL")]
    suite: Option<String>,
    /// The server to check, such as `127.0.0.1:8080`; for clients, where they connect to.
    #[arg(long, required = true, value_name = "ENDPOINT")]
    against: Option<String>,
    /// Only cases whose id begins so, such as `http/9112/3.2`.
    #[arg(long, value_name = "PREFIX")]
    only: Option<String>,
    /// Write a report: JSON, JUnit (`.xml`) or Markdown (`.md`), by the file's ending. May be repeated.
    #[arg(long, value_name = "FILE", value_parser = report)]
    report: Vec<ReportFile>,
    /// Known failures of this server, as TOML.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// The server does not serve the suite's files: skip the cases that need them.
    #[arg(long)]
    no_fixture: bool,
    /// The server has short time limits (a second or so): run the cases that wait for them.
    #[arg(long)]
    short_timeouts: bool,
    /// The path that is tried, for suites that name one.
    #[arg(long, value_name = "PATH", default_value = "/")]
    path: String,
    /// Who logs in, for suites of a protocol with a login; for dns, the name of a TSIG key and its secret in base64.
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = user)]
    user: Option<(String, String)>,
    /// Where the server of DNS answers over TLS, such as `127.0.0.1:853`: run the cases that need it.
    #[arg(long, value_name = "ENDPOINT")]
    dot: Option<String>,
    /// Where the server of DNS answers over HTTPS, such as `127.0.0.1:443/dns-query`: run the cases that need it.
    #[arg(long, value_name = "ENDPOINT")]
    doh: Option<String>,
    /// Where the server of DNS answers over QUIC, such as `127.0.0.1:853`: run the cases that need it.
    #[arg(long, value_name = "ENDPOINT")]
    doq: Option<String>,
    /// Zones with queries and the answers of known servers, as in `tests/vectors/ferret`: each zone is given to the server
    /// by `--load`, and each query is asked by every transport.
    #[arg(long, value_name = "FILE", requires = "load")]
    vectors: Option<PathBuf>,
    /// The command of the shell that gives a zone to the server, and ends when it is served: its name is in `$ZONE`, its text
    /// in the file `$ZONE_FILE`.
    #[arg(long, value_name = "COMMAND", requires = "vectors")]
    load: Option<String>,
    /// A second account that may do the same, for demands about several people.
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = user)]
    other: Option<(String, String)>,
    /// What the server was given, such as `upload`, `tls` or `active` of ftp: run the cases that need it. What cases are left out for
    /// is told at the end. May be repeated.
    #[arg(long, value_name = "NEED", value_parser = need)]
    given: Vec<Need>,
}

/// Where a report goes, in the form that the file's ending says.
#[derive(Clone)]
struct ReportFile {
    path: PathBuf,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Json,
    JUnit,
    Markdown,
}

#[derive(Subcommand)]
enum ConformCommand {
    /// Write the files that a server must serve to be checked: serve `root/` in this folder by HTTP, `ftp/` by FTP, the
    /// zones of `dns/` by DNS.
    Fixture {
        /// The folder.
        dir: PathBuf,
    },
    /// Prove that each case can fail: run all against broken servers. Takes minutes.
    Selfcheck,
    /// Compare the cases with the demands of the documents.
    Coverage,
}

/// Checks a server against the RFCs; exits with 3 where it does not conform.
pub(crate) fn run(args: &ConformArgs) -> Exit {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            return Exit::Failure;
        }
    };
    let done = match &args.command {
        Some(ConformCommand::Fixture { dir }) => http::fixture::write(dir)
            .and_then(|()| ftp::fixture::write(dir))
            .and_then(|()| dns::fixture::write(dir))
            .map(|()| Exit::Ok)
            .map_err(|error| format!("cannot write the files into {}: {error}", dir.display())),
        Some(ConformCommand::Selfcheck) => {
            Ok(judged(&runtime.block_on(selfcheck()), |it| it.errors().is_empty()))
        }
        Some(ConformCommand::Coverage) => Ok(judged(&coverage(), |it| it.errors().is_empty())),
        None => runtime.block_on(check(args)),
    };
    done.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        Exit::Usage
    })
}

fn judged<T: std::fmt::Display>(result: &T, well: impl Fn(&T) -> bool) -> Exit {
    outln!("{result}");
    if well(result) { Exit::Ok } else { Exit::Problems }
}

async fn check(args: &ConformArgs) -> Result<Exit, String> {
    let name = args.suite.as_deref().unwrap_or_default();
    let suite = suite(name).ok_or_else(|| {
        let known: Vec<_> = suites().iter().map(|suite| suite.name).collect();
        format!("there is no suite `{name}`; known are {}", known.join(", "))
    })?;
    if suite.cases.iter().all(|case| case.needs.contains(&Need::Client)) {
        return Err(format!("the suite `{name}` drives a client: a program that uses the crate runs it"));
    }
    let endpoint = args.against.as_deref().unwrap_or_default();
    let mut subject = if suite.is_for_clients() { clients(endpoint).await? } else { Subject::at(endpoint)? };
    if args.no_fixture {
        subject = subject.without(Need::Fixture);
    }
    if args.short_timeouts {
        subject = subject.with(Need::ShortTimeouts);
    }
    subject = args.given.iter().fold(subject.at_path(&args.path), |subject, need| subject.with(*need));
    if let Some((name, password)) = &args.user {
        subject = subject.user(name, password);
    }
    if let Some((name, password)) = &args.other {
        subject = subject.other(name, password);
    }
    if let Some(endpoint) = &args.dot {
        subject = subject.dot(endpoint)?;
    }
    if let Some(endpoint) = &args.doh {
        subject = subject.doh(endpoint)?;
    }
    if let Some(endpoint) = &args.doq {
        subject = subject.doq(endpoint)?;
    }
    if let (Some(vectors), Some(load)) = (&args.vectors, &args.load) {
        return judge(&read(vectors)?, load, subject).await;
    }
    let mut options = Options::default();
    if let Some(prefix) = &args.only {
        options = options.only(prefix);
    }
    if suite.selected(&options).is_empty() {
        return Err(format!(
            "no case has an id that begins with `{}`",
            args.only.as_deref().unwrap_or_default()
        ));
    }
    let expectations = match &args.expect {
        None => Expectations::none(),
        Some(file) => read(file).and_then(|text| Expectations::parse(&text))?,
    };
    if !suite.is_for_clients()
        && let Err(error) = reach(&subject).await
    {
        eprintln!("error: cannot connect to {endpoint}: {error}");
        return Ok(Exit::Unavailable);
    }
    if let (Some(case), Some((name, _))) = (login(suite.name), &args.user) {
        let why = log_in(&suite, case, &subject).await;
        why.map_err(|why| format!("{name} cannot log in at {endpoint}: {why}"))?;
    }
    let report = suite.run(&subject, &options).await.judged_by(&expectations);
    out!("{}", report.text());
    let lacking = suite.selected(&options).into_iter().filter_map(|case| subject.lacks(case.needs));
    let mut skipped = BTreeMap::new();
    lacking.filter_map(option).for_each(|option| *skipped.entry(option).or_insert(0_usize) += 1);
    for (option, cases) in skipped {
        outln!("  {cases} more with {option}, where that is so");
    }
    for file in &args.report {
        write(&report, file)?;
    }
    Ok(if report.exit_code() == 0 { Exit::Ok } else { Exit::Problems })
}

/// Gives each zone of the vectors to the server, and judges what it answers by each transport.
async fn judge(vectors: &str, load: &str, subject: Subject) -> Result<Exit, String> {
    let vectors = dns::ferret::read(vectors)?;
    let mut server = dns::ferret::Loaded::new(subject, load).map_err(|error| error.to_string())?;
    let judgement = dns::ferret::judge(&vectors, &mut server).await;
    outln!("{judgement}");
    let sameness = dns::everywhere::compare(&vectors, &mut server).await;
    outln!("{sameness}");
    let well = judgement.differences.is_empty() && sameness.differences.is_empty();
    Ok(if well { Exit::Ok } else { Exit::Problems })
}

/// The case of this suite that logs in, where there is one.
fn login(suite: &str) -> Option<&'static str> {
    match suite {
        "ftp" => Some("ftp/959/4.1.1/pass"),
        "dns" => Some("dns/8945/5.3/signed-tcp"),
        _ => None,
    }
}

/// Whether the account logs in: without it, almost every case would fail.
async fn log_in(suite: &Suite, case: &str, subject: &Subject) -> Result<(), String> {
    let report = suite.run(subject, &Options::default().only(case)).await;
    match report.rows().iter().find(|row| row.failed()) {
        Some(row) => Err(row.actual.clone().unwrap_or_default()),
        None => Ok(()),
    }
}

/// What on the command line says that a need is met.
fn option(need: Need) -> Option<String> {
    match need {
        Need::Account => Some("--user NAME:PASSWORD".into()),
        Need::ShortTimeouts => Some("--short-timeouts".into()),
        Need::Dot => Some("--dot ENDPOINT".into()),
        Need::Doh => Some("--doh ENDPOINT".into()),
        Need::Doq => Some("--doq ENDPOINT".into()),
        Need::Fixture | Need::Client => None,
        need => Some(format!("--given {need}")),
    }
}

/// The clients that connect to this address.
async fn clients(endpoint: &str) -> Result<Subject, String> {
    let listener =
        TcpListener::bind(endpoint).await.map_err(|error| format!("cannot listen at {endpoint}: {error}"))?;
    Ok(Subject::connecting(endpoint, listener))
}

/// How long a server may take to accept the first connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether anybody is there: without, every case would fail.
async fn reach(subject: &Subject) -> std::io::Result<()> {
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    tokio::time::timeout(PATIENCE, subject.reach()).await.map_err(late)?
}

fn report(file: &str) -> Result<ReportFile, String> {
    let path = PathBuf::from(file);
    let form = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Form::Json,
        Some("xml") => Form::JUnit,
        Some("md") => Form::Markdown,
        _ => return Err("a report is .json, .xml or .md".into()),
    };
    Ok(ReportFile { path, form })
}

fn user(text: &str) -> Result<(String, String), String> {
    let (name, password) = text.split_once(':').ok_or("a name and a password are NAME:PASSWORD")?;
    Ok((name.into(), password.into()))
}

fn need(name: &str) -> Result<Need, String> {
    Need::OF_SERVERS.iter().copied().find(|need| need.to_string() == name).ok_or_else(|| {
        let known: Vec<_> = Need::OF_SERVERS.iter().map(Need::to_string).collect();
        format!("known are {}", known.join(", "))
    })
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

fn write(report: &Report, ReportFile { path, form }: &ReportFile) -> Result<(), String> {
    let text = match form {
        Form::Json => report.json().map_err(|error| error.to_string())?,
        Form::JUnit => report.junit(),
        Form::Markdown => report.markdown(),
    };
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
