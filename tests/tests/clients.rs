//! The cases for clients: proof that each can fail, and curl.

#![expect(clippy::unwrap_used, reason = "a test that cannot run its client has failed")]

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use ropewalk_conformance::selfcheck::selfcheck_of;
use ropewalk_conformance::{Expectations, Fetch, Fetched, Options, Report, Subject, suite};
use ropewalk_http::client::{self, Client, Versions};
use ropewalk_http::{Body, HeaderName, HeaderValue, Method};
use tokio::process::Command;

#[tokio::test]
async fn every_case_can_fail_and_every_fault_is_found() {
    let check = selfcheck_of(&suite("http-client").unwrap()).await;
    println!("{check}");
    assert!(check.errors().is_empty(), "{}", check.errors().join("\n"));
}

#[tokio::test]
async fn curl_fails_what_it_is_known_to_fail_and_nothing_else() {
    if Command::new("curl").arg("-V").stdout(Stdio::null()).status().await.is_err() {
        assert!(std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|it| it != "1"), "missing peer: curl");
        println!("missing peer: curl");
        return;
    }
    let subject = Subject::client("curl", |fetches| Box::pin(curl(fetches)));
    assert_known(run(&subject).await, include_str!("../expectations/curl.toml"));
}

#[tokio::test]
async fn our_own_client_conforms() {
    let subject = Subject::client("ropewalk", |fetches| Box::pin(ours(fetches)));
    assert_known(run(&subject).await, include_str!("../expectations/ropewalk-client.toml"));
}

async fn run(subject: &Subject) -> Report {
    suite("http-client").unwrap().run(subject, &Options::default()).await
}

fn assert_known(report: Report, expectations: &str) {
    let report = report.judged_by(&Expectations::parse(expectations).unwrap());
    println!("{}", report.text());
    let unknown = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((unknown, report.exit_code()), (0, 0), "{}", report.text());
}

/// One client of ours for all requests.
async fn ours(fetches: Vec<Fetch>) -> Vec<Fetched> {
    let mut options = client::Options::default();
    options.versions = Versions::One;
    options.redirects = options.redirects.filter(|_| fetches.iter().any(|fetch| fetch.follow));
    options.times.head = Duration::from_secs(5);
    options.times.body = Duration::from_secs(5);
    let client = Client::with(options);
    let mut all = Vec::new();
    for fetch in fetches {
        let mut fetched = Fetched::default();
        fetched.failed = ask(&client, fetch, &mut fetched).await.is_none();
        all.push(fetched);
    }
    all
}

/// Nothing where it fails; what came until then is in `fetched`.
async fn ask(client: &Client, fetch: Fetch, fetched: &mut Fetched) -> Option<()> {
    let mut request = http::Request::new(fetch.content.map_or_else(Body::empty, Body::from));
    *request.method_mut() = Method::from_bytes(fetch.method.as_bytes()).unwrap();
    *request.uri_mut() = Client::url(&fetch.url).ok()?;
    for field in &fetch.fields {
        let (name, value) = field.split_once(": ").unwrap();
        request
            .headers_mut()
            .append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let answer = client.request(request).await.ok()?;
    fetched.status = answer.status().as_u16();
    let mut body = answer.into_body();
    while let Some(chunk) = body.chunk().await.ok()? {
        fetched.content.extend_from_slice(&chunk);
    }
    Some(())
}

/// One run of curl for all requests: it keeps connections between them.
async fn curl(fetches: Vec<Fetch>) -> Vec<Fetched> {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("curl");
    for (at, fetch) in fetches.iter().enumerate() {
        if at > 0 {
            command.arg("--next");
        }
        command.args(["-q", "-sS", "--http1.1", "--max-time", "6", "-w", "%{http_code} %{exitcode}\n"]);
        command.arg("-o").arg(dir.path().join(format!("{at}.out")));
        if fetch.follow {
            command.arg("-L");
        }
        if fetch.method == "HEAD" {
            command.arg("-I");
        }
        // It expects 100 by itself where there is much to send, and heeds a 417 only then.
        for field in fetch.fields.iter().filter(|field| !field.starts_with("Expect")) {
            command.arg("-H").arg(field);
        }
        if let Some(content) = &fetch.content {
            let file = dir.path().join(format!("{at}.in"));
            fs::write(&file, content).unwrap();
            command.arg("--data-binary").arg(format!("@{}", file.display()));
        }
        command.arg(&fetch.url);
    }
    let output = command.kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let results = said.lines().zip(&fetches).enumerate().map(|(at, (line, fetch))| {
        let (status, exit) = line.split_once(' ').unwrap_or_default();
        let content = fs::read(dir.path().join(format!("{at}.out"))).unwrap_or_default();
        // With -I it writes the head there.
        let content = if fetch.method == "HEAD" { Vec::new() } else { content };
        Fetched { status: status.parse().unwrap_or(0), failed: exit != "0", content }
    });
    results.collect()
}
