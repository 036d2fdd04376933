//! Answering questions.

mod answer;
mod engine;
mod notify;
#[cfg(test)]
mod testing;
mod update;
mod xfr;

pub use engine::{Answering, Engine, Peer, Transport, Verdict};
pub use notify::Notice;
pub use update::{Grant, Updated};
pub use xfr::Transfer;
