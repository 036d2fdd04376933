//! Datagrams in batches, each with the peer's address and the one of ours that it was sent to.

mod batch;
mod socket;
mod sys;

pub use batch::{Batch, Datagram};
pub(crate) use socket::Admits;
pub use socket::{BoundDatagrams, DatagramSocket};
#[cfg(feature = "quic")]
pub(super) use socket::{bind, share};
