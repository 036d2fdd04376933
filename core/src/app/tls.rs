use super::{Context, Next, Policy};
use crate::Result;
use crate::net::{Connection, Handshake, Notice};
use crate::tls::ServerTls;

/// Speaks TLS from the first byte, inside the connection's own task: peers that are silent in the handshake
/// hold up nobody, and end at [`Limits::handshake`](crate::Limits::handshake).
#[derive(Clone, Debug)]
pub struct Tls {
    tls: ServerTls,
    apart: bool,
    notice: Option<Notice>,
}

impl Tls {
    /// With these certificates.
    pub fn new(tls: ServerTls) -> Self {
        Self { tls, apart: false, notice: None }
    }

    /// The same, where each connection has [ticket keys of its own](ServerTls::apart).
    #[must_use]
    pub fn apart(mut self) -> Self {
        self.apart = true;
        self
    }

    /// With something to say to peers that do not speak TLS.
    #[must_use]
    pub fn notice(self, notice: Option<Notice>) -> Self {
        Self { notice, ..self }
    }
}

/// Makes the handshake of QUIC, likewise.
#[cfg(feature = "quic")]
#[derive(Debug)]
pub(super) struct Shake(pub(super) crate::net::Shaken);

#[cfg(feature = "quic")]
impl Policy for Shake {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        let conn = conn.shake(&self.0).await.map_err(|e| e.during("QUIC handshake"))?;
        next.run(conn, cx).await
    }
}

impl Policy for Tls {
    async fn apply(&self, conn: Connection, cx: Context, next: Next<'_>) -> Result<()> {
        let how = Handshake { deadline: cx.limits().handshake, notice: self.notice };
        let apart = if self.apart { Some(self.tls.apart()?) } else { None };
        let tls = apart.as_ref().unwrap_or(&self.tls);
        let conn = conn.start_tls(tls, how).await.map_err(|e| e.during("TLS handshake"))?;
        next.run(conn, cx).await
    }
}
