use std::io::{IsTerminal as _, Read as _, Write as _};

use clap::{Args, Subcommand};
use ropewalk_core::data::cred::{Hashing, LONGEST_PASSWORD};
use ropewalk_core::{Error, Result};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

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
    match read().and_then(|password| password.map(hash).transpose()) {
        Ok(Some(hash)) => {
            outln!("{hash}");
            Exit::Ok
        }
        Ok(None) => Exit::Interrupted,
        Err(error) => super::fail(&error),
    }
}

fn hash(password: Zeroizing<Vec<u8>>) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Error::local("cannot start the runtime").caused_by(error))?;
    runtime.block_on(Hashing::on(1, 1).hash(password))
}

/// The password; nothing where whoever types it has had enough.
fn read() -> Result<Option<Zeroizing<Vec<u8>>>> {
    if !std::io::stdin().is_terminal() {
        return line().map(Some);
    }
    let _quiet = Quiet::begin()?;
    let mut said = [const { None }; 2];
    for (said, prompt) in said.iter_mut().zip(["Password: ", "Once more: "]) {
        eprint!("{prompt}");
        // Unseen, it would still be waited for.
        let _ = std::io::stderr().flush();
        let typed = line()?;
        eprintln!();
        if typed.last() == Some(&INTERRUPT) {
            return Ok(None);
        }
        *said = Some(typed);
    }
    let [first, second] = said;
    if first != second {
        return Err(Error::local("these are two passwords: nothing is hashed"));
    }
    Ok(first)
}

/// The next line of standard input, without its end.
fn line() -> Result<Zeroizing<Vec<u8>>> {
    // Sized once: growing would leave copies of the secret behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_PASSWORD + 3));
    for octet in std::io::stdin().lock().bytes().take(LONGEST_PASSWORD + 2) {
        line.push(octet.map_err(|error| Error::local("cannot read a password").caused_by(error))?);
        if matches!(line.last(), Some(&(b'\n' | INTERRUPT))) {
            break;
        }
    }
    while let Some(b'\n' | b'\r') = line.last() {
        line.pop();
    }
    Ok(line)
}

/// What Ctrl-C types.
const INTERRUPT: u8 = 3;

/// A terminal that shows nothing of what is typed, until this is dropped. Ctrl-C ends the line instead of the process, which
/// would leave the terminal so.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> Result<Self> {
        let failed =
            |error| Error::local("cannot keep the terminal from showing a password").caused_by(error);
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        quiet.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}
