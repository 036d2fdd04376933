use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::diagnostic::{Diagnostics, Source};
use super::secret::sounds_secret;
use super::value::{Data, Entry, Origin, Table, Value, table_from};

/// A configuration file may have this many octets.
pub const MAX_SIZE: u64 = 1024 * 1024;
/// Errors of syntax that are told of one file: after so many the rest say nothing new.
const MAX_SYNTAX: usize = 20;

/// The merged configuration of all sources, not yet understood: values and where each was said.
///
/// Sources are added in the order of their rank, the lowest first: [`file`](Self::file) (with its `conf.d`),
/// [`environment`](Self::environment), [`set`](Self::set). What cannot be read is remembered, and told by
/// [`read`](Self::read) together with everything else.
#[derive(Debug, Default)]
pub struct Document {
    pub(super) root: Table,
    /// The files among the sources.
    pub(super) files: Vec<PathBuf>,
    pub(super) diagnostics: Diagnostics,
    /// Tables two levels down that two files of one rank define: path, first, second.
    pub(super) clashes: Vec<(String, String, Origin, Origin)>,
    /// Whether some text could not be parsed, so that what is missing may only be unread.
    pub(super) broken: bool,
    /// What could not be parsed: what is read of it may not be what is meant.
    pub(super) broken_parts: BTreeSet<Origin>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Main,
    Beside,
    Typed,
}

impl Document {
    /// An empty configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, and after it the files `conf.d/*.toml` beside it, sorted by name.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let dir = path.parent().unwrap_or(Path::new("/")).to_owned();
        self.add_file(&path, &dir, Rank::Main);
        match beside(&dir.join("conf.d")) {
            Ok(paths) => paths.iter().for_each(|path| self.add_file(path, &dir.join("conf.d"), Rank::Beside)),
            Err(e) => self
                .diagnostics
                .error(Origin::Absent, format!("cannot list {}: {e}", dir.join("conf.d").display())),
        }
        self
    }

    /// Adds text that stands in no file (a command's own tables, an example). Its relative paths are relative to `dir`.
    #[must_use]
    pub fn text(mut self, name: &str, dir: &Path, text: &str) -> Self {
        self.add_text(name.to_owned(), dir.to_owned(), text.to_owned(), Rank::Main);
        self
    }

    /// Adds the text that a command line stands for: a secret in it was typed, and nobody is told to put it elsewhere.
    #[must_use]
    pub fn typed(mut self, dir: &Path, text: &str) -> Self {
        self.add_text("the command line".into(), dir.to_owned(), text.to_owned(), Rank::Typed);
        self
    }

    /// Adds the variables `ROPEWALK__SECTION__KEY` of an environment; others are not looked at.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        super::overlay::environment(&mut self, variables);
        self
    }

    /// Adds the values of `--set section.key=value` options.
    #[must_use]
    pub fn set<S: AsRef<str>>(mut self, options: impl IntoIterator<Item = S>) -> Self {
        for (number, option) in (1..).zip(options) {
            super::overlay::set(&mut self, number, option.as_ref());
        }
        self
    }

    fn add_file(&mut self, path: &Path, dir: &Path, rank: Rank) {
        self.files.push(path.to_owned());
        match read(path) {
            Ok(text) => self.add_text(path.display().to_string(), dir.to_owned(), text, rank),
            Err(e) => {
                self.broken = true;
                self.diagnostics.error(Origin::Absent, format!("cannot read {}: {e}", path.display()));
            }
        }
    }

    fn add_text(&mut self, name: String, dir: PathBuf, text: String, rank: Rank) {
        let file = self.diagnostics.sources.len();
        let at = |span| Origin::file(file, span);
        let mut problems = Vec::new();
        // The parser does not go on after every error, and what it says after one is often wrong: so each line with
        // an error is blotted out, and the rest parsed again.
        let mut rest = text.clone();
        let table = loop {
            let (table, errors) = DeTable::parse_recoverable(&rest);
            let first = errors.iter().min_by_key(|e| e.span().map_or(0, |span| span.start));
            let place = first.and_then(|e| e.span()).map_or(0, |span| span.start);
            let lost = lost(&rest, place);
            match first {
                Some(error) if problems.len() < MAX_SYNTAX && !rest[lost.clone()].trim().is_empty() => {
                    let span = error.span().unwrap_or(place..place);
                    problems.push((at(span), error.message().trim_end().replace('\n', ", ")));
                }
                other => {
                    self.broken |= other.is_some();
                    break table_from(table.get_ref(), &at, &mut problems);
                }
            }
            drop((table, errors));
            self.breaks(file, lost.clone(), &text);
            rest.replace_range(lost.clone(), &" ".repeat(lost.len()));
        };
        for (place, message) in problems {
            self.diagnostics.error(place, message);
        }
        self.diagnostics.sources.push(Arc::new(Source {
            name,
            dir,
            text,
            beside: rank == Rank::Beside,
            typed: rank == Rank::Typed,
        }));
        self.clash(&table, rank);
        merge(&mut self.root, table);
    }

    /// Notes that a part of a file could not be parsed.
    fn breaks(&mut self, file: usize, part: Range<usize>, text: &str) {
        // Nobody knows what its values are: one may be a secret. A line without a key goes on with that of a line before.
        let line = text[part.clone()].lines().next().unwrap_or_default();
        let value = match (line.find('='), line.rfind('=')) {
            (Some(first), Some(last)) if sounds_secret(&line[..last]) => Some(first + 1),
            (None, _) if text[..part.start].lines().rfind(|l| l.contains('=')).is_some_and(sounds_secret) => {
                Some(0)
            }
            (None, _) if sounds_secret(line) => {
                line.find(|c: char| !c.is_alphanumeric() && !"_-.".contains(c))
            }
            _ => None,
        };
        if let Some(value) = value {
            let mask = part.start + value..part.start + line.len();
            self.diagnostics.masks.insert(Origin::file(file, mask));
        }
        self.broken = true;
        self.broken_parts.insert(Origin::file(file, part));
    }

    /// Remembers which named tables a second file of `conf.d` defines again.
    fn clash(&mut self, new: &Table, rank: Rank) {
        if rank == Rank::Main {
            return;
        }
        for (section, name, at) in named(new) {
            let before =
                named(&self.root).find(|(s, n, at)| (*s, *n) == (section, name) && self.is_beside(at));
            if let Some((.., first)) = before {
                self.clashes.push((section.to_owned(), name.to_owned(), first.clone(), at.clone()));
            }
        }
    }

    fn is_beside(&self, at: &Origin) -> bool {
        matches!(at, Origin::File { file, .. }
            if self.diagnostics.sources.get(*file).is_some_and(|source| source.beside))
    }
}

