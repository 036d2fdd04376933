use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::diagnostic::Severity;
use super::notes::Notes;
use super::resources::Resources;
use super::schema::{Need, SchemaKey};
use super::typed::{Found, FromValue, Wrong};
use super::value::{Data, Origin, Table, Value, digest_table};

/// A table of the configuration while it is read.
///
/// Every key is asked for by [`key`](Self::key), with one sentence that says what it is; so what is read is
/// documented. Errors are recorded, and reading goes on. When a section is dropped, each of its keys that nobody
/// asked for is an error: ask for all keys before leaving early.
pub struct Section<'a> {
    notes: &'a Notes,
    table: Option<&'a Table>,
    at: Origin,
    kind: String,
    name: String,
    /// Of the keys in the reference, such as `limits.`.
    prefix: String,
    known: BTreeSet<&'static str>,
    /// Any key is allowed: they are names.
    open: bool,
}

impl<'a> Section<'a> {
    pub(super) fn root(
        notes: &'a Notes,
        table: Option<&'a Table>,
        at: Origin,
        kind: &str,
        name: &str,
    ) -> Self {
        notes.keys.borrow_mut().clear();
        if let Some(table) = table {
            digest_table(table, &mut |bytes| notes.witness("", bytes));
        }
        Self {
            notes,
            table,
            at,
            kind: kind.to_owned(),
            name: name.to_owned(),
            prefix: String::new(),
            known: BTreeSet::new(),
            open: false,
        }
    }

