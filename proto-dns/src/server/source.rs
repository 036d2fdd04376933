//! Where zones come from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::wire::{Name, Type};
use crate::zone::text::{self, Place};
use crate::zone::{Builder, Problem, Record, Zone, hosts};

/// A file that zones are read from.
#[derive(Clone, Debug)]
pub struct Source(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Zone(PathBuf, Option<Name>),
    Hosts(PathBuf),
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

    /// The file.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Kind::Zone(path, _) | Kind::Hosts(path) => path,
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
        }
    }
}

fn zone(path: &Path, origin: Option<&Name>, files: &mut Vec<PathBuf>) -> Result<Loaded, Vec<String>> {
    let mut builder = origin.map(|origin| Builder::new(origin.view()));
    // What comes before it is known of which zone it is.
    let mut before: Vec<Record> = Vec::new();
    let reading = text::read_file(path, origin.map(Name::view), &mut |record, _| {
        if let (None, Type::SOA) = (&builder, record.rtype) {
            let mut begun = Builder::new(record.name);
            before.drain(..).for_each(|record| begun.add(&record.view()));
            builder = Some(begun);
        }
        match &mut builder {
            Some(builder) => builder.add(&record),
            None => before.push(record.to_record()),
        }
    });
    files.clone_from(&reading.files);
    let said: Vec<_> = reading.problems.iter().map(ToString::to_string).collect();
    if reading.failed() {
        return Err(said);
    }
    let Some(builder) = builder else {
        return Err(vec![format!("{}: there is no SOA record, by which a zone begins", path.display())]);
    };
    match builder.finish() {
        Ok((zone, more)) => {
            let warnings = said.into_iter().chain(placed(path, origin, &more)).collect();
            Ok(Loaded { zones: vec![Arc::new(zone)], warnings })
        }
        Err(problems) => Err(placed(path, origin, &problems)),
    }
}

/// The problems of a zone, each with the place of the first record that it is about, for which the text is read again.
fn placed(path: &Path, origin: Option<&Name>, problems: &[Problem]) -> Vec<String> {
    if problems.is_empty() {
        return Vec::new();
    }
    let mut places: HashMap<&str, Option<Place>> =
        problems.iter().map(|problem| (problem.record.as_str(), None)).collect();
    let reading = text::read_file(path, origin.map(Name::view), &mut |record, place| {
        if let Some(known) = places.get_mut(format!("{} {}", record.name, record.rtype).as_str()) {
            known.get_or_insert(place);
        }
    });
    let told = |problem: &Problem| {
        let place = places.get(problem.record.as_str()).copied().flatten();
        let file = place.and_then(|place| reading.files.get(usize::from(place.file)));
        let warning = if problem.is_warning { "warning: " } else { "" };
        match (place, file) {
            (Some(Place { line, column, .. }), Some(file)) => {
                format!("{}:{line}:{column}: {warning}{problem}", file.display())
            }
            _ => format!("{}: {warning}{problem}", path.display()),
        }
    };
    problems.iter().map(told).collect()
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
