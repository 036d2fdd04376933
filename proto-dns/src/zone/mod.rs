//! Zones: their records, and where they come from.

mod record;
pub mod text;

pub use record::{Record, RecordRef};
