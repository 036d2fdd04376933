use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::document::Document;
use super::kind::{Kind, Registry, ResourceKind};
use super::notes::Notes;
use super::resources::Resources;
use super::section::{Section, nearest};
use super::value::{Data, Entry, Origin, Table, Value};
use crate::Limits;
use crate::app::{self, BoxService};

/// A configuration that was understood: the services it asks for, not yet prepared, and the program's own settings.
#[derive(Debug)]
#[non_exhaustive]
pub struct Plan<T> {
    /// What the program itself read from the top level.
    pub settings: T,
    /// The services, in the order written.
    pub members: Vec<Member>,
    /// What they refer to.
    pub resources: Resources,
    /// The limits of what sets none of its own.
    pub limits: Limits,
}

/// A service of a [`Plan`].
#[non_exhaustive]
pub struct Member {
    /// Its name, unique in the plan.
    pub name: String,
    /// The name of its kind.
    pub kind: &'static str,
    /// What it was built from. A service of the same name and fingerprint in another plan is the same service.
    pub fingerprint: Fingerprint,
    /// The service.
    pub service: BoxService,
}

/// A digest of everything that something was built from. Secrets are part of it: do not publish it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl From<Member> for app::Member {
    fn from(member: Member) -> Self {
        let Member { name, fingerprint, service, .. } = member;
        Self { name, fingerprint: fingerprint.0, service, stays: false }
    }
}

/// The outcome of [`Document::read`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Reading<T> {
    /// The plan, if there are no errors, or none but those of [`Section::fault_in`]: it does without what they are about.
    pub plan: Option<Plan<T>>,
    /// Errors and warnings, of all sources.
    pub diagnostics: Diagnostics,
}

impl Document {
    /// Reads the whole configuration: the program's own keys by `settings`, which gets the top level, then resources,
    /// then services. Has no side effects. `[limits]` and `drain` are read here.
    pub fn read<T>(&self, registry: &Registry, settings: impl FnOnce(&mut Section<'_>) -> T) -> Reading<T> {
        let notes = Notes::new(self);
        let plan = self.read_into(&notes, registry, settings);
        let diagnostics = notes.diagnostics.into_inner().sorted();
        Reading { plan: (!diagnostics.stop()).then_some(plan), diagnostics }
    }

    pub(super) fn read_into<T>(
        &self,
        notes: &Notes,
        registry: &Registry,
        settings: impl FnOnce(&mut Section<'_>) -> T,
    ) -> Plan<T> {
        let mut section = Section::root(notes, Some(&self.root), Origin::Absent, "", "");
        let (settings, limits) = read_top(&mut section, registry, settings);
        drop(section);
        notes.limits.borrow_mut().clone_from(&limits);
        let mut resources = notes.provided.take();
        resources.files.clone_from(&self.files);
        self.read_resources(registry, notes, &mut resources);
        let members = self.read_services(registry, notes, &resources);
        Plan { settings, members, resources, limits }
    }

    fn read_resources(&self, registry: &Registry, notes: &Notes, resources: &mut Resources) {
        let mut found = Vec::new();
        for kind in registry.resources() {
            let Some(entry) = self.root.get(kind.name) else { continue };
            let Some(table) = entry.value.as_table() else {
                let message = format!("expected tables [{}.NAME]", kind.name);
                notes.push(entry.value.at.clone(), Severity::Error, message, None);
                continue;
            };
            for (name, entry) in table {
                resources.declare(kind.name, name, entry.key_at.clone());
                found.push((kind, name, entry));
            }
        }
        for (section, name, first, second) in &self.clashes {
            if registry.resources().any(|kind| kind.name == section) {
                twice(notes, &format!("[{section}.{name}]"), first, second);
            }
        }
        for (kind, name, entry) in by_reference(found) {
            let errors = notes.errors();
            notes.fingerprint();
            match entry.value.as_table() {
                Some(table) => {
                    let at = entry.key_at.clone();
                    let mut section = Section::root(notes, Some(table), at, kind.name, name);
                    (kind.build)(&mut section, resources);
                }
                None => {
                    let message =
                        format!("expected a table [{}.NAME], found {}", kind.name, entry.value.type_name());
                    notes.push(entry.value.at.clone(), Severity::Error, message, None);
                }
            }
            let fingerprint = (notes.errors() == errors).then(|| notes.fingerprint());
            resources.built(kind.name, name, fingerprint);
        }
    }

    fn read_services(&self, registry: &Registry, notes: &Notes, resources: &Resources) -> Vec<Member> {
        let Some(entry) = self.root.get("service") else { return Vec::new() };
        let Data::Array(items) = &entry.value.data else {
            notes.push(entry.key_at.clone(), Severity::Error, "expected tables [[service]]".into(), None);
            return Vec::new();
        };
        let names = names(items, notes);
        items
            .iter()
            .zip(names)
            .filter_map(|(item, name)| read_service(item, &name, registry, notes, resources))
            .collect()
    }
}

type FoundResource<'a> = (&'a ResourceKind, &'a String, &'a Entry);

/// The same with what refers to others of its kind, by names in a table of its own, after those.
fn by_reference(found: Vec<FoundResource<'_>>) -> Vec<FoundResource<'_>> {
    let mut ordered = Vec::with_capacity(found.len());
    let mut seen = vec![false; found.len()];
    for start in 0..found.len() {
        // Each with what it refers to that is still to come, as far as it was looked at.
        let mut way: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(at) = next.take()
                && let (Some(known), Some(resource)) = (seen.get_mut(at), found.get(at))
                && !std::mem::replace(known, true)
            {
                way.push((at, references(resource, &found)));
            }
            let Some((at, refers)) = way.last_mut() else { break };
            next = refers.pop();
            if next.is_none() {
                ordered.extend(found.get(*at).copied());
                way.pop();
            }
        }
    }
    ordered
}

/// Which of all that were found one of them refers to.
fn references((kind, _, entry): &FoundResource<'_>, found: &[FoundResource<'_>]) -> Vec<usize> {
    let mut names = BTreeSet::new();
    for below in entry.value.as_table().into_iter().flatten() {
        if below.1.value.as_table().is_some() {
            below.1.value.leaves(&mut |leaf| names.extend(leaf.as_str().map(str::to_owned)));
        }
    }
    let refers = |(other, name, _): &FoundResource<'_>| other.name == kind.name && names.contains(*name);
    (0..found.len()).filter(|at| found.get(*at).is_some_and(refers)).collect()
}

