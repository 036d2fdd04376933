use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::exit::Exit;

/// Becomes the program `ropewalk-NAME` of the PATH; returns only if there is none.
pub(super) fn run(words: &[OsString], cli: &clap::Command) -> Exit {
    let Some((name, args)) = words.split_first() else { return Exit::Usage };
    let mut program = OsString::from("ropewalk-");
    program.push(name);
    let error = Command::new(&program).args(args).exec();
    if error.kind() == std::io::ErrorKind::NotFound {
        let name = name.to_string_lossy();
        eprintln!("error: there is no command `{name}`, and no `ropewalk-{name}` on the PATH");
        let near = cli.get_subcommands().map(clap::Command::get_name).find(|known| near(known, &name));
        if let Some(near) = near {
            eprintln!("  did you mean `{near}`?");
        }
        eprintln!("\nFor more information, try '--help'.");
        return Exit::Usage;
    }
    eprintln!("error: cannot run {}: {error}", program.display());
    Exit::Failure
}

/// Whether one is the other misspelt: the same letters but for two at most.
fn near(known: &str, typed: &str) -> bool {
    known.starts_with(typed)
        || (known.len() > 2 && strsim::damerau_levenshtein(known, typed) <= 1 + known.len() / 4)
}
