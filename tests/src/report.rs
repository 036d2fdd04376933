use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::{Case, Expectations, Level, Outcome, Surprise};

/// The version of the JSON form: raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// What a run of a suite found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    version: u32,
    suite: String,
    subject: String,
    summary: Vec<Tally>,
    surprises: Vec<Surprise>,
    cases: Vec<Row>,
}

/// What one case found.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The case's id.
    pub id: &'static str,
    /// Its level.
    pub level: Level,
    /// Its demand.
    pub demand: &'static str,
    /// `pass`, `fail`, `skip` or `choice`.
    pub outcome: &'static str,
    /// For a failure, what was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// For a failure, what came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// For a skip, why; for a choice, which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// For a failure that was expected, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

impl Row {
    pub(crate) fn new(case: &Case, outcome: Outcome, took: Duration) -> Self {
        let mut row = Self {
            id: case.id,
            level: case.level,
            demand: case.demand,
            outcome: "pass",
            expected: None,
            actual: None,
            note: None,
            known: None,
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        match outcome {
            Outcome::Pass => {}
            Outcome::Fail { expected, actual } => {
                row.outcome = "fail";
                row.expected = Some(expected);
                row.actual = Some(actual);
            }
            Outcome::Skip(reason) => {
                row.outcome = "skip";
                row.note = Some(reason.to_string());
            }
            Outcome::Choice(way) => {
                row.outcome = "choice";
                row.note = Some(way.into());
            }
        }
        row
    }

    /// Whether the case failed, expected or not.
    pub fn failed(&self) -> bool {
        self.outcome == "fail"
    }

    fn failed_unexpectedly(&self) -> bool {
        self.failed() && self.known.is_none()
    }

    fn why(&self) -> String {
        let expected = self.expected.as_deref().unwrap_or_default();
        let actual = self.actual.as_deref().unwrap_or_default();
        format!("expected {expected}; came {actual}")
    }
}

/// The outcomes of one level, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Which level.
    pub level: Level,
    /// Cases that passed.
    pub pass: usize,
    /// Cases that failed and were not expected to.
    pub fail: usize,
    /// Cases that failed as expected.
    pub known: usize,
    /// Cases that did not apply.
    pub skip: usize,
    /// Cases that found one of several allowed ways.
    pub choice: usize,
}

impl Tally {
    fn of(level: Level, rows: &[Row]) -> Self {
        let count =
            |is: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| row.level == level && is(row)).count();
        Self {
            level,
            pass: count(&|row| row.outcome == "pass"),
            fail: count(&Row::failed_unexpectedly),
            known: count(&|row| row.failed() && row.known.is_some()),
            skip: count(&|row| row.outcome == "skip"),
            choice: count(&|row| row.outcome == "choice"),
        }
    }
}

impl Report {
    pub(crate) fn new(suite: &str, subject: &str, rows: Vec<Row>) -> Self {
        let mut report = Self {
            version: VERSION,
            suite: suite.into(),
            subject: subject.into(),
            summary: Vec::new(),
            surprises: Vec::new(),
            cases: rows,
        };
        report.count();
        report
    }

    fn count(&mut self) {
        let levels = [Level::Must, Level::Should, Level::May, Level::Robust];
        self.summary = levels.map(|level| Tally::of(level, &self.cases)).to_vec();
    }

    /// The report in the light of what is known of the subject: expected failures are marked, and what does
    /// not agree with the expectations becomes a surprise.
    #[must_use]
    pub fn judged_by(mut self, expectations: &Expectations) -> Self {
        for row in self.cases.iter_mut().filter(|row| row.failed()) {
            row.known = expectations.reason(row.id).map(Into::into);
        }
        self.surprises = expectations.surprises(&self.cases);
        self.count();
        self
    }

    /// The cases, in the suite's order.
    pub fn rows(&self) -> &[Row] {
        &self.cases
    }

    /// Where the expectations were wrong.
    pub fn surprises(&self) -> &[Surprise] {
        &self.surprises
    }

    /// The counts, by level.
    pub fn summary(&self) -> &[Tally] {
        &self.summary
    }

    /// The failures of MUSTs that were not expected, and the surprises, counted; at most 100, so that the
    /// count is an exit status. 0 means that the subject conforms as far as it is known to.
    pub fn exit_code(&self) -> u8 {
        let broken = self.cases.iter().filter(|row| row.level == Level::Must && row.failed_unexpectedly());
        u8::try_from((broken.count() + self.surprises.len()).min(100)).unwrap_or(100)
    }

