//! Kinds of resources that services refer to by name.

#[cfg(feature = "http")]
mod accounts;
#[cfg(feature = "http")]
mod files;
mod tls;

#[cfg(feature = "http")]
pub(crate) use accounts::ACCOUNTS;
#[cfg(feature = "http")]
pub(crate) use files::FILES;
pub(crate) use tls::TLS;
