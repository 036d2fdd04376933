//! Every `RFC NNNN §x.y` in the code names a section that exists.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the workspace has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Sections by document, from `rfc-sections/sections.txt`.
fn sections() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let text = include_str!("../rfc-sections/sections.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(rfc, list)| (rfc, list.split(' ').collect()))
        .collect()
}

/// The citations in a text: document and section.
fn citations(text: &str) -> Vec<(String, String)> {
    let take = |text: &str, is: fn(&char) -> bool| text.chars().take_while(is).collect::<String>();
    let mut found = Vec::new();
    for after in text.split("RFC ").skip(1) {
        let rfc = take(after, char::is_ascii_digit);
        let Some(mut rest) = after.get(rfc.len()..).filter(|_| !rfc.is_empty()) else { continue };
        while let Some(section) = [" §", ", §", " and §", " to §"].iter().find_map(|by| rest.strip_prefix(by))
        {
            let section_text = take(section, |c| c.is_ascii_alphanumeric() || *c == '.');
            rest = section.get(section_text.len()..).unwrap_or_default();
            found.push((rfc.clone(), section_text.trim_end_matches('.').to_owned()));
        }
    }
    found
}

fn check(path: &Path, sections: &BTreeMap<&str, BTreeSet<&str>>, wrong: &mut Vec<String>, seen: &mut usize) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if path.is_dir() {
        if name != "target" && !name.starts_with('.') {
            for entry in fs::read_dir(path).unwrap() {
                check(&entry.unwrap().path(), sections, wrong, seen);
            }
        }
    } else if name.ends_with(".rs") {
        for (rfc, section) in citations(&fs::read_to_string(path).unwrap()) {
            *seen += 1;
            match sections.get(rfc.as_str()) {
                None => wrong.push(format!("{}: RFC {rfc} is not in sections.txt", path.display())),
                Some(has) if !has.contains(section.as_str()) => {
                    wrong.push(format!("{}: RFC {rfc} has no section {section}", path.display()));
                }
                Some(_) => {}
            }
        }
    }
}

#[test]
fn cited_sections_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    check(root, &sections(), &mut wrong, &mut seen);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 10, "only {seen} citations: does the test still see anything?");
}

#[test]
fn requirements_stand_in_sections_that_exist() {
    let sections = sections();
    for (rfc, text) in [
        ("959", include_str!("../requirements/rfc959.toml")),
        ("1034", include_str!("../requirements/rfc1034.toml")),
        ("1035", include_str!("../requirements/rfc1035.toml")),
        ("1123", include_str!("../requirements/rfc1123.toml")),
        ("1982", include_str!("../requirements/rfc1982.toml")),
        ("1995", include_str!("../requirements/rfc1995.toml")),
        ("1996", include_str!("../requirements/rfc1996.toml")),
        ("2136", include_str!("../requirements/rfc2136.toml")),
        ("2181", include_str!("../requirements/rfc2181.toml")),
        ("2228", include_str!("../requirements/rfc2228.toml")),
        ("2308", include_str!("../requirements/rfc2308.toml")),
        ("2389", include_str!("../requirements/rfc2389.toml")),
        ("2428", include_str!("../requirements/rfc2428.toml")),
        ("2577", include_str!("../requirements/rfc2577.toml")),
        ("2640", include_str!("../requirements/rfc2640.toml")),
        ("3225", include_str!("../requirements/rfc3225.toml")),
        ("3597", include_str!("../requirements/rfc3597.toml")),
        ("3659", include_str!("../requirements/rfc3659.toml")),
        ("4034", include_str!("../requirements/rfc4034.toml")),
        ("4035", include_str!("../requirements/rfc4035.toml")),
        ("4217", include_str!("../requirements/rfc4217.toml")),
        ("4592", include_str!("../requirements/rfc4592.toml")),
        ("4892", include_str!("../requirements/rfc4892.toml")),
        ("5001", include_str!("../requirements/rfc5001.toml")),
        ("5155", include_str!("../requirements/rfc5155.toml")),
        ("5936", include_str!("../requirements/rfc5936.toml")),
        ("6455", include_str!("../requirements/rfc6455.toml")),
        ("6672", include_str!("../requirements/rfc6672.toml")),
        ("6840", include_str!("../requirements/rfc6840.toml")),
        ("6891", include_str!("../requirements/rfc6891.toml")),
        ("7766", include_str!("../requirements/rfc7766.toml")),
        ("7828", include_str!("../requirements/rfc7828.toml")),
        ("7830", include_str!("../requirements/rfc7830.toml")),
        ("7873", include_str!("../requirements/rfc7873.toml")),
        ("8020", include_str!("../requirements/rfc8020.toml")),
        ("8482", include_str!("../requirements/rfc8482.toml")),
        ("8906", include_str!("../requirements/rfc8906.toml")),
        ("8914", include_str!("../requirements/rfc8914.toml")),
        ("8945", include_str!("../requirements/rfc8945.toml")),
        ("9018", include_str!("../requirements/rfc9018.toml")),
        ("9077", include_str!("../requirements/rfc9077.toml")),
        ("9110", include_str!("../requirements/rfc9110.toml")),
        ("9111", include_str!("../requirements/rfc9111.toml")),
        ("9112", include_str!("../requirements/rfc9112.toml")),
        ("9276", include_str!("../requirements/rfc9276.toml")),
        ("9471", include_str!("../requirements/rfc9471.toml")),
        ("9619", include_str!("../requirements/rfc9619.toml")),
    ] {
        let named = text.split("section = \"").skip(1).filter_map(|rest| rest.split('"').next());
        let wrong: Vec<_> = named.filter(|section| !sections[rfc].contains(section)).collect();
        assert!(wrong.is_empty(), "RFC {rfc}: {wrong:?}");
    }
}

#[test]
fn citations_are_found() {
    let cite = |rfc: &str, section: &str| (rfc.to_owned(), section.to_owned());
    // In two halves, since this file is read as well.
    let text = format!("see {0} 9110 §13.2.2, and {0} 9112 §2 to §7. {0} 1035 says", "RFC");
    assert_eq!(citations(&text), [cite("9110", "13.2.2"), cite("9112", "2"), cite("9112", "7")]);
}
