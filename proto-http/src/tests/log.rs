//! The access log: one line for each request, whatever came of it.

use std::sync::Arc;

use ropewalk_core::testkit::Log;
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;

use super::auth::{authorization, guarded};
use super::*;
use crate::{AccessLog, Handler, Options};

/// What the log says of one connection.
async fn logged(form: AccessLog, json: bool, handler: impl Handler, request: &str) -> String {
    let lines = Log::new();
    let log = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_ansi(false)
        .without_time()
        .with_max_level(tracing::Level::INFO);
    let options = Options { access_log: form, ..Options::default() };
    let http = Http::new(handler).with(options);
    let (conn, mut io) = Connection::pair();
    // What is refused need not be read to its end.
    let send = async {
        drop(io.write_all(request.as_bytes()).await);
        drop(io.shutdown().await);
    };
    let cx = Context::root(Limits::default()).connection(tracing::Span::none(), ConnId::next());
    // As the server has it; made when there is a log for it.
    let served =
        async { http.serve(conn, cx).instrument(tracing::info_span!("conn", id = 1, peer = "memory")).await };
    let (served, ()) = match json {
        true => tokio::join!(served.with_subscriber(log.json().flatten_event(true).finish()), send),
        false => tokio::join!(served.with_subscriber(log.finish()), send),
    };
    served.unwrap();
    lines.text()
}

const AGENT: &str = "GET /a?b HTTP/1.1\r\nHost: X:80\r\nUser-Agent: t\"est\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn one_event_says_all_of_a_request() {
    let line = logged(AccessLog::Fields, false, echo, AGENT).await;
    assert_eq!(line.lines().count(), 1, "{line}");
    for fact in [
        "access:",
        "method=\"GET\"",
        "host=\"x\"",
        "path=\"/a\"",
        "status=200",
        "bytes=8",
        "duration_us=",
        "user=\"-\"",
        "tls=- ",
        "conn{id=1 peer=\"memory\"}",
    ] {
        assert!(line.contains(fact), "{fact} in {line}");
    }
    // The span says it.
    assert_eq!(line.matches("memory").count(), 1, "{line}");
    assert!(!line.contains("conn="), "{line}");
    assert!(line.contains(r#"agent="t\"est""#), "{line}");
    assert_eq!(logged(AccessLog::Off, false, echo, AGENT).await, "");
}

#[tokio::test]
async fn the_octets_of_a_stream_are_those_of_its_content() {
    let handler = |_: Request| async {
        let chunks = ["ab", "", "cde"].map(|chunk| Ok(bytes::Bytes::from(chunk)));
        Ok(Response::new(Body::stream(futures_util::stream::iter(chunks))))
    };
    let line = logged(AccessLog::Fields, false, handler, AGENT).await;
    assert!(line.contains("bytes=5 "), "{line}");
}

#[tokio::test]
async fn the_combined_form_is_one_line() {
    let line = logged(AccessLog::Combined, false, echo, AGENT).await;
    assert!(
        line.contains("memory - - [") && line.contains(r#" +0000] "GET /a?b HTTP/1.1" 200 8 "-" "t\"est""#),
        "{line}"
    );
}

#[tokio::test]
async fn in_a_log_of_json_a_request_is_one_object() {
    let two = format!("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n{AGENT}");
    let lines = logged(AccessLog::Fields, true, echo, &two).await;
    let objects: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2, "{lines}");
    assert_eq!((objects[0]["path"].as_str(), objects[0]["host"].as_str()), (Some("/1"), Some("a")));
    assert_eq!((objects[1]["status"].as_u64(), objects[1]["bytes"].as_u64()), (Some(200), Some(8)));
    assert_eq!((&objects[1]["target"], &objects[1]["span"]["peer"]), (&"access".into(), &"memory".into()));
}

#[tokio::test]
async fn who_has_logged_in_is_named_and_the_password_is_not() {
    let ask = |user: &str| {
        let login = authorization(user);
        format!("GET /private/a HTTP/1.1\r\nHost: x\r\n{login}Connection: close\r\n\r\n")
    };
    let line = logged(AccessLog::Combined, false, guarded(), &ask("ann:swordfish")).await;
    assert!(line.contains("memory - ann [") && line.contains(" 200 "), "{line}");
    let line = logged(AccessLog::Fields, false, guarded(), &ask("ann:swordfish")).await;
    assert!(line.contains("user=\"ann\""), "{line}");
    // bob is known, and has no right.
    let line = logged(AccessLog::Combined, false, guarded(), &ask("bob:swordfish")).await;
    assert!(line.contains("memory - bob [") && line.contains(" 403 "), "{line}");
    // Who failed is nobody in the access log; the offence says whom they wanted to be.
    let lines = logged(AccessLog::Combined, false, guarded(), &ask("an\"n:swordfish")).await;
    let [offence, line] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
    assert!(line.contains("memory - - [") && line.contains(" 401 "), "{line}");
    assert!(offence.contains(r#"offence="wrong_password" user="an\"n""#), "{offence}");
    assert!(!lines.contains("swordfish"), "{lines}");
    let lines = logged(AccessLog::Off, false, guarded(), &ask(&format!("{}:x", "n".repeat(5000)))).await;
    assert!(lines.len() < 400, "{lines}");
}

#[tokio::test]
async fn what_the_file_system_denies_is_named() {
    let handler = crate::Static::new(Arc::new(files::Locked));
    let lines =
        logged(AccessLog::Off, false, handler, "GET /dir/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await;
    let uid = rustix::process::geteuid().as_raw();
    assert!(lines.contains("permission denied by the file system"), "{lines}");
    assert!(lines.contains(&format!("path=\"/dir/index.html\" uid={uid}")), "{lines}");
}

#[tokio::test]
async fn a_head_that_cannot_be_read_has_its_line() {
    for (head, status) in [
        ("GET / HTTP/1.1\nHost: x\n\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(70_000)), "431"),
    ] {
        let line = logged(AccessLog::Combined, false, echo, &head).await;
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains("memory - - [") && line.contains(&format!("\"-\" {status} ")), "{line}");
        let line = logged(AccessLog::Fields, false, echo, &head).await;
        assert!(line.contains("method=\"-\"") && line.contains(&format!("status={status}")), "{line}");
    }
}
