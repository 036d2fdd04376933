use std::time::Duration;

use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use super::super::pipeline::Pipeline;

/// What of a peer's last words is read after an answer that closes, so that they do not reset the connection before
/// the peer has read it (RFC 9112 §9.6).
const LINGER: (usize, Duration) = (256 * 1024, Duration::from_secs(2));

/// The longest wait of one that stops: what comes now was sent before the peer knew.
const PARTING: Duration = Duration::from_millis(500);

/// Says that no more comes, and lets the peer finish speaking.
pub(super) async fn close(conn: &mut Connection, pipeline: &Pipeline) -> Result<()> {
    let (most, longest) = LINGER;
    let write = pipeline.times.write;
    timeout(write, conn.shutdown()).await.map_err(|_| Error::limit("write", "peer takes no bytes"))??;
    let mut scrap = [0; 1024];
    let drain = async {
        let mut left = most;
        while let Ok(octets @ 1..) = conn.read(&mut scrap).await
            && left > octets
        {
            left -= octets;
        }
    };
    let cx = &pipeline.facts.cx;
    tokio::select! {
        _ = timeout(longest, drain) => {}
        () = async { cx.stopping().await; sleep(PARTING).await } => {}
        () = cx.ended() => {}
    }
    Ok(())
}
