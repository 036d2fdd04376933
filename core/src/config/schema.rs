use std::path::Path;

use serde::Serialize;

use super::document::Document;
use super::kind::{Kind, Registry, ResourceKind};
use super::notes::Notes;
use super::plan::{read_top, service_keys};
use super::resources::Resources;
use super::section::Section;
use super::value::Origin;

/// A key that is read, as the reference gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SchemaKey {
    /// Its path in its section: `limits.idle`, `route[].path`, `user.NAME.home`.
    pub path: String,
    /// Its type: `duration`, `list of endpoint`; for a reference, the resource's kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The allowed words, where it is one of a few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<&'static str>,
    /// Whether it must be there.
    pub need: Need,
    /// What it is, in one sentence.
    pub doc: &'static str,
}

/// What happens where a key is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// An error.
    Required,
    /// Nothing.
    Optional,
    /// This value, as TOML, is used.
    Default(String),
}

/// The keys of one section: of the top level, a kind of resource or a kind of service.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Schema {
    /// Empty for the top level, `files.NAME` for a resource, `service` for a service.
    pub section: String,
    /// The service's kind; empty otherwise.
    pub kind: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// An example, as TOML.
    pub example: &'static str,
    /// The keys, in the order read.
    pub keys: Vec<SchemaKey>,
}

impl Schema {
    /// The keys of the top level; `settings` is what [`Document::read`] gets.
    pub fn top<T>(registry: &Registry, settings: impl FnOnce(&mut Section<'_>) -> T) -> Self {
        let keys = probe("", |section| drop(read_top(section, registry, settings)));
        Self { section: String::new(), kind: "", summary: "The whole program.", example: "", keys }
    }

    /// The reference of everything: the top level, each kind of resource, each kind of service.
    pub fn all<T>(registry: &Registry, settings: impl FnOnce(&mut Section<'_>) -> T) -> Vec<Self> {
        let mut all = vec![Self::top(registry, settings)];
        all.extend(registry.resources().map(ResourceKind::schema));
        all.extend(registry.kinds().map(Kind::schema));
        all
    }

    /// The keys whose path, or the end of it, is `key`: what `config explain KEY` tells of. The kind of a service may
    /// stand before the path: `http.listen`.
    pub fn explain<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s SchemaKey> {
        let prefixes = [self.section.as_str(), self.kind, self.section.trim_end_matches(".NAME")];
        let rest = prefixes.into_iter().find_map(|p| key.strip_prefix(p)?.strip_prefix('.'));
        self.keys.iter().filter(move |known| {
            let path = known.path.as_str();
            rest == Some(path)
                || path.strip_suffix(key).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }

    /// The example as a part of a file, with every key told of in comments: what `config example KIND` prints.
    pub fn to_toml(&self) -> String {
        let header = match (self.section.as_str(), self.kind) {
            ("", _) => String::new(),
            (_, "") => format!("[{}]\n", self.section.replace("NAME", "example")),
            (section, kind) => format!("[[{section}]]\nkind = \"{kind}\"\n"),
        };
        let mut text = format!("# {}\n", self.summary);
        for key in &self.keys {
            let need = match &key.need {
                Need::Required => ", required".to_owned(),
                Need::Optional => String::new(),
                Need::Default(value) => format!(", by default {value}"),
            };
            text.push_str(&format!("# - {} ({}{need}): {}\n", key.path, key.kind, key.doc));
        }
        format!("{text}{header}{}\n", self.example.trim_end())
    }
}

impl Kind {
    /// The keys that this kind reads.
    pub fn schema(&self) -> Schema {
        let keys = probe(self.name, |section| {
            service_keys(section);
            (self.build)(section, &Resources::default());
        });
        let (section, kind) = ("service".into(), self.name);
        Schema { section, kind, summary: self.summary, example: self.example, keys }
    }
}

impl ResourceKind {
    /// The keys that this kind reads.
    pub fn schema(&self) -> Schema {
        let keys = probe(self.name, |section| (self.build)(section, &mut Resources::default()));
        let section = format!("{}.NAME", self.name);
        Schema { section, kind: "", summary: self.summary, example: self.example, keys }
    }
}

fn probe(kind: &str, read: impl FnOnce(&mut Section<'_>)) -> Vec<SchemaKey> {
    let notes = Notes::probe();
    read(&mut Section::root(&notes, None, Origin::Absent, kind, "example"));
    notes.keys.into_inner()
}

/// Checks a kind of service, for its crate's tests: that its example is read without errors, given resources that
/// `provide` registers; that each key it reads is documented; that reading does not depend on what was read.
///
/// # Errors
/// What is wrong, for people.
pub fn check_example(kind: &Kind, provide: Registry, context: &str) -> Result<(), String> {
    let text = format!("{context}\n[[service]]\nkind = \"{}\"\n{}\n", kind.name, kind.example);
    check(&text, &provide.with(*kind), &kind.schema())
}

/// Checks a kind of resource as [`check_example`] does a kind of service.
///
/// # Errors
/// What is wrong, for people.
pub fn check_resource_example(kind: &ResourceKind, provide: Registry, context: &str) -> Result<(), String> {
    let text = format!("{context}\n[{}.example]\n{}\n", kind.name, kind.example);
    check(&text, &provide.with_resource(*kind), &kind.schema())
}

fn check(text: &str, registry: &Registry, schema: &Schema) -> Result<(), String> {
    let document = Document::new().text("example", Path::new("/"), text);
    let notes = Notes::new(&document);
    document.read_into(&notes, registry, |_| ());
    // What remains are the keys of the section read last.
    let read = notes.keys.take();
    let diagnostics = notes.diagnostics.into_inner().sorted();
    if diagnostics.has_errors() {
        return Err(diagnostics.render(false));
    }
    if let Some(key) = read.iter().find(|key| !schema.keys.contains(key)) {
        return Err(format!("`{}` is asked for only where other values allow it: ask always", key.path));
    }
    if let Some(key) = schema.keys.iter().find(|key| !is_sentence(key.doc)) {
        return Err(format!("`{}` is not documented by a sentence: \"{}\"", key.path, key.doc));
    }
    if !is_sentence(schema.summary) {
        return Err(format!("the summary is not a sentence: \"{}\"", schema.summary));
    }
    Ok(())
}

fn is_sentence(text: &str) -> bool {
    text.ends_with('.') && text.contains(' ')
}
