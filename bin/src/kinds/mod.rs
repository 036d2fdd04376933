//! Kinds of services that need no crate of their own.

mod echo;

pub use echo::ECHO;
