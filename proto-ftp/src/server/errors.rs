use ropewalk_core::data::files::{FsError, VPath};

use crate::wire::Reply;

/// What was tried when a file could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Something that is there is used.
    Using,
    /// A name is given to something.
    Naming,
    /// Something is done without which there is no command: where it cannot be done, that is not implemented.
    Command,
}

/// What the peer is told of an error. The cause is for the log alone.
pub(super) fn refusal(error: &FsError, doing: Doing, path: &VPath) -> Reply {
    if let FsError::Io(cause) = error {
        tracing::error!(%path, error = %cause, "cannot use a file");
    }
    Reply::new(code(error, doing), error.text())
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
        | FsError::CrossDevice => 550,
        FsError::Quota | FsError::TooLarge => 552,
        FsError::NoSpace => 452,
        FsError::BadName => 553,
        FsError::Busy | FsError::Stale => 450,
        FsError::Unsupported if doing == Doing::Using => 504,
        FsError::Unsupported => 502,
        FsError::Io(_) => 451,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn every_error_has_its_reply() {
        // One row for each variant, in their order: code when used, when named, when it is the whole command.
        let table = [
            (FsError::NotFound, [550, 550, 550]),
            (FsError::Exists, [550, 550, 550]),
            (FsError::NotDir, [550, 550, 550]),
            (FsError::IsDir, [550, 550, 550]),
            (FsError::NotEmpty, [550, 550, 550]),
            (FsError::Denied, [550, 553, 550]),
            (FsError::ReadOnly, [550, 550, 550]),
            (FsError::Quota, [552, 552, 552]),
            (FsError::NoSpace, [452, 452, 452]),
            (FsError::TooLarge, [552, 552, 552]),
            (FsError::Loop, [550, 550, 550]),
            (FsError::BadName, [553, 553, 553]),
            (FsError::CrossDevice, [550, 550, 550]),
            (FsError::Busy, [450, 450, 450]),
            (FsError::Stale, [450, 450, 450]),
            (FsError::Unsupported, [504, 502, 502]),
            (FsError::Io(io::Error::other("/secret: on fire")), [451, 451, 451]),
        ];
        for (error, codes) in table {
            for (doing, expected) in [Doing::Using, Doing::Naming, Doing::Command].into_iter().zip(codes) {
                let reply = refusal(&error, doing, &VPath::ROOT);
                assert_eq!((reply.code(), reply.text()), (expected, error.text().as_bytes()), "{error:?}");
            }
        }
    }
}
