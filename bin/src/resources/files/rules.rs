use std::fmt;
use std::str::FromStr;

use ropewalk_core::config::{Section, Text};
use ropewalk_core::data::cred::{InvalidName, Name, Principal};
use ropewalk_core::data::files::Glob;
use ropewalk_core::data::files::layers::{Ops, Rule};

/// A rule, and whom it is for.
#[derive(Clone, Debug)]
pub(super) struct RuleFor {
    rule: Rule,
    who: Option<Vec<Who>>,
}

/// Whom a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Person(Name),
    Group(Name),
    /// Who has logged in, and not as a guest.
    Anybody,
}

impl FromStr for Who {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.strip_prefix('@') {
            Some(group) => group.parse().map(Self::Group),
            None if text == "*" => Ok(Self::Anybody),
            None => text.parse().map(Self::Person),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(f, "{name}"),
            Self::Group(name) => write!(f, "@{name}"),
            Self::Anybody => f.write_str("*"),
        }
    }
}

/// The rules, if there are any; nothing at all where one of them is wrong.
pub(super) fn read(section: &mut Section<'_>) -> Option<Option<Vec<RuleFor>>> {
    let given = section.has("rules");
    let mut rules = Vec::new();
    for mut table in section.tables(
        "rules",
        "What may be done where, and by whom: the first that is for a path and a person counts.",
    ) {
        let path: Option<Text<Glob>> =
            table.key("path", "Which paths: `/pub/**`, `/*.txt`; `**` is any number of folders.").required();
        let allow: Option<Vec<Text<Ops>>> = table
            .key("allow", "What may be done: list, read, create, overwrite, append, rename, delete, mkdir, set, link, or all.")
            .required();
        let who: Option<Vec<Text<Who>>> = table
            .key("who", "Who: names, `@group`, `*` for all who have logged in; without it, everybody.")
            .optional();
        rules.push((|| {
            let allow = allow?.into_iter().fold(Ops::NONE, |all, Text(one)| all | one);
            let who = who.map(|who| who.into_iter().map(|Text(who)| who).collect());
            Some(RuleFor { rule: Rule { path: path?.0, allow }, who })
        })());
    }
    let rules: Vec<_> = rules.into_iter().collect::<Option<_>>()?;
    Some(given.then_some(rules))
}

/// The rules that are for somebody, or for everybody.
pub(super) fn of(rules: &[RuleFor], who: Option<&Principal>) -> Vec<Rule> {
    let is_for = |rule: &&RuleFor| match (&rule.who, who) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(all), Some(who)) => all.iter().any(|one| match one {
            Who::Person(name) => name == who.name() && !who.is_guest(),
            Who::Group(name) => who.is_in(name.as_str()),
            Who::Anybody => !who.is_guest(),
        }),
    };
    rules.iter().filter(is_for).map(|rule| rule.rule.clone()).collect()
}
