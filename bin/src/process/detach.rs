//! Going into the background: the program starts itself again and waits to hear that it is ready.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::{ExitStatusExt as _, parent_id};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use ropewalk_core::{Error, Result};

use crate::exit::Exit;

/// Tells the second process which of the two it is: the id of the first. Programs that the second starts inherit
/// it, but have another parent.
const CHILD: &str = "ROPEWALK_DETACHED";
/// What it says on its standard output once it serves.
const READY: &[u8] = b"ready\n";

/// Whether this is the process in the background.
pub(crate) fn is_child() -> bool {
    static IS_CHILD: LazyLock<bool> =
        LazyLock::new(|| std::env::var(CHILD).is_ok_and(|parent| parent.parse() == Ok(parent_id())));
    *IS_CHILD
}

/// Starts the process in the background, and waits until it serves or has failed. What it says until then on
/// standard error is seen here.
pub(super) fn spawn() -> Exit {
    match try_spawn() {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("error: cannot start in the background: {error}");
            Exit::Failure
        }
    }
}

fn try_spawn() -> std::io::Result<Exit> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(CHILD, std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut said)?;
    }
    if said.ends_with(READY) {
        outln!("{}", child.id());
        return Ok(Exit::Ok);
    }
    let status = child.wait()?;
    if let Some(signal) = status.signal() {
        eprintln!("error: signal {signal} ended the process in the background before it served");
    }
    let known =
        [Exit::Usage, Exit::Problems, Exit::Unavailable, Exit::TryLater, Exit::Permission, Exit::Config];
    let exit = known.into_iter().find(|exit| status.code() == Some(*exit as i32));
    Ok(exit.unwrap_or(Exit::Failure))
}

/// The process in the background, until it serves.
pub(super) struct Child {
    null: File,
}

impl Child {
    /// Leaves the terminal's session.
    pub(super) fn begin() -> Result<Self> {
        nix::unistd::setsid().map_err(|e| Error::local("cannot leave the session").caused_by(e))?;
        // Opened now: /dev may not be below a new root.
        let null = File::options().read(true).write(true).open("/dev/null")?;
        Ok(Self { null })
    }

    /// Tells the waiting process, then lets go of its terminal.
    pub(super) fn ready(self) {
        let mut stdout = std::io::stdout();
        let told = stdout.write_all(READY).and_then(|()| stdout.flush());
        let gone =
            rustix::stdio::dup2_stdout(&self.null).and_then(|()| rustix::stdio::dup2_stderr(&self.null));
        if let Err(error) = told.and(gone.map_err(Into::into)) {
            tracing::warn!(%error, "cannot tell the process that waits for us");
        }
    }
}
