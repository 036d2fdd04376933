use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::Origin;

/// More than these are counted, not kept: a file of a megabyte of mistakes has as many.
const MAX: usize = 1000;

/// What was found in a configuration, in the order of its files.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    pub(super) list: Vec<Diagnostic>,
    pub(super) sources: Vec<Arc<Source>>,
    /// Places whose text is never shown.
    pub(super) masks: BTreeSet<Origin>,
    failed: bool,
    /// Whether one of the errors stops all that is configured, and not only what it is about.
    stopped: bool,
    more: usize,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// What it is about cannot be used: all of the configuration, or no more than the content of a file that it names.
    Error,
    /// It can be used nevertheless.
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Diagnostic {
    pub(super) at: Origin,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Another place that has to do with it.
    pub(super) also: Option<(Origin, String)>,
}

/// One file's text.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    /// What its relative paths are relative to.
    pub(super) dir: PathBuf,
    pub(super) text: String,
    /// Whether it stands in `conf.d`.
    pub(super) beside: bool,
    /// Whether it is what a command line stands for.
    pub(super) typed: bool,
}

/// One diagnostic as a machine reads it: an element of the output of `check --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// The file; or the environment variable, or the option.
    pub file: String,
    /// The line from 1; 0 where there is none.
    pub line: usize,
    /// The column in characters from 1; 0 where there is none.
    pub column: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostics {
    /// Whether there is at least one error, also where all else can be run.
    pub fn has_errors(&self) -> bool {
        self.failed
    }

    /// Whether nothing can be run.
    pub(super) fn stop(&self) -> bool {
        self.stopped
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are; of more than a thousand, not all are told.
    pub fn len(&self) -> usize {
        self.list.len() + self.more
    }

    /// All, in order, for machines.
    pub fn records(&self) -> Vec<Record> {
        self.list
            .iter()
            .map(|d| {
                let (file, line, column) = self.place(&d.at);
                Record {
                    file,
                    line,
                    column,
                    severity: d.severity,
                    message: d.message.clone(),
                    help: d.help.clone(),
                }
            })
            .collect()
    }

    /// All, in order, for people: message, source line, caret and help of each; in colour if `colour`.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for diagnostic in &self.list {
            text.push_str(&renderer.render(&self.groups(diagnostic)));
            text.push_str("\n\n");
        }
        if self.more > 0 {
            text.push_str(&format!("and {} more\n", self.more));
        }
        text
    }

    fn groups<'a>(&'a self, d: &'a Diagnostic) -> Vec<Group<'a>> {
        let level = match d.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = self.excerpt(Group::with_title(level.primary_title(&d.message)), &d.at);
        if let Some(help) = &d.help {
            group = group.element(Level::HELP.message(help));
        }
        let mut groups = vec![group];
        if let Some((at, what)) = &d.also {
            groups.push(self.excerpt(Group::with_title(Level::NOTE.secondary_title(what)), at));
        }
        groups
    }

    fn excerpt<'a>(&'a self, group: Group<'a>, at: &Origin) -> Group<'a> {
        match self.source_of(at) {
            Some((source, start, end)) => {
                let text = &source.text;
                let from = text[..start].rfind('\n').map_or(0, |n| n + 1);
                let to = text[start..].find('\n').map_or(text.len(), |n| start + n);
                let shown = self.masked(at, text, from, to);
                let span = start - from..end.clamp(start, to) - from;
                let (_, line, _) = self.place(at);
                group.element(
                    Snippet::source(shown)
                        .path(source.name.as_str())
                        .line_start(line)
                        .annotation(AnnotationKind::Primary.span(span)),
                )
            }
            None => match self.place(at).0 {
                place if place.is_empty() => group,
                place => group.element(Level::NOTE.message(format!("given by {place}"))),
            },
        }
    }

    /// The octets `from..to` of a file with every secret among them blotted out, octet for octet.
    fn masked(&self, at: &Origin, text: &str, from: usize, to: usize) -> String {
        let mut shown = text.as_bytes()[from..to].to_vec();
        for mask in &self.masks {
            if let (Origin::File { file, start, end }, Origin::File { file: here, .. }) = (mask, at)
                && file == here
            {
                let (start, end) = ((*start).clamp(from, to) - from, (*end).clamp(from, to) - from);
                shown[start..end.max(start)].fill(b'*');
            }
        }
        // A mask begins and ends where a value does, never inside of a character.
        String::from_utf8_lossy(&shown).into_owned()
    }

    fn source_of(&self, at: &Origin) -> Option<(&Source, usize, usize)> {
        let Origin::File { file, start, end } = at else { return None };
        let source = self.sources.get(*file)?;
        let start = source.text.floor_char_boundary(*start);
        Some((source, start, source.text.ceil_char_boundary(*end)))
    }

    /// Name, line and column of a place.
    pub(super) fn place(&self, at: &Origin) -> (String, usize, usize) {
        match (at, self.source_of(at)) {
            (_, Some((source, start, _))) => {
                let before = &source.text[..start];
                let line = before.rfind('\n').map_or(0, |n| n + 1);
                (source.name.clone(), before.matches('\n').count() + 1, before[line..].chars().count() + 1)
            }
            (Origin::Environment(name), _) => (format!("environment variable {name}"), 0, 0),
            (Origin::Set(number, key), _) => (format!("option --set {key} (number {number})"), 0, 0),
            _ => (String::new(), 0, 0),
        }
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.stopped |= diagnostic.severity == Severity::Error;
        self.confined(diagnostic);
    }

    /// The same of what stops nothing else.
    pub(super) fn confined(&mut self, diagnostic: Diagnostic) {
        self.failed |= diagnostic.severity == Severity::Error;
        if self.list.len() < MAX {
            self.list.push(diagnostic);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn error(&mut self, at: Origin, message: impl Into<String>) {
        self.push(Diagnostic {
            at,
            severity: Severity::Error,
            message: message.into(),
            help: None,
            also: None,
        });
    }

    /// In order, each once.
    pub(super) fn sorted(mut self) -> Self {
        self.list.sort();
        self.list.dedup();
        self
    }
}
