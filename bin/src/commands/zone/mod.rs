//! `ropewalk zone`: zones of DNS, in files and in a store.

#[cfg(feature = "store")]
mod change;
mod check;
#[cfg(feature = "store")]
mod show;
#[cfg(feature = "store")]
mod stored;

use clap::{Args, Subcommand};

use crate::exit::Exit;

/// `ropewalk zone`.
#[derive(Args)]
pub(crate) struct ZoneArgs {
    #[cfg(feature = "store")]
    #[command(flatten)]
    store: stored::StoreArgs,
    #[command(subcommand)]
    command: ZoneCommand,
}

#[derive(Subcommand)]
enum ZoneCommand {
    /// Say all that is wrong with zones, with file, line and column.
    Check(check::CheckArgs),
    #[cfg(feature = "store")]
    #[command(flatten)]
    Stored(stored::StoredCommand),
}

/// Does what is asked.
pub(crate) fn run(args: ZoneArgs) -> Exit {
    match args.command {
        ZoneCommand::Check(check) => check::run(&check),
        #[cfg(feature = "store")]
        ZoneCommand::Stored(command) => stored::run(&args.store, command),
    }
}
