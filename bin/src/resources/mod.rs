//! Kinds of resources that services refer to by name.

#[cfg(any(feature = "http", feature = "ftp"))]
mod accounts;
#[cfg(any(feature = "http", feature = "ftp"))]
mod files;
mod tls;

#[cfg(any(feature = "http", feature = "ftp"))]
pub(crate) use accounts::ACCOUNTS;
#[cfg(any(feature = "http", feature = "ftp"))]
pub(crate) use files::FILES;
pub(crate) use tls::TLS;
