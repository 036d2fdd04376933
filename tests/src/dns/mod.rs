//! Authoritative DNS servers: answers (RFC 1034, 1035 and what changed them), RFC 8906 §8, EDNS, transports, UPDATE, TSIG,
//! transfers and signed zones.
//!
//! The subject serves the zones of [`fixture`]. Messages are read and written by the suite itself, strictly.

mod answers;
mod bad;
mod client;
mod dnssec;
mod edns;
pub mod everywhere;
mod expect;
pub mod ferret;
pub mod fixture;
mod loaded;
mod quic;
mod rdata;
mod reader;
mod rfc8484;
mod rfc8906;
mod rfc8945;
mod rfc9250;
pub(crate) mod selfcheck;
mod tcp;
mod text;
mod tls;
mod transfer;
mod tsig;
mod update;
mod web;
mod wire;

use self::wire::{Message, Name};
use crate::{Broken, Case};

/// The cases, in the order of the documents.
pub fn cases() -> Vec<&'static Case> {
    answers::cases()
        .chain(rfc8906::CASES)
        .chain(rfc8906::others::CASES)
        .chain(edns::cases())
        .chain(tcp::CASES)
        .chain(tls::CASES)
        .chain(rfc8484::cases())
        .chain(rfc9250::cases())
        .chain(bad::CASES)
        .chain(rfc8945::cases())
        .chain(update::cases())
        .chain(transfer::cases())
        .chain(dnssec::cases())
        .collect()
}

/// A name as text, below `rope.test.` unless a dot ends it.
fn name(text: &str) -> Result<Name, Broken> {
    let origin = Name(vec![b"rope".to_vec(), b"test".to_vec()]);
    text::name(text, &origin).map_err(|why| Broken::new("a name", why))
}

/// The query of `name type`.
fn query(asked: &str) -> Result<Message, Broken> {
    let (owner, kind) = asked.rsplit_once(' ').ok_or_else(|| Broken::new("a name and a type", asked))?;
    let kind = rdata::kind(kind).ok_or_else(|| Broken::new("a type", kind))?;
    Ok(Message::query(name(owner)?, kind))
}
