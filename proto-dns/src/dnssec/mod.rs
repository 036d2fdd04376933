//! Signatures of zones (RFC 4033 and those after it): keys, what is signed, and what denies that something exists.

mod bitmap;
pub mod folder;
mod hash;
mod key;
mod rrsig;

pub(crate) use bitmap::bitmap;
pub(crate) use hash::Hash;
pub use key::{Algorithm, SigningKey};
pub(crate) use rrsig::{Times, rrsig, times};
