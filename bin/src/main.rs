//! The `ropewalk` command with every protocol it was built with.

use std::process::ExitCode;

fn main() -> ExitCode {
    ropewalk::main(ropewalk::standard())
}
