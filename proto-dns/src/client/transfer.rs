use std::time::Duration;

use ropewalk_core::{Error, Result};
use tokio::time::Instant;

use super::sent::Sending;
use super::stream::{receive, send};
use super::{Ask, Client, Via, within};
use crate::server::Transport;
use crate::wire::{Class, Flags, Message, Name, Rcode, Type};
use crate::zone::Record;

/// How a zone came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transferred {
    /// Its records, with the SOA that ends it.
    pub records: u64,
    /// Messages.
    pub messages: u64,
    /// The octets of all messages.
    pub octets: u64,
    /// What they came by.
    pub transport: Transport,
    /// How long it took.
    pub took: Duration,
}

/// Where a transfer is.
struct Incoming<'a> {
    zone: &'a Name,
    /// The SOA that it began with, and that it ends with.
    soa: Option<Record>,
    done: bool,
    records: u64,
}

impl Client {
    /// Transfers a zone, and gives its records to `each` as they come: the SOA first, and again as the last (RFC 5936 §2.2).
    /// It goes over a connection, whatever else is asked over UDP. The time of the [`Options`](super::Options) is for each
    /// message; how many there are, the caller bounds by an error of `each`, which ends it.
    ///
    /// # Errors
    /// Where the server refuses, or sends what is no transfer of this zone; what came so far is then not a zone.
    pub async fn transfer(
        &self,
        zone: &Name,
        mut each: impl FnMut(Record) -> Result<()>,
    ) -> Result<Transferred> {
        if let Via::Carrier(..) = self.via {
            return Err(Error::local("a zone is transferred over TCP or TLS only"));
        }
        let begun = Instant::now();
        let time = self.options.timeout;
        let mut ask = Ask::new(zone.clone(), Type::AXFR);
        (ask.flags, ask.edns) = (Flags::default(), None);
        let mut sent = self.random_message(Sending::Ask(&ask), false)?;
        let mut conn = within(time, async {
            let mut conn = self.connect().await?;
            send(&mut conn, &sent.octets).await?;
            Ok(conn)
        })
        .await?;
        let mut incoming = Incoming { zone, soa: None, done: false, records: 0 };
        let (mut messages, mut octets) = (0, 0);
        while !incoming.done {
            let received = within(time, receive(&mut conn)).await?;
            let message = Message::read(&received)?;
            if let Some(verifier) = &mut sent.verifier {
                verifier.check(&received, crate::server::now())?;
            }
            // Only the first has to repeat the question (RFC 5936 §2.2.1).
            let ours = message.id == sent.id && message.flags.has(Flags::QR) && message.opcode.0 == 0;
            let asked = message.question.as_ref().is_none_or(|question| *question == ask.question);
            if !ours || !asked {
                return Err(Error::peer("the server replies to something else"));
            }
            messages += 1;
            octets += received.len() as u64;
            incoming.take(message, &mut each)?;
        }
        if let Some(verifier) = &sent.verifier {
            verifier.end()?;
        }
        let transport = self.stream_transport();
        Ok(Transferred { records: incoming.records, messages, octets, transport, took: begun.elapsed() })
    }
}

impl Incoming<'_> {
    fn take(&mut self, message: Message, each: &mut impl FnMut(Record) -> Result<()>) -> Result<()> {
        if message.rcode != Rcode::NOERROR {
            return Err(Error::peer(format!("the server answers {}", message.rcode)));
        }
        if message.answer.is_empty() {
            return Err(Error::peer("the server sends a message without records"));
        }
        for record in message.answer {
            if self.done {
                return Err(Error::peer("there are records after the end of the zone"));
            }
            if record.class != Class::IN || !record.name.view().is_within(self.zone.view()) {
                return Err(Error::peer(format!("{} is not in the zone", record.name)));
            }
            match &self.soa {
                None if record.rtype != Type::SOA || record.name != *self.zone => {
                    return Err(Error::peer("the zone does not begin with its SOA"));
                }
                None => self.soa = Some(record.clone()),
                Some(soa) if record.rtype == Type::SOA => {
                    if record.name != soa.name || record.rdata != soa.rdata {
                        return Err(Error::peer("the zone ends with another SOA than it began with"));
                    }
                    self.done = true;
                }
                Some(_) => {}
            }
            self.records += 1;
            each(record)?;
        }
        Ok(())
    }
}