/// What an error at `place` makes useless: its line; and where that is a header, all that stands below it.
fn lost(text: &str, place: usize) -> Range<usize> {
    let place = text.floor_char_boundary(place);
    let from = text[..place].rfind('\n').map_or(0, |n| n + 1);
    let to = text[place..].find('\n').map_or(text.len(), |n| place + n);
    if !text[from..to].trim_start().starts_with('[') {
        return from..to;
    }
    from..text[to..].find("\n[").map_or(text.len(), |n| to + n)
}

/// The tables `[SECTION.NAME]` of a file.
fn named(root: &Table) -> impl Iterator<Item = (&str, &str, &Origin)> {
    root.iter().flat_map(|(section, entry)| {
        entry
            .value
            .as_table()
            .into_iter()
            .flatten()
            .filter(|(_, entry)| entry.value.as_table().is_some())
            .map(move |(name, entry)| (section.as_str(), name.as_str(), &entry.key_at))
    })
}

/// Lays `over` above `under`: tables key by key, lists of services one after the other, everything else anew.
pub(super) fn merge(under: &mut Table, over: Table) {
    for (key, entry) in over {
        match under.get_mut(&key) {
            None => {
                under.insert(key, entry);
            }
            Some(old) => match (&mut old.value.data, entry) {
                (
                    Data::Table(old_table),
                    Entry { value: Value { data: Data::Table(new), at, .. }, key_at },
                ) => {
                    merge(old_table, new);
                    old.key_at = key_at;
                    old.value.at = at;
                }
                (Data::Array(old), Entry { value: Value { data: Data::Array(new), .. }, .. })
                    if key == "service" =>
                {
                    old.extend(new);
                }
                (_, entry) => *old = entry,
            },
        }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let file = File::open(path)?;
    let mut text = String::new();
    file.take(MAX_SIZE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SIZE {
        return Err(std::io::Error::other(format!("more than {MAX_SIZE} octets")));
    }
    Ok(text)
}

fn beside(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    Ok(paths)
}
