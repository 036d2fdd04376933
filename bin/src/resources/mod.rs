//! Kinds of resources that services refer to by name.

#[cfg(feature = "http")]
mod files;
mod tls;

#[cfg(feature = "http")]
pub use files::FILES;
pub use tls::TLS;
