//! Connections, and the endpoints that say where they come from and go to.

mod bucket;
mod connection;
mod endpoint;
mod info;
mod listen;
mod pace;

pub use connection::{Connection, Handshake, Io, Meter};
pub use endpoint::Endpoint;
pub use info::Info;
pub use listen::{Bound, Incoming, Listener, Sockets, Transport};
pub use pace::{Pace, Record};
