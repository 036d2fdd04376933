use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ropewalk_core::{Error, Result};

use super::is_newer;
use crate::dnssec::folder;

/// How many serials are taken at once, so that not each of them is written.
const AHEAD: u32 = 15;

/// The serials of a zone that is signed here. Each is served once, with one content, also after a restart: so what is on the
/// disk is one that is not before any that was served.
#[derive(Debug)]
pub(super) struct Serials {
    file: PathBuf,
    /// What is on the disk.
    reserved: Option<u32>,
}

impl Serials {
    /// Those in this file, which need not be there. Blocks.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(file: PathBuf) -> Result<Self> {
        let mut serials = Self { file, reserved: None };
        serials.reserved = serials.read()?;
        Ok(serials)
    }

    /// The serial of what is signed next, where the zone without signatures has the serial `base`: that, if it was not served yet;
    /// else the next after the `last` one. 0 is none (RFC 2136 §7.11).
    pub(super) fn next(&self, base: u32, last: Option<u32>) -> u32 {
        match last.or(self.reserved) {
            Some(last) if !is_newer(base, last) => last.wrapping_add(1).max(1),
            _ => base,
        }
    }

    /// Makes sure that this serial will not be served again. Blocks.
    ///
    /// # Errors
    /// If it cannot be written; then it is not to be served.
    pub(super) fn reserve(&mut self, serial: u32) -> Result<()> {
        if self.reserved.is_some_and(|reserved| serial == reserved || is_newer(reserved, serial)) {
            return Ok(());
        }
        let ahead = serial.wrapping_add(AHEAD);
        let _turn = folder::lock(self.file.parent().unwrap_or(Path::new(".")))?;
        // Another view of the zone may be further.
        let ahead = self.read()?.filter(|other| is_newer(*other, ahead)).unwrap_or(ahead);
        folder::put(&self.file, format!("{ahead}\n").as_bytes(), 0o600)?;
        self.reserved = Some(ahead);
        Ok(())
    }

    fn read(&self) -> Result<Option<u32>> {
        let wrong = |what: &str| Error::local(format!("{}: {what}", self.file.display()));
        match fs::read_to_string(&self.file) {
            Ok(text) => text.trim().parse().map(Some).map_err(|_| wrong("this is no serial")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(wrong("cannot be read").caused_by(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_serial_comes_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Serials::open(dir.path().join("example.serial")).unwrap();
        let mut serials = open();
        let mut last = None;
        let mut served = Vec::new();
        for base in [7, 7, 7, 100, 101, 101] {
            let next = serials.next(base, last);
            serials.reserve(next).unwrap();
            served.push(next);
            last = Some(next);
        }
        assert_eq!(served, [7, 8, 9, 100, 101, 102]);
        let again = open();
        assert!(is_newer(again.next(101, None), 102));
        assert_eq!(again.next(5000, None), 5000);
    }

    #[test]
    fn a_serial_is_on_the_disk_before_it_is_served() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("example.serial");
        let mut serials = Serials::open(file.clone()).unwrap();
        for serial in [u32::MAX - 3, u32::MAX, 12] {
            serials.reserve(serial).unwrap();
            let read: u32 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
            assert!(read == serial || is_newer(read, serial), "{read} {serial}");
        }
        assert_eq!(serials.next(1, Some(u32::MAX)), 1);
        fs::write(&file, "x").unwrap();
        assert!(Serials::open(file.clone()).unwrap_err().to_string().ends_with("this is no serial"));
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(serials.reserve(5_000).is_err());
    }
}
