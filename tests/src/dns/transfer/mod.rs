//! Transfers: AXFR (RFC 5936), IXFR (RFC 1995), NOTIFY (RFC 1996).

mod axfr;
mod ixfr;
mod notify;

use super::client::{Over, exchange, frame, framed, read};
use super::rdata::{AXFR, IXFR, SOA};
use super::text;
use super::tsig::Key;
use super::wire::{Message, Name, Record, TC};
use crate::case::{Verdict, check};
use crate::{Broken, Case, Peer};

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    axfr::CASES.iter().chain(ixfr::CASES).chain(notify::CASES)
}

/// A transfer as it came.
pub(super) struct Transfer {
    messages: Vec<Message>,
    /// How many of the messages were signed.
    signed: usize,
    /// The octets of the longest message.
    longest: usize,
}

impl Transfer {
    /// The records of all messages, in their order.
    pub(super) fn records(&self) -> Vec<Record> {
        self.messages.iter().flat_map(|message| message.answer.iter().cloned()).collect()
    }

    fn first(&self) -> Result<&Message, Broken> {
        self.messages.first().ok_or_else(|| Broken::new("a message", "none"))
    }
}

/// Whether the transfer has come to its end with these records: the SOA record that it begins with stands at the end. An
/// incremental one has that record before each of its changes as well.
pub(super) fn is_complete(records: &[Record], kind: u16) -> bool {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return false };
    let again = records.iter().filter(|record| *record == first).count();
    let incremental = kind == IXFR && records.get(1).is_some_and(|second| second.kind == SOA);
    match records.len() {
        // Nothing has changed.
        1 => kind == IXFR,
        _ if first.kind != SOA => true,
        _ => last == first && again >= if incremental { 3 } else { 2 },
    }
}

/// The query for a transfer.
pub(super) fn asks(zone: &str, kind: u16) -> Result<Message, Broken> {
    Ok(Message::query(super::name(zone)?, kind))
}

/// The query for what has changed since this serial.
fn since(zone: &str, serial: u32) -> Result<Message, Broken> {
    let mut query = asks(zone, IXFR)?;
    let soa = text::record(&format!("{zone} 0 SOA . . {serial} 0 0 0 0"), &Name::default(), 0);
    query.authority.push(soa.map_err(|why| Broken::new("a record", why))?);
    Ok(query)
}

/// Asks by TCP on a fresh connection, and takes every message, each of which the key has signed.
pub(super) async fn transfer(peer: &mut Peer, query: &Message) -> Result<Transfer, Broken> {
    let key = Key::main(peer)?;
    let (wire, mac) = key.sign(query, key.signature(query), |_| {});
    peer.reconnect();
    peer.send(framed(&wire)).await?;
    take(peer, query, &key, mac).await
}

/// Takes every message of a transfer that was asked for.
async fn take(peer: &mut Peer, query: &Message, key: &Key, mut mac: Vec<u8>) -> Result<Transfer, Broken> {
    let kind = query.question.first().map_or(AXFR, |question| question.kind);
    let mut transfer = Transfer { messages: Vec::new(), signed: 0, longest: 0 };
    let (mut records, mut unsigned) = (Vec::new(), Vec::new());
    loop {
        let wire = frame(peer).await?.ok_or_else(|| {
            Broken::new(
                "the whole transfer",
                format!("the end of the connection after {} messages", transfer.messages.len()),
            )
        })?;
        let message = read(query, &wire)?;
        if message.tsig().is_some() {
            mac = key.verify(&wire, &mac, &unsigned, transfer.signed > 0)?.mac;
            transfer.signed += 1;
            unsigned.clear();
        } else {
            unsigned.extend_from_slice(&wire);
        }
        transfer.longest = transfer.longest.max(wire.len());
        let failed = message.rcode() != 0;
        records.extend(message.answer.iter().cloned());
        transfer.messages.push(message);
        if failed || is_complete(&records, kind) {
            check(unsigned.is_empty(), "TSIG on the last message", "none")?;
            return Ok(transfer);
        }
    }
}

/// A transfer that is refused with one of these codes: signed by the key, by another, or by none.
async fn is_refused(peer: &mut Peer, query: &Message, key: Option<&Key>, codes: &[u16]) -> Verdict {
    let wire = key.map_or_else(|| query.to_wire(), |key| key.sign(query, key.signature(query), |_| {}).0);
    let answer = read(query, &exchange(peer, Over::Tcp, &wire).await?)?;
    super::client::is_error(&answer, codes)
}
