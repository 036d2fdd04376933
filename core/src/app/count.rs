use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Context, Next, Policy};
use crate::net::Connection;
use crate::{Error, Result};

/// At most this many connections at once. One more is accepted and closed at once, so that its client sees it.
#[derive(Debug)]
pub struct LimitConnections {
    most: usize,
    open: AtomicUsize,
}

impl LimitConnections {
    /// At most this many.
    pub fn new(most: usize) -> Self {
        Self { most, open: AtomicUsize::new(0) }
    }
}

impl Policy for LimitConnections {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        let open = self.open.fetch_add(1, Ordering::Relaxed);
        let _leave = Leave(|| {
            self.open.fetch_sub(1, Ordering::Relaxed);
        });
        if open >= self.most {
            return Err(Error::limit("connections", format!("more than {} connections", self.most)));
        }
        next.run(conn, cx).await
    }
}

/// At most this many connections at once of one peer: an IPv4 address, or an IPv6 /64. Peers on this machine
/// are not counted unless asked for.
#[derive(Debug)]
pub struct LimitPerPeer {
    most: usize,
    local_too: bool,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl LimitPerPeer {
    /// At most this many of each.
    pub fn new(most: usize) -> Self {
        Self { most, local_too: false, open: Mutex::default() }
    }

    /// Counts peers on this machine as well.
    #[must_use]
    pub fn including_local(mut self) -> Self {
        self.local_too = true;
        self
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more of this peer, if that is not too many.
    fn enter(&self, peer: IpAddr) -> bool {
        let mut open = self.open();
        let count = open.entry(peer).or_default();
        let room = *count < self.most;
        if room {
            *count += 1;
        } else if *count == 0 {
            open.remove(&peer);
        }
        room
    }

    /// One less; peers without connections take no memory.
    fn leave(&self, peer: IpAddr) {
        let mut open = self.open();
        if let Some(count) = open.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&peer);
            }
        }
    }
}

impl Policy for LimitPerPeer {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        let peer = &conn.info().peer;
        let counted = peer.network().filter(|_| self.local_too || !peer.is_local());
        let Some(peer) = counted else { return next.run(conn, cx).await };
        if !self.enter(peer) {
            return Err(Error::limit(
                "connections_per_peer",
                format!("more than {} connections of {peer}", self.most),
            ));
        }
        let _leave = Leave(|| self.leave(peer));
        next.run(conn, cx).await
    }
}

/// Undoes a count when the connection ends, however it ends.
struct Leave<F: Fn()>(F);

impl<F: Fn()> Drop for Leave<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
