use crate::Result;
use crate::net::{Bound, Endpoint, Sockets};

/// What a service may ask for before the runtime starts.
pub struct Prepare<'a> {
    sockets: &'a mut Sockets,
    warnings: &'a mut Vec<String>,
}

impl<'a> Prepare<'a> {
    /// Claims go to these sockets, warnings into this list.
    pub fn new(sockets: &'a mut Sockets, warnings: &'a mut Vec<String>) -> Self {
        Self { sockets, warnings }
    }

    /// The bound socket of an endpoint: the one that is held already, or a new one.
    ///
    /// # Errors
    /// Where it cannot be bound; the error names the endpoint and, where known, who has it.
    pub fn claim(&mut self, endpoint: &Endpoint) -> Result<Bound> {
        self.sockets.claim(endpoint)
    }

    /// Something the operator should know, though it stops nothing.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }
}
