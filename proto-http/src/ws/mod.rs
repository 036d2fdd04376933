//! WebSocket (RFC 6455), both sides.
//!
//! ```text
//! frame, mask ─> message, close ─> shared <─ pump ── connection
//! handshake, client, serve                 └─ socket ── application
//! ```
//!
//! What stands before `shared` knows neither I/O nor time.
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, expect(clippy::indexing_slicing, reason = "a test fails by panicking"))]

mod client;
mod close;
mod frame;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod handshake;
mod mask;
mod message;
mod options;
mod pump;
mod serve;
mod shared;
mod socket;

pub use client::{Connect, connect, connect_over};
pub use close::{Close, CloseCode};
pub use message::{Message, Payload};
pub use options::Options;
pub use serve::WebSockets;
pub use socket::{Sender, WebSocket};
