use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{FsError, Name};

/// What is known of a file or directory. What a backend does not know is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes; of no meaning for a directory.
    pub len: u64,
    /// When its content changed.
    pub mtime: Option<Time>,
    /// When it was last read.
    pub atime: Option<Time>,
    /// When its content or its facts changed.
    pub ctime: Option<Time>,
    /// When it was made.
    pub btime: Option<Time>,
    /// Its permission bits, at most `0o7777`.
    pub mode: Option<u16>,
    /// The number of its owner.
    pub uid: Option<u32>,
    /// The number of its group.
    pub gid: Option<u32>,
    /// How many names it has.
    pub nlink: Option<u64>,
    /// Which file it is, whatever its name.
    pub id: Option<FileId>,
    /// Which content it has: set for files by a backend that claims [`Caps::ETAG`](super::Caps::ETAG).
    pub etag: Option<Etag>,
}

impl Meta {
    /// Facts about something of which no more is known than this.
    pub fn new(kind: Kind, len: u64) -> Self {
        Self {
            kind,
            len,
            mtime: None,
            atime: None,
            ctime: None,
            btime: None,
            mode: None,
            uid: None,
            gid: None,
            nlink: None,
            id: None,
            etag: None,
        }
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Bytes.
    File,
    /// Names.
    Dir,
    /// Another path.
    Link,
    /// A FIFO, a device, a socket: listed, never opened.
    Special,
}

/// A moment, as file systems keep it: before 1970 too, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time {
    secs: i64,
    nanos: u32,
}

impl Time {
    /// `secs` seconds after 1970 began (before, where negative), and `nanos` nanoseconds later, under 10⁹.
    pub fn new(secs: i64, nanos: u32) -> Self {
        Self { secs, nanos: nanos.min(999_999_999) }
    }

    /// Whole seconds since 1970 began, rounded down.
    pub fn secs(self) -> i64 {
        self.secs
    }

    /// The nanoseconds after [`secs`](Self::secs), under 10⁹.
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// The same moment on this machine's clock, where that can say it.
    pub fn to_system(self) -> Option<SystemTime> {
        let whole = Duration::from_secs(self.secs.unsigned_abs());
        let second =
            if self.secs < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        second?.checked_add(Duration::from_nanos(self.nanos.into()))
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::new(after.as_secs().try_into().unwrap_or(i64::MAX), after.subsec_nanos()),
            Err(error) => {
                let before = error.duration();
                let secs = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                match before.subsec_nanos() {
                    0 => Self::new(-secs, 0),
                    nanos => Self::new(-secs - 1, 1_000_000_000 - nanos),
                }
            }
        }
    }
}

/// Which file it is, as long as the backend lives: two names with one id are one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The device, or another space in which numbers are unique.
    pub device: u64,
    /// The number there.
    pub number: u64,
}

/// A strong validator of a file's content: text that changes whenever the content does (RFC 9110 §8.8.3).
///
/// At most 55 bytes, each allowed between the quotes of an entity tag; kept inline, so that a stat allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Etag {
    len: u8,
    text: [u8; Self::MAX],
}

impl Etag {
    const MAX: usize = 55;

    /// The validator with this text, for a backend that keeps its own; nothing if it is empty, too long, or holds
    /// what may not stand in an entity tag.
    pub fn new(text: &str) -> Option<Self> {
        let mut etag = Self { len: 0, text: [0; Self::MAX] };
        for byte in text.bytes() {
            etag.push(byte)?;
        }
        (etag.len > 0).then_some(etag)
    }

    /// The validator of a file that is told apart by its times, its length and its number.
    pub fn of(mtime: Time, ctime: Option<Time>, len: u64, number: u64) -> Self {
        let mut etag = Self { len: 0, text: [0; Self::MAX] };
        let nanos =
            |time: Time| (time.secs as u64).wrapping_mul(1_000_000_000).wrapping_add(time.nanos.into());
        // Four numbers of at most eleven digits with three points between them: 47 bytes.
        for (index, number) in [nanos(mtime), len, number, ctime.map_or(0, nanos)].into_iter().enumerate() {
            if index > 0 {
                let _ = etag.push(b'.');
            }
            etag.push_number(number);
        }
        etag
    }

    /// The text, without quotes.
    pub fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.len)).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        // RFC 9110 §8.8.3: etagc, without obs-text.
        if !matches!(byte, 0x21 | 0x23..=0x7e) {
            return None;
        }
        *self.text.get_mut(usize::from(self.len))? = byte;
        self.len += 1;
        Some(())
    }

    fn push_number(&mut self, mut number: u64) {
        const DIGITS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
        loop {
            let _ = self.push(DIGITS[(number & 63) as usize]);
            number >>= 6;
            if number == 0 {
                return;
            }
        }
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// A name in a directory, with what is known of what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: Name,
    /// The facts, from the same look at the file system as the name.
    pub meta: Meta,
}

/// Facts to change, all in one call; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetMeta {
    /// The length: what is cut off is gone, what is added is zeros.
    pub len: Option<u64>,
    /// The permission bits.
    pub mode: Option<u16>,
    /// The owner's number.
    pub uid: Option<u32>,
    /// The group's number.
    pub gid: Option<u32>,
    /// The time of the last change.
    pub mtime: Option<Time>,
    /// The time of the last reading.
    pub atime: Option<Time>,
}

/// How much room there is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// In all.
    pub total: u64,
    /// Left for whoever is asking.
    pub free: u64,
}

/// What backends return.
pub(super) type Result<T> = std::result::Result<T, FsError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_and_after_2106_survive() {
        for (secs, nanos) in [(-1, 999_999_999), (-86_400, 0), (0, 0), (1 << 33, 1), (-(1 << 33), 5)] {
            let time = Time::new(secs, nanos);
            assert_eq!(Time::from(time.to_system().unwrap()), time);
        }
        assert_eq!(
            Time::new(i64::MAX, 999_999_999).to_system(),
            UNIX_EPOCH.checked_add(Duration::new(i64::MAX as u64, 999_999_999))
        );
    }

    #[test]
    fn a_validator_changes_with_each_of_its_parts() {
        let time = Time::new(1, 2);
        let of = |mtime, ctime, len, number| Etag::of(mtime, Some(ctime), len, number);
        let etag = of(time, time, 3, 4);
        assert_eq!(etag, of(time, time, 3, 4));
        for other in [
            of(Time::new(1, 3), time, 3, 4),
            of(Time::new(2, 2), time, 3, 4),
            of(time, Time::new(1, 3), 3, 4),
            of(time, time, 4, 4),
            of(time, time, 3, 5),
            Etag::of(time, None, 3, 4),
        ] {
            assert_ne!(etag.as_str(), other.as_str());
        }
    }

    #[test]
    fn a_validator_fits_between_quotes() {
        let most = Time::new(-1, 999_999_999);
        let longest = Etag::of(most, Some(most), u64::MAX, u64::MAX);
        assert_eq!(longest.as_str().split('.').count(), 4);
        assert_eq!(Etag::new(longest.as_str()), Some(longest));
        assert_eq!(Etag::new("abc-5").map(|etag| etag.to_string()), Some("abc-5".to_owned()));
        for bad in ["", "a\"b", "a b", "a\r\n", "é", &"x".repeat(56)] {
            assert_eq!(Etag::new(bad), None, "{bad:?}");
        }
    }
}
