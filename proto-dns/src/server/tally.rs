use ropewalk_core::app::Context;
use ropewalk_core::telemetry::Metrics;

use super::PROTO;
use crate::wire::Rcode;

/// The types that are counted by name, and their numbers.
const TYPES: [(u16, &str); 16] = [
    (1, "A"),
    (28, "AAAA"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (33, "SRV"),
    (43, "DS"),
    (48, "DNSKEY"),
    (52, "TLSA"),
    (65, "HTTPS"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
];
/// The results that are counted by name: the response codes by their numbers, then others, then silence.
const RESULTS: [&str; 8] =
    ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "other", "none"];
const OTHER: usize = 6;
const NONE: usize = 7;

/// Counts answers by type and result, and tells the metrics of many at once: that is too much work for each.
pub(super) struct Tally {
    metrics: Metrics,
    counts: [[u32; RESULTS.len()]; TYPES.len() + 1],
    any: bool,
}

impl Tally {
    pub(super) fn new(cx: &Context) -> Self {
        Self { metrics: cx.metrics().clone(), counts: Default::default(), any: false }
    }

    /// Counts a request, and the code of its reply if it has one.
    pub(super) fn count(&mut self, request: &[u8], rcode: Option<Rcode>) {
        let asked = qtype(request);
        let row = TYPES.iter().position(|(number, _)| Some(*number) == asked).unwrap_or(TYPES.len());
        let result = rcode.map_or(NONE, |rcode| usize::from(rcode.0).min(OTHER));
        if let Some(count) = self.counts.get_mut(row).and_then(|row| row.get_mut(result)) {
            *count += 1;
            self.any = true;
        }
    }

    /// Tells the metrics.
    pub(super) fn flush(&mut self) {
        if !std::mem::take(&mut self.any) {
            return;
        }
        let names = TYPES.iter().map(|(_, name)| *name).chain(["other"]);
        for (name, row) in names.zip(&mut self.counts) {
            for (result, count) in RESULTS.iter().zip(row).filter(|(_, count)| **count > 0) {
                self.metrics.commands(PROTO, name, result, u64::from(std::mem::take(count)));
            }
        }
    }
}

/// The type that is asked for, of a message that may be anything.
fn qtype(request: &[u8]) -> Option<u16> {
    let mut rest = request.get(12..)?;
    loop {
        let (length, after) = rest.split_first()?;
        match length {
            0 => return after.first_chunk().map(|number| u16::from_be_bytes(*number)),
            1..=63 => rest = after.get(usize::from(*length)..)?,
            _ => return None,
        }
    }
}
