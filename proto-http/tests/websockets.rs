//! WebSockets with those of Python's `websockets`, from `target/peers`, where CI installs it, or the path. Skipped with a
//! printed line where there is none, unless `ROPEWALK_REQUIRE_PEERS=1` says that there must be.

use std::process::Stdio;
use std::time::Duration;

use ropewalk_core::app::{Context, Protocol as _};
use ropewalk_core::net::Connection;
use ropewalk_core::{Limits, Result};
use ropewalk_http::ws::{self, CloseCode, Connect, Message, WebSocket, WebSockets};
use ropewalk_http::{Http, Request};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

/// The peer, if there is one, told to be this.
async fn peer(arguments: &[&str]) -> Option<Command> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers/bin/python");
    for python in [own, "python3"] {
        let mut has = Command::new(python);
        has.args(["-c", "import websockets"]).stderr(Stdio::null());
        if has.status().await.is_ok_and(|status| status.success()) {
            let mut command = Command::new(python);
            command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/websockets_peer.py")).args(arguments);
            command.stdout(Stdio::piped()).kill_on_drop(true);
            return Some(command);
        }
    }
    let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(!required, "missing peer: Python's websockets");
    println!("missing peer: Python's websockets");
    None
}

async fn echo(mut socket: WebSocket, _: Request) -> Result<()> {
    while let Some(message) = socket.recv().await? {
        socket.send(&message).await?;
    }
    Ok(())
}

#[tokio::test]
async fn their_client_understands_our_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let Some(mut client) = peer(&["client", &port.to_string()]).await else { return };
    let root = Context::root(Limits::default());
    let cx = root.clone();
    let http = Http::new(WebSockets::new(echo).protocols(["echo"]));
    let _serving = root.spawn(async move {
        loop {
            let conn = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
            let (http, inner) = (http.clone(), cx.clone());
            // How a connection ends is seen by the client.
            cx.spawn(async move { drop(http.serve(conn, inner).await) }).detach();
        }
    });
    let status = timeout(Duration::from_secs(60), client.status()).await.unwrap().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn our_client_understands_their_server() {
    let Some(mut server) = peer(&["server"]).await else { return };
    let mut server = server.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = lines.next_line().await.unwrap().expect("a port");
    let cx = Context::root(Limits::default());
    let mut how = Connect::default();
    how.protocols = vec!["x".into(), "echo".into()];
    let mut socket = ws::connect(&format!("ws://127.0.0.1:{port}/"), &how, &cx).await.unwrap();
    assert_eq!(socket.protocol(), Some("echo"));
    let large = Message::Binary(vec![7; 1_000_000].into());
    for (said, heard) in [
        (Message::Text("é".into()), Message::Text("é".into())),
        (Message::Text("ping".into()), Message::Text("pong".into())),
        (Message::Text("fragments".into()), Message::Text("in fragments".into())),
        (large.clone(), large),
    ] {
        socket.send(&said).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(heard));
    }
    socket.send("close").await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), None);
    let close = socket.closed().unwrap();
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::new(4001), "as asked"));

    let unoffered = ws::connect(&format!("ws://127.0.0.1:{port}/"), &Connect::default(), &cx).await;
    assert!(unoffered.unwrap_err().to_string().starts_with("server answers 400"));
    let socket = ws::connect(&format!("ws://127.0.0.1:{port}/"), &how, &cx).await.unwrap();
    timeout(Duration::from_secs(10), socket.close(CloseCode::NORMAL, "done")).await.unwrap().unwrap();
}
