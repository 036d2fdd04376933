use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};
use std::sync::Arc;

use super::meta::Result;
use super::{Etag, FsError};

/// What a backend can do. What it claims works; what it does not claim answers
/// [`Unsupported`](super::FsError::Unsupported).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Caps(u32);

macro_rules! caps {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Caps {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }

        impl fmt::Debug for Caps {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let names = [$((Self::$name, stringify!($name))),*];
                f.debug_set().entries(names.into_iter().filter(|(cap, _)| self.has(*cap)).map(|(_, name)| name)).finish()
            }
        }
    };
}

caps! {
    /// Reads from any offset at the same price.
    RANDOM_READ = 0;
    /// Writes at any offset.
    RANDOM_WRITE = 1;
    /// Writes at the end, wherever it is by then.
    APPEND = 2;
    /// Changes the length of a file.
    TRUNCATE = 3;
    /// Replaces or makes a file at once: nobody sees a half of it, and what is not committed leaves no trace.
    ATOMIC_PUT = 4;
    /// Makes a file only where there is none.
    CREATE_NEW = 5;
    /// Renames files, at once.
    RENAME_FILE = 6;
    /// Renames directories, at once.
    RENAME_DIR = 7;
    /// Renames over what is there.
    RENAME_REPLACE = 8;
    /// Renames only where there is nothing.
    RENAME_NOREPLACE = 9;
    /// Makes and reads symbolic links.
    SYMLINK = 10;
    /// Gives a file a second name.
    HARDLINK = 11;
    /// Keeps permission bits.
    MODE = 12;
    /// Keeps owners.
    OWNER = 13;
    /// Sets the time of the last change.
    SET_MTIME = 14;
    /// Keeps extended attributes.
    XATTR = 15;
    /// Copies without moving the bytes through us.
    COPY = 16;
    /// Knows how much room there is.
    SPACE = 17;
    /// Can wait until a file is on the disk.
    FSYNC = 18;
    /// Keeps empty directories.
    REAL_DIRS = 19;
    /// Tells `A` from `a`.
    CASE_SENSITIVE = 20;
    /// Gives every file a strong [`Etag`].
    ETAG = 21;
}

impl Caps {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether all of `caps` are among these.
    pub fn has(self, caps: Self) -> bool {
        self.0 & caps.0 == caps.0
    }
}

impl BitOr for Caps {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Caps {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Those that are not among the others.
impl Sub for Caps {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOrAssign for Caps {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// How to open a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Open {
    /// To read it.
    pub read: bool,
    /// To write it, and how.
    pub write: Option<Write>,
    /// Every write goes to the end, whatever its offset.
    pub append: bool,
    /// Permission bits for a file that is made; a umask may take from them.
    pub mode: Option<u16>,
    /// How long the content is going to be, where the peer said so: that it has no room is said at once.
    pub expect_len: Option<u64>,
    /// Only if the file has this content now; [`Stale`](super::FsError::Stale) otherwise.
    pub if_match: Option<Etag>,
    /// A link as the last component is [`Loop`](super::FsError::Loop), not its target.
    pub nofollow: bool,
    /// Asked before new content takes its name, when it is on the disk. Backends that write in place do not ask.
    pub wanted: Option<Wanted>,
}

/// Whether what was written is still wanted: it may have been given up while it was written to the disk.
#[derive(Clone)]
pub struct Wanted(Arc<dyn Fn() -> bool + Send + Sync>);

impl Wanted {
    /// Says `true` where it is, and may be asked again.
    pub fn new(says: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(says))
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wanted")
    }
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Wanted {}

impl Open {
    /// To read.
    pub fn read() -> Self {
        Self { read: true, ..Self::default() }
    }

    /// For a backend: nothing, if what was written may take its name.
    ///
    /// # Errors
    /// [`Busy`](FsError::Busy) if it is not [`wanted`](Self::wanted) any more.
    pub fn still_wanted(&self) -> Result<()> {
        if self.wanted.as_ref().is_none_or(|wanted| wanted.0()) { Ok(()) } else { Err(FsError::Busy) }
    }

    /// To write.
    pub fn write(how: Write) -> Self {
        Self { write: Some(how), ..Self::default() }
    }
}

/// What becomes of what is there when a file is opened to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Write {
    /// It is changed in place, and made if missing.
    Update,
    /// It stays as it is until [`commit`](super::FileHandle::commit) puts new content in its place. A backend that
    /// claims [`Caps::RANDOM_WRITE`] but not [`Caps::ATOMIC_PUT`] empties it and writes in place.
    Replace,
    /// There must be nothing there. With [`Caps::ATOMIC_PUT`] there is a file only from the commit on.
    CreateNew,
}

/// How to list a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListOptions {
    /// Entries that are links come with the facts of their targets; those that lead nowhere, with their own.
    pub follow: bool,
}

/// What to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remove {
    /// A file or a link.
    File,
    /// A directory with nothing in it.
    EmptyDir,
    /// Whatever it is, with all that is in it.
    Tree,
}

/// What may be in the way of a rename or a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Over {
    /// Nothing.
    Never,
    /// A file, which is replaced.
    File,
    /// What rename(2) allows: a file over a file, a directory over an empty directory.
    Posix,
}
