use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use ropewalk_core::{Error, Result};

/// A file with our process id; removed when dropped.
pub(super) struct Pidfile(PathBuf);

impl Pidfile {
    /// Writes it. One that a process has left behind is replaced; that of a living one is not.
    pub(super) fn write(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let wrong = |e| Error::local(format!("cannot write the pidfile {}", path.display())).caused_by(e);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let owner = text.trim().parse().ok().filter(|pid| is_alive(*pid));
                if let Some(pid) = owner {
                    let taken = std::io::Error::from(std::io::ErrorKind::AddrInUse);
                    let message =
                        format!("the pidfile {} belongs to process {pid}, which runs", path.display());
                    return Err(Error::local(message).caused_by(taken));
                }
                fs::remove_file(&path).map_err(wrong)?;
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(wrong(e)),
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(wrong)?;
        writeln!(file, "{}", std::process::id()).map_err(wrong)?;
        Ok(Self(path))
    }
}

fn is_alive(pid: i32) -> bool {
    pid > 0
        && pid.cast_unsigned() != std::process::id()
        && kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            // After privileges were given up, the folder may not be ours: an empty file is not taken for a process.
            let emptied = fs::write(&self.0, "");
            tracing::debug!(file = %self.0.display(), %error, emptied = emptied.is_ok(), "cannot remove the pidfile");
        }
    }
}
