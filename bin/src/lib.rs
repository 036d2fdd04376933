//! The `ropewalk` command as a library, so that others can build it with kinds of their own:
//!
//! ```no_run
//! use std::process::ExitCode;
//! # const MY_GOPHER: ropewalk_core::config::Kind = ropewalk::ECHO;
//!
//! fn main() -> ExitCode {
//!     ropewalk::main(ropewalk::standard().with(MY_GOPHER))
//! }
//! ```

#[macro_use]
mod out;

#[cfg(feature = "http")]
mod admin;
mod cli;
mod commands;
#[cfg(feature = "store")]
mod control;
mod defender;
mod exit;
mod kinds;
mod process;
mod program;
mod resources;
mod settings;

use std::process::ExitCode;

use ropewalk_core::config::Registry;

pub use exit::Exit;
pub use kinds::ECHO;

/// Every kind of service and resource that this build has.
pub fn standard() -> Registry {
    let registry = Registry::new().with_resource(resources::TLS);
    #[cfg(any(feature = "http", feature = "ftp"))]
    let registry = registry.with_resource(resources::ACCOUNTS).with_resource(resources::FILES);
    #[cfg(feature = "dns")]
    let registry = registry.with_resource(ropewalk_dns::KEYS).with_resource(ropewalk_dns::ZONES);
    #[cfg(feature = "dns")]
    let registry = registry.with(ropewalk_dns::KIND);
    #[cfg(feature = "http")]
    let registry = registry.with(ropewalk_http::KIND);
    #[cfg(feature = "ftp")]
    let registry = registry.with(ropewalk_ftp::KIND);
    registry.with(ECHO)
}

/// The whole program: reads the command line and does what it says, with the kinds of this registry.
pub fn main(registry: Registry) -> ExitCode {
    cli::run(&registry)
}
