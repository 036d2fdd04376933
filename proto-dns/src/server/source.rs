//! Where zones come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Partner;
use super::secondary::Secondary;
use crate::wire::Name;
use crate::zone::{Builder, Problem, Zone, hosts, load};

/// A file that zones are read from, or kept in.
#[derive(Clone, Debug)]
pub struct Source(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Zone(PathBuf, Option<Name>),
    Hosts(PathBuf),
    Secondary(PathBuf, Name, Vec<Partner>),
}

/// What a source has.
pub(super) struct Loaded {
    pub(super) zones: Vec<Arc<Zone>>,
    /// What is strange and does no harm.
    pub(super) warnings: Vec<String>,
}

impl Source {
    /// A zone as text, at this name or at that of its SOA record.
    pub fn zone(file: impl Into<PathBuf>, origin: Option<Name>) -> Self {
        Self(Kind::Zone(file.into(), origin))
    }

    /// Addresses and names, as in /etc/hosts.
    pub fn hosts(file: impl Into<PathBuf>) -> Self {
        Self(Kind::Hosts(file.into()))
    }

    /// The zone of this name that other servers are the primary of, kept in this file.
    pub fn secondary(file: impl Into<PathBuf>, origin: Name, primaries: Vec<Partner>) -> Self {
        Self(Kind::Secondary(file.into(), origin, primaries))
    }

    /// The zone of other servers that this is, and what is known of it; else itself. Blocks.
    pub(super) fn fetched(self) -> Result<(Secondary, Option<Arc<Zone>>), Self> {
        match self.0 {
            Kind::Secondary(file, origin, primaries) => Ok(Secondary::load(origin, file, primaries)),
            kind => Err(Self(kind)),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Kind::Zone(path, _) | Kind::Hosts(path) | Kind::Secondary(path, ..) => path,
        }
    }

    /// Reads it; `files` are then all that were read.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn load(&self, files: &mut Vec<PathBuf>) -> Result<Loaded, Vec<String>> {
        match &self.0 {
            Kind::Zone(path, origin) => zone(path, origin.as_ref(), files),
            Kind::Hosts(path) => hosts(path),
            // It is read by who fetches it.
            Kind::Secondary(..) => Ok(Loaded { zones: Vec::new(), warnings: Vec::new() }),
        }
    }
}

fn zone(path: &Path, origin: Option<&Name>, files: &mut Vec<PathBuf>) -> Result<Loaded, Vec<String>> {
    let (zone, reading) = load(path, origin);
    files.clone_from(&reading.files);
    let said = reading.problems.iter().map(ToString::to_string).collect();
    match zone {
        Some(zone) => Ok(Loaded { zones: vec![Arc::new(zone)], warnings: said }),
        None => Err(said),
    }
}

/// The zones of all names in a hosts file, and of their addresses.
fn hosts(path: &Path) -> Result<Loaded, Vec<String>> {
    let (hosts, reading) = hosts::read_file(path);
    let said = reading.problems.iter().map(ToString::to_string).collect();
    if reading.failed() {
        return Err(said);
    }
    let (mut zones, mut wrong, mut warnings) = (Vec::new(), Vec::new(), said);
    for (name, records) in hosts {
        let mut builder = Builder::new(name.view());
        records.iter().for_each(|record| builder.add(&record.view()));
        let tell = |problem: &Problem| format!("{}: {problem}", path.display());
        match builder.finish() {
            Ok((zone, more)) => {
                zones.push(Arc::new(zone));
                warnings.extend(more.iter().map(tell));
            }
            Err(problems) => wrong.extend(problems.iter().map(tell)),
        }
    }
    if wrong.is_empty() { Ok(Loaded { zones, warnings }) } else { Err(wrong) }
}
