//! Preconditions: RFC 9110 §13 and RFC 4918 §10.4.

use std::time::UNIX_EPOCH;

use super::desk::{Answer, Desk, Result};
use super::fault::Fault;

/// A list of conditions, and the resource that it is about.
struct List<'a> {
    tag: Option<&'a str>,
    conditions: Vec<Condition<'a>>,
}

struct Condition<'a> {
    not: bool,
    state: State<'a>,
}

enum State<'a> {
    Token(&'a str),
    Etag(&'a str),
}

/// The lists of an If.
fn lists(mut rest: &str) -> Option<Vec<List<'_>>> {
    let (mut lists, mut tag) = (Vec::new(), None);
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return (!lists.is_empty()).then_some(lists);
        }
        if let Some(after) = rest.strip_prefix('<') {
            let (resource, after) = after.split_once('>')?;
            after.trim_start().starts_with('(').then_some(())?;
            (tag, rest) = (Some(resource), after);
            continue;
        }
        let (conditions, after) = list(rest.strip_prefix('(')?)?;
        lists.push(List { tag, conditions });
        rest = after;
    }
}

fn list(mut rest: &str) -> Option<(Vec<Condition<'_>>, &str)> {
    let mut conditions = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(')') {
            return (!conditions.is_empty()).then_some((conditions, after));
        }
        let (not, after) = rest.strip_prefix("Not").map_or((false, rest), |after| (true, after.trim_start()));
        let (state, after) = if let Some(after) = after.strip_prefix('<') {
            let (token, after) = after.split_once('>')?;
            (State::Token(token), after)
        } else {
            let (etag, after) = after.strip_prefix('[')?.split_once(']')?;
            (State::Etag(etag), after)
        };
        conditions.push(Condition { not, state });
        rest = after;
    }
}

impl Desk<'_> {
    /// Evaluates all conditions of the request, and takes the tokens of If.
    pub(super) fn conditions(&mut self) -> Result<()> {
        self.preconditions()?;
        self.condition()
    }

    fn preconditions(&self) -> Result<()> {
        if self.is(Fault::PreconditionsIgnored) {
            return Ok(());
        }
        let there = self.tree.nodes.get(&self.path);
        let etag = there.map(|node| self.etag(node));
        let listed = |value: &str| {
            let mut members = value.split(',').map(str::trim);
            if value == "*" { there.is_some() } else { members.any(|member| Some(member) == etag.as_deref()) }
        };
        let matches =
            self.request.field("if-match").is_none_or(|value| !self.is(Fault::IfMatchNever) && listed(value));
        let none = self.request.field("if-none-match").is_none_or(|value| !listed(value));
        let since =
            self.request.field("if-unmodified-since").and_then(|value| httpdate::parse_http_date(value).ok());
        let modified = there.map(|node| UNIX_EPOCH + Self::modified(node));
        let unmodified = since.zip(modified).is_none_or(|(since, modified)| modified <= since);
        if matches && none && unmodified { Ok(()) } else { Err(Answer::of(412)) }
    }

    fn condition(&mut self) -> Result<()> {
        if self.is(Fault::TakesLockTokenField)
            && let Some(token) = self.request.field("lock-token")
        {
            self.submitted.push(token.trim_matches(['<', '>']).into());
        }
        let Some(value) = self.request.field("if") else { return Ok(()) };
        let Some(lists) = lists(value) else {
            return if self.is(Fault::MalformedIfIgnored) { Ok(()) } else { Err(Answer::of(400)) };
        };
        let first = lists.first().and_then(|list| list.tag);
        let mut met = Vec::new();
        for list in &lists {
            let holds = self.holds(list);
            if !self.is(Fault::FirstTagOnly) || list.tag == first {
                met.push(holds);
            }
            let own = list.tag.is_none_or(|tag| self.tagged(tag) == self.path);
            let tokens = list.conditions.iter().filter_map(|condition| match condition.state {
                State::Token(token) => Some(token.to_owned()),
                State::Etag(_) => None,
            });
            if (holds || !self.is(Fault::FalseListsUnsubmitted)) && (own || !self.is(Fault::OwnTagOnly)) {
                self.submitted.extend(tokens);
            }
        }
        let ignored = self.is(Fault::IfIgnored)
            || (self.is(Fault::IfForPutOnly) && self.request.method != "PUT")
            || (self.is(Fault::UnlockIgnoresIf) && self.request.method == "UNLOCK");
        let met = if self.is(Fault::AllLists) { met.iter().all(|met| *met) } else { met.contains(&true) };
        if met || ignored { Ok(()) } else { Err(Answer::of(412)) }
    }

    /// The path of a tag.
    fn tagged(&self, tag: &str) -> String {
        let path = match tag.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None if self.is(Fault::TagsAsUriOnly) => "/no-such-resource",
            None => tag,
        };
        self.resolve(path).unwrap_or_default()
    }

    fn holds(&self, list: &List<'_>) -> bool {
        let tag = list.tag.filter(|_| !self.is(Fault::TagsIgnored));
        let path = tag.map_or(self.path.clone(), |tag| self.tagged(tag));
        let mut conditions = list.conditions.iter().map(|condition| {
            let matches = self.matches(&path, &condition.state);
            matches != (condition.not && !self.is(Fault::NotIgnored))
        });
        if self.is(Fault::AnyCondition) { conditions.any(|met| met) } else { conditions.all(|met| met) }
    }

    fn matches(&self, path: &str, state: &State<'_>) -> bool {
        let Some(node) = self.tree.nodes.get(path) else { return self.is(Fault::UnmappedMatches) };
        match state {
            State::Token("DAV:no-lock") => self.is(Fault::NoLockMatches),
            State::Token(token) => self.covering(path).iter().any(|lock| lock.token == *token),
            State::Etag(etag) => self.etag(node) == *etag,
        }
    }
}
