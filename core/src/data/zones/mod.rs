//! Zones: who answers questions about names, and where zones are kept that change while they are served.

mod answer;
mod kept;
mod memory;
mod records;
#[cfg(feature = "testkit")]
pub mod suite;

pub use answer::{Answer, Answered};
pub use kept::{Difference, Kept, Listed, Seed, Stamp, Zones};
pub use memory::MemoryZones;
pub use records::{Record, Records};
