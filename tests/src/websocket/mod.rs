//! WebSocket servers, and in [`client`] clients: RFC 6455.
//!
//! The subject echoes every message, as one message of the same type, at the subject's
//! [path](crate::Subject::at_path); it takes messages of at least 128 KiB. What it knows of subprotocols and origins it
//! says by its [`Need`](crate::Need)s: [`SUBPROTOCOLS`] and [`ORIGIN`].

pub mod client;
mod frame;
mod opening;
mod rfc6455;
mod robust;
pub(crate) mod selfcheck;
mod socket;

use crate::Case;

/// The subprotocols that a subject with [`Need::Subprotocols`](crate::Need::Subprotocols) speaks.
pub const SUBPROTOCOLS: [&str; 2] = ["echo.one", "echo.two"];

/// The only origin of scripts that a subject with [`Need::OneOrigin`](crate::Need::OneOrigin) accepts.
pub const ORIGIN: &str = "http://conform.test";

/// The cases, in the order of the document.
pub fn cases() -> Vec<&'static Case> {
    rfc6455::cases().chain(robust::CASES).collect()
}
