use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// Where a record or a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of [`Reading::files`].
    pub file: u16,
    /// The line, from 1; 0 if it is the whole file.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The zone can be used as it was understood.
    Warning,
    /// The zone must not be used.
    Error,
}

/// Something wrong in a zone's text; displayed as `file:line:column: what`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, from 1; 0 if it is the whole file.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in words.
    pub what: Cow<'static, str>,
}

/// What came of reading a zone's text.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The files that were read, the zone's own first.
    pub files: Vec<PathBuf>,
    /// What is wrong, in the order it was met.
    pub problems: Vec<Problem>,
    /// How many records there were.
    pub records: u64,
}

impl Reading {
    /// Whether there was an error, and so the records must not be used.
    pub fn failed(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Adds a problem.
    pub(crate) fn add(&mut self, place: Place, severity: Severity, what: Cow<'static, str>) {
        let file = self.files.get(usize::from(place.file)).cloned().unwrap_or_default();
        let Place { line, column, .. } = place;
        self.problems.push(Problem { file, line, column, severity, what });
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        let warning = if self.severity == Severity::Warning { " warning:" } else { "" };
        write!(f, "{warning} {}", self.what)
    }
}

impl std::error::Error for Problem {}
