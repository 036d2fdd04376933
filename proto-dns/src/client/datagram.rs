use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ropewalk_core::{Error, Result};
use tokio::net::UdpSocket;

use super::{Ask, Client, Reply, random};
use crate::server::Transport;
use crate::wire::{Flags, HEADER, Head, NameRef};

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
    pub(super) async fn datagram(&self, ask: &Ask) -> Result<Heard> {
        let unreachable = |error| Error::local(format!("nobody answers at {}", self.server)).caused_by(error);
        let local: SocketAddr = match self.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(local).await?;
        socket.connect(self.server).await.map_err(unreachable)?;
        let id = random()?;
        socket.send(&ask.encode(id, false)).await.map_err(unreachable)?;
        let most = usize::from(ask.size());
        // What is longer than we take is seen by the octet more.
        let mut room = vec![0; most + 1];
        for _ in 0..STRANGE {
            let length = socket.recv(&mut room).await.map_err(unreachable)?;
            let octets = room.get(..length).unwrap_or_default();
            if !is_reply(octets, id) {
                continue;
            }
            let truncated = octets.get(2).is_some_and(|high| u16::from(*high) << 8 & Flags::TC.0 != 0);
            if length > most || truncated && !self.options.keep_truncated {
                return Ok(Heard::AskAgain);
            }
            if self.options.exact_case && !has_letters(octets, ask) {
                return Ok(Heard::AskAgain);
            }
            match self.reply(ask, id, octets, Transport::Udp) {
                // A question other than ours, with an ID that was guessed.
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

/// Whether the name in the question, if there is one, is not only equal but written as it was sent; or is another one, which
/// is not for us to say.
fn has_letters(octets: &[u8], ask: &Ask) -> bool {
    let question = octets.get(HEADER..).and_then(|rest| NameRef::split(rest).ok());
    match question {
        Some((name, _)) if name == ask.question.name.view() => name.wire() == ask.question.name.wire(),
        _ => true,
    }
}
