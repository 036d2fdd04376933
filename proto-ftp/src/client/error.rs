use std::error::Error as StdError;
use std::fmt;

use ropewalk_core::sansio::Reply;
use ropewalk_core::{Error as Cause, Fault};

/// Characters of a reply that an error shows.
const SHOWN: usize = 200;

/// What a client was doing when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Understanding what was asked: a URL, a path.
    Request,
    /// Looking up the host's addresses.
    Resolve,
    /// Connecting to one of them, and waiting for the greeting.
    Connect,
    /// Agreeing on TLS.
    Tls,
    /// Saying who we are.
    Login,
    /// Anything that is said and answered without data.
    Command,
    /// Opening a data connection.
    Data,
    /// What goes over it, and the reply at its end.
    Transfer,
}

impl Phase {
    /// The name in texts: `resolve`, `connect`, `tls`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::Command => "command",
            Self::Data => "data",
            Self::Transfer => "transfer",
        }
    }

    pub(super) fn failed(self, cause: impl Into<Cause>) -> Error {
        Error { phase: self, code: None, cause: cause.into() }
    }

    /// The server has said no to what was asked.
    pub(super) fn refused(self, asked: &str, reply: &Reply) -> Error {
        let cause = Cause::peer(format!("the server answers {asked} with {}", said(reply)));
        Error { phase: self, code: Some(reply.code()), cause }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why something was not done, and what the client was doing: `login: the server answers PASS with 530 login incorrect`.
pub struct Error {
    phase: Phase,
    code: Option<u16>,
    cause: Cause,
}

impl Error {
    /// What the client was doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The code of the reply that said no, where one did: 4yz for what may be tried again, 5yz for what may not (RFC
    /// 959 §4.2.1).
    pub fn code(&self) -> Option<u16> {
        self.code
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

/// The code and the last line of a reply, without what a terminal would obey.
pub(super) fn said(reply: &Reply) -> String {
    let text = String::from_utf8_lossy(reply.lines().last().map_or(&[][..], |line| line));
    let shown = text.trim().chars().take(SHOWN).map(|c| if c.is_control() { '?' } else { c });
    std::iter::once(format!("{} ", reply.code())).chain(shown.map(String::from)).collect::<String>()
}
