use super::*;
use crate::wire::Name;

mod bad;
mod checkers;
mod files;
mod good;
mod peers;
mod round;
mod types;

/// Reads text: what came of it, and the records as text.
fn read(text: &str, origin: Option<&str>) -> (Reading, Vec<String>) {
    let mut records = Vec::new();
    let origin: Option<Name> = origin.map(|origin| origin.parse().unwrap());
    let origin = origin.as_ref().map(Name::view);
    let reading =
        read_text("zone", text.as_bytes(), origin, &mut |record, _| records.push(record.to_string()));
    assert_eq!(reading.records, records.len() as u64);
    (reading, records)
}

/// The problems, without the name of the file and without how bad they are.
fn told((reading, _): &(Reading, Vec<String>)) -> Vec<String> {
    let problems = reading.problems.iter();
    problems.map(|Problem { line, column, what, .. }| format!("{line}:{column}: {what}")).collect()
}
