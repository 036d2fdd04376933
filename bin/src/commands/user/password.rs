//! Asking for a password: never on the command line, where others see it.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use clap::Args;
use ropewalk_core::data::cred::{LONGEST_PASSWORD, Name};
use ropewalk_core::{Error, Result};
use ropewalk_store::accounts::generate_password;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::exit::Exit;

#[derive(Args, Clone, Copy)]
pub(super) struct PasswordArgs {
    /// Make a password, and print it this once.
    #[arg(long, conflicts_with = "no_password")]
    generate: bool,
    /// Have none: keys and app passwords open the account.
    #[arg(long)]
    no_password: bool,
}

/// What came of asking.
pub(super) enum Asked {
    Nothing,
    Typed(Zeroizing<Vec<u8>>),
    Generated(Zeroizing<String>),
}

impl PasswordArgs {
    pub(super) fn ask(self, name: &Name) -> Result<Asked> {
        if self.no_password {
            return Ok(Asked::Nothing);
        }
        if self.generate {
            return generate_password().map(Asked::Generated);
        }
        let typed = if io::stdin().is_terminal() { twice(name)? } else { line(&mut io::stdin().lock())? };
        check(&typed)?;
        Ok(Asked::Typed(typed))
    }
}

impl Asked {
    pub(super) fn password(&self) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Nothing => None,
            Self::Typed(typed) => Some(typed.clone()),
            Self::Generated(text) => Some(text.as_bytes().to_vec().into()),
        }
    }

    /// Prints what was made, alone on its line.
    pub(super) fn tell(&self) {
        if let Self::Generated(text) = self {
            once("the password", text);
        }
    }
}

/// Prints a secret that was made. Who reads standard output by a program gets it alone.
pub(super) fn once(what: &str, text: &str) {
    eprintln!("{what}, which is shown this once:");
    outln!("{text}");
}

fn check(password: &[u8]) -> Result<()> {
    if password.is_empty() || password.len() > LONGEST_PASSWORD {
        return Err(Error::local("a password is 1 to 1024 octets long"));
    }
    // No client of HTTP or of a line protocol can say one of these.
    if password.iter().any(u8::is_ascii_control) {
        return Err(Error::local("a password has no control characters"));
    }
    Ok(())
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::local("cannot read a password").caused_by(error)
}

/// The first line, without its end.
fn line(input: &mut impl io::BufRead) -> Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_PASSWORD + 2));
    let mut octets = input.bytes();
    while line.len() <= LONGEST_PASSWORD + 1 {
        match octets.next().transpose().map_err(unreadable)? {
            None | Some(b'\n') => break,
            Some(octet) => line.push(octet),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

fn twice(name: &Name) -> Result<Zeroizing<Vec<u8>>> {
    let first = hidden(&format!("password for {name}: "))?;
    check(&first)?;
    if *first != *hidden("again: ")? {
        return Err(Error::local("these were two passwords: nothing was changed"));
    }
    Ok(first)
}

/// What is typed, which is not shown. The keys that interrupt are read as others are, so that the terminal is left
/// as it was.
fn hidden(prompt: &str) -> Result<Zeroizing<Vec<u8>>> {
    const INTERRUPT: [u8; 2] = [3, 28];
    const ERASE: [u8; 2] = [8, 127];
    const END: [u8; 3] = [b'\n', b'\r', 4];
    let mut typed = Zeroizing::new(Vec::with_capacity(LONGEST_PASSWORD + 2));
    let _quiet = Quiet::begin(prompt)?;
    for octet in io::stdin().lock().bytes() {
        match octet.map_err(unreadable)? {
            end if END.contains(&end) => break,
            erase if ERASE.contains(&erase) => {
                // A whole character of UTF-8.
                while typed.pop().is_some_and(|octet: u8| octet & 0xc0 == 0x80) {}
            }
            21 => typed.clear(),
            key if INTERRUPT.contains(&key) => {
                drop(_quiet);
                std::process::exit(Exit::Interrupted as i32);
            }
            octet if typed.len() <= LONGEST_PASSWORD => typed.push(octet),
            _ => {}
        }
    }
    Ok(typed)
}

/// A terminal that shows nothing and gives each key at once, until this is dropped.
struct Quiet(Termios);

impl Quiet {
    fn begin(prompt: &str) -> Result<Self> {
        let before = tcgetattr(io::stdin()).map_err(unreadable)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed before the question is not an answer.
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet).map_err(unreadable)?;
        let this = Self(before);
        eprint!("{prompt}");
        let _ = io::stderr().flush();
        Ok(this)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
        eprintln!();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_a_password() {
        for (said, password) in
            [("swordfish\n", "swordfish"), ("sword fish\r\nmore\n", "sword fish"), ("x", "x"), ("", "")]
        {
            assert_eq!(**line(&mut said.as_bytes()).unwrap(), *password.as_bytes(), "{said:?}");
        }
    }

    #[test]
    fn a_password_is_bounded_and_can_be_typed() {
        assert!(check("größer".as_bytes()).is_ok());
        assert!(check(&[b'a'; LONGEST_PASSWORD]).is_ok());
        let endless = line(&mut io::BufReader::new(io::repeat(b'a'))).unwrap();
        for password in ["".as_bytes(), &endless, b"a\tb", b"a\x1bb"] {
            assert!(check(password).is_err());
        }
    }
}
