//! Says something to an echo server and prints what comes back.
//!
//! Run it beside `echo_server`:
//!
//! ```console
//! $ cargo run -p ropewalk-core --example echo_client
//! ```
//!
//! Expected output:
//!
//! ```text
//! hello, rope
//! ```
//!
//! A client that stays connected, and connects again when it has to, is `ropewalk_core::app::Reconnect`: a service
//! that runs beside others.

use ropewalk_core::Result;
use ropewalk_core::net::{Endpoint, Transport as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let at: Endpoint = std::env::args().nth(1).unwrap_or("tcp:8007".into()).parse()?;
    let mut conn = at.connect().await?;
    conn.write_all(b"hello, rope\n").await?;
    // We say no more; the server answers what it has, and closes.
    conn.shutdown().await?;
    let mut heard = String::new();
    conn.take(1024).read_to_string(&mut heard).await?;
    print!("{heard}");
    Ok(())
}
