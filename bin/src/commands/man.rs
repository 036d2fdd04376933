use std::path::Path;

use clap::Command;

use crate::exit::Exit;

/// Writes a manual page for the program and for each command into the folder.
pub(crate) fn run(cli: Command, dir: &Path) -> Exit {
    let written = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(cli, dir));
    match written {
        Ok(()) => Exit::Ok,
        Err(error) => {
            eprintln!("error: cannot write manual pages into {}: {error}", dir.display());
            Exit::Failure
        }
    }
}
