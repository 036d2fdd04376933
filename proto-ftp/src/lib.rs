#![doc = include_str!("../README.md")]

mod kind;
mod server;
mod state;
pub mod wire;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use server::fuzzing;
pub use kind::KIND;
pub use server::{Area, Ftp, Options, Public, Tie};
