//! HTTP/1.1 servers: RFC 9110 and RFC 9112.
//!
//! The subject serves the tree of [`fixture`] with GET and HEAD, and whatever else it can. Nothing in the cases
//! depends on how: validators are taken from its answers, never computed.

mod client;
pub(crate) mod expect;
pub mod fixture;
pub(crate) mod gzip;
mod message;
mod rfc9110;
mod rfc9111;
mod rfc9112;
mod robust;

use crate::Case;

pub(crate) use message::Response;

/// The cases, in the order of the documents.
pub fn cases() -> Vec<&'static Case> {
    rfc9112::cases().chain(rfc9110::cases()).chain(rfc9111::CASES).chain(robust::CASES).collect()
}

/// The cases for clients.
pub fn client_cases() -> Vec<&'static Case> {
    client::cases().collect()
}