    /// The word for what is configured here: a service's kind, a resource's kind, or a sub-table's key.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name of what is configured here, unique within its kind.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A key of this section, and what it is in one sentence.
    pub fn key<'s>(&'s mut self, name: &'static str, doc: &'static str) -> Field<'s, 'a> {
        self.known.insert(name);
        Field { section: self, name, doc }
    }

    /// Whether there is a value for this key.
    pub fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The text that is the value of this key, if it is one. Asking by [`key`](Self::key) says what else it is.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.table?.get(key)?.value.as_str()
    }

    /// A table below this one, if it is there.
    pub fn table(&mut self, name: &'static str, doc: &'static str) -> Option<Self> {
        self.document(name, doc, "table", Need::Optional);
        let prefix = format!("{}{name}.", self.prefix);
        if self.notes.probing {
            return Some(self.below(None, Origin::Absent, name, prefix));
        }
        let entry = self.table?.get(name)?;
        let table = self.expect_table(&entry.value)?;
        Some(self.below(Some(table), entry.key_at.clone(), name, prefix))
    }

    /// A table below this one in whose place `true` may stand, for one without keys, and `false`, for none.
    pub fn switch(&mut self, name: &'static str, doc: &'static str) -> Option<Self> {
        self.document(name, doc, "boolean or table", Need::Optional);
        let value = self.table.and_then(|table| table.get(name)).map(|entry| &entry.value.data);
        match value {
            Some(Data::Boolean(false)) => None,
            Some(Data::Boolean(true)) => {
                let at = self.place_of(name).clone();
                Some(self.below(None, at, name, format!("{}{name}.", self.prefix)))
            }
            _ => self.table(name, doc),
        }
    }

    /// The tables of an array of tables below this one; their names are their numbers from 0.
    pub fn tables(&mut self, name: &'static str, doc: &'static str) -> Vec<Self> {
        self.document(name, doc, "array of tables", Need::Optional);
        let prefix = format!("{}{name}[].", self.prefix);
        if self.notes.probing {
            return vec![self.below(None, Origin::Absent, name, prefix)];
        }
        let Some(entry) = self.table.and_then(|t| t.get(name)) else { return Vec::new() };
        let Data::Array(items) = &entry.value.data else {
            self.error_at(
                &entry.value.at,
                format!("expected an array of tables, found {}", entry.value.type_name()),
            );
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (number, item) in items.iter().enumerate() {
            if let Some(table) = self.expect_table(item) {
                let mut below = self.below(Some(table), item.at.clone(), name, prefix.clone());
                below.name = number.to_string();
                sections.push(below);
            }
        }
        sections
    }

    /// The tables below a table whose keys are names: `[NAME.x]`, `[NAME.y]`.
    pub fn named_tables(&mut self, name: &'static str, doc: &'static str) -> Vec<Self> {
        let prefix = format!("{}{name}.NAME.", self.prefix);
        let Some(mut outer) = self.table(name, doc) else { return Vec::new() };
        outer.open = true;
        if self.notes.probing {
            return vec![outer.below(None, Origin::Absent, name, prefix)];
        }
        let mut sections = Vec::new();
        for (key, entry) in outer.table.into_iter().flatten() {
            if let Some(table) = outer.expect_table(&entry.value) {
                let mut below = outer.below(Some(table), entry.key_at.clone(), name, prefix.clone());
                below.name.clone_from(key);
                sections.push(below);
            }
        }
        sections
    }

    /// Records an error about this section as a whole.
    pub fn error(&self, message: impl Into<String>) {
        self.error_at(&self.at, message.into());
    }

    /// Records an error about a key's value.
    pub fn error_in(&self, key: &str, message: impl Into<String>) {
        self.error_at(self.place_of(key), message.into());
    }

    /// Records an error in what a key's value leads to, such as a file's content, without which all else can be run: whoever checks
    /// the configuration is told an error, and there is a plan nevertheless.
    pub fn fault_in(&self, key: &str, message: impl Into<String>) {
        self.notes.push_confined(self.place_of(key).clone(), message.into());
    }

    /// Where the value of this key stands; where there is none, where the section does.
    pub(super) fn place_of(&self, key: &str) -> &Origin {
        self.table.and_then(|table| table.get(key)).map_or(&self.at, |entry| &entry.value.at)
    }

    /// Records what is wrong with a value.
    pub(super) fn wrong(&self, wrongs: Vec<Wrong>) {
        for Wrong { at, message, help } in wrongs {
            self.notes.push(at, Severity::Error, message, help);
        }
    }

    /// Records something the operator should know about a key's value, though it stops nothing.
    pub fn warn_in(&self, key: &str, message: impl Into<String>) {
        self.notes.push(self.place_of(key).clone(), Severity::Warning, message.into(), None);
    }

    /// Adds something that what is built here depends on and that stands in no key, such as the content of a file;
    /// where it is another, the [`Fingerprint`](super::Fingerprint) is.
    pub fn depends_on(&self, bytes: &[u8]) {
        self.notes.witness("depends", bytes);
    }

    /// Gives all resources something of the program's own settings: [`Resources::of_settings`] has it for them.
    pub fn provide<T: ?Sized + Send + Sync + 'static>(&self, thing: Arc<T>) {
        self.notes.provided.borrow_mut().provide(self, thing);
    }

    /// Ends reading: each key that nobody asked for is an error. The same as dropping the section.
    pub fn finish(self) {}

    pub(super) fn notes(&self) -> &'a Notes {
        self.notes
    }

    /// Marks a key as read elsewhere.
    pub(super) fn allow(&mut self, name: &'static str) {
        self.known.insert(name);
    }

    fn below(&self, table: Option<&'a Table>, at: Origin, name: &str, prefix: String) -> Self {
        let (kind, name) = (name.to_owned(), name.to_owned());
        Self { notes: self.notes, table, at, kind, name, prefix, known: BTreeSet::new(), open: false }
    }

    fn expect_table(&self, value: &'a Value) -> Option<&'a Table> {
        let table = value.as_table();
        if table.is_none() {
            self.error_at(&value.at, format!("expected a table, found {}", value.type_name()));
        }
        table
    }

    pub(super) fn error_at(&self, at: &Origin, message: String) {
        self.notes.push(at.clone(), Severity::Error, message, None);
    }

    fn document(&mut self, name: &'static str, doc: &'static str, kind: &str, need: Need) {
        self.known.insert(name);
        Field { section: self, name, doc }.note_kind(kind, need);
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        if self.open || self.notes.probing {
            return;
        }
        for (key, entry) in self.table.into_iter().flatten() {
            if self.known.contains(key.as_str()) {
                continue;
            }
            // What nobody knows may be a misspelt password.
            entry.value.leaves(&mut |leaf| self.notes.mask(leaf.at.clone()));
            let near = nearest(key, self.known.iter().copied());
            let known = self.known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
            let help = match near {
                Some(near) => format!("did you mean `{near}`? Known here: {known}"),
                None => format!("known here: {known}"),
            };
            self.notes.push(
                entry.key_at.clone(),
                Severity::Error,
                format!("unknown key `{key}`"),
                Some(help),
            );
        }
    }
}

/// A key of a [`Section`], to be asked for its value.
pub struct Field<'s, 'a> {
    section: &'s mut Section<'a>,
    name: &'static str,
    doc: &'static str,
}

