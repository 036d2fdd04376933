use std::time::Instant;

use ropewalk_core::telemetry::Metrics;

/// What is counted of the commands of a session: each once, by the reply that ends it.
#[derive(Default)]
pub(super) struct Tally {
    metrics: Option<Metrics>,
    command: Option<Begun>,
    /// The command whose transfer runs.
    transfer: Option<Begun>,
    /// The next reply has been counted.
    counted: bool,
}

/// A verb of our table, or `other`, and when it came.
type Begun = (&'static str, Instant);

impl Tally {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics: Some(metrics), ..Self::default() }
    }

    pub(super) fn begins(&mut self, verb: &'static str, now: Instant) {
        self.command = Some((verb, now));
    }

    /// The command has begun a transfer.
    pub(super) fn runs(&mut self) {
        self.transfer = self.command.take();
    }

    /// This reply, which is about to be said, ends the transfer; or the command, where it never began.
    pub(super) fn ended(&mut self, code: u16, now: Instant) {
        let begun = self.transfer.take().or_else(|| self.command.take());
        self.count(begun, code, now);
        self.counted = true;
    }

    /// This reply is said: to the command, unless there is more to come (RFC 959 §4.2.1).
    pub(super) fn said(&mut self, code: u16, now: Instant) {
        if !std::mem::take(&mut self.counted) && code >= 200 {
            let begun = self.command.take();
            self.count(begun, code, now);
        }
    }

    fn count(&self, begun: Option<Begun>, code: u16, now: Instant) {
        let (Some(metrics), Some((verb, since))) = (&self.metrics, begun) else { return };
        let class = match code {
            ..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        metrics.command("ftp", verb, class, now.saturating_duration_since(since));
    }
}
