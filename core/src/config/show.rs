use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::diagnostic::Diagnostics;
use super::document::Document;
use super::plan::Reading;
use super::value::{Data, Origin, Table, Value};

const MASK: &str = "\"********\"";

impl<T> Reading<T> {
    /// The effective configuration as TOML, for `config show`: of all sources, each key with its origin in a comment
    /// if `origins`. Secrets, and values that nobody understood, are masked.
    pub fn show(&self, document: &Document, origins: bool) -> String {
        document.to_toml(&self.diagnostics.masks, origins)
    }
}

impl Document {
    pub(super) fn to_toml(&self, masks: &BTreeSet<Origin>, origins: bool) -> String {
        let mut show = Show { text: String::new(), diagnostics: &self.diagnostics, masks, origins };
        show.table(&mut Vec::new(), &self.root);
        show.text
    }
}

struct Show<'a> {
    text: String,
    diagnostics: &'a Diagnostics,
    masks: &'a BTreeSet<Origin>,
    origins: bool,
}

impl<'a> Show<'a> {
    /// The keys of a table, then the tables below it: a key after a table's header would belong to that table.
    fn table(&mut self, path: &mut Vec<&'a str>, table: &'a Table) {
        for (key, entry) in table.iter().filter(|(_, entry)| !has_header(&entry.value)) {
            let value = self.inline(&entry.value);
            let origin = if self.origins { self.origin(&entry.value.at) } else { String::new() };
            // Writing to a string does not fail.
            let _ = writeln!(self.text, "{} = {value}{origin}", bare(key));
        }
        for (key, entry) in table.iter().filter(|(_, entry)| has_header(&entry.value)) {
            path.push(key);
            let name = path.iter().map(|key| bare(key)).collect::<Vec<_>>().join(".");
            match &entry.value.data {
                Data::Table(inner) => {
                    self.header(&format!("[{name}]"), &entry.value.at);
                    self.table(path, inner);
                }
                Data::Array(items) => {
                    for item in items {
                        self.header(&format!("[[{name}]]"), &item.at);
                        item.as_table().into_iter().for_each(|inner| self.table(path, inner));
                    }
                }
                _ => {}
            }
            path.pop();
        }
    }

    fn header(&mut self, header: &str, at: &Origin) {
        let origin = if self.origins { self.origin(at) } else { String::new() };
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.text, "{gap}{header}{origin}");
    }

    fn origin(&self, at: &Origin) -> String {
        let place = match self.diagnostics.place(at) {
            (name, 0, _) => name,
            (name, line, _) => format!("{name}:{line}"),
        };
        // A file's name may hold anything; a comment may not.
        format!("  # {}", place.replace(char::is_control, "?"))
    }

    fn inline(&self, value: &Value) -> String {
        if self.masks.contains(&value.at) && !matches!(value.data, Data::Table(_)) {
            return MASK.to_owned();
        }
        match &value.data {
            Data::String(text) => toml::Value::from(text.as_str()).to_string(),
            Data::Integer(n) => n.to_string(),
            Data::Float(n) => toml::Value::from(*n).to_string(),
            Data::Boolean(b) => b.to_string(),
            Data::Datetime(time) => time.to_string(),
            Data::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.inline(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Data::Table(table) => {
                let pairs: Vec<_> = table
                    .iter()
                    .map(|(key, entry)| format!("{} = {}", bare(key), self.inline(&entry.value)))
                    .collect();
                format!("{{ {} }}", pairs.join(", "))
            }
        }
    }
}

/// Whether a value is written below a header of its own.
fn has_header(value: &Value) -> bool {
    match &value.data {
        Data::Table(_) => true,
        Data::Array(items) => !items.is_empty() && items.iter().all(|item| item.as_table().is_some()),
        _ => false,
    }
}

/// A key as TOML writes it.
fn bare(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(plain) {
        return key.to_owned();
    }
    let mut text = String::from("\"");
    for c in key.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(text, "\\U{:08X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
