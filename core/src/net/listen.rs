use async_trait::async_trait;

use super::{Connection, Endpoint};
use crate::{Address, Result};

/// Something that listens or connects.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Binds: a socket of the operating system, without a runtime.
    ///
    /// # Errors
    /// Where it cannot be bound.
    fn claim(&self) -> Result<Bound>;
    /// Connects.
    ///
    /// # Errors
    /// Where nobody answers.
    async fn connect(&self) -> Result<Connection>;
}

/// Yields connections; never waits for a peer.
#[async_trait]
pub trait Listener: Send + Sync {
    /// The next one.
    ///
    /// # Errors
    /// Where the system gives none, for now.
    async fn accept(&self) -> Result<Option<Box<dyn Incoming>>>;
    /// Where it listens.
    fn local(&self) -> Address;
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

/// A socket that is bound and held. Clones are the same socket.
#[derive(Clone, Debug)]
pub struct Bound;
impl Bound {
    pub fn listen(&self) -> Result<Box<dyn Listener>> {
        Err(crate::Error::local(""))
    }
}

/// The sockets of an application, by where they are bound.
#[derive(Debug, Default)]
pub struct Sockets;

impl Sockets {
    pub fn begin(&mut self) {}
    pub fn commit(&mut self) {}
    pub fn rollback(&mut self) {}
    /// The bound socket of an endpoint.
    ///
    /// # Errors
    /// Where it cannot be bound.
    pub fn claim(&mut self, _endpoint: &Endpoint) -> Result<Bound> {
        Ok(Bound)
    }
}
