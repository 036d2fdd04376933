use super::{Context, Next, Policy};
use crate::Result;
use crate::net::{Connection, Handshake, Notice};
use crate::tls::ServerTls;

/// Speaks TLS from the first byte, inside the connection's own task: peers that are silent in the handshake
/// hold up nobody, and end at [`Limits::handshake`](crate::Limits::handshake).
#[derive(Clone, Debug)]
pub struct Tls {
    tls: ServerTls,
    notice: Option<Notice>,
}

impl Tls {
    /// With these certificates.
    pub fn new(tls: ServerTls) -> Self {
        Self { tls, notice: None }
    }

    /// With something to say to peers that do not speak TLS.
    #[must_use]
    pub fn notice(self, notice: Option<Notice>) -> Self {
        Self { notice, ..self }
    }
}

impl Policy for Tls {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        let how = Handshake { deadline: cx.limits().handshake, notice: self.notice };
        let conn = conn.start_tls(&self.tls, how).await.map_err(|e| e.during("TLS handshake"))?;
        next.run(conn, cx).await
    }
}
