//! What zones are made of when they are loaded.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use ropewalk_core::data::zones;

use super::dynamic::Dynamic;
use super::reload::{Notes, Said};
use super::remembered::Memory;
use super::secondary::Secondary;
use super::signer::Signer;
use super::source::{Broken, Source};
use super::watched::{Watched, told};
use super::{Rules, Sign};
use crate::wire::Name;
use crate::zone::{Signing, Zone, ZoneSet};

/// Zones while they are loaded.
#[derive(Default)]
pub(super) struct Loading {
    memory: Memory,
    pub(super) set: ZoneSet,
    pub(super) book: Vec<(Name, Arc<Rules>)>,
    pub(super) others: Option<Arc<Rules>>,
    pub(super) watched: Vec<Watched>,
    pub(super) secondaries: Vec<Secondary>,
    pub(super) kept: Vec<Dynamic>,
    pub(super) signers: Vec<Arc<Signer>>,
    /// What is to be signed.
    pub(super) unsigned: Vec<(Arc<Signer>, Arc<Zone>)>,
    /// The files of zones, by their names.
    pub(super) origins: Vec<(Name, PathBuf)>,
    /// The names that no file says.
    given: HashSet<Name>,
    /// Why there are no zones at all.
    pub(super) wrong: Said,
    pub(super) notes: Notes,
}

