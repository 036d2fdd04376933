use std::path::{Path, PathBuf};

use clap::Args;
use ropewalk_dns::wire::Name;
use ropewalk_dns::zone::text::{Problem, Reading, Severity};
use ropewalk_dns::zone::{Zone, load};
use serde_json::{Value, json};

use crate::exit::Exit;

/// `ropewalk zone check`.
#[derive(Args)]
pub(super) struct CheckArgs {
    /// A zone, as text (RFC 1035). Its name is that of its SOA record, if none is given.
    #[arg(required = true, value_name = "FILE|NAME=FILE", value_parser = source)]
    zones: Vec<ZoneFile>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// A zone's file, and its name if that was given.
#[derive(Clone, Debug)]
pub(super) struct ZoneFile {
    pub(super) origin: Option<Name>,
    pub(super) path: PathBuf,
}

/// Says all that is wrong.
pub(super) fn run(CheckArgs { zones, json }: &CheckArgs) -> Exit {
    let checked: Vec<_> = zones.iter().map(|zone| (zone, load(&zone.path, zone.origin.as_ref()))).collect();
    if *json {
        let zones: Vec<_> =
            checked.iter().map(|(file, (zone, reading))| record(file, zone.as_ref(), reading)).collect();
        outln!("{:#}", json!({"version": 1, "zones": zones}));
    } else {
        for (file, (zone, reading)) in &checked {
            say(file, zone.as_ref(), reading);
        }
    }
    if checked.iter().all(|(_, (zone, _))| zone.is_some()) { Exit::Ok } else { Exit::Problems }
}

fn say(file: &ZoneFile, zone: Option<&Zone>, reading: &Reading) {
    for problem in &reading.problems {
        eprintln!("{problem}");
    }
    if let Some(zone) = zone {
        let s = |number: u64| if number == 1 { "" } else { "s" };
        let (records, names) = (reading.records, zone.names() as u64);
        outln!(
            "{}: {} serial {}, {records} record{}, {names} name{}",
            file.path.display(),
            zone.origin(),
            zone.serial().unwrap_or_default(),
            s(records),
            s(names),
        );
    }
}

fn record(file: &ZoneFile, zone: Option<&Zone>, reading: &Reading) -> Value {
    let problems = reading.problems.iter().map(|Problem { file, line, column, severity, what }| {
        let severity = if *severity == Severity::Error { "error" } else { "warning" };
        json!({"file": file, "line": line, "column": column, "severity": severity, "what": what})
    });
    json!({
        "file": file.path,
        "origin": zone.map(|zone| zone.origin().to_string()),
        "serial": zone.and_then(Zone::serial),
        "records": reading.records,
        "problems": problems.collect::<Vec<_>>(),
    })
}

/// `FILE` or `NAME=FILE`: what is a file as it stands, is not a name and a file.
pub(super) fn source(text: &str) -> Result<ZoneFile, String> {
    match text.split_once('=').filter(|_| !Path::new(text).exists()) {
        Some((origin, path)) => {
            let origin = origin.parse().map_err(|error| format!("{origin}: {error}"))?;
            Ok(ZoneFile { origin: Some(origin), path: path.into() })
        }
        None => Ok(ZoneFile { origin: None, path: text.into() }),
    }
}
