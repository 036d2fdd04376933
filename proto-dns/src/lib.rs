#![doc = include_str!("../README.md")]

pub mod client;
pub mod dnssec;
mod kind;
pub mod server;
pub mod wire;
pub mod zone;

pub use kind::{KEYS, KIND, ZONES};
