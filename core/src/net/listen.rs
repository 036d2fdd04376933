use async_trait::async_trait;

use super::{Bound, Connection};
use crate::{Address, Result};

/// Something that listens or connects. [`Endpoint`](super::Endpoint) is one.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Binds: a socket of the operating system, without a runtime. May block for a moment.
    ///
    /// # Errors
    /// Where it cannot be bound; the error says by whom it is taken, where that is known.
    fn claim(&self) -> Result<Bound>;

    /// Connects, in bounded time.
    ///
    /// # Errors
    /// Where nobody answers: every address that was tried, with its reason.
    async fn connect(&self) -> Result<Connection>;
}

/// Yields connections; never waits for a peer. Dropping it stops listening, once nothing else holds the socket.
#[async_trait]
pub trait Listener: Send + Sync {
    /// The next one. Cancel-safe. May be called by several tasks at once.
    ///
    /// # Errors
    /// None ends the listener; call again. [`Fault::Peer`](crate::Fault): that one peer was gone before it
    /// was taken, so the next may be taken at once. [`Fault::Local`](crate::Fault): the system gives none
    /// for now, as when no descriptors are left (EMFILE, ENFILE) or no memory (ENOBUFS, ENOMEM). Pause
    /// before the next call, or the loop spins.
    async fn accept(&self) -> Result<Box<dyn Incoming>>;

    /// Where it listens; the first place, where there are two.
    fn local(&self) -> Address;

    /// Whether there is one connection and never another, as with standard input and output.
    fn is_single(&self) -> bool {
        false
    }
}

/// A peer that has come, before anything was read from it.
#[async_trait]
pub trait Incoming: Send {
    /// The connection; runs in its own task, and may wait for the peer.
    ///
    /// # Errors
    /// Where the peer went away.
    async fn establish(self: Box<Self>) -> Result<Connection>;
}

/// For transports that know the connection as soon as it is accepted.
#[async_trait]
impl Incoming for Connection {
    async fn establish(self: Box<Self>) -> Result<Self> {
        Ok(*self)
    }
}
