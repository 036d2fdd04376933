//! Zones that are kept in a store, by themselves or under a server that runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use ropewalk_core::data::zones::{Difference, Zones as _};
use ropewalk_core::{Error, Fault, Result};
use ropewalk_dns::wire::{Name, NameRef, Type};
use ropewalk_dns::zone::{Zone, kept, text};
use ropewalk_store::accounts;
use ropewalk_store::zones::Store;
use serde_json::Value;

use super::{change, check, show};
use crate::commands::fail;
use crate::control::{Order, ask};
use crate::exit::Exit;
use crate::program::program;

/// Which store.
#[derive(Args)]
pub(super) struct StoreArgs {
    /// The folder of the store that zones are kept in, which the server's configuration names by `store`.
    #[arg(long, global = true, value_name = "DIR", default_value = "./ropewalk-data")]
    store: PathBuf,
}

impl StoreArgs {
    pub(super) fn folder(&self) -> &Path {
        &self.store
    }
}

#[derive(Subcommand)]
pub(super) enum StoredCommand {
    /// List the zones of the store, and all that the server serves which runs on it.
    Ls {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the records of a name; of a zone's name, all of the zone.
    Show {
        /// The name.
        name: Name,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a name these records of a type, in the place of those that it has.
    Set(change::SetArgs),
    /// Take records away: all of a name, those of a type, or single ones.
    Del(change::DelArgs),
    /// Keep zones in the store; one that is there becomes what the file says, whose serial must be newer.
    Import {
        /// A zone, as text (RFC 1035). Its name is that of its SOA record, if none is given.
        #[arg(required = true, value_name = "FILE|NAME=FILE", value_parser = check::source)]
        zones: Vec<check::ZoneFile>,
    },
    /// Write a zone as text.
    Export {
        /// The zone.
        zone: Name,
        /// The file, which is replaced; standard output if none is given.
        file: Option<PathBuf>,
    },
    /// Let the server that runs on the store read its zone files again, and say what is wrong with them.
    Reload {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Does what is asked.
pub(super) fn run(StoreArgs { store: dir }: &StoreArgs, command: StoredCommand) -> Exit {
    if let StoredCommand::Reload { json } = command {
        return reload(dir, json);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::local("cannot start").caused_by(error)),
    };
    match runtime.block_on(done(dir, command)) {
        Ok(exit) => exit,
        Err(error) => {
            let exit = fail(&error);
            // Another process has the store locked.
            if error.fault() == Fault::Limit { Exit::TryLater } else { exit }
        }
    }
}

async fn done(dir: &Path, command: StoredCommand) -> Result<Exit> {
    if let StoredCommand::Import { zones } = command {
        drop(accounts::Store::create(dir, Arc::default())?);
        return import(dir, &Store::open(dir)?, &zones).await;
    }
    drop(accounts::Store::open(dir, Arc::default())?);
    let store = Store::open(dir)?;
    match command {
        StoredCommand::Ls { json } => show::list(&store.list().await?, served(dir)?.as_ref(), json),
        StoredCommand::Show { name, json } => {
            let (zone, _) = zone_of(&store, name.view()).await?;
            show::records(&zone, name.view(), json)?;
        }
        StoredCommand::Set(args) => told(dir, &change::set(&store, args).await?),
        StoredCommand::Del(args) => told(dir, &change::del(&store, args).await?),
        StoredCommand::Export { zone, file } => export(&store, &zone, file.as_deref())?,
        StoredCommand::Import { .. } | StoredCommand::Reload { .. } => {}
    }
    Ok(Exit::Ok)
}

/// The zone of the store that a name is in.
pub(super) async fn zone_of(store: &Store, name: NameRef<'_>) -> Result<(Zone, Name)> {
    let found = match find(store, name).await? {
        Some(found) => Some(found),
        None => {
            // A server that has just begun may be about to keep it.
            follow(store.dir());
            find(store, name).await?
        }
    };
    let none = || format!("no zone in the store has {name}: `{} zone import` puts one there", program());
    found.ok_or_else(|| Error::local(elsewhere(store.dir(), name).unwrap_or_else(none)))
}

/// Where the zone comes from that a server runs with and has a name, if not from the store.
fn elsewhere(dir: &Path, name: NameRef<'_>) -> Option<String> {
    let served = served(dir).ok()??;
    let zones = served["zones"].as_array()?.iter();
    let zones = zones.filter_map(|one| Some((one["zone"].as_str()?.parse::<Name>().ok()?, one)));
    let all: Vec<_> = zones.filter(|(origin, _)| name.is_within(origin.view())).collect();
    let (origin, one) = all.iter().max_by_key(|(origin, _)| origin.view().labels().count())?;
    if all.iter().any(|(other, one)| other == origin && one["kept"] == true) {
        return None;
    }
    Some(match one["file"].as_str() {
        Some(file) => format!(
            "{origin} is served from {file}, and not from the store: change it there, or write `keep = true` in its \
             entry of the configuration"
        ),
        None => format!("{origin} is served, and not from the store: it is changed where it comes from"),
    })
}

/// The file that a server begins a kept zone with, if one runs that does.
pub(super) fn begins_with(dir: &Path, origin: &Name) -> Result<Option<String>> {
    let served = served(dir)?.unwrap_or_default();
    let is_it = |one: &&Value| one["zone"] == origin.to_string().as_str() && one["kept"] == true;
    let one = served["zones"].as_array().and_then(|all| all.iter().find(is_it));
    Ok(one.and_then(|one| one["file"].as_str()).map(str::to_owned))
}

async fn find(store: &Store, name: NameRef<'_>) -> Result<Option<(Zone, Name)>> {
    let all = store.list().await?;
    let origins = all.iter().filter_map(|one| kept::origin(&one.origin));
    let within = origins.filter(|origin| name.is_within(origin.view()));
    let Some(origin) = within.max_by_key(|origin| origin.view().labels().count()) else { return Ok(None) };
    let read = kept::read(store, origin.view())?;
    Ok(read.map(|(zone, _)| (zone, origin)))
}

async fn import(dir: &Path, store: &Store, files: &[check::ZoneFile]) -> Result<Exit> {
    let mut zones = Vec::new();
    for file in files {
        let (zone, reading) = ropewalk_dns::zone::load(&file.path, file.origin.as_ref());
        reading.problems.iter().for_each(|problem| eprintln!("{problem}"));
        zones.push(zone);
    }
    // All or none of them can be read.
    let Some(zones) = zones.into_iter().collect::<Option<Vec<Zone>>>() else { return Ok(Exit::Problems) };
    for zone in &zones {
        let difference = kept::import(store, zone).await?;
        told(dir, &Some((zone.origin().to_name(), difference)));
    }
    Ok(Exit::Ok)
}

fn export(store: &Store, origin: &Name, file: Option<&Path>) -> Result<()> {
    let read = kept::read(store, origin.view())?;
    let (zone, _) = read.ok_or_else(|| Error::local(format!("the zone {origin} is not in the store")))?;
    let failed = |error: std::fmt::Error| Error::local("a zone could not be written").caused_by(error);
    let ttl = zone.soa().map_or(3600, |soa| soa.ttl);
    // Its SOA is what a zone begins with, where people read it.
    let (soa, others): (Vec<_>, Vec<_>) = zone.records().partition(|record| record.rtype == Type::SOA);
    let mut out = String::new();
    text::write(soa.into_iter().chain(others), origin.view(), ttl, &mut out).map_err(failed)?;
    match file {
        None => write!(Out, "{out}").map_err(failed),
        Some(path) => replace(path, &out)
            .map_err(|error| Error::local(format!("cannot write {}", path.display())).caused_by(error)),
    }
}

/// A server that looks at the file sees the old one or the new one, whole.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_added_extension("new");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}

/// Standard output, as other commands write to it.
struct Out;

impl std::fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for line in text.lines() {
            outln!("{line}");
        }
        Ok(())
    }
}

/// Says what has changed, and lets the server know that runs on the store, if one does.
fn told(dir: &Path, changed: &Option<(Name, Difference)>) {
    let Some((origin, difference)) = changed else { return };
    if difference.is_empty() {
        return eprintln!("{origin}: nothing is other than it was");
    }
    let soa = usize::from(!difference.removed.is_empty());
    let (removed, added) = (difference.removed.len() - soa, difference.added.len().saturating_sub(1));
    outln!("{origin}: serial {}, {added} added, {removed} removed", difference.to);
    follow(dir);
    if let Some(place) = elsewhere(dir, origin.view()) {
        eprintln!("warning: {place}");
    }
}

/// Lets the server know that runs on the store, if one does. It would see it within a second by itself.
pub(super) fn follow(dir: &Path) {
    match ask(dir, &Order::Follow {}) {
        Ok(_) | Err((Exit::Unavailable, _)) => {}
        Err((_, why)) => eprintln!("warning: the server may take a second to see it: {why}"),
    }
}

/// What the server serves that runs on the store, if one does.
fn served(dir: &Path) -> Result<Option<Value>> {
    match ask(dir, &Order::Zones {}) {
        Ok(answer) => Ok(Some(answer)),
        Err((Exit::Unavailable, _)) => Ok(None),
        Err((_, why)) => Err(Error::local(why)),
    }
}

fn reload(dir: &Path, json: bool) -> Exit {
    let answer = match ask(dir, &Order::Reload {}) {
        Ok(answer) => answer,
        Err((exit, why)) => {
            eprintln!("error: {why}");
            return exit;
        }
    };
    let said = |key| answer[key].as_array().into_iter().flatten().filter_map(Value::as_str);
    match json {
        true => outln!("{answer:#}"),
        false => said("problems").chain(said("warnings")).for_each(|text| eprintln!("{text}")),
    }
    if said("problems").next().is_none() { Exit::Ok } else { Exit::Problems }
}
