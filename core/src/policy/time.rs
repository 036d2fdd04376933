use std::time::Duration;

use crate::Result;
use crate::app::{Context, Next, Policy};
use crate::net::Connection;

/// Ends every connection after this time, whatever it does.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimit(pub Duration);

impl Policy for TimeLimit {
    async fn apply(&self, mut conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        conn.pace().end(self.0);
        next.run(conn, cx).await
    }
}

/// Gives TLS handshakes, whether at once or by STARTTLS, no more than this time.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeLimit(pub Duration);

impl Policy for HandshakeLimit {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        let mut limits = cx.limits().clone();
        limits.handshake = self.0;
        next.run(conn, cx.limited(limits)).await
    }
}

/// Ends connections whose peer has sent nothing by this time. Only for protocols in which the client speaks
/// first.
#[derive(Clone, Copy, Debug)]
pub struct FirstByteLimit(pub Duration);

impl Policy for FirstByteLimit {
    async fn apply(&self, mut conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        conn.pace().first_byte(self.0);
        next.run(conn, cx).await
    }
}

/// At most this many octets a second each way on every connection, after one second's worth at once.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit(pub u64);

impl Policy for RateLimit {
    async fn apply(&self, mut conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        conn.pace().rate(self.0);
        next.run(conn, cx).await
    }
}

/// Says in the log when a peer speaks TLS where none is spoken. Servers do so by themselves on plain endpoints.
#[derive(Clone, Copy, Debug)]
pub struct SniffTls;

impl Policy for SniffTls {
    async fn apply(&self, mut conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        conn.pace().sniff_tls();
        next.run(conn, cx).await
    }
}
