use std::fmt;
use std::ops::{BitAnd, BitOr, Sub};
use std::str::FromStr;

use super::Caps;

/// What may be done with a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ops(pub(super) u16);

impl Ops {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// See what is in a directory.
    pub const LIST: Self = Self(1);
    /// Read a file.
    pub const READ: Self = Self(1 << 1);
    /// Make a file.
    pub const CREATE: Self = Self(1 << 2);
    /// Change or replace the content of a file.
    pub const OVERWRITE: Self = Self(1 << 3);
    /// Add to the end of a file.
    pub const APPEND: Self = Self(1 << 4);
    /// Take something away to another name.
    pub const RENAME: Self = Self(1 << 5);
    /// Remove it.
    pub const DELETE: Self = Self(1 << 6);
    /// Make a directory.
    pub const MKDIR: Self = Self(1 << 7);
    /// Change modes and times.
    pub const SET: Self = Self(1 << 8);
    /// Make links, and give second names.
    pub const LINK: Self = Self(1 << 9);
    /// All.
    pub const ALL: Self = Self((1 << 10) - 1);

    /// The words for them, in configuration and messages.
    pub const NAMES: [(&'static str, Self); 10] = [
        ("list", Self::LIST),
        ("read", Self::READ),
        ("create", Self::CREATE),
        ("overwrite", Self::OVERWRITE),
        ("append", Self::APPEND),
        ("rename", Self::RENAME),
        ("delete", Self::DELETE),
        ("mkdir", Self::MKDIR),
        ("set", Self::SET),
        ("link", Self::LINK),
    ];

    /// What a tree that can do this lets be done with what is in it.
    pub fn of(caps: Caps) -> Self {
        let any = |of: &[Caps]| of.iter().any(|cap| caps.has(*cap));
        [
            (Self::CREATE | Self::DELETE, any(&[Caps::CREATE_NEW])),
            (Self::MKDIR, caps.has(Caps::CREATE_NEW | Caps::REAL_DIRS)),
            (Self::OVERWRITE, any(&[Caps::ATOMIC_PUT, Caps::RANDOM_WRITE])),
            (Self::APPEND, any(&[Caps::APPEND])),
            (Self::RENAME, any(&[Caps::RENAME_FILE, Caps::RENAME_DIR])),
            (Self::SET, any(&[Caps::MODE, Caps::SET_MTIME])),
            (Self::LINK, any(&[Caps::SYMLINK, Caps::HARDLINK])),
        ]
        .into_iter()
        .filter(|(_, can)| *can)
        .fold(Self::LIST | Self::READ, |all, (ops, _)| all | ops)
    }

    /// These and those, as `|`.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `ops` are among these.
    pub fn has(self, ops: Self) -> bool {
        self.0 & ops.0 == ops.0
    }

    /// Whether any of `ops` is among these.
    pub fn has_any(self, ops: Self) -> bool {
        self.0 & ops.0 != 0
    }
}

impl FromStr for Ops {
    type Err = NoSuchOp;

    /// One word, or `all`.
    fn from_str(word: &str) -> Result<Self, NoSuchOp> {
        let known = Self::NAMES.iter().find(|(name, _)| *name == word).map(|(_, op)| *op);
        known.or((word == "all").then_some(Self::ALL)).ok_or(NoSuchOp)
    }
}

impl fmt::Display for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> =
            Self::NAMES.iter().filter(|(_, op)| self.has(*op)).map(|(name, _)| *name).collect();
        f.write_str(&words.join(","))
    }
}

/// A word that stands for no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchOp;

impl fmt::Display for NoSuchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Ops::NAMES.map(|(name, _)| name).join(", ");
        write!(f, "what may be done is one of {words}, or all")
    }
}

impl std::error::Error for NoSuchOp {}

/// Those that are among both.
impl BitAnd for Ops {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Ops {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

/// Those that are not among the others.
impl Sub for Ops {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Of what, from a path on, it is asked [what may be done](super::Files::rights) with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Of what is at the path.
    Here,
    /// Of what is directly in it.
    Inside,
    /// Of what is below it.
    Below,
    /// Of everything together, what is at the path and all that is below: what may be done with each of it.
    Throughout,
}
