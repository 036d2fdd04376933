use clap::Args;

use crate::exit::Exit;

/// `ropewalk conform`.
#[derive(Args)]
pub(crate) struct ConformArgs {
    /// The protocol.
    protocol: String,
}

/// Checks a server.
pub(crate) fn run(_args: &ConformArgs) -> Exit {
    Exit::Ok
}
