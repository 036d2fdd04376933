//! Zone text (RFC 1035 §5): reading it with the place of every fault, and writing it.

mod entry;
mod generate;
mod include;
mod problem;
mod write;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

pub use problem::{Place, Problem, Reading, Severity};
pub use write::write;

use self::entry::State;
use super::{Record, RecordRef};
use crate::wire::lexer::{Fault, Lexer, Spot};
use crate::wire::{Class, NameRef};

/// How many problems are told; reading ends at the last.
const MAX_PROBLEMS: usize = 1000;

/// Reads the zone in the file `path`, and gives each record in it to `sink`, in the order they are in. Names are
/// completed by `origin`, until the text tells another.
///
/// What `$INCLUDE` names is sought from the folder of the file that it stands in, and must be within the folder of
/// `path`, after all links. Files are read whole, and the call blocks.
///
/// Reading goes on after an error, so that all are told; the records are then not all, and must not be used.
pub fn read_file(
    path: &Path,
    origin: Option<NameRef<'_>>,
    sink: &mut dyn FnMut(RecordRef<'_>, Place),
) -> Reading {
    let mut reader = Reader::new(sink);
    match include::open(path) {
        Ok((text, folder)) => {
            reader.root = Some(folder);
            reader.file(path.to_owned(), &text, State::new(origin));
        }
        Err(error) => {
            reader.reading.files.push(path.to_owned());
            let what = format!("cannot be read: {error}");
            reader.tell(Severity::Error, Place { file: 0, line: 0, column: 0 }, what.into());
        }
    }
    reader.reading
}

/// Reads the zone that `text` is, as [`read_file`] does, and calls it `name` in what it tells. `$INCLUDE` is refused.
pub fn read_text(
    name: &str,
    text: &[u8],
    origin: Option<NameRef<'_>>,
    sink: &mut dyn FnMut(RecordRef<'_>, Place),
) -> Reading {
    let mut reader = Reader::new(sink);
    reader.file(name.into(), text, State::new(origin));
    reader.reading
}

/// The records of the zone that `text` is, for those who want all or nothing.
///
/// # Errors
/// All problems, if at least one is an error.
pub fn records(name: &str, text: &[u8], origin: Option<NameRef<'_>>) -> Result<Vec<Record>, Vec<Problem>> {
    let mut records = Vec::new();
    let reading = read_text(name, text, origin, &mut |record, _| records.push(record.to_record()));
    if reading.failed() { Err(reading.problems) } else { Ok(records) }
}

/// What is the same for all files of a zone.
struct Reader<'s> {
    sink: &'s mut dyn FnMut(RecordRef<'_>, Place),
    reading: Reading,
    /// The folder that files must be within.
    root: Option<PathBuf>,
    /// The files that are being read, from the first to the one within all.
    open: Vec<PathBuf>,
    class: Option<Class>,
    /// Room for the RDATA of one record.
    rdata: Vec<u8>,
}

/// A file while it is read.
struct File<'a> {
    index: u16,
    text: &'a [u8],
    lexer: Lexer<'a>,
    state: State,
    /// Where all of it is said to be, if it was made.
    made_at: Option<Place>,
}

impl<'s> Reader<'s> {
    fn new(sink: &'s mut dyn FnMut(RecordRef<'_>, Place)) -> Self {
        Self {
            sink,
            reading: Reading::default(),
            root: None,
            open: Vec::new(),
            class: None,
            rdata: Vec::new(),
        }
    }

    /// Reads all entries of a file; gives what the last left behind.
    fn file(&mut self, path: PathBuf, text: &[u8], state: State) -> State {
        let index = u16::try_from(self.reading.files.len()).unwrap_or(u16::MAX);
        self.reading.files.push(path.clone());
        self.open.push(path);
        // A mark of the byte order is no part of the text.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut file = File { index, text, lexer: Lexer::new(text), state, made_at: None };
        while self.reading.problems.len() < MAX_PROBLEMS {
            if let Err(fault) = self.entry(&mut file) {
                self.fault(&file, fault);
            }
            let mut rest = Vec::new();
            file.lexer.skip(|fault| rest.push(fault));
            rest.into_iter().for_each(|fault| self.fault(&file, fault));
            if !file.lexer.advance() {
                break;
            }
        }
        self.open.pop();
        file.state
    }

    fn fault(&mut self, file: &File<'_>, fault: Fault) {
        self.tell(Severity::Error, file.place(fault.at), fault.what);
    }

    fn warn(&mut self, file: &File<'_>, at: Spot, what: &'static str) {
        self.tell(Severity::Warning, file.place(at), what.into());
    }

    fn tell(&mut self, severity: Severity, place: Place, what: Cow<'static, str>) {
        if self.reading.problems.len() >= MAX_PROBLEMS {
            return;
        }
        self.reading.add(place, severity, what);
        if self.reading.problems.len() == MAX_PROBLEMS - 1 {
            self.tell(Severity::Error, place, "too many problems: reading ends here".into());
        }
    }
}

impl File<'_> {
    fn place(&self, at: Spot) -> Place {
        let place = || Place { file: self.index, line: at.line, column: at.column(self.text) };
        self.made_at.unwrap_or_else(place)
    }
}

#[cfg(test)]
mod tests;
