use std::fmt;

use super::{Context, Next, Offence, Policy};
use crate::net::Connection;
use crate::{Address, Error, Result};

/// What keeps count of offences, over all servers of an application, and shuts out who commits too many.
pub trait Defend: Send + Sync + fmt::Debug {
    /// A peer did this. Whether it is shut out from now on, and was not before.
    fn report(&self, peer: &Address, offence: Offence) -> bool;

    /// Whether the peer is not to be served. Asked for every connection.
    fn shuts_out(&self, peer: &Address) -> bool;
}

/// Refuses peers that the application's defender shuts out.
#[derive(Debug)]
pub(super) struct ShutOut;

impl Policy for ShutOut {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        if cx.defender().is_some_and(|defender| defender.shuts_out(&conn.info().peer)) {
            // Without a word: a login's refusal would tell it how far it has come.
            conn.abort();
            return Err(Error::limit("banned", "the peer is banned"));
        }
        next.run(conn, cx).await
    }
}
