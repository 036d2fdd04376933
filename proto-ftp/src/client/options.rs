use std::time::Duration;

use ropewalk_core::net::Endpoint;
use ropewalk_core::tls::ClientTls;

/// How a client behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Whether what is said and sent is secret.
    pub security: Security,
    /// Whom to trust, and who to be. Each client has TLS sessions of its own. `None`: the authorities of the system,
    /// which are read when they are first needed.
    pub tls: Option<ClientTls>,
    /// Where to connect to, whatever the host is called. Data connections go to the same address.
    pub connect_to: Option<Endpoint>,
    /// Whether the server connects to us for data (PORT, EPRT), as a server behind a firewall may need. Else we connect
    /// to the server (EPSV, PASV).
    pub active: bool,
    /// Whether the address in the answer to PASV is believed. It is ignored by default, and the control connection's
    /// peer taken: a server behind NAT tells an address that leads nowhere, and a hostile one somebody else's.
    pub foreign: bool,
    /// How long each phase may take.
    pub times: Times,
    /// Octets of a listing.
    pub listing: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            security: Security::default(),
            tls: None,
            connect_to: None,
            active: false,
            foreign: false,
            times: Times::default(),
            listing: 16 * 1024 * 1024,
        }
    }
}

/// Whether TLS protects the control connection and data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Security {
    /// It does not. Whoever is on the way reads the password.
    Clear,
    /// Where the server has it. Whoever is on the way can say that it has not.
    Prefer,
    /// By AUTH TLS (RFC 4217), before anything else is said; a server that has none is left.
    #[default]
    Require,
    /// From the first octet on, on a port of its own.
    Implicit,
}

impl Security {
    /// The port that is meant where none is said.
    pub fn port(self) -> u16 {
        if self == Self::Implicit { 990 } else { 21 }
    }
}

/// How long each phase may take.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Times {
    /// Looking up the host.
    pub resolve: Duration,
    /// Connecting; of a data connection too.
    pub connect: Duration,
    /// The handshake of TLS.
    pub tls: Duration,
    /// To a reply.
    pub reply: Duration,
    /// Without an octet on a data connection.
    pub stall: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let some = Duration::from_secs(20);
        let long = Duration::from_secs(60);
        Self { resolve: some, connect: some, tls: some, reply: long, stall: long }
    }
}
