//! What the session asks, and what it is told.

use std::fmt;
use std::net::SocketAddr;

use ropewalk_core::app::Offence;
use ropewalk_core::data::files::{SetMeta, VPath};
use zeroize::Zeroizing;

use super::hash::Algorithm;
use crate::wire::{Facts, Reply};

/// What a session asks of its handler.
#[derive(Debug)]
pub(crate) enum Event {
    /// HOST, before a login.
    Host(String),
    Login {
        user: String,
        password: Password,
    },
    /// Another USER, or TLS begins.
    Logout,
    /// REIN: the host is forgotten too.
    Reset,
    /// The peer did something that counts against it.
    Offence(Offence),
    /// CWD: whether it is a directory.
    Enter(VPath),
    /// RNFR: whether it is there.
    Find(VPath),
    /// Anything about files that one reply answers.
    Ask(Ask),
    /// PASV or EPSV.
    Passive(Family),
    /// PORT or EPRT.
    Active(SocketAddr),
    Begin(Transfer),
    /// STAT during a transfer.
    Progress,
    /// ABOR.
    Abort,
}

/// What a session is told.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It was done; or, for a question, yes.
    Done,
    /// This is what the peer is told: of a question, no.
    Say(Reply),
    /// This is what the peer is told last.
    Close(Reply),
    /// Where to connect.
    Passive(SocketAddr),
    /// A transfer runs, and this is what the peer is told, if anything.
    Opening(Option<Reply>),
    /// A transfer ran and has ended: what is told of both.
    Over(Option<Reply>, Reply),
    /// A transfer has ended.
    Ended(Reply),
}

/// Which addresses an answer can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
    /// The control connection's own.
    Same,
}

/// A question about files, or something done to them.
#[derive(Debug)]
pub(crate) enum Ask {
    Make(VPath),
    RemoveDir(VPath),
    Delete(VPath),
    Rename(VPath, VPath),
    Size(VPath),
    Modified(VPath),
    /// What is to be changed, and what is then said.
    Set(VPath, SetMeta, Reply),
    Facts(VPath, Facts),
    Status(VPath),
    Space(VPath),
}

/// What is to be transferred.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) what: What,
    pub(crate) path: VPath,
    /// Text is converted (RFC 959 §3.1.1).
    pub(crate) ascii: bool,
    /// The data connection is under TLS.
    pub(crate) private: bool,
}

#[derive(Debug)]
pub(crate) enum What {
    /// From an offset on.
    Retrieve(u64),
    /// With the length that ALLO said.
    Store(Store, Option<u64>),
    List(Form),
    /// Nothing comes over a data connection: it takes as long as a transfer.
    Hash {
        algorithm: Algorithm,
        from: u64,
        to: Option<u64>,
        form: HashForm,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Replace,
    /// In place, from an offset on.
    Resume(u64),
    Append,
    /// Under a name that nothing has.
    Unique,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Ls,
    Names,
    Facts(Facts),
}

/// How a digest is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashForm {
    /// HASH: with algorithm, range and name.
    Full,
    /// XCRC and its like: alone.
    Bare,
}

/// A password, of which nothing is shown.
pub(crate) struct Password(pub(crate) Zeroizing<Vec<u8>>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
