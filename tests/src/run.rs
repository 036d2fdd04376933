use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::{Instant, timeout};

use crate::{Case, Outcome, Peer, Reason, Report, Row, Subject, dns, ftp, http, webdav, websocket};

/// The cases of one protocol.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The first part of its cases' ids, and what the command line calls it.
    pub name: &'static str,
    /// The cases, in the order of their documents.
    pub cases: Vec<&'static Case>,
}

/// Every suite there is.
pub fn suites() -> Vec<Suite> {
    vec![
        Suite { name: "http", cases: http::cases() },
        Suite { name: "webdav", cases: webdav::cases() },
        Suite { name: "ftp", cases: ftp::cases() },
        Suite { name: "dns", cases: dns::cases() },
        Suite { name: "websocket", cases: websocket::cases() },
        Suite { name: "websocket-client", cases: websocket::client::cases() },
        Suite { name: "http-client", cases: http::client_cases() },
    ]
}

/// The suite of this name.
pub fn suite(name: &str) -> Option<Suite> {
    suites().into_iter().find(|suite| suite.name == name)
}

/// Which cases to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    only: Vec<String>,
    patience: Duration,
    deadline: Duration,
    at_once: usize,
}

impl Default for Options {
    /// All cases, eight at once, 3 s for an answer and 20 s for a case.
    fn default() -> Self {
        Self {
            only: Vec::new(),
            patience: Duration::from_secs(3),
            deadline: Duration::from_secs(20),
            at_once: 8,
        }
    }
}

impl Options {
    /// Only cases whose id is `prefix` or lies under it; given several times, any of them.
    #[must_use]
    pub fn only(mut self, prefix: &str) -> Self {
        self.only.push(prefix.into());
        self
    }

    /// How long one answer is waited for.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long a whole case may take; past it, the case has failed.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many cases run at the same time.
    #[must_use]
    pub fn at_once(mut self, cases: usize) -> Self {
        self.at_once = cases.max(1);
        self
    }

    fn selects(&self, id: &str) -> bool {
        let under = |prefix: &String| {
            id.strip_prefix(prefix.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.only.is_empty() || self.only.iter().any(under)
    }
}

impl Suite {
    /// Whether the subjects are clients, which connect to the suite.
    pub fn is_for_clients(&self) -> bool {
        self.name.ends_with("-client")
    }

    /// The cases that the options select.
    pub fn selected(&self, options: &Options) -> Vec<&'static Case> {
        self.cases.iter().copied().filter(|case| options.selects(case.id)).collect()
    }

    /// Runs the selected cases against a subject. The report has them in the suite's order.
    pub async fn run(&self, subject: &Subject, options: &Options) -> Report {
        let rows = stream::iter(self.selected(options))
            .map(|case| run_case(case, subject, options))
            .buffered(options.at_once)
            .collect()
            .await;
        Report::new(self.name, subject.name(), rows)
    }
}

/// Runs one case: a case that hangs or panics, itself or in a subject within this process, has failed.
pub(crate) async fn run_case(case: &'static Case, subject: &Subject, options: &Options) -> Row {
    let begun = Instant::now();
    let outcome = match subject.lacks(case.needs) {
        Some(need) => Outcome::Skip(Reason::Lacks(need)),
        None => {
            let mut peer = Peer::new(subject.clone(), options.patience);
            let run = AssertUnwindSafe((case.run)(&mut peer)).catch_unwind();
            match timeout(options.deadline, run).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => fail("no panic", "a panic in the subject or the case"),
                Err(_) => fail(&format!("an end within {:?}", options.deadline), "the case hung"),
            }
        }
    };
    Row::new(case, outcome, begun.elapsed())
}

fn fail(expected: &str, actual: &str) -> Outcome {
    Outcome::Fail { expected: expected.into(), actual: actual.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_selects_whole_steps_of_an_id() {
        let options = Options::default().only("http/9112/3.2");
        assert!(options.selects("http/9112/3.2/missing-host"));
        assert!(!options.selects("http/9112/3.2.2/absolute-form"));
        assert!(!options.selects("http/9112/3"));
        assert!(Options::default().selects("anything"));
    }

    #[test]
    fn ids_are_unique_and_begin_with_their_suite() {
        for suite in suites() {
            let mut seen = std::collections::HashSet::new();
            for case in &suite.cases {
                assert!(seen.insert(case.id), "{} twice", case.id);
                assert!(case.id.starts_with(suite.name) && case.id.split('/').count() == 4, "{}", case.id);
                assert!(case.demand.ends_with('.') && case.demand.len() > 15, "{}: {}", case.id, case.demand);
            }
            let demands: std::collections::HashSet<_> = suite.cases.iter().map(|case| case.demand).collect();
            assert_eq!(demands.len(), suite.cases.len(), "two cases with one demand");
        }
    }

    #[tokio::test]
    async fn a_hung_case_and_a_panicking_subject_are_failures() {
        let options = Options::default().deadline(Duration::from_millis(50));
        let suite = suite("http").unwrap();
        let silent = Subject::in_process("silent", |connection| async move {
            let _held = connection;
            std::future::pending().await
        });
        let panics = Subject::in_process("panics", |_| async { panic!("on purpose") });
        for subject in [silent, panics] {
            let report = suite.run(&subject, &options.clone().only("http/9112/3.2/missing-host")).await;
            assert_eq!(report.exit_code(), 1, "{}", report.text());
        }
    }
}
