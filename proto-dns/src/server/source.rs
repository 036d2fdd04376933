//! Where zones come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::derived::{Derive, Derived};
use super::secondary::Secondary;
use super::{Partner, Sign};
use crate::wire::{Name, NameRef};
use crate::zone::{Builder, Problem, Zone, hosts, load, load_as_is, name_in};

/// A file that zones are read from, or kept in.
#[derive(Clone, Debug)]
pub struct Source {
    kind: Kind,
    is_kept: bool,
    derive: Option<Arc<Derive>>,
    sign: Option<Arc<Sign>>,
}

#[derive(Clone, Debug)]
enum Kind {
    Zone(PathBuf, Option<Name>),
    Hosts(PathBuf),
    Stored(Name),
    Made(Name, Arc<Derive>),
    Secondary(PathBuf, Name, Vec<Partner>),
}

/// What tells files and how they are read from others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id {
    path: PathBuf,
    origin: Option<Name>,
    is_hosts: bool,
}

/// What a source has.
pub(super) struct Loaded {
    pub(super) zones: Vec<Arc<Zone>>,
    /// What is strange and does no harm.
    pub(super) warnings: Vec<String>,
}

/// A source that nothing can be served of.
#[derive(Debug)]
pub(super) struct Broken {
    /// All that is wrong with it.
    pub(super) problems: Vec<String>,
    /// The names of its zones, as far as they are known nevertheless.
    pub(super) origins: Vec<Name>,
}

impl Source {
    /// A zone as text, at this name or at that of its SOA record.
    pub fn zone(file: impl Into<PathBuf>, origin: Option<Name>) -> Self {
        Self::of(Kind::Zone(file.into(), origin))
    }

    /// Addresses and names, as in /etc/hosts.
    pub fn hosts(file: impl Into<PathBuf>) -> Self {
        Self::of(Kind::Hosts(file.into()))
    }

    /// A zone that is in the store, and nowhere else.
    pub fn stored(origin: Name) -> Self {
        Self::of(Kind::Stored(origin)).kept()
    }

