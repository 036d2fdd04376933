use ropewalk_core::Result;
use ropewalk_core::app::{Context, Protocol, Service as _};
use ropewalk_core::config::Kind;
use ropewalk_core::net::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The kind `echo`: sends back what it is sent (RFC 862).
pub const ECHO: Kind = Kind {
    name: "echo",
    summary: "Sends back what it is sent (RFC 862)",
    example: "listen = [\"tcp:8007:interface=localhost\"]",
    build: |section, resources| Some(section.server("echo", &[], Some(Echo), resources)?.boxed()),
};

/// Octets that are on their way back at once. With what the core keeps of it, a silent connection takes 10 KiB of memory
/// at most.
const BUFFER: usize = 8 * 1024;

struct Echo;

impl Protocol for Echo {
    async fn serve(&self, mut conn: Connection, cx: Context) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = tokio::select! {
                read = conn.read(&mut buffer) => read?,
                () = cx.stopping() => 0,
            };
            let Some(bytes) = buffer.get(..read).filter(|b| !b.is_empty()) else { break };
            conn.write_all(bytes).await?;
            conn.flush().await?;
        }
        conn.shutdown().await?;
        Ok(())
    }
}
