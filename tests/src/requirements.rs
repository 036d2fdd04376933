//! The demands of the documents, and which of them the cases test.
//!
//! `requirements/rfcNNNN.toml` lists every MUST and SHOULD of a document, in words of ours. Coverage is
//! counted over those that a server can be tested for: tested and todo.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use crate::{Level, suites};

const FILES: &[(&str, &str)] = &[
    ("RFC 959", include_str!("../requirements/rfc959.toml")),
    ("RFC 1034", include_str!("../requirements/rfc1034.toml")),
    ("RFC 1035", include_str!("../requirements/rfc1035.toml")),
    ("RFC 1123", include_str!("../requirements/rfc1123.toml")),
    ("RFC 1982", include_str!("../requirements/rfc1982.toml")),
    ("RFC 1995", include_str!("../requirements/rfc1995.toml")),
    ("RFC 1996", include_str!("../requirements/rfc1996.toml")),
    ("RFC 2136", include_str!("../requirements/rfc2136.toml")),
    ("RFC 2181", include_str!("../requirements/rfc2181.toml")),
    ("RFC 2228", include_str!("../requirements/rfc2228.toml")),
    ("RFC 2308", include_str!("../requirements/rfc2308.toml")),
    ("RFC 2389", include_str!("../requirements/rfc2389.toml")),
    ("RFC 2428", include_str!("../requirements/rfc2428.toml")),
    ("RFC 2577", include_str!("../requirements/rfc2577.toml")),
    ("RFC 2640", include_str!("../requirements/rfc2640.toml")),
    ("RFC 3225", include_str!("../requirements/rfc3225.toml")),
    ("RFC 3597", include_str!("../requirements/rfc3597.toml")),
    ("RFC 3659", include_str!("../requirements/rfc3659.toml")),
    ("RFC 4034", include_str!("../requirements/rfc4034.toml")),
    ("RFC 4035", include_str!("../requirements/rfc4035.toml")),
    ("RFC 4217", include_str!("../requirements/rfc4217.toml")),
    ("RFC 4331", include_str!("../requirements/rfc4331.toml")),
    ("RFC 4592", include_str!("../requirements/rfc4592.toml")),
    ("RFC 4892", include_str!("../requirements/rfc4892.toml")),
    ("RFC 4918", include_str!("../requirements/rfc4918.toml")),
    ("RFC 5001", include_str!("../requirements/rfc5001.toml")),
    ("RFC 5155", include_str!("../requirements/rfc5155.toml")),
    ("RFC 5936", include_str!("../requirements/rfc5936.toml")),
    ("RFC 6455", include_str!("../requirements/rfc6455.toml")),
    ("RFC 6672", include_str!("../requirements/rfc6672.toml")),
    ("RFC 6840", include_str!("../requirements/rfc6840.toml")),
    ("RFC 6891", include_str!("../requirements/rfc6891.toml")),
    ("RFC 7766", include_str!("../requirements/rfc7766.toml")),
    ("RFC 7828", include_str!("../requirements/rfc7828.toml")),
    ("RFC 7830", include_str!("../requirements/rfc7830.toml")),
    ("RFC 7858", include_str!("../requirements/rfc7858.toml")),
    ("RFC 7873", include_str!("../requirements/rfc7873.toml")),
    ("RFC 8020", include_str!("../requirements/rfc8020.toml")),
    ("RFC 8467", include_str!("../requirements/rfc8467.toml")),
    ("RFC 8482", include_str!("../requirements/rfc8482.toml")),
    ("RFC 8484", include_str!("../requirements/rfc8484.toml")),
    ("RFC 8906", include_str!("../requirements/rfc8906.toml")),
    ("RFC 8914", include_str!("../requirements/rfc8914.toml")),
    ("RFC 8945", include_str!("../requirements/rfc8945.toml")),
    ("RFC 9018", include_str!("../requirements/rfc9018.toml")),
    ("RFC 9077", include_str!("../requirements/rfc9077.toml")),
    ("RFC 9110", include_str!("../requirements/rfc9110.toml")),
    ("RFC 9111", include_str!("../requirements/rfc9111.toml")),
    ("RFC 9112", include_str!("../requirements/rfc9112.toml")),
    ("RFC 9250", include_str!("../requirements/rfc9250.toml")),
    ("RFC 9276", include_str!("../requirements/rfc9276.toml")),
    ("RFC 9471", include_str!("../requirements/rfc9471.toml")),
    ("RFC 9619", include_str!("../requirements/rfc9619.toml")),
];

