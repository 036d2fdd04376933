//! Answering questions.

mod answer;
mod engine;
#[cfg(test)]
mod testing;

pub use engine::{Answering, Engine, Peer, Transport, Verdict};
