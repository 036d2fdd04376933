use std::os::fd::{AsFd, OwnedFd};

use ropewalk_core::data::files::{FsError, SetMeta};
use rustix::fs::{copy_file_range, ioctl_ficlone};
use rustix::io::{Errno, pread, pwrite, retry_on_intr};

use super::facts::{error, facts};
use super::part::Part;

/// What is copied before the thread is given back.
const SLICE: u64 = 32 << 20;
/// What goes through us at once, where it has to.
const BLOCK: usize = 256 << 10;

/// A file being copied, a slice at a time.
pub(super) struct Copying {
    source: OwnedFd,
    part: Part,
    at: u64,
}

impl Copying {
    pub(super) fn new(source: OwnedFd, part: Part) -> Self {
        Self { source, part, at: 0 }
    }

    /// Copies the next slice; gives itself back if there is more.
    pub(super) fn step(mut self) -> Result<Option<Self>, FsError> {
        if self.at > 0 || ioctl_ficlone(&self.part.file, &self.source).is_err() {
            let copied = copy(&self.source, &self.part.file, self.at, SLICE)?;
            self.at += copied;
            if copied == SLICE {
                return Ok(Some(self));
            }
        }
        self.part.publish(&SetMeta::default()).map(|_| None)
    }
}

/// Copies the whole of `from` to the beginning of `to`.
pub(super) fn copy_all(from: impl AsFd, to: impl AsFd) -> Result<(), FsError> {
    let len = facts(&from, b"").map_err(error)?.len;
    copy(from, to, 0, len).map(drop)
}

/// Copies at most `len` bytes at the same offset; how many there were.
fn copy(from: impl AsFd, to: impl AsFd, at: u64, len: u64) -> Result<u64, FsError> {
    let mut done = 0;
    while done < len {
        let (mut source, mut target) = (at + done, at + done);
        let most = usize::try_from(len - done).unwrap_or(usize::MAX).min(SLICE as usize);
        let copied =
            retry_on_intr(|| copy_file_range(&from, Some(&mut source), &to, Some(&mut target), most));
        match copied {
            // Some file systems say so of what they cannot tell the length of.
            Ok(0) | Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
                return Ok(done + through_us(&from, &to, at + done, len - done)?);
            }
            Ok(copied) => done += copied as u64,
            Err(other) => return Err(error(other)),
        }
    }
    Ok(done)
}

fn through_us(from: impl AsFd, to: impl AsFd, at: u64, len: u64) -> Result<u64, FsError> {
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    while done < len {
        let most = usize::try_from(len - done).unwrap_or(usize::MAX).min(BLOCK);
        let place = block.get_mut(..most).unwrap_or_default();
        let got = retry_on_intr(|| pread(&from, &mut *place, at + done)).map_err(error)?;
        if got == 0 {
            break;
        }
        write_all(&to, block.get(..got).unwrap_or_default(), at + done)?;
        done += got as u64;
    }
    Ok(done)
}

/// Octets of one write. For what is longer some file systems look for as much memory in one place, which takes three times as
/// long where there is little: ext4 does.
const PIECE: usize = 128 * 1024;

/// Writes all of `data` at `offset`.
pub(super) fn write_all(file: impl AsFd, mut data: &[u8], mut offset: u64) -> Result<(), FsError> {
    let end = offset.checked_add(data.len() as u64);
    if end.is_none_or(|end| i64::try_from(end).is_err()) {
        return Err(FsError::TooLarge);
    }
    while !data.is_empty() {
        let piece = data.get(..PIECE).unwrap_or(data);
        let written = retry_on_intr(|| pwrite(&file, piece, offset)).map_err(error)?;
        if written == 0 {
            return Err(FsError::NoSpace);
        }
        data = data.get(written..).unwrap_or_default();
        offset += written as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_the_kernel_cannot_copy_goes_through_us() {
        let mut content = vec![b'a'; BLOCK + 5];
        content.extend_from_slice(b"end");
        let (source, mut target) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        write_all(&source, &content, 0).unwrap();
        assert_eq!(through_us(&source, &target, 0, 1 << 40).unwrap(), content.len() as u64);
        assert_eq!(through_us(&source, &target, content.len() as u64, 9).unwrap(), 0);
        let mut copied = Vec::new();
        target.read_to_end(&mut copied).unwrap();
        assert_eq!(copied, content);
    }

    #[test]
    fn a_full_disk_is_said_and_a_far_offset_is_too_large() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert!(matches!(write_all(&full, b"x", 0), Err(FsError::NoSpace)));
        let file = tempfile::tempfile().unwrap();
        for offset in [u64::MAX, i64::MAX as u64] {
            assert!(matches!(write_all(&file, b"x", offset), Err(FsError::TooLarge)));
        }
    }
}