/// One demand of a document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// `section-letter`, unique in its document.
    pub id: String,
    /// Where it stands.
    pub section: String,
    /// `must` or `should`.
    pub level: RequirementLevel,
    /// Whether cases test it.
    pub status: Status,
    /// What is demanded, in short words of ours.
    pub text: String,
    /// The cases that test it; for another status, none.
    #[serde(default)]
    pub cases: Vec<String>,
}

/// How strongly a document demands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequirementLevel {
    /// MUST and MUST NOT.
    Must,
    /// SHOULD, SHOULD NOT and RECOMMENDED.
    Should,
}

/// Whether cases test a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// At least one case tests it.
    Tested,
    /// Nothing that can be seen from outside shows whether it is met.
    Untestable,
    /// It is made of somebody else: a client, a proxy, a registry.
    NotApplicable,
    /// A case is wanted.
    Todo,
}

#[derive(Deserialize)]
struct File {
    requirements: Vec<Requirement>,
}

/// How far the cases cover the documents.
#[derive(Clone, Debug)]
pub struct Coverage {
    documents: Vec<Document>,
    errors: Vec<String>,
}

#[derive(Clone, Debug)]
struct Document {
    name: &'static str,
    requirements: Vec<Requirement>,
}

/// Compares the requirement files with the cases.
pub fn coverage() -> Coverage {
    let mut coverage = Coverage { documents: Vec::new(), errors: Vec::new() };
    for &(name, text) in FILES {
        match toml::from_str::<File>(text) {
            Ok(file) => coverage.documents.push(Document { name, requirements: file.requirements }),
            Err(error) => coverage.errors.push(format!("{name}: {error}")),
        }
    }
    coverage.check();
    coverage
}

impl Coverage {
    /// What is wrong with the requirement files: unknown case ids, cases that no demand names, and entries
    /// whose status and cases disagree. `conform coverage` fails unless this is empty.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Tested demands per hundred testable ones, of all documents, for one level.
    pub fn percent(&self, level: RequirementLevel) -> usize {
        let (tested, testable) = self.documents.iter().fold((0, 0), |(tested, testable), document| {
            let (t, of) = document.counts(level);
            (tested + t, testable + of)
        });
        tested * 100 / testable.max(1)
    }

    fn check(&mut self) {
        let suites = suites();
        let cases = || suites.iter().flat_map(|suite| &suite.cases);
        let mut named = BTreeSet::new();
        for document in &self.documents {
            let mut ids = BTreeSet::new();
            for requirement in &document.requirements {
                let at = format!("{} {}", document.name, requirement.id);
                if !ids.insert(&requirement.id) {
                    self.errors.push(format!("{at}: the id stands twice"));
                }
                if (requirement.status == Status::Tested) == requirement.cases.is_empty() {
                    self.errors.push(format!("{at}: tested is what names cases"));
                }
                for id in &requirement.cases {
                    if !cases().any(|case| case.id == id) {
                        self.errors.push(format!("{at}: no case has the id {id}"));
                    }
                    named.insert(id.as_str());
                }
            }
        }
        for case in cases() {
            let demanded = matches!(case.level, Level::Must | Level::Should);
            if demanded && !named.contains(case.id) {
                self.errors.push(format!("{}: no requirement names this case", case.id));
            }
        }
    }
}

impl Document {
    /// Tested and testable demands of one level.
    fn counts(&self, level: RequirementLevel) -> (usize, usize) {
        let count =
            |status| self.requirements.iter().filter(|r| r.level == level && r.status == status).count();
        let tested = count(Status::Tested);
        (tested, tested + count(Status::Todo))
    }
}

/// The gap: for each document the counts, then every demand that still wants a case.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for document in &self.documents {
            let (must, musts) = document.counts(RequirementLevel::Must);
            let (should, shoulds) = document.counts(RequirementLevel::Should);
            let all = document.requirements.len();
            writeln!(
                f,
                "{}: {must} of {musts} testable MUSTs, {should} of {shoulds} testable SHOULDs; {all} demands listed",
                document.name
            )?;
            for requirement in document.requirements.iter().filter(|r| r.status == Status::Todo) {
                let level = if requirement.level == RequirementLevel::Must { "must" } else { "should" };
                writeln!(f, "  todo {level:<6} §{:<10} {}", requirement.section, requirement.text)?;
            }
        }
        for error in &self.errors {
            writeln!(f, "error: {error}")?;
        }
        Ok(())
    }
}