impl<'a> Field<'_, 'a> {
    /// The value; that it is missing is an error.
    pub fn required<T: FromValue>(self) -> Option<T> {
        self.note::<T>(Need::Required);
        self.missing();
        self.read()
    }

    /// The value, if there is one.
    pub fn optional<T: FromValue>(self) -> Option<T> {
        self.note::<T>(Need::Optional);
        self.read()
    }

    /// The value; `default` where there is none, or none that can be used.
    pub fn or<T: FromValue>(self, default: T) -> T {
        self.note::<T>(Need::Default(default.to_toml()));
        self.read().unwrap_or(default)
    }

    /// What one of a few allowed words stands for, if one is there.
    pub fn word<T: Clone>(self, words: &[(&'static str, T)]) -> Option<T> {
        self.note_words(words, Need::Optional);
        self.read_word(words)
    }

    /// What one of a few allowed words stands for; by default that of the first.
    pub fn word_or<T: Clone>(self, first: (&'static str, T), rest: &[(&'static str, T)]) -> T {
        let mut words = vec![first.clone()];
        words.extend_from_slice(rest);
        self.note_words(&words, Need::Default(toml::Value::from(first.0).to_string()));
        self.read_word(&words).unwrap_or(first.1)
    }

    /// The resource of a kind that the value names, as a `T`. That it is missing is an error.
    pub fn resource<T: ?Sized + Send + Sync + 'static>(
        self,
        kind: &'static str,
        all: &Resources,
    ) -> Option<Arc<T>> {
        self.note_kind(kind, Need::Required);
        self.missing();
        self.refer(kind, all)
    }

    /// The resource of a kind that the value names, if there is a value.
    pub fn optional_resource<T: ?Sized + Send + Sync + 'static>(
        self,
        kind: &'static str,
        all: &Resources,
    ) -> Option<Arc<T>> {
        self.note_kind(kind, Need::Optional);
        self.refer(kind, all)
    }

    /// The resources of a kind that the values of a table name, as `T`s, by the table's keys; nothing where there is no
    /// table, or not each of them could be found.
    pub fn named_resources<T: ?Sized + Send + Sync + 'static>(
        self,
        kind: &'static str,
        all: &Resources,
    ) -> Option<BTreeMap<String, Arc<T>>> {
        self.note_kind(&format!("table of {kind}"), Need::Optional);
        let value = self.value()?;
        let table = self.section.expect_table(value)?;
        let mut found = BTreeMap::new();
        for (key, entry) in table {
            let at = &entry.value.at;
            match entry.value.as_str() {
                Some(name) => found
                    .extend(all.find(kind, name, at, self.section.notes).map(|thing| (key.clone(), thing))),
                None => self.section.error_at(at, format!("expected the name of a [{kind}.NAME]")),
            }
        }
        (found.len() == table.len()).then_some(found)
    }

    fn value(&self) -> Option<&'a Value> {
        Some(&self.section.table?.get(self.name)?.value)
    }

    fn missing(&self) {
        let notes = self.section.notes;
        if self.value().is_none() && !notes.broken() {
            let message = format!("`{}` is missing", self.name);
            notes.push(self.section.at.clone(), Severity::Error, message, Some(self.doc.to_owned()));
        }
    }

    fn read<T: FromValue>(&self) -> Option<T> {
        let value = self.value()?;
        match T::from_value(&Found { value, notes: self.section.notes }) {
            Ok(read) => Some(read),
            Err(wrongs) => {
                self.section.wrong(wrongs);
                None
            }
        }
    }

    fn read_word<T: Clone>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let value = self.value()?;
        let text = value.as_str();
        let found = words.iter().find(|(word, _)| Some(*word) == text);
        if found.is_none() {
            let allowed = words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            let near = text.and_then(|text| nearest(text, words.iter().map(|(word, _)| *word)));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("`{}` is one of {allowed}", self.name);
            self.section.notes.push(value.at.clone(), Severity::Error, message, help);
        }
        found.map(|(_, meaning)| meaning.clone())
    }

    fn refer<T: ?Sized + Send + Sync + 'static>(
        &self,
        kind: &'static str,
        all: &Resources,
    ) -> Option<Arc<T>> {
        let name: String = self.read()?;
        let at = &self.value()?.at;
        all.find(kind, &name, at, self.section.notes)
    }

    fn note<T: FromValue>(&self, need: Need) {
        self.note_kind(&T::describe(), need);
    }

    fn note_kind(&self, kind: &str, need: Need) {
        self.note_key(kind, Vec::new(), need);
    }

    fn note_words<T>(&self, words: &[(&'static str, T)], need: Need) {
        self.note_key("word", words.iter().map(|(word, _)| *word).collect(), need);
    }

    fn note_key(&self, kind: &str, words: Vec<&'static str>, need: Need) {
        let path = format!("{}{}", self.section.prefix, self.name);
        let mut keys = self.section.notes.keys.borrow_mut();
        if !keys.iter().any(|known| known.path == path) {
            keys.push(SchemaKey { path, kind: kind.to_owned(), words, need, doc: self.doc });
        }
    }
}

/// The candidate that a misspelt word most likely means.
pub(super) fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(word.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
