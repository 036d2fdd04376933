use crate::{Error, Result};
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The widest mode of a file that holds a secret: its owner writes, its group reads.
const WIDEST: u32 = 0o640;

/// A key or password file is never larger than this, in octets.
const MAX_SECRET: u64 = 1024 * 1024;

/// Checks that a file with a secret is not open to more than its owner and its group: mode 0640 at most.
///
/// # Errors
/// Names the file, its mode and the remedy.
pub fn check_secret(path: &Path, meta: &Metadata) -> Result<()> {
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o777 & !(WIDEST | 0o100) == 0 {
        return Ok(());
    }
    Err(Error::local(format!(
        "{}: mode {mode:04o} is wider than 0640 and the file holds a secret (chmod 640 {0})",
        path.display()
    )))
}

/// The content of a file with a secret, wiped from memory when dropped. The mode is that of the file that
/// was opened: there is no moment between check and use.
///
/// # Errors
/// Where the file cannot be read, is larger than 1 MiB, or is open to others ([`check_secret`]).
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    read(path, true)
}

/// [`read_secret`], with the check of the mode or without.
pub(super) fn read(path: &Path, private: bool) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |error| Error::local(format!("cannot read {}", path.display())).caused_by(error);
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if private {
        check_secret(path, &meta)?;
    }
    if meta.len() > MAX_SECRET {
        return Err(Error::local(format!("{}: larger than 1 MiB", path.display())));
    }
    // Sized once: growing would leave copies of the secret behind.
    let mut content = Zeroizing::new(Vec::with_capacity(meta.len() as usize + 1));
    file.take(MAX_SECRET).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// Writes a file that is not there yet: it appears complete, or not at all.
pub(super) fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Error::local(format!("{} exists and is not overwritten", path.display()))
        }
        _ => Error::local(format!("cannot write {}", path.display())).caused_by(error),
    };
    let temporary = write_beside(path, content, mode).map_err(failed)?;
    // Unlike a rename, a link never takes the place of another file.
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary).map_err(failed)?;
    linked.and_then(|()| sync_parent(path)).map_err(failed)
}

/// Writes a file with a secret, which its owner only can read, in the place of another, if there is one: at any time there is
/// the old or the new one. It is on the disk when this returns.
///
/// # Errors
/// Where that cannot be; the old one is then still there.
pub fn replace_secret(path: &Path, content: &[u8]) -> Result<()> {
    replace(path, content, 0o600)
}

/// Writes a file in the place of another, if there is one: at any time there is the old or the new one.
pub(super) fn replace(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    write_beside(path, content, mode)
        .and_then(|temporary| std::fs::rename(temporary, path))
        .and_then(|()| sync_parent(path))
        .map_err(|error| Error::local(format!("cannot write {}", path.display())).caused_by(error))
}

fn write_beside(path: &Path, content: &[u8], mode: u32) -> io::Result<PathBuf> {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let temporary = path.with_extension(format!("{}-{nanos}.tmp", std::process::id()));
    let mut file = File::options().write(true).create_new(true).mode(mode).open(&temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        // A full disk is told, not what was left on it.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map(|()| temporary)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_open_to_others_is_refused_with_its_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "secret").unwrap();
        for (mode, fine) in
            [(0o600, true), (0o640, true), (0o400, true), (0o644, false), (0o660, false), (0o604, false)]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            match read_secret(&path) {
                Ok(content) => assert!(fine && *content == b"secret", "{mode:o}"),
                Err(error) => assert!(!fine && error.to_string().contains("chmod 640"), "{mode:o}: {error}"),
            }
        }
    }
}
