//! The WebSocket cases against our own server and client, and against those of others: a case that only ours
//! passes is a case to doubt.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its peer has failed")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ropewalk_conformance::{Expectations, Need, Options, Report, Subject, suite, websocket};
use ropewalk_core::app::{Context, Protocol as _};
use ropewalk_core::net::Connection;
use ropewalk_core::{Limits, Result};
use ropewalk_http::ws::{self, Connect, WebSocket, WebSockets};
use ropewalk_http::{Http, Request, Routes};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

fn assert_conforms(report: Report, known: &str) {
    let report = report.judged_by(&Expectations::parse(known).unwrap());
    println!("{}", report.text());
    let unknown = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((unknown, report.exit_code()), (0, 0), "{}", report.text());
}

/// A Python with this module: that of `target/peers`, where CI installs it, or the one on the path.
async fn python(module: &str) -> Option<String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/bin/python");
    for python in [own.to_string_lossy().as_ref(), "python3"] {
        let mut import = Command::new(python);
        import.args(["-c", &format!("import {module}")]).stderr(Stdio::null());
        if import.status().await.is_ok_and(|status| status.success()) {
            return Some(python.into());
        }
    }
    assert!(std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|it| it != "1"), "missing peer: {module}");
    println!("missing peer: {module}");
    None
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// An echo server in Python on a port of its own, ended with the test.
struct Echo {
    _child: Child,
    subject: Subject,
}

impl Echo {
    async fn start(package: &str, module: &str) -> Option<Self> {
        let mut command = Command::new(python(module).await?);
        command.arg(script(&format!("echo_{package}.py"))).stdin(Stdio::null()).stdout(Stdio::piped());
        command.kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Ok(Ok(Some(port))) = timeout(Duration::from_secs(30), lines.next_line()).await else {
            panic!("{package} does not say its port");
        };
        let subject =
            Subject::at(&format!("127.0.0.1:{port}")).unwrap().named(package).with(Need::Subprotocols);
        Some(Self { _child: child, subject })
    }
}

async fn run(name: &str, subject: &Subject) -> Report {
    suite(name).unwrap().run(subject, &Options::default().at_once(4)).await
}

async fn echo(mut socket: WebSocket) -> Result<()> {
    while let Some(message) = socket.recv().await? {
        socket.send(&message).await?;
    }
    Ok(())
}

fn server() -> Http {
    let echo = WebSockets::new(|socket, _: Request| echo(socket));
    let echo = echo.protocols(websocket::SUBPROTOCOLS).origins([websocket::ORIGIN]);
    Http::new(Routes::new().mount("/echo", echo).unwrap())
}

fn set_up(subject: Subject) -> Subject {
    subject.at_path("/echo").with(Need::Subprotocols).with(Need::OneOrigin).with(Need::OnePath)
}

const OURS: &str = include_str!("../expectations/ropewalk.toml");

#[tokio::test]
async fn the_server_conforms() {
    let context = Context::root(Limits::default());
    let subject = set_up(Subject::protocol("ropewalk", server(), &context));
    assert_conforms(run("websocket", &subject).await, OURS);
}

#[tokio::test]
async fn the_server_conforms_over_sockets() {
    let server = server();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let subject = Subject::at(&listener.local_addr().unwrap().to_string()).unwrap().named("ropewalk");
    let context = Context::root(Limits::default());
    let inner = context.clone();
    let _accepting = context.spawn(async move {
        loop {
            let conn = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
            let (server, cx) = (server.clone(), inner.child(inner.span().clone()));
            // How a connection ended for the server is not judged.
            inner.spawn(async move { drop(server.serve(conn, cx).await) }).detach();
        }
    });
    assert_conforms(run("websocket", &set_up(subject)).await, OURS);
}

#[tokio::test]
async fn the_client_conforms() {
    let context = Context::root(Limits::default());
    let subject = Subject::in_process("ropewalk", move |conn| {
        let cx = context.child(context.span().clone());
        async move {
            // How a connection ended for the client is not judged.
            if let Ok(socket) = ws::connect_over(conn, "ws://conform.test/", &Connect::default(), &cx).await {
                drop(echo(socket).await);
            }
        }
    });
    assert_conforms(run("websocket-client", &subject).await, OURS);
}

#[tokio::test]
async fn websockets_fails_what_it_is_known_to_fail_and_nothing_else() {
    let Some(echo) = Echo::start("websockets", "websockets.asyncio.server").await else { return };
    let report = run("websocket", &echo.subject.clone().with(Need::OneOrigin)).await;
    assert_conforms(report, include_str!("../expectations/websockets.toml"));
}

#[tokio::test]
async fn aiohttp_fails_what_it_is_known_to_fail_and_nothing_else() {
    let Some(echo) = Echo::start("aiohttp", "aiohttp").await else { return };
    let report = run("websocket", &echo.subject.clone().with(Need::OnePath)).await;
    assert_conforms(report, include_str!("../expectations/aiohttp.toml"));
}

#[tokio::test]
async fn the_client_of_websockets_fails_what_it_is_known_to_fail_and_nothing_else() {
    let Some(python) = python("websockets.asyncio.client").await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = Command::new(python);
    command.arg(script("client_websockets.py")).arg(listener.local_addr().unwrap().port().to_string());
    let _child = command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let report = run("websocket-client", &Subject::connecting("websockets", listener)).await;
    assert_conforms(report, include_str!("../expectations/websockets.toml"));
}
