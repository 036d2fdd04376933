//! The WebSocket cases against our own server, in memory, and against our own client.

#![expect(clippy::unwrap_used, reason = "a test that cannot start its subject has failed")]

use ropewalk_conformance::websocket::{ORIGIN, SUBPROTOCOLS};
use ropewalk_conformance::{Expectations, Need, Options, Report, Subject, suite};
use ropewalk_core::app::Context;
use ropewalk_core::{Limits, Result};
use ropewalk_http::ws::{self, Connect, WebSocket, WebSockets};
use ropewalk_http::{Http, Request, Routes};
use tokio::net::TcpListener;

async fn echo(mut socket: WebSocket) -> Result<()> {
    while let Some(message) = socket.recv().await? {
        socket.send(&message).await?;
    }
    Ok(())
}

fn assert_conforms(report: Report) {
    let known = Expectations::parse(include_str!("../expectations/ropewalk.toml")).unwrap();
    let report = report.judged_by(&known);
    println!("{}", report.text());
    let failed = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((failed, report.exit_code()), (0, 0), "{}", report.text());
}

#[tokio::test]
async fn the_server_conforms() {
    let echo = WebSockets::new(|socket, _: Request| echo(socket)).protocols(SUBPROTOCOLS).origins([ORIGIN]);
    let http = Http::new(Routes::new().mount("/", echo).unwrap());
    let context = Context::root(Limits::default());
    let subject = [Need::Subprotocols, Need::OneOrigin]
        .into_iter()
        .fold(Subject::protocol("ropewalk", http, &context), Subject::with);
    assert_conforms(suite("websocket").unwrap().run(&subject, &Options::default()).await);
}

#[tokio::test]
async fn the_client_conforms() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let context = Context::root(Limits::default());
    let inner = context.clone();
    let _working = context.spawn(async move {
        loop {
            if let Ok(socket) = ws::connect(&url, &Connect::default(), &inner).await {
                // How it ends is for the case to judge.
                let _ended = echo(socket).await;
            }
        }
    });
    let subject = Subject::client("ropewalk", listener);
    assert_conforms(suite("websocket-client").unwrap().run(&subject, &Options::default()).await);
}
