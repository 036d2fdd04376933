//! The policies that ship: what can be done around every connection of a server.
//!
//! Order matters, and [`Server`](crate::app::Server) keeps this one: PROXY header, allow and deny, number of
//! connections, number of connections per peer, TLS, and inside TLS whatever the operator adds.

mod access;
mod defender;
mod network;
mod proxy_protocol;
mod proxy_wire;
mod time;
mod transcript;

pub use crate::app::Defend;
pub use crate::app::{LimitConnections, LimitPerPeer, Tls};
pub use access::{Allow, Deny};
pub use defender::{Ban, Defender, DefenderOptions};
pub use network::Network;
pub use proxy_protocol::ProxyProtocol;
pub use time::{FirstByteLimit, HandshakeLimit, RateLimit, SniffTls, TimeLimit};
pub use transcript::Transcript;

#[cfg(test)]
mod tests;
