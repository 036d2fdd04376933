use std::time::Duration;

use ropewalk_core::{Error, Result};

use super::{Ask, Client, Reply, random};
use crate::server::Transport;
use crate::wire::tsig::{Signer, Verifier};
use crate::wire::{Flags, HEADER, Message, NameRef};

/// Octets of a reply over UDP to what is no question.
const ROOM: u16 = 4096;

/// What is to be sent.
#[derive(Clone, Copy)]
pub(super) enum Sending<'a> {
    /// A question.
    Ask(&'a Ask),
    /// A message that is made already.
    Message(&'a [u8]),
}

/// What was sent: what its replies are known by.
pub(super) struct Sent<'a> {
    what: Sending<'a>,
    pub(super) octets: Vec<u8>,
    pub(super) id: u16,
    pub(super) verifier: Option<Verifier>,
}

impl Client {
    /// The message, signed if there is a key; a question gets this ID.
    pub(super) fn message<'a>(&self, what: Sending<'a>, id: u16, padded: bool) -> Result<Sent<'a>> {
        let mut octets = match what {
            Sending::Ask(ask) => ask.encode(id, padded),
            Sending::Message(message) => message.to_vec(),
        };
        let id = octets.first_chunk().filter(|_| octets.len() >= HEADER);
        let id = u16::from_be_bytes(*id.ok_or_else(|| Error::local("a message without a header"))?);
        let verifier = self.options.key.clone().and_then(|key| {
            let mut signer = Signer::new(key);
            signer.sign(&mut octets, 0, crate::server::now());
            signer.verifier()
        });
        Ok(Sent { what, octets, id, verifier })
    }

    /// The same with an ID that nobody can guess.
    pub(super) fn random_message<'a>(&self, what: Sending<'a>, padded: bool) -> Result<Sent<'a>> {
        self.message(what, random()?, padded)
    }
}

impl Sent<'_> {
    /// The octets of the largest reply over UDP.
    pub(super) fn size(&self) -> u16 {
        match self.what {
            Sending::Ask(ask) => ask.size(),
            Sending::Message(_) => ROOM,
        }
    }

    /// What these octets reply to it.
    pub(super) fn reply(&self, octets: &[u8], transport: Transport) -> Result<Reply> {
        let message = Message::read(octets)?;
        let is_answer = match self.what {
            Sending::Ask(ask) => ask.is_answered_by(self.id, &message),
            Sending::Message(sent) => {
                let opcode = sent.get(2).map(|flags| flags >> 3 & 15);
                message.id == self.id && message.flags.has(Flags::QR) && opcode == Some(message.opcode.0)
            }
        };
        if !is_answer {
            return Err(Error::peer("the server replies to something else"));
        }
        if let Some(mut verifier) = self.verifier.clone() {
            verifier.check(octets, crate::server::now())?;
        }
        Ok(Reply { message, octets: octets.len(), transport, took: Duration::ZERO })
    }

    /// Whether the name in the question of a reply, if there is one, is not only equal but written as it was sent; or is
    /// another one, which is not for us to say.
    pub(super) fn has_letters(&self, reply: &[u8]) -> bool {
        let Sending::Ask(ask) = self.what else { return true };
        let question = reply.get(HEADER..).and_then(|rest| NameRef::split(rest).ok());
        match question {
            Some((name, _)) if name == ask.question.name.view() => name.wire() == ask.question.name.wire(),
            _ => true,
        }
    }
}