impl Loading {
    /// Nothing yet, where this is known of files already.
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, ..Self::default() }
    }

    pub(super) fn add(
        &mut self,
        number: usize,
        source: Source,
        rules: Rules,
        store: Option<&dyn zones::Zones>,
    ) {
        match source.fetched() {
            Ok((secondary, zone)) => self.fetched(number, secondary, zone, rules),
            Err(source) => self.read(number, source, rules, store),
        }
    }

    fn read(&mut self, number: usize, source: Source, rules: Rules, store: Option<&dyn zones::Zones>) {
        let rules = Arc::new(rules);
        // Which names there are in a hosts file may change: what is said of them is said of all.
        let is_others = source.is_hosts() && rules.queries.is_none() && self.others.is_none();
        if is_others {
            self.others = Some(Arc::clone(&rules));
        }
        let is_bound = !(is_others || rules.is_bare()) || source.is_kept() || source.signs().is_some();
        let mut one = Watched::new(source, is_bound, &self.memory);
        let zones = self.zones(number, &mut one);
        one.origins = zones.iter().map(|(origin, _)| origin.clone()).collect();
        for (origin, mut zone) in zones {
            self.note(&origin, &rules);
            let stray = rules.editors.stray(origin.view()).chain(one.source.misplaced(origin.view()));
            let stray: Vec<String> = stray.collect();
            if one.source.given().is_some() {
                self.wrong.extend(stray.into_iter().map(|text| (number, text)));
            } else if !stray.is_empty() {
                self.fault(number, &mut one, stray);
                zone = None;
            }
            if let Some(file) = one.source.path().filter(|_| !one.source.is_hosts() && !one.derives()) {
                self.origins.push((origin.clone(), file.to_owned()));
            }
            one.signer = match store.filter(|_| one.source.is_kept()) {
                Some(store) => self.keep(number, origin, zone, store, &mut one),
                None => self.serve(number, origin, zone, &mut one),
            };
        }
        self.watched.push(one);
    }

    /// The zones of a source by their names. One that cannot be read has what was read of it before and is served still; else the
    /// zones are there without records, as far as their names are known.
    fn zones(&mut self, number: usize, one: &mut Watched) -> Vec<(Name, Option<Arc<Zone>>)> {
        let (zones, lost) = match one.load() {
            Ok(loaded) => {
                self.notes.warnings.extend(one.warnings().map(|text| (number, text.clone())));
                (loaded.zones, Vec::new())
            }
            Err(Broken { problems, origins }) => {
                self.fault(number, one, problems);
                (one.last(), origins)
            }
        };
        let lost = if zones.is_empty() { lost } else { Vec::new() };
        let lost = lost.into_iter().chain(one.source.name().cloned()).map(|origin| (origin, None));
        let zones = zones.into_iter().map(|zone| (zone.origin().to_name(), Some(zone)));
        let mut all: Vec<_> = zones.chain(lost).collect();
        let given = one.source.given().cloned();
        if let Some((origin, _)) = all.iter().find(|(origin, _)| self.set.has(origin.view())) {
            let twice = format!("the zone {origin} is there twice");
            if given.as_ref().is_some_and(|given| self.given.contains(given)) {
                self.wrong.push((number, twice));
            } else {
                self.fault(number, one, vec![format!("{}{twice}", one.prefix())]);
            }
            all.retain(|(origin, _)| !self.set.has(origin.view()));
            all.iter_mut().for_each(|(_, zone)| *zone = None);
        }
        self.given.extend(given);
        all
    }

    /// Notes what is wrong with a source: of a file with its content, which others do not suffer from.
    fn fault(&mut self, number: usize, one: &mut Watched, problems: Vec<String>) {
        let problems = told(problems);
        one.fail(&problems);
        let said = if one.source.path().is_some() { &mut self.notes.problems } else { &mut self.wrong };
        said.extend(problems.into_iter().map(|text| (number, text)));
    }

    /// Serves a zone, or has it signed before it is served.
    fn serve(
        &mut self,
        number: usize,
        origin: Name,
        zone: Option<Arc<Zone>>,
        one: &mut Watched,
    ) -> Option<Arc<Signer>> {
        match (one.source.signs().cloned(), zone) {
            (Some(how), zone) => Some(self.sign(number, origin, zone, how, one)),
            (None, Some(zone)) => {
                self.set.insert(zone);
                None
            }
            (None, None) => {
                self.set.insert_unavailable(origin);
                None
            }
        }
    }

    fn sign(
        &mut self,
        number: usize,
        origin: Name,
        zone: Option<Arc<Zone>>,
        how: Sign,
        one: &mut Watched,
    ) -> Arc<Signer> {
        self.set.insert_unavailable(origin.clone());
        let zone = zone.filter(|zone| match Signing::admits(zone) {
            Ok(()) => true,
            Err(error) => {
                self.fault(number, one, vec![format!("{}{}", one.prefix(), error.chain())]);
                false
            }
        });
        let signer = self.memory.signers.of(&one.source, origin.view(), &how);
        self.signers.push(Arc::clone(&signer));
        self.unsigned.extend(zone.map(|zone| (Arc::clone(&signer), zone)));
        signer
    }

    /// What is kept of a zone, beside what its file says.
    fn keep(
        &mut self,
        number: usize,
        origin: Name,
        file: Option<Arc<Zone>>,
        store: &dyn zones::Zones,
        one: &mut Watched,
    ) -> Option<Arc<Signer>> {
        let lacks_file = file.is_none() && one.source.path().is_some();
        let opened = Dynamic::open(origin.clone(), store, file);
        let (mut dynamic, zone, warning) =
            opened.map_err(|error| self.wrong.push((number, error.chain()))).ok()?;
        // Why there is nothing of it was told then.
        let warning = warning.filter(|_| !lacks_file);
        // It is told again where somebody asks.
        one.is_wrong |= warning.is_some();
        self.notes.warnings.extend(warning.map(|text| (number, text)));
        dynamic.signer = self.serve(number, origin, zone, one);
        let signer = dynamic.signer.clone();
        self.kept.push(dynamic);
        signer
    }

    fn fetched(&mut self, number: usize, secondary: Secondary, zone: Option<Arc<Zone>>, rules: Rules) {
        let origin = secondary.origin();
        if self.set.has(origin.view()) {
            self.wrong.push((number, format!("the zone {origin} is there twice")));
        }
        self.given.insert(origin.clone());
        self.wrong.extend(rules.editors.stray(origin.view()).map(|text| (number, text)));
        self.note(origin, &Arc::new(rules));
        match zone {
            Some(zone) => self.set.insert(zone),
            None => self.set.insert_unavailable(origin.clone()),
        }
        self.secondaries.push(secondary);
    }

    /// Notes the rules of a zone.
    fn note(&mut self, origin: &Name, rules: &Arc<Rules>) {
        if self.others.as_ref().is_none_or(|others| !Arc::ptr_eq(others, rules)) {
            self.book.push((origin.clone(), Arc::clone(rules)));
        }
    }
}

#[cfg(test)]
#[path = "loading_tests.rs"]
mod tests;
