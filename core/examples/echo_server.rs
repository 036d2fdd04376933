//! Sends back what it is sent (RFC 862).
//!
//! Run it, and `echo_client` in a second terminal:
//!
//! ```console
//! $ cargo run -p ropewalk-core --example echo_server
//! ```
//!
//! Expected output:
//!
//! ```text
//! INFO service{service="echo"}: ropewalk_core::app::server: listening at=127.0.0.1:8007 tls=false
//! INFO ropewalk_core::app::application: ready
//! ```

use ropewalk_core::Result;
use ropewalk_core::app::{Application, Context, Member, Server};
use ropewalk_core::net::Connection;
use ropewalk_core::telemetry::{self, LogOptions};
use tokio::io::{AsyncWriteExt as _, copy, split};

async fn echo(conn: Connection, cx: Context) -> Result<()> {
    let (mut input, mut output) = split(conn);
    tokio::select! {
        copied = copy(&mut input, &mut output) => copied.map(drop)?,
        () = cx.stopping() => {}
    }
    output.shutdown().await?;
    Ok(())
}

fn main() -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let at = std::env::args().nth(1).unwrap_or("tcp:8007:interface=localhost".into());
    let server = Server::new("echo", echo).listen(at.parse()?).client_first();
    Application::new(vec![Member::new("echo", server)]).run()
}
