//! Logs and metrics.

/// Byte totals.
#[derive(Clone, Debug)]
pub struct ByteCounters;
impl ByteCounters {
    /// Octets read.
    pub fn read(&self, _octets: u64) {}
    /// Octets written.
    pub fn written(&self, _octets: u64) {}
}
/// Counters of an application.
#[derive(Debug, Default)]
pub struct Metrics;
impl Metrics {
    /// An offence.
    pub fn offence(&self, _name: &'static str) {}
}