    /// This source, whose zone is kept in the store: the file is what it was first, and what it is where the file is newer.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { is_kept: true, ..self }
    }

    /// A zone that has nothing but what is made for it.
    pub fn made(origin: Name, how: Derive) -> Self {
        let how = Arc::new(how);
        Self { derive: Some(Arc::clone(&how)), ..Self::of(Kind::Made(origin, how)) }
    }

    /// This source, with what is made for its zone besides.
    #[must_use]
    pub fn derived(self, how: Derive) -> Self {
        Self { derive: Some(Arc::new(how)), ..self }
    }

    /// This source, whose zone is signed before it is served.
    #[must_use]
    pub fn signed(self, how: Sign) -> Self {
        Self { sign: Some(Arc::new(how)), ..self }
    }

    /// How its zone is signed, if it is signed here.
    pub(super) fn signs(&self) -> Option<&Sign> {
        self.sign.as_deref()
    }

    /// Whether another has the same zone, however it is signed.
    pub(super) fn has_zone_of(&self, other: &Self) -> bool {
        let place = |one: &Self| match &one.kind {
            Kind::Zone(path, origin) => Some((Some(path.clone()), origin.clone())),
            Kind::Stored(origin) | Kind::Made(origin, _) => Some((None, Some(origin.clone()))),
            Kind::Hosts(_) | Kind::Secondary(..) => None,
        };
        let is_same = self.is_kept == other.is_kept && self.derive == other.derive;
        is_same && place(self).is_some_and(|this| Some(this) == place(other))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, is_kept: false, derive: None, sign: None }
    }

    /// What is made for its zone.
    pub(super) fn derives(&self) -> Option<Derived> {
        self.derive.clone().map(Derived::new)
    }

    /// Whether its zone is kept in the store.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// What tells what it reads from what others read, if it reads files.
    pub(super) fn id(&self) -> Option<Id> {
        match &self.kind {
            Kind::Zone(path, origin) => {
                Some(Id { path: path.clone(), origin: origin.clone(), is_hosts: false })
            }
            Kind::Hosts(path) => Some(Id { path: path.clone(), origin: None, is_hosts: true }),
            Kind::Stored(_) | Kind::Made(..) | Kind::Secondary(..) => None,
        }
    }

    /// Whether it is a hosts file, whose zones come and go.
    pub(super) fn is_hosts(&self) -> bool {
        matches!(self.kind, Kind::Hosts(_))
    }

    /// The name of the zone that is in the store alone.
    pub(super) fn name(&self) -> Option<&Name> {
        match &self.kind {
            Kind::Stored(origin) => Some(origin),
            _ => None,
        }
    }

    /// The name of its zone, where that is not what a file says.
    pub(super) fn given(&self) -> Option<&Name> {
        match &self.kind {
            Kind::Zone(_, origin) => origin.as_ref(),
            Kind::Stored(origin) | Kind::Made(origin, _) | Kind::Secondary(_, origin, _) => Some(origin),
            Kind::Hosts(_) => None,
        }
    }

    /// Why nothing can be made for the zone at `origin`, whatever is in it.
    pub(super) fn misplaced(&self, origin: NameRef<'_>) -> Option<String> {
        self.derive.as_ref()?.misplaced(origin)
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Zone(path, _) | Kind::Hosts(path) => Some(path),
            Kind::Stored(_) | Kind::Made(..) => None,
            Kind::Secondary(path, ..) => Some(path),
        }
    }

    /// The zone of this name that other servers are the primary of, kept in this file.
    pub fn secondary(file: impl Into<PathBuf>, origin: Name, primaries: Vec<Partner>) -> Self {
        Self::of(Kind::Secondary(file.into(), origin, primaries))
    }

    /// The zone of other servers that this is, and what is known of it; else itself. Blocks.
    pub(super) fn fetched(self) -> Result<(Secondary, Option<Arc<Zone>>), Self> {
        match self.kind {
            Kind::Secondary(file, origin, primaries) => Ok(Secondary::load(origin, file, primaries)),
            kind => Err(Self { kind, ..self }),
        }
    }

    /// Reads it; `files` are then all that were read.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn load(&self, files: &mut Vec<PathBuf>) -> Result<Loaded, Broken> {
        match &self.kind {
            Kind::Zone(path, origin) => zone(path, origin.as_ref(), self.derive.is_some(), files),
            Kind::Hosts(path) => hosts(path),
            Kind::Made(origin, how) => made(origin, how),
            // They are read by who keeps them.
            Kind::Stored(_) | Kind::Secondary(..) => Ok(Loaded { zones: Vec::new(), warnings: Vec::new() }),
        }
    }
}

fn zone(
    path: &Path,
    origin: Option<&Name>,
    derives: bool,
    files: &mut Vec<PathBuf>,
) -> Result<Loaded, Broken> {
    let (zone, reading) = if derives { load_as_is(path, origin) } else { load(path, origin) };
    files.clone_from(&reading.files);
    let said = reading.problems.iter().map(ToString::to_string).collect();
    match zone {
        Some(zone) => Ok(Loaded { zones: vec![Arc::new(zone)], warnings: said }),
        None => {
            let origin = origin.cloned().or_else(|| name_in(path));
            Err(Broken { problems: said, origins: origin.into_iter().collect() })
        }
    }
}

/// A zone of which all is made.
fn made(origin: &Name, how: &Derive) -> Result<Loaded, Broken> {
    let broken = |problems: Vec<Problem>| Broken {
        problems: problems.iter().map(ToString::to_string).collect(),
        origins: vec![origin.clone()],
    };
    let (zone, _) = Zone::build(origin.view(), how.bare(origin.view())).map_err(broken)?;
    Ok(Loaded { zones: vec![Arc::new(zone)], warnings: Vec::new() })
}

/// The zones of all names in a hosts file, and of their addresses.
fn hosts(path: &Path) -> Result<Loaded, Broken> {
    let (hosts, reading) = hosts::read_file(path);
    let said = reading.problems.iter().map(ToString::to_string).collect();
    if reading.failed() {
        return Err(Broken { problems: said, origins: hosts.into_keys().collect() });
    }
    let (mut zones, mut wrong, mut warnings) = (Vec::new(), Vec::new(), said);
    for (name, records) in &hosts {
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
    if wrong.is_empty() {
        return Ok(Loaded { zones, warnings });
    }
    Err(Broken { problems: wrong, origins: hosts.into_keys().collect() })
}
