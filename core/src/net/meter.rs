use crate::telemetry::ByteCounters;

/// Octets of one connection, as the application sees them: inside TLS.
#[derive(Default)]
pub struct Meter {
    read: u64,
    written: u64,
    pub(super) totals: Option<ByteCounters>,
}

impl Meter {
    /// Octets read so far.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Octets written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn add_written(&mut self, octets: u64) {
        self.written += octets;
        if let Some(totals) = &self.totals {
            totals.written(octets);
        }
    }

    pub(super) fn add_read(&mut self, octets: u64) {
        self.read += octets;
        if let Some(totals) = &self.totals {
            totals.read(octets);
        }
    }
}
