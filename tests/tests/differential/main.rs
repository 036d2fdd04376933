//! How our parser of HTTP/1 heads reads 5,000 damaged requests, beside how hyper and nginx read them. Where two of them differ, one is
//! wrong, or the RFC leaves a choice: each difference is explained by a row of a table, or fails the test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot judge has failed"
)]

mod judges;
mod requests;
mod rows;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use judges::{Answer, Nginx, Verdict};
use ropewalk_core::Limits;
use ropewalk_core::app::Context;
use rows::{Differ, FAULTS, Peer, Request};

const REQUESTS: u64 = 5_000;

/// The differences from one peer, by the rows that explain them.
struct Differences {
    peer: Peer,
    explained: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

impl Differences {
    fn new(peer: Peer) -> Self {
        Self { peer, explained: BTreeMap::new(), unexplained: Vec::new() }
    }

    fn note(&mut self, request: &[u8], ours: &Verdict, theirs: &Verdict) {
        if ours == theirs {
            return;
        }
        let first = Request::of(request);
        let alike = ours
            .0
            .iter()
            .zip(&theirs.0)
            .take_while(|(ours, theirs)| ours == theirs && ours.is_read())
            .count();
        let rest = [first.rest(ours.octets()), judges::AFTER].concat();
        let rest = Request::of(&rest);
        let at = if alike == 0 { &first } else { &rest };
        let differ = Differ { first: &first, at, ours: ours.from(alike), theirs: theirs.from(alike) };
        match rows::explain(self.peer, &differ) {
            Some(name) => *self.explained.entry(name).or_default() += 1,
            None => self.unexplained.push(format!(
                "ours {ours}; {:?} {theirs}; {}",
                self.peer,
                request[..request.len().min(400)].escape_ascii()
            )),
        }
    }

    /// Every difference has its row, and every row a difference.
    fn settle(mut self) {
        let all: usize = self.explained.values().sum();
        println!(
            "{:?}: {} of {REQUESTS} requests are read differently",
            self.peer,
            all + self.unexplained.len()
        );
        let known: Vec<_> = rows::known(self.peer).collect();
        for (name, why) in &known {
            println!("{:5} {name}: {why}", self.explained.get(name).unwrap_or(&0));
        }
        self.unexplained.sort();
        assert!(
            self.unexplained.is_empty(),
            "{} unexplained\n{}",
            self.unexplained.len(),
            self.unexplained.join("\n")
        );
        for (name, _) in known {
            assert!(self.explained.contains_key(name), "{name} explains nothing");
        }
    }
}

#[tokio::test]
async fn no_request_that_we_read_breaks_a_rule() {
    for request in (0..REQUESTS).map(requests::request) {
        let verdict = judges::ropewalk(&request).await;
        let read = Request::of(&request);
        let broken =
            FAULTS.iter().find(|fault| verdict.0.first().is_some_and(Answer::is_read) && (fault.is)(&read));
        assert!(broken.is_none(), "{}: {verdict}; {}", broken.unwrap().name, request.escape_ascii());
    }
}

#[tokio::test]
async fn hyper_reads_as_we_do_but_where_it_is_known() {
    let mut differences = Differences::new(Peer::Hyper);
    for request in (0..REQUESTS).map(requests::request) {
        differences.note(&request, &judges::ropewalk(&request).await, &judges::hyper(&request).await);
    }
    differences.settle();
}

#[tokio::test]
async fn nginx_reads_as_we_do_but_where_it_is_known() {
    if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_none_or(|it| it != "1"), "missing peer: nginx");
        println!("missing peer: nginx");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let nginx = Nginx::start(dir.path(), &Context::root(Limits::default())).await;
    let mut differences = Differences::new(Peer::Nginx);
    for request in (0..REQUESTS).map(requests::request) {
        differences.note(&request, &judges::ropewalk(&request).await, &nginx.judge(&request).await);
    }
    differences.settle();
}
