//! Answers that are made before the content has come, and curl, which is to see them.

#![expect(clippy::unwrap_used, reason = "a test that cannot serve has failed")]

mod serve;

use std::fs;
use std::process::Stdio;

use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use ropewalk_http::{Failure, Http, Request, Response, StatusCode};
use tokio::process::Command;

/// Refuses everything, by the status that is the path.
async fn refuse(request: Request) -> Result<Response, Failure> {
    let status = request.uri.path().strip_prefix('/').and_then(|status| status.parse().ok());
    Err(Failure::new(status.unwrap_or(StatusCode::NOT_FOUND)))
}

/// Whether there is a curl that speaks HTTP/2.
async fn curl_is_there() -> bool {
    let said = Command::new("curl").arg("-V").output().await;
    let is_there = said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("HTTP2"));
    let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(is_there || !required, "missing peer: curl, HTTP2");
    if !is_there {
        println!("missing peer: curl, HTTP2");
    }
    is_there
}

#[tokio::test]
async fn curl_sees_why_its_content_is_refused() {
    if !curl_is_there().await {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = serve::listening(Http::new(refuse), &Context::root(Limits::default())).await;
    for octets in [3, 300_000, 3_000_000] {
        let content = dir.path().join("content");
        fs::write(&content, vec![b'x'; octets]).unwrap();
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            for (method, status) in [("PUT", "401"), ("POST", "405"), ("PUT", "409")] {
                for _ in 0..5 {
                    let mut curl = Command::new("curl");
                    curl.args(["-sS", version, "-X", method, "-o", "/dev/null", "-w", "%{http_code}"]);
                    curl.arg("--data-binary").arg(format!("@{}", content.display()));
                    curl.arg(format!("http://{at}/{status}")).stderr(Stdio::inherit());
                    let done = curl.output().await.unwrap();
                    let said = String::from_utf8(done.stdout).unwrap();
                    assert!(done.status.success() && said == status, "{version} {octets} {status}: {said}");
                }
            }
        }
    }
}
