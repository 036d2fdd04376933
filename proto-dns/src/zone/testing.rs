//! Records for tests, of text with a name in each line.

use super::Record;
use super::text;
use crate::wire::NameRef;

pub(crate) fn records(text: &str) -> Vec<Record> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    text::records("test", lines.join("\n").as_bytes(), Some(NameRef::ROOT)).unwrap()
}

pub(crate) fn record(line: &str) -> Record {
    records(line).remove(0)
}
