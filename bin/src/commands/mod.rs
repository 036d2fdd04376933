//! Commands that do one thing and end.

#[cfg(feature = "store")]
pub(crate) mod ban;
pub(crate) mod cert;
pub(crate) mod check;
pub(crate) mod config;
#[cfg(feature = "conform")]
pub(crate) mod conform;
#[cfg(feature = "http")]
pub(crate) mod fetch;
mod hidden;
pub(crate) mod kinds;
#[cfg(feature = "http")]
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod password;
#[cfg(feature = "http")]
pub(crate) mod put;
#[cfg(feature = "http")]
mod remote;
#[cfg(feature = "suite")]
pub(crate) mod up;
#[cfg(feature = "store")]
pub(crate) mod user;
#[cfg(feature = "dns")]
pub(crate) mod zone;

use crate::exit::Exit;

/// Prints the version; verbosely, with what the build has.
pub(crate) fn version(verbose: bool) -> Exit {
    outln!("ropewalk {}", env!("CARGO_PKG_VERSION"));
    if verbose {
        let features = [
            ("http", cfg!(feature = "http")),
            ("ftp", cfg!(feature = "ftp")),
            ("store", cfg!(feature = "store")),
            ("conform", cfg!(feature = "conform")),
        ]
        .into_iter()
        .filter(|(_, on)| *on);
        outln!("features: {}", features.map(|(name, _)| name).collect::<Vec<_>>().join(" "));
        outln!("platform: {} {}", std::env::consts::OS, std::env::consts::ARCH);
        outln!("tls: aws-lc-rs, TLS 1.2 and 1.3, X25519MLKEM768 first");
        outln!("licence: {}", env!("CARGO_PKG_LICENSE"));
    }
    Exit::Ok
}

/// Says what went wrong.
pub(crate) fn fail(error: &ropewalk_core::Error) -> Exit {
    eprintln!("error: {}", error.chain());
    Exit::of(error)
}
