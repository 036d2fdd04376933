use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use ropewalk_core::data::files::VPath;
use ropewalk_core::policy::Network;
use ropewalk_core::{Address, Error};

/// How a server of FTP behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Nobody logs in, and nothing is transferred, without TLS.
    pub tls_required: bool,
    /// Whether a data connection proves by its TLS session that it belongs to the control connection.
    pub tie: Tie,
    /// The ports that passive data connections come to; `0..=0` for any that the system gives.
    pub passive: RangeInclusive<u16>,
    /// The addresses that clients are told to connect to, by their networks; the first that fits counts.
    pub masquerade: Vec<Public>,
    /// PORT and EPRT: we connect to the client.
    pub active: bool,
    /// Who data connections may come from and go to beside the client (RFC 2577 §3 says why nobody).
    pub fxp: Vec<Network>,
    /// TYPE A converts line ends; otherwise it is TYPE I under another name.
    pub ascii: bool,
    /// Without a byte on a data connection.
    pub stall: Duration,
    /// From the answer to PASV, or from the command that transfers, to a data connection.
    pub connect: Duration,
    /// Logins that may fail in one session: the last of them ends it.
    pub login_attempts: u32,
    /// Sessions of one person at once; of guests, those of one address.
    pub per_person: usize,
    /// What is said to who connects.
    pub welcome: String,
    /// Permission bits that new files and directories do not get.
    pub umask: u16,
    /// Octets of one file that HASH and its like read.
    pub hash: u64,
    /// Where the anonymous may leave files, which nobody can read or list there as such.
    pub incoming: Option<VPath>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tls_required: false,
            tie: Tie::Prefer,
            passive: 50_000..=50_999,
            masquerade: Vec::new(),
            active: false,
            fxp: Vec::new(),
            ascii: true,
            stall: Duration::from_secs(60),
            connect: Duration::from_secs(15),
            login_attempts: 3,
            per_person: 10,
            welcome: "Ropewalk FTP".into(),
            umask: 0o022,
            hash: 4 << 30,
            incoming: None,
        }
    }
}

impl Options {
    pub(super) fn file_mode(&self) -> u16 {
        0o666 & !self.umask
    }

    pub(super) fn dir_mode(&self) -> u16 {
        0o777 & !self.umask
    }
}

/// Whether the TLS session of a data connection must be one of its control connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tie {
    /// It need not.
    Off,
    /// It must, once the client has shown that it can.
    #[default]
    Prefer,
    /// It must.
    Require,
}

/// The address that clients of a network are told: `NETWORK=ADDRESS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    network: Network,
    address: Ipv4Addr,
}

impl Public {
    /// The address for this client, if it is of the network.
    pub(super) fn of(&self, client: &Address) -> Option<Ipv4Addr> {
        self.network.contains(client).then_some(self.address)
    }
}

impl FromStr for Public {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::local(format!("{text:?} is not NETWORK=ADDRESS, such as 0.0.0.0/0=192.0.2.1"));
        let (network, address) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Self { network: network.trim().parse()?, address: address.trim().parse().map_err(|_| wrong())? })
    }
}

impl fmt::Display for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.network, self.address)
    }
}
