use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ropewalk_core::{Error, Result};
use tokio::net::UdpSocket;

use super::sent::Sending;
use super::{Client, Reply};
use crate::server::Transport;
use crate::wire::{Flags, HEADER, Head};

/// Datagrams that reply to something else, before it is believed that somebody guesses.
const STRANGE: usize = 16;

/// What came over UDP.
pub(super) enum Heard {
    /// A reply.
    Reply(Reply),
    /// What says that it should be asked over a connection.
    AskAgain,
}

impl Client {
    /// Asks once over UDP, from a port that nobody can guess: a new socket has a random one. Only what comes from the
    /// server's address and port is heard. The caller bounds its time.
    pub(super) async fn datagram(&self, what: Sending<'_>) -> Result<Heard> {
        let unreachable = |error| Error::local(format!("nobody answers at {}", self.server)).caused_by(error);
        let local: SocketAddr = match self.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(local).await?;
        socket.connect(self.server).await.map_err(unreachable)?;
        let sent = self.random_message(what, false)?;
        socket.send(&sent.octets).await.map_err(unreachable)?;
        let most = usize::from(sent.size());
        // What is longer than we take is seen by the octet more.
        let mut room = vec![0; most + 1];
        for _ in 0..STRANGE {
            let length = socket.recv(&mut room).await.map_err(unreachable)?;
            let octets = room.get(..length).unwrap_or_default();
            if !is_reply(octets, sent.id) {
                continue;
            }
            let truncated = octets.get(2).is_some_and(|high| u16::from(*high) << 8 & Flags::TC.0 != 0);
            if length > most || truncated && !self.options.keep_truncated {
                return Ok(Heard::AskAgain);
            }
            if self.options.exact_case && !sent.has_letters(octets) {
                return Ok(Heard::AskAgain);
            }
            match sent.reply(octets, Transport::Udp) {
                // A question other than ours, with an ID that was guessed, or a signature that is not the server's.
                Err(error) => tracing::debug!(error = %error.chain(), server = %self.server, "not our reply"),
                Ok(reply) => return Ok(Heard::Reply(reply)),
            }
        }
        // RFC 5452 §9.2: somebody tries one after the other.
        tracing::info!(server = %self.server, "many datagrams that reply to nothing: asking over TCP");
        Ok(Heard::AskAgain)
    }
}

/// Whether this is a reply with this ID, whatever it replies.
fn is_reply(octets: &[u8], id: u16) -> bool {
    octets.len() >= HEADER && octets.starts_with(&id.to_be_bytes()) && Head::read(octets).is_none()
}
