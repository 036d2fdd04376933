use std::path::PathBuf;

use crate::Result;
use crate::net::{Bound, BoundDatagrams, Endpoint, Sockets};

/// What a service may ask for before the runtime starts.
pub struct Prepare<'a> {
    sockets: &'a mut Sockets,
    pub(super) claims: Vec<Endpoint>,
    pub(super) reads: Vec<PathBuf>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Prepare<'a> {
    /// Claims go to these sockets.
    pub fn new(sockets: &'a mut Sockets) -> Self {
        Self { sockets, claims: Vec::new(), reads: Vec::new(), warnings: Vec::new() }
    }

    /// The bound socket of an endpoint: the one that is held already, or a new one.
    ///
    /// # Errors
    /// Where it cannot be bound; the error names the endpoint and, where known, who has it.
    pub fn claim(&mut self, endpoint: &Endpoint) -> Result<Bound> {
        let bound = self.sockets.claim(endpoint)?;
        self.claims.push(endpoint.clone());
        Ok(bound)
    }

    /// The bound sockets of a `udp:` endpoint, likewise.
    ///
    /// # Errors
    /// As [`claim`](Prepare::claim).
    pub fn claim_datagram(&mut self, endpoint: &Endpoint) -> Result<BoundDatagrams> {
        let bound = self.sockets.claim_datagram(endpoint)?;
        self.claims.push(endpoint.clone());
        Ok(bound)
    }

    /// A file that was read and will be read again by a reload: the operator is warned if the run-time user
    /// cannot.
    pub fn reads(&mut self, file: impl Into<PathBuf>) {
        self.reads.push(file.into());
    }

    /// Something the operator should know, though it stops nothing.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }
}
