//! Where the content goes.

use std::fs::{self, File, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use ropewalk_core::{Error, Result};
use ropewalk_http::{Body, HttpResponse, StatusCode, header};

use super::part::{self, Part};
use super::{FetchArgs, Stop, ask};
use crate::exit::Exit;

/// Where the content is to go.
pub(super) enum Place {
    /// Standard output; whatever it is where that was said.
    Standard { said: bool },
    /// A file, which is replaced when all has come.
    File(PathBuf),
    /// What cannot be replaced: a device, a pipe.
    Special(PathBuf),
}

/// What an answer means for the place.
pub(super) enum Begun {
    Out(Out),
    /// The part is of no use: ask for the whole.
    Again,
}

impl Place {
    pub(super) fn of(args: &FetchArgs) -> Result<Self, String> {
        let file = match &args.output {
            Some(file) if file.as_os_str() == "-" => return Ok(Self::Standard { said: true }),
            Some(file) => file.clone(),
            None if args.remote_name => ask::name_of(&args.url)?.into(),
            None => return Ok(Self::Standard { said: false }),
        };
        // What a link points to is replaced, and not the link.
        let file = file.canonicalize().unwrap_or(file);
        match fs::metadata(&file) {
            Ok(found) if found.is_dir() => Err(format!("{} is a folder", file.display())),
            Ok(found) if !found.is_file() => Ok(Self::Special(file)),
            _ => Ok(Self::File(file)),
        }
    }

    /// What is there already, where it may be gone on with.
    pub(super) fn part(&self, resume: bool) -> Result<Option<Part>> {
        match self {
            Self::File(file) if resume => part::find(file),
            _ => Ok(None),
        }
    }

    /// The file, where it is there and may be whole already.
    pub(super) fn whole(&self, resume: bool) -> Option<&Path> {
        match self {
            Self::File(file) if resume && file.is_file() => Some(file),
            _ => None,
        }
    }

    /// A sentence about what an attempt has left.
    pub(super) fn kept(&self) -> Option<String> {
        let Self::File(file) = self else { return None };
        let part = part::path(file);
        let octets = fs::metadata(&part).ok()?.len();
        let can = part::find(file).ok()?.is_some();
        let how = if can { "; --resume goes on with it" } else { "" };
        (octets > 0).then(|| format!("\n  {} has {octets} octets{how}", part.display()))
    }

    /// Opens the place for this answer to a request for what follows the part. What came of a status that is an error
    /// does not go into a file.
    pub(super) fn begin(
        &self,
        answer: &HttpResponse<Body>,
        old: Option<Part>,
        check: bool,
    ) -> Result<Begun, Stop> {
        let status = answer.status();
        let out = |to| Ok(Begun::Out(Out { to, from: 0, rest: None }));
        let file = match self {
            Self::Standard { said } => return out(To::Standard { said: *said }),
            _ if check && status.as_u16() >= 400 && status != StatusCode::RANGE_NOT_SATISFIABLE => {
                return out(To::Nothing);
            }
            // What is there already is what the server has.
            _ if status == StatusCode::NOT_MODIFIED => return out(To::Nothing),
            Self::Special(path) => {
                let file = OpenOptions::new().write(true).open(path).map_err(|e| cannot("open", path, e))?;
                return out(To::Special(file));
            }
            Self::File(file) => file,
        };
        let place = part::place(answer.headers());
        match (status, old) {
            (StatusCode::PARTIAL_CONTENT, Some(old)) => match place {
                Some(part::Place { range: Some((first, last)), whole })
                    if first == old.octets
                        && length(answer).is_none_or(|length| length == last - first + 1) =>
                {
                    if !old.is_of(answer) {
                        return Ok(Begun::Again);
                    }
                    let path = part::path(file);
                    let open =
                        OpenOptions::new().append(true).open(&path).map_err(|e| cannot("open", &path, e))?;
                    let rest = Rest { left: last - first + 1, is_last: whole == Some(last + 1) };
                    let to = To::Part { open, file: file.clone() };
                    Ok(Begun::Out(Out { to, from: first, rest: Some(rest) }))
                }
                _ => Err(Stop::new(Exit::Failure, "head: the server sends another part than was asked for")),
            },
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(old)) => match place {
                // All of it had come already.
                Some(part::Place { range: None, whole: Some(whole) }) if whole == old.octets => {
                    Ok(Begun::Out(Out { to: To::Whole(file.clone()), from: whole, rest: None }))
                }
                _ => Ok(Begun::Again),
            },
            (StatusCode::RANGE_NOT_SATISFIABLE, None) if check => out(To::Nothing),
            _ => {
                let open = fresh(file)?;
                part::note(file, answer)?;
                out(To::Part { open, file: file.clone() })
            }
        }
    }
}

