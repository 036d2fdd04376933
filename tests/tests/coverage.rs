//! The requirement files agree with the cases, and the cases with the aim.

use ropewalk_conformance::requirements::{RequirementLevel, coverage};

#[test]
fn requirement_files_agree_with_the_cases() {
    let coverage = coverage();
    assert!(coverage.errors().is_empty(), "{}", coverage.errors().join("\n"));
}

#[test]
fn most_of_the_testable_musts_are_tested() {
    let coverage = coverage();
    let percent = coverage.percent(RequirementLevel::Must);
    println!("{coverage}");
    assert!(percent >= 95, "{percent} per cent\n{coverage}");
}
