use super::Network;
use crate::app::{Context, Next, Policy};
use crate::net::Connection;
use crate::{Address, Error, Result};

/// Serves only peers of these networks.
#[derive(Clone, Debug)]
pub struct Allow(Vec<Network>);

impl Allow {
    /// Only these.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether the peer is served.
    pub fn admits(&self, peer: &Address) -> bool {
        any(&self.0, peer)
    }
}

impl Policy for Allow {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        if !self.admits(&conn.info().peer) {
            return Err(refused());
        }
        next.run(conn, cx).await
    }
}

/// Serves no peer of these networks.
#[derive(Clone, Debug)]
pub struct Deny(Vec<Network>);

impl Deny {
    /// None of these.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether the peer is served.
    pub fn admits(&self, peer: &Address) -> bool {
        !any(&self.0, peer)
    }
}

impl Policy for Deny {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        if !self.admits(&conn.info().peer) {
            return Err(refused());
        }
        next.run(conn, cx).await
    }
}

fn any(networks: &[Network], peer: &Address) -> bool {
    networks.iter().any(|network| network.contains(peer))
}

fn refused() -> Error {
    Error::limit("access", "the peer's address is not served")
}
