use super::{Context, Next, Policy};
use crate::Result;
use crate::net::{Connection, Handshake};
use crate::tls::ServerTls;

/// Speaks TLS from the first byte, inside the connection's own task: peers that are silent in the handshake
/// hold up nobody, and end at [`Limits::handshake`](crate::Limits::handshake).
#[derive(Clone, Debug)]
pub struct Tls(ServerTls);

impl Tls {
    /// With these certificates.
    pub fn new(tls: ServerTls) -> Self {
        Self(tls)
    }
}

impl Policy for Tls {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        let how = Handshake { deadline: cx.limits().handshake };
        let conn = conn.start_tls(&self.0, how).await.map_err(|e| e.during("TLS handshake"))?;
        next.run(conn, cx).await
    }
}
