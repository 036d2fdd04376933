//! What the reference server shows of its tree.

use std::time::{Duration, SystemTime};

use super::fault::Fault;
use super::tree::{Tree, split};

/// The facts that there are, in the order in which they are sent.
pub(super) const FACTS: [&str; 5] = ["type", "size", "modify", "perm", "unique"];

pub(super) fn facts(tree: &Tree, path: &[u8], chosen: &[&str], fault: Option<Fault>) -> String {
    let is = |f| fault == Some(f);
    let content = tree.file(path);
    let mut line = String::new();
    for fact in chosen {
        let value = match (*fact, &content) {
            ("type", _) if is(Fault::FactType) => "thing".into(),
            ("type", Some(_)) => "file".into(),
            ("type", None) => "dir".into(),
            ("size", Some(content)) => content.len().to_string(),
            ("modify", _) => time(fault),
            ("perm", _) if is(Fault::FactNonsense) => "xyz".into(),
            ("perm", Some(_)) => "adfrw".into(),
            ("perm", None) => "cdeflmp".into(),
            ("unique", _) if is(Fault::UniqueSame) => "1".into(),
            ("unique", _) => path.iter().map(|octet| format!("{octet:02x}")).collect(),
            _ => continue,
        };
        line += &format!("{fact}={value};");
    }
    if is(Fault::FactForm) { line.trim_end_matches(';').to_owned() } else { line }
}

/// Everything was modified just now.
pub(super) fn time(fault: Option<Fault>) -> String {
    let later = if fault == Some(Fault::TimeZone) { 5 * 3600 } else { 0 };
    let hour = crate::ftp::rfc3659::hour(SystemTime::now() + Duration::from_secs(later));
    if fault == Some(Fault::TimeForm) { format!("{hour} 00 00") } else { format!("{hour}0000") }
}

/// The lines of LIST, NLST and MLSD.
pub(super) fn list(tree: &Tree, path: &[u8], verb: &str, chosen: &[&str], fault: Option<Fault>) -> Vec<u8> {
    let end: &[u8] = if fault == Some(Fault::ListsLf) { b"\n" } else { b"\r\n" };
    let names = if tree.is_folder(path) { tree.names(path) } else { vec![split(path).1.to_vec()] };
    let folder = if tree.is_folder(path) { path } else { split(path).0 };
    let mut list = Vec::new();
    for name in names.iter().filter(|_| fault != Some(Fault::EmptyLists)) {
        let at = [folder, b"/", name.as_slice()].concat();
        let before = match verb {
            "NLST" => String::new(),
            "MLSD" => facts(tree, &at, chosen, fault) + " ",
            _ => "-rw-r--r-- 1 rope rope 1 Jan  1 00:00 ".into(),
        };
        list.extend([before.as_bytes(), name, end].concat());
    }
    list
}
