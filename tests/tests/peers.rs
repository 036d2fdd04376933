//! The cases against servers of others: one that only our server passes is a case to doubt.
//!
//! Each server runs with the suite's files on a port of the loopback, and fails what its file in `expectations/` says,
//! and nothing else. A server that is not installed is left out, unless `ROPEWALK_REQUIRE_PEERS` is 1.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its peer has failed")]

mod peer;

use std::fmt::Write as _;
use std::path::Path;

use ropewalk_conformance::{Expectations, Options, Report, http, suite};

use peer::Peer;

/// Runs the suite against one server, where it is installed.
async fn report(peer: &Peer) -> Option<Report> {
    if !peer.is_installed() {
        assert!(
            std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|it| it != "1"),
            "missing peer: {}",
            peer.name
        );
        println!("missing peer: {}", peer.name);
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    http::fixture::write(dir.path()).unwrap();
    let running = peer.start(dir.path()).await;
    let known = Expectations::parse(peer.expectations).unwrap();
    let options = Options::default().at_once(4);
    Some(suite("http").unwrap().run(&running.subject(), &options).await.judged_by(&known))
}

async fn fails_what_is_known(peer: &Peer) {
    let Some(report) = report(peer).await else { return };
    println!("{}", report.text());
    let unknown = report.rows().iter().filter(|row| row.failed() && row.known.is_none()).count();
    assert_eq!((unknown, report.exit_code()), (0, 0), "{}", report.text());
}

#[tokio::test]
async fn nginx_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&peer::NGINX).await;
}

#[tokio::test]
async fn caddy_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&peer::CADDY).await;
}

#[tokio::test]
async fn apache_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&peer::APACHE).await;
}

#[tokio::test]
async fn h2o_fails_what_it_is_known_to_fail_and_nothing_else() {
    fails_what_is_known(&peer::H2O).await;
}

/// Writes the table of `docs/conformance.md`: `cargo test -p ropewalk-conformance --test peers -- --ignored table`.
#[tokio::test]
#[ignore = "writes the documentation"]
async fn table_of_disagreements() {
    let mut reports = Vec::new();
    for peer in peer::ALL {
        reports.extend(report(peer).await.map(|report| (peer.name, report)));
    }
    let doc = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
    let text = std::fs::read_to_string(&doc).unwrap();
    let (before, rest) = text.split_once("<!-- table -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of table -->").unwrap();
    std::fs::write(doc, format!("{before}<!-- table -->\n{}<!-- end of table -->{after}", table(&reports)))
        .unwrap();
}

/// One line for each demand that a server fails, one column for each server.
fn table(reports: &[(&str, Report)]) -> String {
    let mut table = String::from("| Case | Level |");
    for (name, _) in reports {
        let _ = write!(table, " {name} |");
    }
    table.push_str("\n|---|---|");
    table.push_str(&"---|".repeat(reports.len()));
    table.push('\n');
    let Some((_, first)) = reports.first() else { return table };
    for (at, case) in first.rows().iter().enumerate() {
        let outcomes: Vec<_> = reports.iter().map(|(_, report)| report.rows()[at].outcome).collect();
        if outcomes.contains(&"fail") {
            let _ = write!(table, "| `{}` | {} |", case.id, case.level);
            for outcome in outcomes {
                let _ = write!(table, " {} |", if outcome == "choice" { "pass" } else { outcome });
            }
            table.push('\n');
        }
    }
    table
}
