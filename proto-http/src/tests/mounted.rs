//! Other people's services, the log, and what a connection costs.

use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use tracing::instrument::WithSubscriber as _;

use super::*;
use crate::{AccessLog, Facts, Options, Routes, Tower};

#[tokio::test]
async fn a_tower_service_answers_below_a_path() {
    let service = tower::service_fn(|request: http::Request<Body>| async move {
        assert!(request.extensions().get::<Arc<Facts>>().is_some());
        let path = request.uri().path().to_owned();
        Ok::<_, std::io::Error>(http::Response::new(http_body_util::Full::new(bytes::Bytes::from(path))))
    });
    let http = Http::new(Routes::new().mount("/tower", Tower(service)).unwrap());
    let said = say(http, "GET /tower/a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(status(&said) == "200" && said.ends_with("\r\n\r\n/tower/a"), "{said}");
}

#[tokio::test]
async fn a_tower_service_that_fails_is_500_without_the_cause() {
    let service = tower::service_fn(|_: http::Request<Body>| async move {
        Err::<http::Response<http_body_util::Empty<bytes::Bytes>>, _>(std::io::Error::other("secret"))
    });
    let said = say(Http::new(Tower(service)), "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(status(&said) == "500" && !said.contains("secret"), "{said}");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the log's target `access` says of one request.
async fn logged(form: AccessLog, request: &str) -> String {
    // Without a subscriber that always listens, what other tests log at the same time may turn the target off.
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| drop(tracing::subscriber::set_global_default(tracing_subscriber::registry())));
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .with_max_level(tracing::Level::INFO)
        .finish();
    let options = Options { access_log: form, ..Options::default() };
    let http = Http::new(echo).with(options);
    let (conn, mut io) = Connection::pair();
    io.write_all(request.as_bytes()).await.unwrap();
    io.shutdown().await.unwrap();
    let cx = Context::root(Limits::default()).connection(tracing::Span::none(), ConnId::next());
    http.serve(conn, cx).with_subscriber(log).await.unwrap();
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

const AGENT: &str = "GET /a?b HTTP/1.1\r\nHost: x\r\nUser-Agent: t\"est\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn one_event_says_all_of_a_request() {
    let line = logged(AccessLog::Fields, AGENT).await;
    assert_eq!(line.lines().count(), 1, "{line}");
    for fact in
        ["access:", "method=GET", "path=/a ", "status=200", "bytes=8", "duration_us=", "peer=memory", "conn="]
    {
        assert!(line.contains(fact), "{fact} in {line}");
    }
    assert!(line.contains(r#"agent=t\"est"#), "{line}");
    assert_eq!(logged(AccessLog::Off, AGENT).await, "");
}

#[tokio::test]
async fn the_combined_form_is_one_line() {
    let line = logged(AccessLog::Combined, AGENT).await;
    assert!(
        line.contains("memory - - [") && line.contains(r#" +0000] "GET /a?b HTTP/1.1" 200 8 "-" "t\"est""#),
        "{line}"
    );
}

#[tokio::test]
async fn a_quiet_connection_is_small() {
    let http = Http::new(echo);
    let (conn, _io) = Connection::pair();
    let future = http.serve(conn, Context::root(Limits::default()));
    let size = size_of_val(&future);
    assert!(size <= 2 * 1024, "{size}");
}

#[test]
fn the_policy_names_the_style_that_is_there() {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, crate::server::page::STYLE.as_bytes());
    let expected = format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(digest));
    assert_eq!(include_str!("../server/style.hash"), expected);
}
