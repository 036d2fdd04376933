use ropewalk_core::data::files::{Files, FsError, Ops, Reach, VPath};

use crate::wire::Reply;

/// What was tried when a file could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Something that is there is used.
    Using,
    /// A name is given to something.
    Naming,
}

/// What the peer is told of an error. The cause is for the log alone.
pub(super) fn refusal(error: &FsError, doing: Doing, path: &VPath) -> Reply {
    if let FsError::Io(cause) = error {
        tracing::error!(%path, error = %cause, "cannot use a file");
    }
    Reply::new(code(error, doing), error.text())
}

/// The error as it is told: where none of `ops` may ever be done, as in a tree that is only read or with what something is
/// mounted on, it is no use to try again, and no fault of the command.
pub(super) fn for_good(error: FsError, files: &dyn Files, path: &VPath, ops: Ops) -> FsError {
    match error {
        FsError::Busy | FsError::Unsupported if !files.rights(path, Reach::Here).has_any(ops) => {
            FsError::Denied
        }
        error => error,
    }
}

fn code(error: &FsError, doing: Doing) -> u16 {
    match error {
        FsError::Denied if doing == Doing::Naming => 553,
        FsError::NotFound
        | FsError::Exists
        | FsError::NotDir
        | FsError::IsDir
        | FsError::NotEmpty
        | FsError::Denied
        | FsError::ReadOnly
        | FsError::Loop
        | FsError::CrossDevice
        // The command is there (RFC 959 §5.4 has 502 and 504 for those that are not); this file is not of its kind.
        | FsError::Unsupported => 550,
        FsError::Quota | FsError::TooLarge => 552,
        FsError::NoSpace => 452,
        FsError::BadName => 553,
        FsError::Busy | FsError::Stale => 450,
        FsError::Io(_) => 451,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn every_error_has_its_reply() {
        // One row for each variant, in their order: code when used, when named.
        let table = [
            (FsError::NotFound, [550, 550]),
            (FsError::Exists, [550, 550]),
            (FsError::NotDir, [550, 550]),
            (FsError::IsDir, [550, 550]),
            (FsError::NotEmpty, [550, 550]),
            (FsError::Denied, [550, 553]),
            (FsError::ReadOnly, [550, 550]),
            (FsError::Quota, [552, 552]),
            (FsError::NoSpace, [452, 452]),
            (FsError::TooLarge, [552, 552]),
            (FsError::Loop, [550, 550]),
            (FsError::BadName, [553, 553]),
            (FsError::CrossDevice, [550, 550]),
            (FsError::Busy, [450, 450]),
            (FsError::Stale, [450, 450]),
            (FsError::Unsupported, [550, 550]),
            (FsError::Io(io::Error::other("/secret: on fire")), [451, 451]),
        ];
        for (error, codes) in table {
            for (doing, expected) in [Doing::Using, Doing::Naming].into_iter().zip(codes) {
                let reply = refusal(&error, doing, &VPath::ROOT);
                assert_eq!((reply.code(), reply.text()), (expected, error.text().as_bytes()), "{error:?}");
            }
        }
    }
}
