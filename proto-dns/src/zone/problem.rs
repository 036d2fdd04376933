use std::borrow::Cow;
use std::fmt;

use crate::wire::{NameRef, Type};

/// How many problems of a zone are told one by one.
pub(super) const TOLD: usize = 1000;

/// What is wrong with a zone: a record, or the name that one is missing at, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The zone can be served nevertheless.
    pub is_warning: bool,
    /// Owner and type of the record.
    pub record: String,
    /// Its data, where it is one of several of that name and type.
    pub data: Option<Box<[u8]>>,
    /// The rule.
    pub rule: Cow<'static, str>,
}

/// The problems of a zone, the first of them.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    told: Vec<Problem>,
    errors: usize,
}

impl Problems {
    pub(crate) fn error(&mut self, name: NameRef<'_>, rtype: Type, rule: &'static str) {
        self.errors += 1;
        self.add(false, name, rtype, rule);
    }

    pub(crate) fn warn(&mut self, name: NameRef<'_>, rtype: Type, rule: &'static str) {
        self.add(true, name, rtype, rule);
    }

    fn add(&mut self, is_warning: bool, name: NameRef<'_>, rtype: Type, rule: &'static str) {
        if self.told.len() < TOLD {
            let record = format!("{name} {rtype}");
            self.told.push(Problem { is_warning, record, data: None, rule: rule.into() });
        }
    }

    /// The warnings, or all problems if one is an error.
    pub(crate) fn end(mut self) -> Result<Vec<Problem>, Vec<Problem>> {
        if self.errors == 0 {
            return Ok(self.told);
        }
        // An error may have come when there was no more room.
        if self.told.iter().all(|problem| problem.is_warning) {
            self.told.clear();
            let (record, rule) = (String::new(), "too many problems".into());
            self.told.push(Problem { is_warning: false, record, data: None, rule });
        }
        Err(self.told)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.record, self.rule)
    }
}
