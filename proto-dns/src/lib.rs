#![doc = include_str!("../README.md")]

mod kind;
pub mod server;
pub mod wire;
pub mod zone;

pub use kind::{KIND, ZONES};
