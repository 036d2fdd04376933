use std::fmt;

pub use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::Peer;

/// One demand of one document, and how to see whether a subject meets it.
pub struct Case {
    /// `suite/document/section/name`, such as `http/9112/3.2/missing-host`.
    pub id: &'static str,
    /// How strongly the document asks for it.
    pub level: Level,
    /// The demand, in a sentence of ours.
    pub demand: &'static str,
    /// What the subject must have been given for the case to make sense.
    pub needs: &'static [Need],
    /// Talks to the subject.
    pub run: for<'a> fn(&'a mut Peer) -> BoxFuture<'a, Outcome>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("id", &self.id).field("level", &self.level).finish_non_exhaustive()
    }
}

/// How strongly a demand is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// MUST, SHALL, REQUIRED; failures count in the exit code.
    Must,
    /// SHOULD, RECOMMENDED.
    Should,
    /// MAY: the case reports which way the subject went.
    May,
    /// No sentence of a document, but a server that fails it is in danger.
    Robust,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
            Self::Robust => "robust",
        })
    }
}

/// Something a case depends on that lies in how the subject was set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Need {
    /// The suite's known tree is served at the root.
    Fixture,
    /// The subject gives up on a silent client after at most two seconds.
    ShortTimeouts,
    /// `/echo` answers with the content of the request, and with its field `X-Echo`.
    Echo,
    /// `/login/hello.txt` is `/hello.txt` for who says `rope` and `strand` by the scheme Basic.
    Login,
    /// `/coded.txt` is sent in the coding gzip to who accepts it.
    Coded,
    /// `/early` sends 103 before its answer.
    Early,
    /// `/switch` switches to the protocol `rope`, which sends back what it is sent, and asks for it where nobody did.
    Switch,
    /// Files below `/store/` are made, replaced and removed by PUT and DELETE.
    Put,
    /// The subject speaks the subprotocols [`SUBPROTOCOLS`](crate::websocket::SUBPROTOCOLS) of WebSocket.
    Subprotocols,
    /// The subject accepts WebSockets of no origin but [`ORIGIN`](crate::websocket::ORIGIN), and of clients without one.
    OneOrigin,
    /// The subject has no service at `/no-such-service`.
    OnePath,
    /// The subject was told a name and a password that log in: [`Subject::user`](crate::Subject::user).
    Account,
    /// In the folder `/upload/` files and folders are made, replaced and removed by who has logged in by FTP.
    Upload,
    /// AUTH TLS begins TLS on a control connection of FTP.
    Tls,
    /// The server opens data connections of FTP to clients that ask for it by PORT and EPRT.
    Active,
    /// The subject was told a second account, which may do what the first may: [`Subject::other`](crate::Subject::other).
    Other,
    /// The key that the subject was told of, and nothing else, may transfer the zones of the suite.
    Transfer,
    /// The key that the subject was told of, and nothing else, may update the zones `update.test` and `ixfr.test`.
    Update,
    /// The subject answers DNS over TLS: [`Subject::dot`](crate::Subject::dot).
    Dot,
    /// The subject answers DNS over HTTPS: [`Subject::doh`](crate::Subject::doh).
    Doh,
    /// The subject answers DNS over QUIC: [`Subject::doq`](crate::Subject::doq).
    Doq,
    /// The subject is a client, which the harness plays the server for.
    Client,
}

impl Need {
    /// What a server can be given.
    pub const OF_SERVERS: &[Self] = &[
        Self::Fixture,
        Self::ShortTimeouts,
        Self::Echo,
        Self::Login,
        Self::Coded,
        Self::Early,
        Self::Switch,
        Self::Put,
        Self::Subprotocols,
        Self::OneOrigin,
        Self::OnePath,
        Self::Account,
        Self::Upload,
        Self::Tls,
        Self::Active,
        Self::Other,
        Self::Transfer,
        Self::Update,
        Self::Dot,
        Self::Doh,
        Self::Doq,
    ];
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixture => "fixture",
            Self::ShortTimeouts => "short-timeouts",
            Self::Echo => "echo",
            Self::Login => "login",
            Self::Coded => "coded",
            Self::Early => "early",
            Self::Switch => "switch",
            Self::Put => "put",
            Self::Subprotocols => "subprotocols",
            Self::OneOrigin => "one-origin",
            Self::OnePath => "one-path",
            Self::Account => "account",
            Self::Upload => "upload",
            Self::Tls => "tls",
            Self::Active => "active",
            Self::Other => "other",
            Self::Transfer => "transfer",
            Self::Update => "update",
            Self::Dot => "dot",
            Self::Doh => "doh",
            Self::Doq => "doq",
            Self::Client => "client",
        })
    }
}

/// What a case found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The demand is met.
    Pass,
    /// The demand is not met.
    Fail {
        /// What would have met it.
        expected: String,
        /// What came instead.
        actual: String,
    },
    /// The case did not apply.
    Skip(Reason),
    /// The document allows several ways; the subject took this one.
    Choice(&'static str),
}

/// Why a case did not apply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The subject was not given this.
    Lacks(Need),
    /// The subject does not have the optional feature that the demand is about.
    Unsupported(&'static str),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacks(need) => write!(f, "the subject lacks {need}"),
            Self::Unsupported(feature) => write!(f, "the subject does not support {feature}"),
        }
    }
}

/// A demand that was found unmet: what a case's `?` returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What would have met the demand.
    pub expected: String,
    /// What came instead.
    pub actual: String,
}

impl Broken {
    /// From what was wanted and what came.
    pub fn new(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { expected: expected.into(), actual: actual.into() }
    }
}

impl From<Broken> for Outcome {
    fn from(broken: Broken) -> Self {
        Self::Fail { expected: broken.expected, actual: broken.actual }
    }
}

/// What the body of a case returns.
pub(crate) type Verdict = Result<Outcome, Broken>;

/// Passes where `met`; else fails with what was expected and what came.
pub(crate) fn check(met: bool, expected: impl Into<String>, actual: impl fmt::Display) -> Verdict {
    if met { Ok(Outcome::Pass) } else { Err(Broken::new(expected, actual.to_string())) }
}

/// Declares the cases of one section: the doc comment is the demand.
macro_rules! cases {
    ($(
        $(#[doc = $demand:literal])+
        $level:ident $id:literal $([$($need:ident),*])? = async |$peer:ident| $body:block
    )*) => {
        pub(crate) const CASES: &[$crate::Case] = &[$(
            $crate::Case {
                id: $id,
                level: $crate::Level::$level,
                demand: concat!($($demand),+).trim_ascii(),
                needs: &[$($($crate::Need::$need),*)?],
                run: {
                    async fn body($peer: &mut $crate::Peer) -> $crate::case::Verdict $body
                    fn run(peer: &mut $crate::Peer) -> $crate::BoxFuture<'_, $crate::Outcome> {
                        Box::pin(async move { body(peer).await.unwrap_or_else(Into::into) })
                    }
                    run
                },
            },
        )*];
    };
}
pub(crate) use cases;
