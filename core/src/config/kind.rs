use super::{Resources, Section};
use crate::app::BoxService;

/// A name in the configuration that makes a service.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What `kind = "…"` says.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// The keys of a `[[service]]` table of this kind, as TOML, without `kind`.
    pub example: &'static str,
    /// Reads the section and makes the service, without side effects. `None` where the section has errors, which
    /// are recorded in it. Asks for every key before it leaves early.
    pub build: fn(&mut Section<'_>, &Resources) -> Option<BoxService>,
}

/// A section of the configuration whose tables `[NAME.x]` make things that services refer to by name.
#[derive(Clone, Copy, Debug)]
pub struct ResourceKind {
    /// The section's name, such as `files`.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// The keys of a `[NAME.x]` table, as TOML.
    pub example: &'static str,
    /// Reads the section and adds what it makes by [`Resources::provide`], without side effects. May refer to
    /// resources of the kinds registered before its own.
    pub build: fn(&mut Section<'_>, &mut Resources),
}

/// The kinds that a program knows.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    kinds: Vec<Kind>,
    resources: Vec<ResourceKind>,
}

impl Registry {
    /// A registry of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// This registry and a kind of service; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, kind: Kind) -> Self {
        self.kinds.retain(|known| known.name != kind.name);
        self.kinds.push(kind);
        self
    }

    /// This registry and a kind of resource, to which those registered later may refer; one of the same name is
    /// replaced.
    #[must_use]
    pub fn with_resource(mut self, kind: ResourceKind) -> Self {
        self.resources.retain(|known| known.name != kind.name);
        self.resources.push(kind);
        self
    }

    /// The kind of service of this name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// The kinds of services, in the order registered.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> + Clone {
        self.kinds.iter()
    }

    /// The kinds of resources, in the order registered.
    pub fn resources(&self) -> impl Iterator<Item = &ResourceKind> {
        self.resources.iter()
    }
}
