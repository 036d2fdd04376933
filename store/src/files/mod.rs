//! Places to keep files.

pub mod local;

pub use local::Local;
