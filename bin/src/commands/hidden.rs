//! What is typed at a terminal, and is not shown.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::fd::AsFd as _;

use ropewalk_core::data::cred::LONGEST_PASSWORD;
use ropewalk_core::{Error, Result};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::exit::Exit;

/// Standard input, where that is a terminal.
pub(super) fn stdin() -> Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(unreadable)
}

/// The terminal that the process was started from, wherever its standard input comes from; `None` where there is none.
#[cfg(feature = "http")]
pub(super) fn terminal() -> Option<File> {
    File::options().read(true).write(true).open("/dev/tty").ok()
}

/// A line that is typed there. The keys that interrupt are read as others are, so that the terminal is left as it was.
pub(super) fn hidden(terminal: &File, prompt: &str) -> Result<Zeroizing<Vec<u8>>> {
    const INTERRUPT: [u8; 2] = [3, 28];
    const ERASE: [u8; 2] = [8, 127];
    const END: [u8; 3] = [b'\n', b'\r', 4];
    let mut typed = Zeroizing::new(Vec::with_capacity(LONGEST_PASSWORD + 2));
    let quiet = Quiet::begin(terminal, prompt)?;
    // An octet at a time: what is typed behind the line is for whoever asks next.
    for octet in BufReader::with_capacity(1, terminal).bytes() {
        match octet.map_err(unreadable)? {
            end if END.contains(&end) => break,
            erase if ERASE.contains(&erase) => {
                // A whole character of UTF-8.
                while typed.pop().is_some_and(|octet: u8| octet & 0xc0 == 0x80) {}
            }
            21 => typed.clear(),
            key if INTERRUPT.contains(&key) => {
                drop(quiet);
                std::process::exit(Exit::Interrupted as i32);
            }
            octet if typed.len() <= LONGEST_PASSWORD => typed.push(octet),
            _ => {}
        }
    }
    Ok(typed)
}

/// A terminal that shows nothing and gives each key at once, until this is dropped.
struct Quiet<'a>(&'a File, Termios);

impl<'a> Quiet<'a> {
    fn begin(terminal: &'a File, prompt: &str) -> Result<Self> {
        let before = tcgetattr(terminal).map_err(unreadable)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed before the question is not an answer.
        tcsetattr(terminal, OptionalActions::Flush, &quiet).map_err(unreadable)?;
        let this = Self(terminal, before);
        eprint!("{prompt}");
        let _ = io::stderr().flush();
        Ok(this)
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let Self(terminal, before) = self;
        let _ = tcsetattr(terminal, OptionalActions::Now, before);
        eprintln!();
    }
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::local("cannot read a password").caused_by(error)
}
