#![doc = include_str!("../README.md")]

pub mod client;
mod kind;
mod server;
mod state;
pub mod wire;

pub use kind::KIND;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use server::fuzzing;
pub use server::{Area, Ftp, Options, Public, Tie};
