//! The client: one server, asked over UDP, TCP, TLS, or whatever else carries messages.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ropewalk_dns::client::{Ask, Client, Via};
//! use ropewalk_dns::wire::Type;
//!
//! let client = Client::new(([192, 0, 2, 53], 53).into(), Via::Udp);
//! let reply = client.ask(&Ask::new("example.org".parse()?, Type::MX)).await?;
//! for record in &reply.message.answer {
//!     println!("{} {} {}", record.name, record.ttl, record.rtype);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A reply is believed only where it is of the same ID and question as the request, and over UDP only from the
//! address and to the port that it went (RFC 5452 §9.1).

mod ask;
mod datagram;
#[cfg(test)]
pub(crate) mod scripted;
mod sent;
mod stream;
mod transfer;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ropewalk_core::net::Connection;
use ropewalk_core::tls::{ClientTls, ServerName};
use ropewalk_core::{Error, Result};
use tokio::time::{Instant, timeout};

use crate::server::Transport;
use crate::wire::tsig::TsigKey;
use crate::wire::{Message, Rcode};
pub use ask::{Ask, Wants};
use datagram::Heard;
use sent::Sending;
pub use transfer::Transferred;

/// Asks one server.
///
/// Connections are kept for a while and used again, one question at a time. A future that is dropped closes its own.
pub struct Client {
    server: SocketAddr,
    via: Via,
    options: Options,
    kept: Mutex<Vec<(Connection, Instant)>>,
}

/// What a [`Client`] asks by.
#[derive(Clone)]
#[non_exhaustive]
pub enum Via {
    /// Datagrams, and a connection where a reply does not fit into one.
    Udp,
    /// A connection (RFC 7766).
    Tcp,
    /// A connection with TLS to the server of this name (RFC 7858). ALPN is as the [`ClientTls`] has it.
    Tls(ClientTls, ServerName),
    /// Something else that carries messages.
    Carrier(Transport, Arc<dyn Carry>),
}

/// Carries a message to a server, and its reply back: as HTTP does (RFC 8484).
#[async_trait]
pub trait Carry: Send + Sync {
    /// The reply to a message. The caller bounds its time.
    async fn carry(&self, request: Vec<u8>) -> Result<Vec<u8>>;
}

/// How a [`Client`] asks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long a reply may take; over UDP, to each try.
    pub timeout: Duration,
    /// How often it is asked over UDP before that fails.
    pub tries: u32,
    /// A reply over UDP must have the letters of the question as they were sent, so that a mixture of small and large ones
    /// makes it harder to guess; where they are others, it is asked again over TCP.
    pub exact_case: bool,
    /// A reply over UDP that is cut short is what came, and is not asked for again over TCP.
    pub keep_truncated: bool,
    /// What requests are signed with (RFC 8945); replies that are not signed with it too are not believed.
    pub key: Option<Arc<TsigKey>>,
}

/// A reply, and how it came.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// What it says.
    pub message: Message,
    /// Its octets.
    pub octets: usize,
    /// What it came by.
    pub transport: Transport,
    /// How long it took, with all tries.
    pub took: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            tries: 3,
            exact_case: false,
            keep_truncated: false,
            key: None,
        }
    }
}

impl Client {
    /// A client of this server.
    pub fn new(server: SocketAddr, via: Via) -> Self {
        Self::with(server, via, Options::default())
    }

    /// The same, with these options.
    pub fn with(server: SocketAddr, via: Via, options: Options) -> Self {
        Self { server, via, options, kept: Mutex::default() }
    }

    /// The server.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The reply to a question, whatever its code. A server that does not know EDNS is asked again without it
    /// (RFC 6891 §7).
    ///
    /// # Errors
    /// Where there is no reply, or it is malformed or to something else.
    pub async fn ask(&self, ask: &Ask) -> Result<Reply> {
        let begun = Instant::now();
        let mut reply = self.once(Sending::Ask(ask)).await?;
        if ask.edns.is_some() && reply.message.rcode == Rcode::FORMERR && reply.message.edns.is_none() {
            let plain = Ask { edns: None, ..ask.clone() };
            reply = self.once(Sending::Ask(&plain)).await?;
        }
        reply.took = begun.elapsed();
        Ok(reply)
    }

    /// The reply to a message that was made elsewhere, ID and all, such as a NOTIFY or an UPDATE. It is signed here, if there
    /// is a key.
    ///
    /// # Errors
    /// Where there is no reply, or it is malformed or to something else.
    pub async fn exchange(&self, message: &[u8]) -> Result<Reply> {
        let begun = Instant::now();
        let mut reply = self.once(Sending::Message(message)).await?;
        reply.took = begun.elapsed();
        Ok(reply)
    }

    async fn once(&self, what: Sending<'_>) -> Result<Reply> {
        let time = self.options.timeout;
        match &self.via {
            Via::Udp => {
                let mut last = Error::local("it was not asked");
                for _ in 0..self.options.tries {
                    match within(time, self.datagram(what)).await {
                        Ok(Heard::Reply(reply)) => return Ok(reply),
                        Ok(Heard::AskAgain) => return within(time, self.over_connection(what)).await,
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Via::Tcp | Via::Tls(..) => within(time, self.over_connection(what)).await,
            Via::Carrier(transport, carrier) => {
                // RFC 8484 §4.1: an ID of 0, so that caches know equal questions.
                let sent = self.message(what, 0, true)?;
                let octets = within(time, carrier.carry(sent.octets.clone())).await?;
                sent.reply(&octets, *transport)
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", &self.server).field("via", &self.via).finish_non_exhaustive()
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp => f.write_str("Udp"),
            Self::Tcp => f.write_str("Tcp"),
            Self::Tls(_, name) => f.debug_tuple("Tls").field(name).finish(),
            Self::Carrier(transport, _) => f.debug_tuple("Carrier").field(transport).finish(),
        }
    }
}

/// Does this in the time that there is.
async fn within<T>(time: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(time, work).await.unwrap_or_else(|_| {
        Err(Error::limit("timeout", format!("no answer within {} s", time.as_secs_f32())))
    })
}

/// A number that nobody can guess.
pub(crate) fn random() -> Result<u16> {
    let mut octets = [0; 2];
    aws_lc_rs::rand::fill(&mut octets).map_err(|error| Error::local("no randomness").caused_by(error))?;
    Ok(u16::from_be_bytes(octets))
}

#[cfg(test)]
mod tests;
