use std::io::{IsTerminal as _, Read as _};

use clap::{Args, Subcommand};
use ropewalk_core::data::cred::{Hashing, LONGEST_PASSWORD};
use ropewalk_core::{Error, Result};
use zeroize::Zeroizing;

use super::hidden::{self, hidden};
use crate::exit::Exit;

/// `ropewalk password`.
#[derive(Args)]
pub(crate) struct PasswordArgs {
    #[command(subcommand)]
    command: PasswordCommand,
}

#[derive(Subcommand)]
enum PasswordCommand {
    /// Print the hash of a password, argon2id, as a file of accounts wants it. A terminal is asked twice, without showing what
    /// is typed; otherwise the password is the first line of standard input.
    Hash,
}

/// Hashes a password.
pub(crate) fn run(PasswordArgs { command: PasswordCommand::Hash }: &PasswordArgs) -> Exit {
    match read().and_then(hash) {
        Ok(hash) => {
            outln!("{hash}");
            Exit::Ok
        }
        Err(error) => super::fail(&error),
    }
}

fn hash(password: Zeroizing<Vec<u8>>) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Error::local("cannot start the runtime").caused_by(error))?;
    runtime.block_on(Hashing::on(1, 1).hash(password))
}

fn read() -> Result<Zeroizing<Vec<u8>>> {
    if !std::io::stdin().is_terminal() {
        return line();
    }
    let terminal = hidden::stdin()?;
    let first = hidden(&terminal, "Password: ")?;
    if *first != *hidden(&terminal, "Once more: ")? {
        return Err(Error::local("these are two passwords: nothing is hashed"));
    }
    Ok(first)
}

/// The next line of standard input, without its end.
fn line() -> Result<Zeroizing<Vec<u8>>> {
    // Sized once: growing would leave copies of the secret behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_PASSWORD + 2));
    for octet in std::io::stdin().lock().bytes().take(LONGEST_PASSWORD + 2) {
        line.push(octet.map_err(|error| Error::local("cannot read a password").caused_by(error))?);
        if line.last() == Some(&b'\n') {
            break;
        }
    }
    while let Some(b'\n' | b'\r') = line.last() {
        line.pop();
    }
    Ok(line)
}
