use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

/// Where a value comes from. The order is that of the diagnostics: files in the order read, each from its
/// beginning, then the environment, then options.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Octets of a file of the [`Document`](super::Document), by its number.
    File {
        /// The file's number, in the order read.
        file: usize,
        /// The first octet.
        start: usize,
        /// The octet after the last.
        end: usize,
    },
    /// An environment variable, by name.
    Environment(Arc<str>),
    /// A `--set` option: its number from 1, and its key.
    Set(usize, Arc<str>),
    /// Nowhere: it was not given.
    Absent,
}

impl Origin {
    pub(super) fn file(file: usize, span: Range<usize>) -> Self {
        Self::File { file, start: span.start, end: span.end }
    }

    /// Whether both are in one file and have an octet, or an end, in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { file: a, start, end }, Self::File { file: b, start: from, end: to }) => {
                a == b && start <= to && from <= end
            }
            _ => false,
        }
    }
}

/// A value and its origin.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) data: Data,
    pub(super) at: Origin,
    /// The text of an environment variable or option, which is also a string where a string is wanted.
    pub(super) raw: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime(Datetime),
    Array(Vec<Value>),
    Table(Table),
}

/// A key's own place, and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key_at: Origin,
    pub(super) value: Value,
}

pub(super) type Table = BTreeMap<String, Entry>;

impl Value {
    pub(super) fn new(data: Data, at: Origin) -> Self {
        Self { data, at, raw: None }
    }

    /// The type's name in messages.
    pub(super) fn type_name(&self) -> &'static str {
        match self.data {
            Data::String(_) => "a string",
            Data::Integer(_) => "an integer",
            Data::Float(_) => "a float",
            Data::Boolean(_) => "a boolean",
            Data::Datetime(_) => "a date or time",
            Data::Array(_) => "an array",
            Data::Table(_) => "a table",
        }
    }

    /// The text, where a string is wanted.
    pub(super) fn as_str(&self) -> Option<&str> {
        match (&self.raw, &self.data) {
            (_, Data::String(text)) => Some(text),
            (Some(raw), _) => Some(raw),
            _ => None,
        }
    }

    pub(super) fn as_table(&self) -> Option<&Table> {
        match &self.data {
            Data::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Calls `each` with every value in this one that is not a table.
    pub(super) fn leaves(&self, each: &mut dyn FnMut(&Self)) {
        match &self.data {
            Data::Table(table) => table.values().for_each(|entry| entry.value.leaves(each)),
            Data::Array(items) if items.iter().any(|item| item.as_table().is_some()) => {
                items.iter().for_each(|item| item.leaves(each));
            }
            _ => each(self),
        }
    }

    /// Feeds what the value says, and nothing of how or where it is written, in a form that no other value has.
    pub(super) fn digest(&self, feed: &mut dyn FnMut(&[u8])) {
        match &self.data {
            Data::String(text) => leaf(feed, b's', text.as_bytes()),
            Data::Integer(n) => leaf(feed, b'i', &n.to_be_bytes()),
            Data::Float(n) => leaf(feed, b'f', &n.to_bits().to_be_bytes()),
            Data::Boolean(b) => leaf(feed, b'b', &[u8::from(*b)]),
            Data::Datetime(time) => leaf(feed, b'd', time.to_string().as_bytes()),
            Data::Array(items) => {
                leaf(feed, b'a', &items.len().to_be_bytes());
                items.iter().for_each(|item| item.digest(feed));
            }
            Data::Table(table) => digest_table(table, feed),
        }
    }
}

pub(super) fn digest_table(table: &Table, feed: &mut dyn FnMut(&[u8])) {
    leaf(feed, b't', &table.len().to_be_bytes());
    for (key, entry) in table {
        leaf(feed, b'k', key.as_bytes());
        entry.value.digest(feed);
    }
}

fn leaf(feed: &mut dyn FnMut(&[u8]), tag: u8, bytes: &[u8]) {
    feed(&[tag]);
    feed(&bytes.len().to_be_bytes());
    feed(bytes);
}

/// What could not be taken over from the parser: a place and a message.
pub(super) type Problem = (Origin, String);

/// Takes a parsed table over. `at` makes an origin of a span.
pub(super) fn table_from(
    table: &DeTable<'_>,
    at: &dyn Fn(Range<usize>) -> Origin,
    problems: &mut Vec<Problem>,
) -> Table {
    table
        .iter()
        .map(|(key, value)| {
            let entry = Entry {
                key_at: at(key.span()),
                value: value_from(value.get_ref(), value.span(), at, problems),
            };
            (key.get_ref().to_string(), entry)
        })
        .collect()
}

/// Takes a parsed value over.
pub(super) fn value_from(
    value: &DeValue<'_>,
    span: Range<usize>,
    at: &dyn Fn(Range<usize>) -> Origin,
    problems: &mut Vec<Problem>,
) -> Value {
    let place = at(span);
    let data = match value {
        DeValue::String(text) => Data::String(text.to_string()),
        DeValue::Integer(n) => {
            Data::Integer(i64::from_str_radix(n.as_str(), n.radix()).unwrap_or_else(|_| {
                problems.push((place.clone(), "this integer does not fit into 64 bits".into()));
                0
            }))
        }
        DeValue::Float(n) => Data::Float(n.as_str().parse().unwrap_or_else(|_| {
            problems.push((place.clone(), "this is not a number".into()));
            0.0
        })),
        DeValue::Boolean(b) => Data::Boolean(*b),
        DeValue::Datetime(time) => Data::Datetime(*time),
        DeValue::Array(items) => Data::Array(
            items.iter().map(|item| value_from(item.get_ref(), item.span(), at, problems)).collect(),
        ),
        DeValue::Table(table) => Data::Table(table_from(table, at, problems)),
    };
    Value::new(data, place)
}
