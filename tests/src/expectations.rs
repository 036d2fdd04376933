use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::{Row, suites};

/// The known failures of one subject, each with its reason.
///
/// A TOML file with a table per suite, in which a case's id has the reason:
///
/// ```toml
/// [http]
/// "http/9112/3.2/invalid-host" = "takes any bytes in Host"
/// ```
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    known: BTreeMap<String, String>,
}

/// Where expectations and findings do not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surprise {
    /// A case that was expected to fail does not: the expectation must go.
    Passes(String),
    /// No case has this id.
    Unknown(String),
}

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes(id) => write!(f, "{id} is expected to fail, and does not"),
            Self::Unknown(id) => write!(f, "{id} is expected to fail, and no case has this id"),
        }
    }
}

impl Expectations {
    /// Nothing is known to fail.
    pub fn none() -> Self {
        Self::default()
    }

    /// From the text of an expectations file.
    ///
    /// # Errors
    /// Where it is no TOML of this form, or a failure has no reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let suites: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(text).map_err(|error| error.to_string())?;
        let known: BTreeMap<_, _> = suites.into_values().flatten().collect();
        match known.iter().find(|(_, reason)| reason.trim().is_empty()) {
            Some((id, _)) => Err(format!("{id} has no reason")),
            None => Ok(Self { known }),
        }
    }

    pub(crate) fn reason(&self, id: &str) -> Option<&str> {
        self.known.get(id).map(String::as_str)
    }

    /// Expected failures that passed, and ids of no case. Cases that did not run, or were skipped, say nothing.
    pub(crate) fn surprises(&self, rows: &[Row]) -> Vec<Surprise> {
        let suites = suites();
        let exists = |id: &str| suites.iter().flat_map(|suite| &suite.cases).any(|case| case.id == id);
        let passed =
            |id: &str| rows.iter().any(|row| row.id == id && matches!(row.outcome, "pass" | "choice"));
        let surprise = |id: &String| match (exists(id), passed(id)) {
            (false, _) => Some(Surprise::Unknown(id.clone())),
            (true, true) => Some(Surprise::Passes(id.clone())),
            (true, false) => None,
        };
        self.known.keys().filter_map(surprise).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_failure_without_a_reason_is_refused() {
        assert!(Expectations::parse("[http]\n\"a\" = \"\"\n").is_err());
        assert!(Expectations::parse("[http]\n\"a\" = 1\n").is_err());
        assert!(Expectations::parse("").is_ok());
    }
}
