//! WebSocket clients: RFC 6455, with the suite as the server.
//!
//! The subject connects, offers no subprotocol, and echoes every message, as one message of the same type, until the
//! connection ends; then it connects again.

mod answer;
mod s4_1;
mod s5;
mod s7_8;

use crate::Case;

/// The cases, in the order of the document.
pub fn cases() -> Vec<&'static Case> {
    [s4_1::CASES, s5::CASES, s7_8::CASES].into_iter().flatten().collect()
}
