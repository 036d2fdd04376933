//! Logs and metrics. Nothing of the other rooms is known here: they say what happened, this says how it is told.

mod health;
mod logs;
mod metrics;
mod rolling;

pub use health::Health;
pub use logs::{Destination, Format, LogGuard, LogOptions, Rotation, check_level, init};
pub use metrics::{Active, ByteCounters, Metrics};
pub use rolling::Reopen;
