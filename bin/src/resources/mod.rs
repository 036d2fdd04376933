//! Kinds of resources that services refer to by name.

#[cfg(any(feature = "http", feature = "ftp"))]
mod accounts;
#[cfg(any(feature = "http", feature = "ftp"))]
mod files;
mod tls;

use std::path::PathBuf;

#[cfg(any(feature = "http", feature = "ftp"))]
pub(crate) use accounts::ACCOUNTS;
#[cfg(any(feature = "http", feature = "ftp"))]
pub(crate) use files::FILES;
pub(crate) use tls::TLS;

/// A folder that the process writes to, as which a resource may be found.
pub(crate) struct Writes(pub(crate) PathBuf);
