use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use super::lint::lint;
use super::text::{self, Place, Reading, Severity};
use super::{Builder, Problem, Record, Zone};
use crate::wire::{Name, Type};

/// The zone in the file `path`, whose name is `origin`, or that of its first SOA record, and what was found when it was
/// read: without errors there is a zone. Records that lead nowhere are among the warnings. See [`text::read_file`]; the call
/// blocks.
pub fn load(path: &Path, origin: Option<&Name>) -> (Option<Zone>, Reading) {
    let (zone, mut reading) = load_as_is(path, origin);
    if let Some(zone) = &zone {
        place(path, origin, &lint(zone), &mut reading);
    }
    (zone, reading)
}

/// The same of a zone that is not all that is served, or not ours to change: where its records lead is not looked at.
pub(crate) fn load_as_is(path: &Path, origin: Option<&Name>) -> (Option<Zone>, Reading) {
    let mut builder = origin.map(|origin| Builder::new(origin.view()));
    // What comes before it is known which zone it is.
    let mut before: Vec<Record> = Vec::new();
    let mut reading = text::read_file(path, origin.map(Name::view), &mut |record, _| {
        if let (None, Type::SOA) = (&builder, record.rtype) {
            let mut begun = Builder::new(record.name);
            before.drain(..).for_each(|record| begun.add(&record.view()));
            builder = Some(begun);
        }
        match &mut builder {
            Some(builder) => builder.add(&record),
            None => before.push(record.to_record()),
        }
    });
    if reading.failed() {
        return (None, reading);
    }
    let Some(builder) = builder else {
        let nowhere = Place { file: 0, line: 0, column: 0 };
        reading.add(nowhere, Severity::Error, "there is no SOA record, by which a zone begins".into());
        return (None, reading);
    };
    match builder.finish() {
        Ok((zone, warnings)) => {
            place(path, origin, &warnings, &mut reading);
            (Some(zone), reading)
        }
        Err(problems) => {
            place(path, origin, &problems, &mut reading);
            (None, reading)
        }
    }
}

/// The name of the zone in a file that has a fault elsewhere: that of its first SOA record, if that can be read.
pub(crate) fn name_in(path: &Path) -> Option<Name> {
    let mut name = None;
    text::read_file(path, None, &mut |record, _| {
        if record.rtype == Type::SOA {
            name.get_or_insert_with(|| record.name.to_name());
        }
    });
    name
}

/// Adds the problems of a zone in the order of the text, each at the first record that it is about. For this the text is read
/// again, so that a zone without problems need not keep where its records are.
fn place(path: &Path, origin: Option<&Name>, problems: &[Problem], reading: &mut Reading) {
    if problems.is_empty() {
        return;
    }
    let mut places: HashMap<&str, Vec<(&Problem, Option<Place>)>> = HashMap::new();
    for problem in problems {
        places.entry(&problem.record).or_default().push((problem, None));
    }
    let mut key = String::new();
    text::read_file(path, origin.map(Name::view), &mut |record, at| {
        key.clear();
        if write!(key, "{} {}", record.name, record.rtype).is_err() {
            return;
        }
        for (problem, place) in places.get_mut(key.as_str()).into_iter().flatten() {
            if problem.data.as_deref().is_none_or(|data| data == record.rdata) {
                place.get_or_insert(at);
            }
        }
    });
    let nowhere = Place { file: 0, line: 0, column: 0 };
    let placed = places.into_values().flatten();
    let mut placed: Vec<_> = placed.map(|(problem, place)| (place.unwrap_or(nowhere), problem)).collect();
    placed.sort_by_key(|(place, problem)| (place.file, place.line, place.column, &problem.record));
    for (place, problem) in placed {
        let severity = if problem.is_warning { Severity::Warning } else { Severity::Error };
        reading.add(place, severity, problem.to_string().into());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn told(text: &str, origin: Option<&str>) -> (Option<Zone>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zone");
        fs::write(&path, text).unwrap();
        let origin: Option<Name> = origin.map(|origin| origin.parse().unwrap());
        let (zone, reading) = load(&path, origin.as_ref());
        let base = format!("{}/", folder.path().display());
        let problems = reading.problems.iter().map(|problem| problem.to_string().replace(&base, ""));
        (zone, problems.collect())
    }

    const APEX: &str = "example. 60 SOA . . 1 2 3 4 5\nexample. NS ns.example.net.\n";

    #[test]
    fn a_zone_is_named_by_its_soa() {
        let (zone, problems) = told(&format!("a.example. 60 A 192.0.2.1\n{APEX}"), None);
        assert_eq!(problems, [""; 0]);
        let zone = zone.unwrap();
        assert_eq!((zone.origin().to_string(), zone.serial()), ("example.".to_owned(), Some(1)));
        assert_eq!(zone.records().count(), 3);
    }

    #[test]
    fn what_is_wrong_with_the_records_is_told_with_their_place() {
        let (zone, problems) = told(
            &format!("{APEX}\n  ; an alias has nothing else\na.example. CNAME b.\n\tA 192.0.2.1\n"),
            None,
        );
        assert!(zone.is_none());
        assert!(
            problems.iter().any(|problem| problem.starts_with("zone:5:1: a.example. CNAME: ")),
            "{problems:?}"
        );
    }

    #[test]
    fn what_leads_nowhere_is_a_warning_at_its_own_record() {
        let text = format!("{APEX}example. MX 10 mail.example.net.\n\tMX 20 mail.example.\nmail TXT x\n");
        let (zone, problems) = told(&text, Some("example."));
        assert!(zone.is_some());
        assert_eq!(problems, ["zone:4:2: warning: example. MX: mail.example. has no address"]);
    }

    #[test]
    fn a_text_without_soa_is_no_zone() {
        let (zone, problems) = told("a. 60 A 192.0.2.1\n", None);
        assert!(zone.is_none());
        assert_eq!(problems, ["zone: there is no SOA record, by which a zone begins"]);
        assert!(told("", None).0.is_none());
    }

    #[test]
    fn a_zone_with_a_fault_in_its_text_is_not_loaded() {
        let (zone, problems) = told(&format!("{APEX}a.example. A 192.0.2\n"), Some("example"));
        assert!(zone.is_none());
        assert_eq!(problems, ["zone:3:14: an IPv4 address is expected"]);
    }
}
