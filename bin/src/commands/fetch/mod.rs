//! `ropewalk fetch`: the client on the command line.

mod ask;
mod facts;
#[cfg(feature = "ftp")]
mod ftp;
mod part;
mod progress;
mod save;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use ropewalk_core::{Error, Fault};
use ropewalk_http::client::{self, Client, Phase, Proxy};
use ropewalk_http::{Body, HeaderName, HeaderValue, Method, StatusCode, header};

use super::remote::{Reach, is_watched};
use crate::exit::Exit;
pub(super) use ask::{environment, input, open, seconds, user};
use facts::Facts;
pub(super) use facts::{ascii, clean};
pub(super) use progress::Progress;
use save::{Begun, Place};

/// `ropewalk fetch`.
#[derive(Args, Clone, Debug)]
pub(crate) struct FetchArgs {
    /// What to fetch, of http, https, ftp or ftps. A name and password in it say who asks.
    url: String,
    /// Write the content into this file, once it is whole; until then into FILE.part. `-` is standard output.
    #[arg(long, short, value_name = "FILE", group = "place")]
    output: Option<PathBuf>,
    /// Write the content into a file with the last name of the URL.
    #[arg(long, short = 'O', group = "place")]
    remote_name: bool,
    /// Go on with FILE.part, where the server still has the same content; begin anew where not.
    #[arg(long, short = 'C', requires = "place")]
    resume: bool,
    /// Send this header field. May be repeated.
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = ask::field)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// Ask by this method; GET if it is not given, POST if there is something to send.
    #[arg(long, short = 'X', value_name = "METHOD")]
    method: Option<Method>,
    /// Send this text.
    #[arg(long, short, value_name = "TEXT", conflicts_with = "data_file")]
    data: Option<String>,
    /// Send this file; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    data_file: Option<PathBuf>,
    /// Ask for the head only, and print it.
    #[arg(long, short = 'I', conflicts_with_all = ["data", "data_file", "place", "method"])]
    head: bool,
    /// Print what is known of the answer as JSON: status, fields, times, TLS, redirects. The content needs a file.
    #[arg(long)]
    json: bool,
    /// Follow so many redirects.
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_redirects: usize,
    /// Take an answer that redirects for the answer.
    #[arg(long)]
    no_follow: bool,
    /// Follow redirects from https to http.
    #[arg(long)]
    allow_downgrade: bool,
    /// Speak HTTP/1.1 only.
    #[arg(long = "http1.1", conflicts_with = "http2")]
    http1: bool,
    /// Speak HTTP/2 only; without TLS, with prior knowledge.
    #[arg(long)]
    http2: bool,
    /// Do not ask for compressed content.
    #[arg(long)]
    no_compressed: bool,
    /// Keep cookies from one redirect to the next.
    #[arg(long)]
    cookies: bool,
    /// Ask this proxy, whatever `http_proxy`, `https_proxy` and `no_proxy` say; `none` for none.
    #[arg(long, value_name = "HOST:PORT", value_parser = ask::proxy)]
    proxy: Option<ask::ProxyChoice>,
    /// Where the status is an error (400 or more), do not print the content that comes with it either.
    #[arg(long, short, conflicts_with = "any_status")]
    fail: bool,
    /// Take an answer of any status for a success.
    #[arg(long)]
    any_status: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Why there is no file, and how the program ends.
pub(super) struct Stop {
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) phase: Option<&'static str>,
    /// Of the answer, where its head had come.
    facts: Option<Box<Facts>>,
}

impl Stop {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), phase: None, facts: None }
    }
}

impl From<client::Error> for Stop {
    fn from(error: client::Error) -> Self {
        let exit = match (error.phase(), error.fault()) {
            (Phase::Resolve | Phase::Connect, _) => Exit::Unavailable,
            (Phase::Request, _) => Exit::Usage,
            (Phase::Redirect, _) => Exit::Failure,
            (_, Fault::Limit) => Exit::TryLater,
            _ => Exit::Failure,
        };
        Self { phase: Some(error.phase().name()), ..Self::new(exit, error.chain()) }
    }
}

/// Fetches something.
pub(crate) fn run(args: &FetchArgs) -> Exit {
    if args.json && !args.head && args.output.is_none() && !args.remote_name {
        eprintln!("error: with --json the content needs a place: -o FILE, -O, or -I for the head only");
        return Exit::Usage;
    }
    let mut args = args.clone();
    let asked = args.reach.ask(&args.url);
    let args = &args;
    let done = match asked.and_then(|()| super::remote::is_ftp(&args.url)) {
        #[cfg(feature = "ftp")]
        Ok(true) => args.reach.run(ftp::fetch(args)),
        Ok(_) => args.reach.run(fetch(args)),
        Err(stop) => Err(stop),
    };
    done.unwrap_or_else(|stop| {
        if args.json {
            show(&(facts::failed(&args.url, &stop) + "\n"));
        }
        let kept = Place::of(args).ok().and_then(|place| place.kept());
        eprintln!("error: {}{}", clean(&stop.message), kept.unwrap_or_default());
        stop.exit
    })
}

