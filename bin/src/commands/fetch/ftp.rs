//! What is fetched over FTP.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use ropewalk_core::data::files::Time;
use ropewalk_ftp::client::{Client, Error, Url};
use ropewalk_http::HeaderValue;
use serde_json::json;

use super::facts::{ascii, seconds, tls};
use super::save::{Out, Place};
use super::{FetchArgs, Progress, Stop, is_watched, show};
use crate::exit::Exit;
use crate::program::program;

/// What the server says of the file, as far as it says it.
struct Known {
    size: Option<u64>,
    changed: Option<Time>,
}

/// What came of it.
struct Facts {
    octets: u64,
    kept: u64,
    body: Option<Duration>,
}

pub(super) async fn fetch(args: &FetchArgs) -> Result<Exit, Stop> {
    let begun = Instant::now();
    let url: Url = args.url.parse()?;
    if let Some(option) = foreign(args) {
        return Err(Stop::new(Exit::Usage, format!("{option} means nothing over FTP")));
    }
    if url.name().is_none() {
        let why = format!("the URL names a directory: `{} ls` lists it", program());
        return Err(Stop::new(Exit::Usage, why));
    }
    let place = Place::of(args).map_err(|message| Stop::new(Exit::Usage, message))?;
    let mut client = args.reach.ftp(&url).await?;
    let known =
        Known { size: maybe(client.size(&url.path).await)?, changed: maybe(client.mdtm(&url.path).await)? };
    let mut facts = Facts { octets: 0, kept: 0, body: None };
    let file = save(args, &url, &place, &mut client, &known, &mut facts).await?;
    if args.json {
        show(&(told(&url, &client, &facts, begun.elapsed(), file.as_deref()) + "\n"));
    }
    // What was wanted is here.
    if let Err(error) = client.quit().await {
        tracing::debug!(?error, "quit");
    }
    Ok(Exit::Ok)
}

/// An option that was given and is for HTTP.
fn foreign(args: &FetchArgs) -> Option<&'static str> {
    let given = [
        ("--header", !args.header.is_empty()),
        ("--method", args.method.is_some()),
        ("--data", args.data.is_some()),
        ("--data-file", args.data_file.is_some()),
        ("--head", args.head),
        ("--http1.1", args.http1),
        ("--http2", args.http2),
        ("--cookies", args.cookies),
        ("--proxy", args.proxy.is_some()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
}

/// What a server need not know.
fn maybe<T>(asked: Result<T, Error>) -> Result<Option<T>, Error> {
    match asked {
        Ok(answer) => Ok(Some(answer)),
        // 550 is about the file: the transfer will say so too, if that is the matter.
        Err(error) if matches!(error.code(), Some(500..600)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn save(
    args: &FetchArgs,
    url: &Url,
    place: &Place,
    client: &mut Client,
    known: &Known,
    facts: &mut Facts,
) -> Result<Option<PathBuf>, Stop> {
    let validator = known.validator();
    let part = place.part(args.resume)?;
    if let (None, Some(file)) = (&part, place.whole(args.resume))
        && known.is_in(file)
    {
        facts.kept = known.size.unwrap_or_default();
        if !args.quiet && !args.json {
            eprintln!("{} is complete", file.display());
        }
        return Ok(Some(file.to_owned()));
    }
    let same = |octets: u64| client.has("REST STREAM") && known.size.is_some_and(|size| octets <= size);
    let part = part.filter(|part| Some(&part.validator) == validator.as_ref() && same(part.octets));
    let from = part.map_or(0, |part| part.octets);
    facts.kept = from;
    // The server is asked first: where it has no such file, what is there stays.
    let mut download = client.retrieve(&url.path, from).await?;
    let mut out: Out = place.open(from, validator.as_ref())?;
    let begun = Instant::now();
    let seen = is_watched(args.quiet) && !out.is_terminal();
    let mut progress = seen.then(|| Progress::new(from, known.size.map(|size| size.saturating_sub(from))));
    while let Some(chunk) = download.chunk().await? {
        out.write(&chunk)?;
        facts.octets += chunk.len() as u64;
        if let Some(progress) = &mut progress {
            progress.add(chunk.len() as u64);
        }
    }
    if let Some(progress) = progress {
        progress.end();
    }
    facts.body = Some(begun.elapsed());
    match known.size {
        Some(size) if from + facts.octets != size => {
            let says = format!("transfer: {} octets came of {size}", from + facts.octets);
            Err(Stop { phase: Some("transfer"), ..Stop::new(Exit::Failure, says) })
        }
        _ => Ok(out.finish(true)?),
    }
}

impl Known {
    /// What stands for the content: its length and time, where the server says both.
    fn validator(&self) -> Option<HeaderValue> {
        let (size, changed) = (self.size?, self.changed?);
        HeaderValue::from_str(&format!("ftp {size} {}.{:09}", changed.secs(), changed.nanos())).ok()
    }

    /// Whether this file is as long, and not older.
    fn is_in(&self, file: &Path) -> bool {
        let Ok(found) = std::fs::metadata(file) else { return false };
        let changed = self.changed.and_then(Time::to_system);
        let written = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        self.size == Some(found.len()) && changed.is_some_and(|changed| changed <= written)
    }
}

/// All that is known, as JSON of ASCII only.
fn told(url: &Url, client: &Client, facts: &Facts, whole: Duration, file: Option<&Path>) -> String {
    let (info, spent) = (client.info(), client.spent());
    let told = json!({
        "version": 1,
        "url": url.to_string(),
        "status": null,
        "peer": info.map(|info| info.peer.to_string()),
        "tls": info.map(tls),
        "seconds": {
            "resolve": seconds(spent.resolve),
            "connect": seconds(spent.connect),
            "tls": seconds(spent.tls),
            "body": seconds(facts.body),
            "whole": seconds(Some(whole)),
        },
        "octets": facts.octets,
        "resumed_from": facts.kept,
        "file": file.map(|file| file.to_string_lossy()),
        "error": null,
    });
    ascii(&format!("{told:#}"))
}
