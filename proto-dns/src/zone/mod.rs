//! Zones: their records, and where they come from.

pub mod hosts;
mod record;
pub mod text;

pub use record::{Record, RecordRef};
