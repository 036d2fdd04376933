use std::path::{Path, PathBuf};
#[cfg(feature = "store")]
use std::sync::Arc;

#[cfg(feature = "store")]
use ropewalk_core::Result;
use ropewalk_core::config::{Section, Text};
#[cfg(feature = "store")]
use ropewalk_core::data::zones::Zones;
use ropewalk_core::net::Endpoint;
use ropewalk_core::policy::DefenderOptions;
use ropewalk_core::telemetry::{Destination, Format, LogOptions, Rotation, check_level};

/// What the program itself reads from the top of the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) log: LogOptions,
    pub(crate) admin: Option<Endpoint>,
    /// The folder of the store that is this server's own.
    pub(crate) store: Option<PathBuf>,
    pub(crate) defender: Option<DefenderOptions>,
}

/// Reads the program's own sections.
pub(crate) fn read(top: &mut Section<'_>) -> Settings {
    let log = top.table("log", "What is written about events, and where.").map(|mut s| log(&mut s));
    let admin = top.table("admin", "Health and metrics over HTTP.").and_then(|mut s| admin(&mut s));
    let store: Option<PathBuf> = top
        .key(
            "store",
            "Folder of a store: where bans, locks and properties of files and zones that change are kept, and `ropewalk status` and `ban` reach this server.",
        )
        .optional();
    if let Some(dir) = &store {
        top.provide::<Path>(dir.as_path().into());
    }
    #[cfg(feature = "store")]
    if let Some(dir) = &store
        && let Err(error) = own_store(top, dir)
    {
        top.error_in("store", error.chain());
    }
    let defender = top.table("defender", "Bans of peers that offend too often.");
    let defender = defender.map(|mut section| crate::defender::read(&mut section));
    Settings { log: log.unwrap_or_default(), admin, store, defender }
}

/// Looks the store over, and gives its parts for files and for zones to those.
#[cfg(feature = "store")]
fn own_store(top: &Section<'_>, dir: &Path) -> Result<()> {
    let store = ropewalk_store::accounts::Store::open(dir, Arc::default())?;
    if let Some(wide) = store.warning() {
        top.warn_in("store", wide);
    }
    top.provide(Arc::new(ropewalk_store::marks::Store::open(dir)?));
    top.provide::<dyn Zones>(Arc::new(ropewalk_store::zones::Store::open(dir)?));
    Ok(())
}

fn log(section: &mut Section<'_>) -> LogOptions {
    let level: String = section
        .key("level", "`error`, `warn`, `info`, `debug`, `trace` or `off`, and by module after commas.")
        .or("info".into());
    if let Err(error) = check_level(&level) {
        section.error_in("level", error.chain());
    }
    let format = section
        .key("format", "Lines for people or for programs.")
        .word_or(("text", Format::Text), &[("json", Format::Json)]);
    let file: Option<PathBuf> =
        section.key("file", "Where to write; standard error if it is not given.").optional();
    let rotation = section
        .key("rotation", "When a new file is begun.")
        .word_or(("daily", Rotation::Daily), &[("hourly", Rotation::Hourly), ("never", Rotation::Never)]);
    let keep = section.key("keep", "How many files are kept.").or(14);
    let to = file.map_or(Destination::Stderr, |path| Destination::File { path, rotation, keep });
    LogOptions { level, format, to, ..LogOptions::default() }
}

fn admin(section: &mut Section<'_>) -> Option<Endpoint> {
    let listen: Option<Text<Endpoint>> =
        section.key("listen", "Where `/livez`, `/readyz`, `/startupz` and `/metrics` are served.").required();
    listen.map(|Text(endpoint)| endpoint).inspect(|endpoint| section.claim("listen", endpoint))
}