/// What the answer says of the length of what comes with it.
fn length(answer: &HttpResponse<Body>) -> Option<u64> {
    answer.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(feature = "ftp")]
impl Place {
    /// Opens the place for what follows so many octets of a part, or for all where there is none; with what the content
    /// is known by.
    pub(super) fn open(&self, from: u64, known: Option<&ropewalk_http::HeaderValue>) -> Result<Out, Stop> {
        let to = match self {
            Self::Standard { said } => To::Standard { said: *said },
            Self::Special(path) => {
                To::Special(OpenOptions::new().write(true).open(path).map_err(|e| cannot("open", path, e))?)
            }
            Self::File(file) if from > 0 => {
                let path = part::path(file);
                let open =
                    OpenOptions::new().append(true).open(&path).map_err(|e| cannot("open", &path, e))?;
                To::Part { open, file: file.clone() }
            }
            Self::File(file) => {
                let open = fresh(file)?;
                part::note_as(file, known)?;
                To::Part { open, file: file.clone() }
            }
        };
        Ok(Out { to, from, rest: None })
    }
}

/// A new part, whatever was there.
fn fresh(file: &Path) -> Result<File> {
    let path = part::path(file);
    // A link that somebody put there is not followed.
    part::forget_part(file)?;
    OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| cannot("make", &path, e))
}

fn cannot(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::local(format!("cannot {what} {}", path.display())).caused_by(error)
}

/// An open place.
pub(super) struct Out {
    to: To,
    from: u64,
    rest: Option<Rest>,
}

/// What an answer has of the rest of a part.
struct Rest {
    /// Octets that are still to come.
    left: u64,
    /// Whether they are the last of the whole.
    is_last: bool,
}

enum To {
    Standard { said: bool },
    Special(File),
    Part { open: File, file: PathBuf },
    Whole(PathBuf),
    Nothing,
}

impl Out {
    /// Octets that had come before.
    pub(super) fn from(&self) -> u64 {
        self.from
    }

    /// Whether all has come before.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.to, To::Whole(_))
    }

    pub(super) fn is_standard(&self) -> bool {
        matches!(self.to, To::Standard { .. })
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.is_standard() && std::io::stdout().is_terminal()
    }

    /// Writes what came.
    pub(super) fn write(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        if let (Some(rest), To::Part { open, file }) = (&mut self.rest, &self.to) {
            let Some(left) = rest.left.checked_sub(chunk.len() as u64) else {
                // Nobody can know which of it belongs there.
                open.set_len(self.from).map_err(|error| cannot("write", file, error))?;
                return Err(Stop::new(
                    Exit::Failure,
                    "body: the server sends more than the part that it says",
                ));
            };
            rest.left = left;
        }
        let written = match &mut self.to {
            To::Standard { said: false } if std::io::stdout().is_terminal() && is_dangerous(chunk) => {
                let says = "the content is not plain text, and could play tricks on a terminal: save it by -o FILE, \
                    or print it all the same by -o -";
                return Err(Stop::new(Exit::Failure, says));
            }
            To::Standard { .. } => {
                let mut out = std::io::stdout().lock();
                out.write_all(chunk).and_then(|()| out.flush())
            }
            To::Special(file) | To::Part { open: file, .. } => file.write_all(chunk),
            To::Whole(_) | To::Nothing => Ok(()),
        };
        written.map_err(|error| Error::local("cannot write the content").caused_by(error).into())
    }

    /// Gives the file its name, if all of it is there. Gives the path of what was written.
    pub(super) fn finish(self, whole: bool) -> Result<Option<PathBuf>, Stop> {
        match self.to {
            To::Part { .. } if whole && self.rest.is_some_and(|rest| rest.left > 0 || !rest.is_last) => {
                Err(Stop::new(Exit::TryLater, "body: the server sends no more than a part of the rest"))
            }
            To::Part { open, file } if whole => {
                open.sync_data().map_err(|error| cannot("write", &file, error))?;
                Ok(Some(Self::publish(file)?))
            }
            To::Whole(file) => Ok(Some(Self::publish(file)?)),
            _ => Ok(None),
        }
    }

    fn publish(file: PathBuf) -> Result<PathBuf> {
        fs::rename(part::path(&file), &file).map_err(|error| cannot("make", &file, error))?;
        part::forget_tag(&file)?;
        Ok(file)
    }
}

/// Whether a terminal would obey it instead of showing it. A character that is cut between two chunks is let pass.
fn is_dangerous(chunk: &[u8]) -> bool {
    String::from_utf8_lossy(chunk).chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_dangerous() {
        for text in ["\x1b[2J", "a\0b", "\u{9b}2J", "\x07", "\x08"] {
            assert!(is_dangerous(text.as_bytes()), "{text:?}");
        }
        assert!(!is_dangerous("yarns, \tlaid\r\ntogether: ü".as_bytes()));
    }
}
