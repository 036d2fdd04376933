use std::error::Error as StdError;
use std::{fmt, io};

use ropewalk_core::{Error as Cause, Fault};

/// What a client was doing when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Understanding what was asked: the URL, the method, the content to be sent.
    Request,
    /// Looking up the host's addresses.
    Resolve,
    /// Connecting to one of them, or through a proxy.
    Connect,
    /// Agreeing on TLS.
    Tls,
    /// Sending the request, and waiting for the head of the answer.
    Head,
    /// Going on to where the answer pointed.
    Redirect,
    /// Reading the content of the answer.
    Body,
}

impl Phase {
    /// The name in texts: `resolve`, `connect`, `tls`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Head => "head",
            Self::Redirect => "redirect",
            Self::Body => "body",
        }
    }

    pub(super) fn failed(self, cause: impl Into<Cause>) -> Error {
        Error { phase: self, cause: cause.into() }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why there is no answer, and what the client was doing: `connect: nobody answers at 127.0.0.1:1: …`.
pub struct Error {
    phase: Phase,
    cause: Cause,
}

impl Error {
    /// What the client was doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The same in a wider context.
    pub(super) fn during(self, what: String) -> Self {
        Self { cause: self.cause.during(what), ..self }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.cause.fault()
    }

    /// The error without its phase.
    pub fn into_cause(self) -> Cause {
        self.cause
    }

    /// The phase, this level and all below it, joined by colons.
    pub fn chain(&self) -> String {
        format!("{}: {}", self.phase, self.cause.chain())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.phase, self.cause)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault(), self.chain())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}

/// The phase becomes the outer level of the chain.
impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        error.cause.during(error.phase.name())
    }
}

/// hyper's error in our words. An error of ours that went through hyper comes out with its fault.
pub(super) fn blame(error: hyper::Error) -> Cause {
    if let Some(ours) = ours(&error) {
        let text = ours.chain();
        return match (ours.fault(), ours.limit_name()) {
            (Fault::Limit, Some(name)) => Cause::limit(name, text),
            (Fault::Local, _) => Cause::local(text),
            _ => Cause::peer(text),
        };
    }
    let says = if error.is_incomplete_message() || is_cut(&error) {
        "the connection ended before all of it had come"
    } else if error.is_parse() {
        "not an answer of HTTP"
    } else if error.is_user() {
        return Cause::local("the request cannot be sent").caused_by(error);
    } else {
        "the connection failed"
    };
    Cause::peer(says).caused_by(error)
}

/// Whether the stream below ended where more was to come.
fn is_cut(error: &hyper::Error) -> bool {
    let mut source = error.source();
    while let Some(below) = source {
        if below.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::UnexpectedEof) {
            return true;
        }
        source = below.source();
    }
    false
}

fn ours(error: &hyper::Error) -> Option<&Cause> {
    let mut source = error.source();
    while let Some(below) = source {
        let inside = || below.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(ours) = below.downcast_ref().or_else(|| inside().and_then(|inner| inner.downcast_ref())) {
            return Some(ours);
        }
        source = below.source();
    }
    None
}
