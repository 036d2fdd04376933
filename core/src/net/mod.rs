//! Connections, and the endpoints that say where they come from and go to.

mod bound;
mod bucket;
mod connect;
mod connection;
mod datagram;
mod endpoint;
mod holder;
mod info;
mod inherited;
mod listen;
mod memory;
mod meter;
mod pace;
pub mod process;
#[cfg(feature = "quic")]
mod quic;
mod sendfile;
mod sockets;
mod stdio;
mod tcp;
mod unix;
mod urgent;

pub use bound::Bound;
pub use connect::{reach, resolve};
pub use connection::{Connection, Handshake, Io, Notice};
pub(crate) use datagram::Admits;
pub use datagram::{Batch, BoundDatagrams, Datagram, DatagramSocket};
pub use endpoint::{At, Endpoint, Interface, TlsOptions};
pub use info::Info;
pub use listen::{Incoming, Listener, Transport};
pub use meter::Meter;
pub use pace::{Pace, Record};
#[cfg(feature = "quic")]
pub(crate) use quic::Shaken;
#[cfg(feature = "quic")]
pub use quic::{Quic, QuicOptions, QuicStream};
pub use sendfile::SendFile;
pub use sockets::Sockets;
