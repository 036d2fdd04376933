use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, open, unlinkat};

use super::Failed;
use crate::exit::Exit;

/// A file with our process id. It is locked as long as we live, and removed when dropped.
pub(super) struct Pidfile {
    file: File,
    /// The folder it is in: after the root of the file system has changed, its path names another.
    folder: OwnedFd,
    name: OsString,
}

impl Pidfile {
    /// Writes it. One that a process has left behind is replaced; that of a living one is not, and nothing that is
    /// not a pidfile. It belongs to `owner`, by number, where the process will be another user or group.
    pub(super) fn write(path: &Path, owner: (Option<u32>, Option<u32>)) -> Result<Self, Failed> {
        let shown = path.display();
        let wrong = |e: io::Error| {
            let exit = match e.kind() {
                io::ErrorKind::PermissionDenied => Exit::Permission,
                _ => Exit::Failure,
            };
            Failed::new(exit, format!("cannot write the pidfile {shown}: {e}"))
        };
        let mut file = open_locked(path).map_err(wrong)?.ok_or_else(|| {
            let owner = fs::read_to_string(path).unwrap_or_default();
            let message = format!("the pidfile {shown} is held by process {}, which runs", owner.trim());
            Failed::new(Exit::Unavailable, message)
        })?;
        let mut text = String::new();
        let read = (&file).take(64).read_to_string(&mut text);
        if read.is_err() || !(text.is_empty() || text.trim().parse::<u32>().is_ok()) {
            return Err(Failed::new(
                Exit::Failure,
                format!("{shown} is there already, and is not a pidfile"),
            ));
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(wrong)?;
        writeln!(file, "{}", std::process::id()).map_err(wrong)?;
        // One that has a second name is also something else.
        if owner != (None, None) && file.metadata().map_err(wrong)?.nlink() == 1 {
            fchown(&file, owner.0, owner.1).map_err(wrong)?;
        }
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = open(parent, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let folder = folder.map_err(|e| wrong(e.into()))?;
        Ok(Self { file, folder, name: path.file_name().unwrap_or_default().into() })
    }
}

/// Opens or makes the file and locks it; `None` if somebody else has locked it.
fn open_locked(path: &Path) -> io::Result<Option<File>> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o644);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    loop {
        let file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Its owner may have removed it between our open and our lock.
        let ours = file.metadata()?;
        if fs::metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == (ours.dev(), ours.ino())) {
            return Ok(Some(file));
        }
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        if let Err(error) = unlinkat(&self.folder, &self.name, AtFlags::empty()) {
            // After privileges were given up, the folder may not be ours: an empty file stands for no process.
            let emptied = self.file.set_len(0).is_ok();
            tracing::debug!(file = %self.name.display(), %error, emptied, "cannot remove the pidfile");
        }
    }
}
