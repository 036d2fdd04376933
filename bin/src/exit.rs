use std::error::Error as _;
use std::io::ErrorKind;
use std::process::ExitCode;

use ropewalk_core::Error;

/// How the program ends, by the numbers of sysexits(3) where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// It failed.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A check found problems.
    Problems = 3,
    /// Something needed is taken or not there.
    Unavailable = 69,
    /// Try later.
    TryLater = 75,
    /// A privilege is missing.
    Permission = 77,
    /// The configuration is wrong.
    Config = 78,
    /// A client was interrupted, by the number that shells give to that.
    Interrupted = 130,
}

impl Exit {
    /// The exit for an error: by the system's reason below it.
    pub fn of(error: &Error) -> Self {
        let mut next = error.source();
        while let Some(cause) = next {
            let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            let errno = cause.downcast_ref::<nix::errno::Errno>();
            match (kind, errno) {
                (Some(ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable), _) => return Self::Unavailable,
                (Some(ErrorKind::PermissionDenied), _) | (_, Some(nix::errno::Errno::EPERM)) => {
                    return Self::Permission;
                }
                _ => next = cause.source(),
            }
        }
        Self::Failure
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
