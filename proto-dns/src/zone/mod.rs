//! Zones: their records, and where they come from.

mod build;
mod chain;
mod change;
mod denial;
pub mod hosts;
pub mod kept;
mod lint;
mod load;
mod names;
mod node;
mod problem;
mod record;
mod set;
mod sign;
mod table;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
mod tree;

pub use build::Builder;
pub use change::Change;
pub(crate) use change::same;
pub(crate) use denial::Denial;
pub use load::load;
pub(crate) use load::{load_as_is, name_in};
pub use node::Node;
pub(crate) use node::{Draft, DraftSet};
pub use problem::Problem;
pub use record::{Record, RecordRef};
pub(crate) use set::Best;
pub use set::ZoneSet;
pub use sign::{Before, Cds, Signed, Signing};
pub(crate) use tree::Found;
pub use tree::Zone;
