//! `ropewalk zone`: zones of DNS, in files and in a store.

#[cfg(feature = "store")]
mod change;
mod check;
mod ds;
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
    /// Show the DS records of zones that are signed here: what the parent of each is to have.
    Ds(ds::DsArgs),
    #[cfg(feature = "store")]
    #[command(flatten)]
    Stored(stored::StoredCommand),
}

/// Does what is asked.
pub(crate) fn run(args: ZoneArgs) -> Exit {
    match args.command {
        ZoneCommand::Check(check) => check::run(&check),
        ZoneCommand::Ds(ds) => {
            #[cfg(feature = "store")]
            let store = args.store.folder();
            #[cfg(not(feature = "store"))]
            let store = std::path::Path::new("./ropewalk-data");
            ds::run(&ds, store)
        }
        #[cfg(feature = "store")]
        ZoneCommand::Stored(command) => stored::run(&args.store, command),
    }
}
