//! The cases for clients: proof that each can fail, and curl.

#![expect(clippy::unwrap_used, reason = "a test that cannot run its client has failed")]

use std::fs;
use std::process::Stdio;

use ropewalk_conformance::selfcheck::selfcheck_of;
use ropewalk_conformance::{Expectations, Fetch, Fetched, Options, Subject, suite};
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
    let known = Expectations::parse(include_str!("../expectations/curl.toml")).unwrap();
    let report = suite("http-client").unwrap().run(&subject, &Options::default()).await.judged_by(&known);
    println!("{}", report.text());
    let unknown = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((unknown, report.exit_code()), (0, 0), "{}", report.text());
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
        for field in &fetch.fields {
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
