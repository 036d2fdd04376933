//! Zones: their records, and where they come from.

mod record;

pub use record::{Record, RecordRef};
