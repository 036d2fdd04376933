//! Values from the environment and from `--set`, laid over those of the files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::document::Document;
use super::section::nearest;
use super::value::{Data, Entry, Origin, Table, Value, value_from};

const PREFIX: &str = "ROPEWALK__";

pub(super) fn environment(
    document: &mut Document,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) {
    // Sorted, so that the order of a process's environment changes nothing.
    let sorted: BTreeMap<_, _> = variables
        .into_iter()
        .filter(|(name, _)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
        .collect();
    for (name, value) in sorted {
        let shown: Arc<str> = name.to_string_lossy().into();
        let at = Origin::Environment(shown.clone());
        let path: Vec<_> = shown
            .trim_start_matches(PREFIX)
            .split("__")
            .map(|word| Word::Loose(word.to_lowercase()))
            .collect();
        let Some(value) = value.to_str() else {
            document.diagnostics.error(at, "the value is not UTF-8");
            continue;
        };
        lay(document, &path, value, at);
    }
}

pub(super) fn set(document: &mut Document, number: usize, option: &str) {
    let (key, value) = option.split_once('=').unwrap_or((option, ""));
    let at = Origin::Set(number, key.trim().into());
    let path = if option.contains('=') { dotted(key) } else { None };
    match path {
        Some(path) => lay(document, &path, value, at),
        None => document.diagnostics.error(at, "expected KEY=VALUE, where KEY is like `section.key`"),
    }
}

/// One part of a key's path.
enum Word {
    Exact(String),
    /// From a variable's name, which has neither case nor hyphens.
    Loose(String),
}

impl Word {
    fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Loose(text) => text,
        }
    }

    fn is(&self, key: &str) -> bool {
        match self {
            Self::Exact(text) => text == key,
            Self::Loose(text) => *text == key.to_lowercase().replace('-', "_"),
        }
    }
}

/// The words of a dotted key, by TOML's own rules.
fn dotted(key: &str) -> Option<Vec<Word>> {
    if key.contains(['\n', '\r', '=']) {
        return None;
    }
    let text = format!("{key}=0");
    let table = DeTable::parse(&text).ok()?;
    let mut words = Vec::new();
    let mut table = Some(table.get_ref());
    while let Some((key, value)) = table.and_then(|t| t.iter().next()) {
        words.push(Word::Exact(key.get_ref().to_string()));
        table = value.get_ref().as_table();
    }
    (!words.is_empty()).then_some(words)
}

fn lay(document: &mut Document, path: &[Word], text: &str, at: Origin) {
    let mut problems = Vec::new();
    let mut value = match DeValue::parse(text.trim()) {
        Ok(value) => value_from(value.get_ref(), 0..0, &|_| at.clone(), &mut problems),
        Err(_) => Value::new(Data::String(text.to_owned()), at.clone()),
    };
    value.raw = Some(text.into());
    for (at, problem) in problems {
        document.diagnostics.error(at, problem);
    }
    if path.len() > 32 || path.iter().any(|word| word.text().is_empty()) {
        document.diagnostics.error(at, "this is not the path of a key");
    } else if let Err(message) = insert(&mut document.root, path, value) {
        document.diagnostics.error(at, message);
    }
}

fn insert(table: &mut Table, path: &[Word], value: Value) -> Result<(), String> {
    let Some((word, rest)) = path.split_first() else { return Ok(()) };
    let key = table.keys().find(|key| word.is(key)).cloned().unwrap_or_else(|| word.text().to_owned());
    let at = value.at.clone();
    if rest.is_empty() {
        table.insert(key, Entry { key_at: at, value });
        return Ok(());
    }
    let entry = table.entry(key.clone()).or_insert_with(|| Entry {
        key_at: at.clone(),
        value: Value::new(Data::Table(Table::new()), at.clone()),
    });
    match &mut entry.value.data {
        Data::Table(inner) => insert(inner, rest, value),
        Data::Array(items) => insert(element(&key, items, &rest[0])?, &rest[1..], value),
        _ => Err(format!("`{key}` is {}: it has no keys", entry.value.type_name())),
    }
}

/// The table of an array that a word means: by its `name`, or by its number from 0.
fn element<'a>(key: &str, items: &'a mut [Value], word: &Word) -> Result<&'a mut Table, String> {
    let name = |item: &Value| Some(item.as_table()?.get("name")?.value.as_str()?.to_owned());
    let names: Vec<_> = items.iter().filter_map(name).collect();
    let place = items
        .iter()
        .position(|item| name(item).is_some_and(|name| word.is(&name)))
        .or_else(|| word.text().parse().ok());
    match place.and_then(|n| items.get_mut(n)) {
        Some(Value { data: Data::Table(table), .. }) => Ok(table),
        _ => {
            let near = nearest(word.text(), names.iter().map(String::as_str));
            let help = near.map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            Err(format!("no `{key}` is called `{}`{help}", word.text()))
        }
    }
}