/// Reads the top level, but for resources and services.
pub(super) fn read_top<T>(
    section: &mut Section<'_>,
    registry: &Registry,
    settings: impl FnOnce(&mut Section<'_>) -> T,
) -> (T, Limits) {
    section.allow("service");
    registry.resources().for_each(|kind| section.allow(kind.name));
    let mut limits = section.limits();
    limits.drain = section
        .key("drain", "Time that running connections get to finish in when the server stops.")
        .or(limits.drain);
    (settings(section), limits)
}

/// The name of each service: its own, or its kind and a number that makes it unique.
fn names(items: &[Value], notes: &Notes) -> Vec<String> {
    let text = |item: &Value, key: &str| Some(item.as_table()?.get(key)?.value.as_str()?.to_owned());
    let mut given: BTreeMap<String, Origin> = BTreeMap::new();
    for item in items {
        let Some(name) = text(item, "name") else { continue };
        let at = item.as_table().and_then(|t| t.get("name")).map_or(&item.at, |e| &e.value.at).clone();
        match given.get(&name) {
            Some(first) => twice(notes, &format!("the service `{name}`"), first, &at),
            None => drop(given.insert(name, at)),
        }
    }
    let mut taken: BTreeSet<String> = given.into_keys().collect();
    items
        .iter()
        .map(|item| {
            text(item, "name").unwrap_or_else(|| {
                let kind = text(item, "kind").unwrap_or_else(|| "service".into());
                let name = (1..=items.len() + taken.len() + 1)
                    .map(|number| format!("{kind}-{number}"))
                    .find(|name| !taken.contains(name))
                    .unwrap_or(kind);
                taken.insert(name.clone());
                name
            })
        })
        .collect()
}

fn twice(notes: &Notes, what: &str, first: &Origin, second: &Origin) {
    notes.push_with(Diagnostic {
        at: second.clone(),
        severity: Severity::Error,
        message: format!("{what} is defined twice"),
        help: None,
        also: Some((first.clone(), "it is first defined here".into())),
    });
}

fn read_service(
    item: &Value,
    name: &str,
    registry: &Registry,
    notes: &Notes,
    resources: &Resources,
) -> Option<Member> {
    let Some(table) = item.as_table() else {
        let message = format!("expected a table [[service]], found {}", item.type_name());
        notes.push(item.at.clone(), Severity::Error, message, None);
        return None;
    };
    let Some(kind) = find_kind(item, table, registry, notes) else {
        // Nobody knows which of the values are secrets, but for those that every service has.
        for (key, entry) in table.iter() {
            if !["name", "kind"].contains(&key.as_str()) {
                entry.value.leaves(&mut |leaf| notes.mask(leaf.at.clone()));
            }
        }
        return None;
    };
    notes.fingerprint();
    let mut section = Section::root(notes, Some(table), item.at.clone(), kind.name, name);
    service_keys(&mut section);
    let service = (kind.build)(&mut section, resources);
    drop(section);
    let fingerprint = Fingerprint(notes.fingerprint());
    // Otherwise an error told before, here or of a resource, is the reason.
    if service.is_none() && !notes.stop() {
        notes.push(
            item.at.clone(),
            Severity::Error,
            format!("the {} service cannot be made", kind.name),
            None,
        );
    }
    Some(Member { name: name.to_owned(), kind: kind.name, fingerprint, service: service? })
}

/// The keys that every service has.
pub(super) fn service_keys(section: &mut Section<'_>) {
    section.key("name", "The service's name in logs and commands.").optional::<String>();
    section.key("kind", "What the service is: one of `ropewalk kinds`.").required::<String>();
}

fn find_kind<'r>(item: &Value, table: &Table, registry: &'r Registry, notes: &Notes) -> Option<&'r Kind> {
    let Some(entry) = table.get("kind") else {
        if !notes.broken() {
            notes.push(item.at.clone(), Severity::Error, "`kind` is missing".into(), None);
        }
        return None;
    };
    let Some(name) = entry.value.as_str() else {
        let message = format!("expected a string, found {}", entry.value.type_name());
        notes.push(entry.value.at.clone(), Severity::Error, message, None);
        return None;
    };
    let kind = registry.kind(name);
    if kind.is_none() {
        let known = registry.kinds().map(|kind| kind.name);
        let help = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", known.map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no kind `{name}`");
        notes.push(entry.value.at.clone(), Severity::Error, message, Some(help));
    }
    kind
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}
