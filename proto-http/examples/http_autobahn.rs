//! What Autobahn's test suite for WebSocket talks to: an echo without tight limits, as a server or as a client.
//!
//! `tests/external/autobahn.sh` runs both; by hand:
//!
//! ```console
//! $ cargo run -p ropewalk-http --example http_autobahn -- server tcp:9001:interface=127.0.0.1
//! $ cargo run -p ropewalk-http --example http_autobahn -- client ws://127.0.0.1:9001
//! ```

use std::time::Duration;

use ropewalk_core::app::{Application, Context, Member, Server};
use ropewalk_core::telemetry::{self, LogOptions};
use ropewalk_core::{Error, Limits, Result};
use ropewalk_http::ws::{self, Connect, Message, Options, WebSocket, WebSockets};
use ropewalk_http::{Http, Request};

/// Its section 9 sends 16 MiB at once, and 4 MiB in fragments of 64 octets.
fn options() -> Options {
    let mut options = Options::default();
    options.message = Some(16 << 20);
    options.frames = 1 << 20;
    options.close = Duration::from_secs(2);
    options
}

async fn echo(mut socket: WebSocket) -> Result<()> {
    while let Some(message) = socket.recv().await? {
        socket.send(&message).await?;
    }
    Ok(())
}

fn serve(at: &str) -> Result<()> {
    let _log = telemetry::init(&LogOptions::default())?;
    let echo = WebSockets::new(|socket, _: Request| echo(socket)).with(options());
    let server = Server::new("autobahn", Http::new(echo)).listen(at.parse()?);
    Application::new(vec![Member::new("autobahn", server)]).run()
}

async fn be_tested(by: &str) -> Result<()> {
    let cx = Context::root(Limits::default());
    let mut how = Connect::default();
    how.options = options();
    let mut count = ws::connect(&format!("{by}/getCaseCount"), &how, &cx).await?;
    let Some(Message::Text(count)) = count.recv().await? else {
        return Err(Error::peer("no number of cases"));
    };
    for case in 1..=count.parse::<u32>().map_err(|error| Error::peer("no number").caused_by(error))? {
        let socket = ws::connect(&format!("{by}/runCase?case={case}&agent=ropewalk"), &how, &cx).await?;
        // That a case ends with an error is what many are for.
        if let Err(error) = echo(socket).await {
            println!("case {case}: {}", error.chain());
        }
    }
    let mut reports = ws::connect(&format!("{by}/updateReports?agent=ropewalk"), &how, &cx).await?;
    while reports.recv().await?.is_some() {}
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", at] => serve(at),
        ["client", by] => tokio::runtime::Runtime::new()?.block_on(be_tested(by)),
        _ => Err(Error::local("server ENDPOINT, or client URL")),
    }
}
