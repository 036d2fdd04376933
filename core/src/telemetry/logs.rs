use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{FmtSpan, Format as FmtFormat, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt};

use super::Reopen;
use super::rolling::Rolling;
use crate::{Error, Result};

/// How the log is written and what goes into it.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`, `off`), and levels by module after commas:
    /// `info,ropewalk_http=debug`.
    pub level: String,
    /// Lines for people or for programs.
    pub format: Format,
    /// Where they go.
    pub to: Destination,
    /// To which user and group a file belongs that is made for it, by number, where the process will be these: so that it
    /// can be opened again.
    pub owner: (Option<u32>, Option<u32>),
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { level: "info".into(), format: Format::Text, to: Destination::Stderr, owner: (None, None) }
    }
}

/// Lines for people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line an event: time, level, spans, message, fields.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the log goes.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Standard error. Where that is the journal, lines carry the priority and no time of their own.
    Stderr,
    /// A file.
    File {
        /// Its path; a rotated file has the date behind it.
        path: PathBuf,
        /// When a new one is begun.
        rotation: Rotation,
        /// How many rotated files are kept.
        keep: usize,
    },
}

/// When a new log file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Each hour.
    Hourly,
    /// Each day.
    Daily,
    /// Never: one file, appended to.
    Never,
}

/// Keeps the log's writer; dropping it writes what is still waiting.
#[derive(Debug, Default)]
pub struct LogGuard {
    _worker: Option<WorkerGuard>,
    reopen: Reopen,
}

impl LogGuard {
    /// Has the log's file opened again; does nothing where there is none.
    pub fn reopen(&self) -> Reopen {
        self.reopen.clone()
    }
}

/// Starts the log of this process. Keep the guard until the end.
///
/// # Errors
/// If the levels cannot be read, the file cannot be opened, or the log was started before.
pub fn init(options: &LogOptions) -> Result<LogGuard> {
    let targets = Targets::from_str(&options.level)
        .map_err(|e| Error::local(format!("log level {:?} cannot be read", options.level)).caused_by(e))?;
    let (guard, started) = match &options.to {
        Destination::Stderr => {
            let journal = is_journal();
            let colour = !journal && io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            (LogGuard::default(), start(targets, options.format, io::stderr, colour, journal))
        }
        Destination::File { path, rotation, keep } => {
            let (writer, worker, reopen) = open(path, *rotation, *keep, options.owner)?;
            (LogGuard { _worker: Some(worker), reopen }, start(targets, options.format, writer, false, false))
        }
    };
    started.map(|()| guard)
}

fn start<W>(targets: Targets, format: Format, writer: W, colour: bool, journal: bool) -> Result<()>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer).with_ansi(colour).with_span_events(FmtSpan::NONE);
    let layer = match format {
        Format::Json => layer.json().flatten_event(true).with_timer(Utc).boxed(),
        Format::Text if journal => layer.event_format(Journal(FmtFormat::default().without_time())).boxed(),
        Format::Text => layer.with_timer(Utc).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(targets))
        .try_init()
        .map_err(|e| Error::local("the log was started before").caused_by(e))
}

/// Lines wait in memory for the writer's own thread, so that a slow disk does not hold up a server; when too
/// many wait, new ones are dropped.
fn open(
    path: &Path,
    rotation: Rotation,
    keep: usize,
    owner: (Option<u32>, Option<u32>),
) -> Result<(NonBlocking, WorkerGuard, Reopen)> {
    let file = Rolling::open(path, rotation, keep, jiff::Timestamp::now());
    let wrong = |e| Error::local(format!("log file {} cannot be opened", path.display())).caused_by(e);
    let file = file.and_then(|file| file.give(owner).map(|()| file)).map_err(wrong)?;
    let reopen = file.reopen();
    let (writer, worker) = tracing_appender::non_blocking(file);
    Ok((writer, worker, reopen))
}

/// systemd says in JOURNAL_STREAM which device and inode the journal's socket has.
fn is_journal() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Some(stream) = std::env::var_os("JOURNAL_STREAM") else { return false };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|m| stream.to_str() == Some(&format!("{}:{}", m.dev(), m.ino())))
}

/// UTC to the millisecond, as RFC 3339 writes it.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        write!(w, "{:.3}", jiff::Timestamp::now())
    }
}

/// Text behind the priority that the journal reads: `<6>`.
struct Journal(FmtFormat<fmt::format::Full, ()>);

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        cx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(cx, writer, event)
    }
}

/// Whether a level such as `info,ropewalk_http=debug` can be read, for checking a configuration.
///
/// # Errors
/// What is wrong with it.
pub fn check_level(level: &str) -> Result<()> {
    const LEVELS: &str = "error, warn, info, debug, trace or off";
    // A single word would otherwise be a module of which everything is wanted.
    let mut words = level.split(',').map(str::trim).filter(|part| !part.contains('='));
    if let Some(word) = words.find(|word| word.is_empty() || word.parse::<LevelFilter>().is_err()) {
        return Err(Error::local(format!("`{word}` is not a level: {LEVELS}")));
    }
    let parsed = Targets::from_str(level).map(drop);
    parsed.map_err(|e| Error::local(format!("not a level: {LEVELS}")).caused_by(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_no_module_either() {
        for right in ["info", "off", "warn,ropewalk_http=debug", "ropewalk_http=debug", "info, a::b=trace"] {
            assert!(check_level(right).is_ok(), "{right}");
        }
        for wrong in ["", "loud", "info,loud", "info,", "a=loud"] {
            assert!(check_level(wrong).is_err(), "{wrong}");
        }
    }
}
