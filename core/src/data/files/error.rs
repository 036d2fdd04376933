use std::{fmt, io};

use super::BadPath;

/// Why an operation on files failed: every protocol maps all of these to its own codes.
///
/// `Display` is a fixed text that may be sent to a peer. The cause of [`Io`](Self::Io), its source, is for the log.
#[derive(Debug)]
pub enum FsError {
    /// There is nothing at that path, or nothing that may be known.
    NotFound,
    /// There is something already.
    Exists,
    /// A component of the path, or what was to be listed, is no directory.
    NotDir,
    /// It is a directory.
    IsDir,
    /// The directory has entries.
    NotEmpty,
    /// It may not be done.
    Denied,
    /// The file system is not to be written.
    ReadOnly,
    /// The person's share is used up.
    Quota,
    /// The disk is full.
    NoSpace,
    /// The file would be too large.
    TooLarge,
    /// Too many links on the way, or one where none is followed.
    Loop,
    /// No file can have that name.
    BadName,
    /// The two paths are not in one file system.
    CrossDevice,
    /// Somebody else is using it.
    Busy,
    /// It is no longer what it was.
    Stale,
    /// This backend cannot.
    Unsupported,
    /// Anything else: a disk that fails, no descriptors left.
    Io(io::Error),
}

impl FsError {
    /// The text for this error that may be sent to a peer.
    pub fn text(&self) -> &'static str {
        match self {
            Self::NotFound => "no such file or directory",
            Self::Exists => "file exists",
            Self::NotDir => "not a directory",
            Self::IsDir => "is a directory",
            Self::NotEmpty => "directory not empty",
            Self::Denied => "permission denied",
            Self::ReadOnly => "read-only file system",
            Self::Quota => "quota exceeded",
            Self::NoSpace => "no space left",
            Self::TooLarge => "file too large",
            Self::Loop => "too many links",
            Self::BadName => "invalid file name",
            Self::CrossDevice => "not on the same file system",
            Self::Busy => "file is in use",
            Self::Stale => "file has changed",
            Self::Unsupported => "operation not supported",
            Self::Io(_) => "input/output error",
        }
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for FsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(cause) => Some(cause),
            _ => None,
        }
    }
}

impl From<io::Error> for FsError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as K;
        match error.kind() {
            K::NotFound => Self::NotFound,
            K::AlreadyExists => Self::Exists,
            K::NotADirectory => Self::NotDir,
            K::IsADirectory => Self::IsDir,
            K::DirectoryNotEmpty => Self::NotEmpty,
            // EPERM too.
            K::PermissionDenied => Self::Denied,
            K::ReadOnlyFilesystem => Self::ReadOnly,
            K::QuotaExceeded => Self::Quota,
            K::StorageFull => Self::NoSpace,
            K::FileTooLarge => Self::TooLarge,
            // EINVAL alone would hide mistakes of ours: paths are checked before any call is made with them.
            K::InvalidFilename => Self::BadName,
            K::CrossesDevices => Self::CrossDevice,
            K::ResourceBusy | K::ExecutableFileBusy => Self::Busy,
            K::StaleNetworkFileHandle => Self::Stale,
            K::Unsupported => Self::Unsupported,
            // `ErrorKind::FilesystemLoop` has no stable name yet.
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => Self::Loop,
            _ => Self::Io(error),
        }
    }
}

impl From<BadPath> for FsError {
    fn from(_: BadPath) -> Self {
        Self::BadName
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::error::Error;

    use rustix::io::Errno;

    use super::*;

    #[test]
    fn every_errno_of_the_table_has_its_variant() {
        let table = [
            (Errno::NOENT, FsError::NotFound),
            (Errno::EXIST, FsError::Exists),
            (Errno::NOTDIR, FsError::NotDir),
            (Errno::ISDIR, FsError::IsDir),
            (Errno::NOTEMPTY, FsError::NotEmpty),
            (Errno::ACCESS, FsError::Denied),
            (Errno::PERM, FsError::Denied),
            (Errno::ROFS, FsError::ReadOnly),
            (Errno::DQUOT, FsError::Quota),
            (Errno::NOSPC, FsError::NoSpace),
            (Errno::FBIG, FsError::TooLarge),
            (Errno::LOOP, FsError::Loop),
            (Errno::NAMETOOLONG, FsError::BadName),
            (Errno::XDEV, FsError::CrossDevice),
            (Errno::BUSY, FsError::Busy),
            (Errno::TXTBSY, FsError::Busy),
            (Errno::STALE, FsError::Stale),
            (Errno::OPNOTSUPP, FsError::Unsupported),
            (Errno::IO, FsError::Io(io::Error::other("any"))),
        ];
        let texts: BTreeSet<_> = table.iter().map(|(_, error)| error.text()).collect();
        // Each of the seventeen has a text of its own.
        assert_eq!(texts.len(), 17);
        for (errno, expected) in table {
            assert_eq!(FsError::from(io::Error::from(errno)).text(), expected.text(), "{errno:?}");
        }
    }

    #[test]
    fn the_cause_is_for_the_log_and_not_in_the_text() {
        let error = FsError::from(io::Error::other("/srv/secret: disk on fire"));
        assert_eq!(error.to_string(), "input/output error");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("/srv/secret: disk on fire"));
    }
}
