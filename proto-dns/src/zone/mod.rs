//! Zones: their records, and where they come from.

mod build;
mod change;
pub mod hosts;
pub mod kept;
mod load;
mod node;
mod problem;
mod record;
mod set;
mod table;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
mod tree;

pub use build::Builder;
pub use change::Change;
pub(crate) use change::same;
pub use load::load;
pub use node::Node;
pub use problem::Problem;
pub use record::{Record, RecordRef};
pub(crate) use set::Best;
pub use set::ZoneSet;
pub(crate) use tree::Found;
pub use tree::Zone;
