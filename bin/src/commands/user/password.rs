//! Asking for a password: never on the command line, where others see it.

use std::io::{self, IsTerminal as _, Read as _};

use clap::Args;
use ropewalk_core::data::cred::{LONGEST_PASSWORD, Name};
use ropewalk_core::{Error, Result};
use ropewalk_store::accounts::generate_password;
use zeroize::Zeroizing;

use crate::commands::hidden::{self, hidden};

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
    let terminal = hidden::stdin()?;
    let first = hidden(&terminal, &format!("password for {name}: "))?;
    check(&first)?;
    if *first != *hidden(&terminal, "again: ")? {
        return Err(Error::local("these were two passwords: nothing was changed"));
    }
    Ok(first)
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