async fn fetch(args: &FetchArgs) -> Result<Exit, Stop> {
    let begun = Instant::now();
    let place = Place::of(args).map_err(|message| Stop::new(Exit::Usage, message))?;
    let client = Client::with(ask::options(args)?);
    let mut part = place.part(args.resume)?;
    if let (None, Some(file)) = (&part, place.whole(args.resume))
        && let Some(mut facts) = complete(args, &client, file).await?
    {
        facts.whole = begun.elapsed();
        if args.json {
            show(&(facts.json(Some(file), None) + "\n"));
        } else if !args.quiet {
            eprintln!("{} is complete", file.display());
        }
        return Ok(Exit::Ok);
    }
    let (answer, out) = loop {
        let request = ask::request(args, part.as_ref()).await?;
        let ranged = request.headers().contains_key(header::RANGE);
        let answer = client.request(request).await?;
        if answer.status() == StatusCode::PARTIAL_CONTENT && !ranged {
            return Err(Stop::new(Exit::Failure, "head: the server sends a part that nobody asked for"));
        }
        match place.begin(&answer, part.take(), !args.any_status)? {
            Begun::Out(out) => break (answer, out),
            // What is there is replaced when the whole comes, and kept where nothing does.
            Begun::Again => {}
        }
    };
    let status = answer.status();
    let failed = status.as_u16() >= 400 && !args.any_status && !out.is_done();
    let mut facts = Facts::of(&answer);
    if args.head && !args.json {
        show(&facts.head());
    }
    facts.kept = out.from();
    let shown = !failed || (!args.fail && out.is_standard());
    let done = if shown && !out.is_done() && !args.head {
        save(args, answer.into_body(), out, &mut facts).await
    } else {
        out.finish(!failed)
    };
    facts.whole = begun.elapsed();
    let file = match done {
        Ok(file) => file,
        Err(stop) => return Err(Stop { facts: Some(Box::new(facts)), ..stop }),
    };
    if args.json {
        show(&(facts.json(file.as_deref(), None) + "\n"));
    }
    if failed {
        let exit = match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Exit::TryLater,
            _ => Exit::Failure,
        };
        let reason = status.canonical_reason().unwrap_or("a status without a name");
        eprintln!("error: the server answers {} {reason}", status.as_u16());
        return Ok(exit);
    }
    Ok(Exit::Ok)
}

/// What the server says of this file, where that has all of it: nothing comes behind its end, and the server's has not changed
/// since it was written.
async fn complete(args: &FetchArgs, client: &Client, file: &Path) -> Result<Option<Facts>, Stop> {
    let found = std::fs::metadata(file).map_err(Error::from)?;
    let Some(request) = ask::behind(args, &found).await? else { return Ok(None) };
    let answer = client.request(request).await?;
    let is_end = answer.status() == StatusCode::RANGE_NOT_SATISFIABLE
        && part::place(answer.headers()) == Some(part::Place { range: None, whole: Some(found.len()) });
    let mut facts = Facts::of(&answer);
    facts.kept = found.len();
    Ok(is_end.then_some(facts))
}

/// Prints to standard output; that nobody reads it is no failure.
fn show(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Writes the content to its place, with its progress on a terminal.
async fn save(
    args: &FetchArgs,
    mut body: Body,
    mut out: save::Out,
    facts: &mut Facts,
) -> Result<Option<PathBuf>, Stop> {
    let begun = Instant::now();
    let seen = is_watched(args.quiet) && !out.is_terminal();
    let mut progress = seen.then(|| Progress::new(out.from(), facts.length));
    loop {
        match body.chunk().await {
            Ok(Some(chunk)) => {
                out.write(&chunk)?;
                facts.octets += chunk.len() as u64;
                if let Some(progress) = &mut progress {
                    progress.add(chunk.len() as u64);
                }
            }
            Ok(None) => break,
            Err(error) => {
                drop(progress);
                let late = error.fault() == Fault::Limit && error.limit_name() != Some("expansion");
                let exit = if late { Exit::TryLater } else { Exit::Failure };
                return Err(Stop { phase: Some(Phase::Body.name()), ..Stop::new(exit, error.chain()) });
            }
        }
    }
    if let Some(progress) = progress {
        progress.end();
    }
    facts.body = Some(begun.elapsed());
    out.finish(true)
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::new(Exit::of(&error), error.chain())
    }
}
