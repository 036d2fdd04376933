//! Answering questions.

mod answer;
mod engine;

pub use engine::{Answering, Engine, Peer, Transport, Verdict};