    /// For a terminal: every failure with what was expected and what came, the surprises, the counts.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for row in self.cases.iter().filter(|row| row.failed()) {
            let known = row.known.as_ref().map_or(String::new(), |why| format!(" (known: {why})"));
            let _ = writeln!(out, "FAIL {} [{}]{known}\n     {}", row.id, row.level, row.demand);
            let _ = writeln!(out, "     expected: {}", row.expected.as_deref().unwrap_or_default());
            let _ = writeln!(out, "     actual:   {}", row.actual.as_deref().unwrap_or_default());
        }
        for row in self.cases.iter().filter(|row| row.note.is_some()) {
            let _ =
                writeln!(out, "{:<4} {}: {}", row.outcome, row.id, row.note.as_deref().unwrap_or_default());
        }
        for surprise in &self.surprises {
            let _ = writeln!(out, "SURPRISE {surprise}");
        }
        let _ = writeln!(out, "{} against {}", self.suite, self.subject);
        for tally in &self.summary {
            let Tally { level, pass, fail, known, skip, choice } = tally;
            let _ = writeln!(
                out,
                "  {level:<6} {pass:>4} passed {fail:>4} failed {known:>4} known {skip:>4} skipped {choice:>4} choices"
            );
        }
        out
    }

    /// As JSON; `version` says which form.
    ///
    /// # Errors
    /// None in practice: the report is plain data.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// As JUnit XML: a test suite whose test cases are the cases, with the demand as a property. Expected failures
    /// are skipped tests; surprises are errors.
    pub fn junit(&self) -> String {
        let failures = self.cases.iter().filter(|row| row.failed_unexpectedly()).count();
        let skipped = self.cases.iter().filter(|row| row.outcome == "skip" || row.known.is_some()).count();
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(
            out,
            "<testsuite name=\"{}\" hostname=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{}\" skipped=\"{skipped}\">",
            xml(&self.suite),
            xml(&self.subject),
            self.cases.len() + self.surprises.len(),
            self.surprises.len(),
        );
        for row in &self.cases {
            let (class, name) = row.id.rsplit_once('/').unwrap_or(("", row.id));
            let seconds = row.milliseconds as f64 / 1000.0;
            let _ = writeln!(
                out,
                "  <testcase classname=\"{}\" name=\"{}\" time=\"{seconds}\">",
                xml(class),
                xml(name)
            );
            let demand = format!("{}: {}", row.level, row.demand);
            let _ = writeln!(
                out,
                "    <properties><property name=\"demand\" value=\"{}\"/></properties>",
                xml(&demand)
            );
            if let Some(reason) = row.known.as_ref().or(row.note.as_ref().filter(|_| row.outcome == "skip")) {
                let _ = writeln!(out, "    <skipped message=\"{}\"/>", xml(reason));
            } else if row.failed() {
                let _ = writeln!(out, "    <failure message=\"{}\"/>", xml(&row.why()));
            }
            out.push_str("  </testcase>\n");
        }
        for surprise in &self.surprises {
            let text = xml(&surprise.to_string());
            let _ = writeln!(out, "  <testcase name=\"expectations\"><error message=\"{text}\"/></testcase>");
        }
        out.push_str("</testsuite>\n");
        out
    }

    /// As a Markdown page: the counts, then what did not pass.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {} against {}\n\n", self.suite, self.subject);
        out.push_str("| level | passed | failed | known | skipped | choices |\n|---|--:|--:|--:|--:|--:|\n");
        for tally in &self.summary {
            let Tally { level, pass, fail, known, skip, choice } = tally;
            let _ = writeln!(out, "| {level} | {pass} | {fail} | {known} | {skip} | {choice} |");
        }
        out.push_str("\n| case | outcome | demand | remark |\n|---|---|---|---|\n");
        for row in self.cases.iter().filter(|row| row.outcome != "pass") {
            let remark = match (&row.known, &row.note) {
                (Some(known), _) => format!("known: {known}"),
                (None, Some(note)) => note.clone(),
                (None, None) => row.why(),
            };
            let cell = |text: &str| text.replace('|', "\\|");
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {} |",
                row.id,
                row.outcome,
                cell(row.demand),
                cell(&remark)
            );
        }
        for surprise in &self.surprises {
            let _ = writeln!(out, "\nSurprise: {surprise}");
        }
        out
    }
}

/// Text as it may stand in an XML attribute.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    fn report() -> Report {
        let suite = suite("http").unwrap();
        let case = |id: &str| *suite.cases.iter().find(|case| case.id == id).unwrap();
        let fail = Outcome::Fail { expected: "a <400>".into(), actual: "\"&|\"".into() };
        let row = |id, outcome| Row::new(case(id), outcome, Duration::from_millis(5));
        let rows = vec![
            row("http/9112/3.2/missing-host", fail.clone()),
            row("http/9112/3.2/duplicate-host", Outcome::Pass),
            row("http/9112/2.2/leading-empty-line", fail),
        ];
        Report::new("http", "x", rows)
    }

    #[test]
    fn only_a_failed_must_counts_in_the_exit_code() {
        assert_eq!(report().exit_code(), 1);
    }

    #[test]
    fn a_known_failure_does_not_count_and_a_surprise_does() {
        let expected = "[http]\n\"http/9112/3.2/missing-host\" = \"as known\"\n";
        let known = report().judged_by(&Expectations::parse(expected).unwrap());
        assert_eq!(known.exit_code(), 0, "{}", known.text());
        let expected =
            format!("{expected}\"http/9112/3.2/duplicate-host\" = \"never fixed\"\nunknown = \"gone\"\n");
        let surprised = report().judged_by(&Expectations::parse(&expected).unwrap());
        assert_eq!((surprised.exit_code(), surprised.surprises().len()), (2, 2), "{}", surprised.text());
    }

    #[test]
    fn markup_is_escaped() {
        let report = report();
        assert!(
            report.junit().contains("expected a &lt;400&gt;; came &quot;&amp;|&quot;"),
            "{}",
            report.junit()
        );
        assert!(report.markdown().contains("\"&\\|\""), "{}", report.markdown());
        let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!((&json["version"], &json["cases"][0]["outcome"]), (&1.into(), &"fail".into()));
    }
}
