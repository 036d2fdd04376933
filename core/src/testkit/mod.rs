//! Tools for testing machines: no runtime, no socket, no sleep. And [`Log`], for tests of what is
//! logged, and [`Watched`], for tests of what happens to files meanwhile.
//!
//! Each tool is given a function that makes a machine at a time, and a function that answers its events at once; the
//! latter is cloned for every run, so that each begins with the same state. A tool returns what went wrong as a
//! [`Failure`], whose `Debug` is its message: `every_chunking(..).unwrap()` reads well.
//!
//! A machine that goes on for ever without waiting is a failure too, and does not hang the test.

mod chunking;
mod dialogue;
mod failure;
mod log;
mod pair;
mod panics;
mod rig;
mod rng;
mod starttls;
#[cfg(test)]
pub(crate) mod toy;
mod watched;

pub use chunking::{Chunking, every_chunking};
pub use dialogue::converse;
pub use failure::Failure;
pub use log::Log;
pub use pair::Pair;
pub use panics::never_panics;
pub use rig::{Entry, Rig};
pub use starttls::starttls_forgets;
pub use watched::Watched;
