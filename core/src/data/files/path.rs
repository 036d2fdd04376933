use std::borrow::Borrow;
use std::fmt::{self, Write as _};

use bytes::Bytes;

/// A name may be this many bytes long.
const MAX_NAME: usize = 255;
/// A path may be this many bytes long.
const MAX_PATH: usize = 4096;

/// The path of a file inside a [`Files`](super::Files): absolute and normalised.
///
/// `/` is the root; any other path is `/` before each of its [`Name`]s. It holds bytes, of no particular encoding;
/// it has no empty, `.` or `..` component, no NUL, and at most 4096 bytes. There is no other way to make one than
/// [`parse`](Self::parse) and [`join`](Self::join), so that every protocol and every layer sees the same path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VPath(Bytes);

/// One component of a [`VPath`]: 1 to 255 bytes without `/` and NUL, neither `.` nor `..`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Bytes);

/// What `..` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DotDot {
    /// The directory above; above the root, the root. So FTP and SFTP clients expect it.
    Clamp,
    /// An error: an HTTP client resolves it before it asks.
    Refuse,
}

/// Why bytes are not a path or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadPath {
    /// There is a NUL in it, or, in a name, a `/`.
    Forbidden,
    /// A component is longer than 255 bytes.
    LongName,
    /// The whole is longer than 4096 bytes.
    LongPath,
    /// There is a `..` in it, and [`DotDot::Refuse`].
    DotDot,
    /// A name that is empty, `.` or `..`.
    NotAName,
}

impl VPath {
    /// The root of a tree.
    pub const ROOT: Self = Self(Bytes::from_static(b"/"));

    /// The path that `raw`, already decoded from whatever the protocol wraps it in, says when standing at `cwd`.
    ///
    /// Repeated and trailing slashes and `.` mean nothing; `..` takes one component away (or is refused), without a look
    /// at what is there. An empty `raw` is `cwd`.
    ///
    /// # Errors
    /// See [`BadPath`].
    pub fn parse(raw: &[u8], cwd: &Self, dots: DotDot) -> Result<Self, BadPath> {
        if raw.contains(&0) {
            return Err(BadPath::Forbidden);
        }
        // What is longer than any path that a client has reason to send is not worth normalising.
        if raw.len() > 2 * MAX_PATH {
            return Err(BadPath::LongPath);
        }
        let mut path = Vec::with_capacity(raw.len() + 1);
        if !raw.starts_with(b"/") && *cwd != Self::ROOT {
            path.extend_from_slice(&cwd.0);
        }
        for component in raw.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." if dots == DotDot::Refuse => return Err(BadPath::DotDot),
                b".." => path.truncate(path.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
                name if name.len() > MAX_NAME => return Err(BadPath::LongName),
                name => {
                    path.push(b'/');
                    path.extend_from_slice(name);
                }
            }
        }
        match path.len() {
            0 => Ok(Self::ROOT),
            length if length > MAX_PATH => Err(BadPath::LongPath),
            _ => Ok(Self(path.into())),
        }
    }

    /// The path of `name` in this directory.
    ///
    /// # Errors
    /// [`BadPath::LongPath`].
    pub fn join(&self, name: &Name) -> Result<Self, BadPath> {
        let parent = self.relative();
        let mut path = Vec::with_capacity(parent.len() + name.0.len() + 2);
        if !parent.is_empty() {
            path.push(b'/');
            path.extend_from_slice(parent);
        }
        path.push(b'/');
        path.extend_from_slice(&name.0);
        if path.len() > MAX_PATH { Err(BadPath::LongPath) } else { Ok(Self(path.into())) }
    }

    /// Its components from the root down, each of them a valid [`Name`]; none for the root.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
    }

    /// The last component, or nothing for the root.
    pub fn file_name(&self) -> Option<Name> {
        self.last_slash().map(|slash| Name(self.0.slice(slash + 1..)))
    }

    /// The directory it is in, or nothing for the root.
    pub fn parent(&self) -> Option<Self> {
        self.last_slash().map(|slash| if slash == 0 { Self::ROOT } else { Self(self.0.slice(..slash)) })
    }

    /// Whether it is `dir`, or below it.
    pub fn is_within(&self, dir: &Self) -> bool {
        let rest = self.0.strip_prefix(&*dir.0);
        *dir == Self::ROOT || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    /// The same as seen from `dir`, if it is that or below it.
    pub fn strip(&self, dir: &Self) -> Option<Self> {
        match self {
            _ if *dir == Self::ROOT => Some(self.clone()),
            _ if !self.is_within(dir) => None,
            _ if self == dir => Some(Self::ROOT),
            _ => Some(Self(self.0.slice(dir.0.len()..))),
        }
    }

    /// The same as seen from outside the directory `dir`.
    ///
    /// # Errors
    /// [`BadPath::LongPath`].
    pub fn under(&self, dir: &Self) -> Result<Self, BadPath> {
        let path = self.beneath(dir);
        if path.0.len() > MAX_PATH { Err(BadPath::LongPath) } else { Ok(path) }
    }

    /// The same, however long it is: to know things apart by, and to ask no tree for.
    pub(super) fn beneath(&self, dir: &Self) -> Self {
        match (dir.relative(), self.relative()) {
            (b"", _) => self.clone(),
            (_, b"") => dir.clone(),
            _ => Self([&*dir.0, &*self.0].concat().into()),
        }
    }

    /// Its bytes, from the first slash on.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its bytes without the first slash: as seen from the root, and empty for it.
    pub fn relative(&self) -> &[u8] {
        self.0.strip_prefix(b"/").unwrap_or_default()
    }

    fn last_slash(&self) -> Option<usize> {
        if self.0.len() == 1 { None } else { self.0.iter().rposition(|byte| *byte == b'/') }
    }
}

impl Name {
    /// The name that these bytes are.
    ///
    /// # Errors
    /// See [`BadPath`].
    pub fn new(name: impl Into<Bytes>) -> Result<Self, BadPath> {
        let name = name.into();
        match &*name {
            b"" | b"." | b".." => Err(BadPath::NotAName),
            long if long.len() > MAX_NAME => Err(BadPath::LongName),
            bad if bad.iter().any(|byte| matches!(byte, 0 | b'/')) => Err(BadPath::Forbidden),
            _ => Ok(Self(name)),
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// So that a map keyed by names can be asked for bytes; names compare and hash as their bytes do.
impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// Writes bytes so that they stay on one line, cannot end a quotation, and can be told apart: UTF-8 as it is,
/// controls, quotes, backslashes and all else as `\xNN`.
fn escaped(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => write!(f, "\\x{:02x}", u32::from(character))?,
                // Bidirectional and other invisible marks would let a name look like another one in a log.
                _ if character.is_control() || invisible(character) => {
                    write!(f, "{}", character.escape_unicode())?
                }
                _ => f.write_char(character)?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

fn invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

macro_rules! escape {
    ($($type:ty),*) => {$(
        /// Escaped, for people and logs; the bytes are behind `as_bytes`.
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                escaped(&self.0, f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"{self}\"")
            }
        }
    )*};
}
escape!(VPath, Name);

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "a name holds a NUL or a slash",
            Self::LongName => "a name is longer than 255 bytes",
            Self::LongPath => "a path is longer than 4096 bytes",
            Self::DotDot => "a path holds `..`",
            Self::NotAName => "not the name of a file",
        })
    }
}

impl std::error::Error for BadPath {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(raw: &[u8], dots: DotDot) -> Result<VPath, BadPath> {
        VPath::parse(raw, &VPath::ROOT, dots)
    }

    #[test]
    fn a_path_is_normalised() {
        let cwd = parse(b"/a/b", DotDot::Refuse).unwrap();
        for (raw, clamped, refused) in [
            (&b""[..], "/a/b", Some("/a/b")),
            (b"/", "/", Some("/")),
            (b"//", "/", Some("/")),
            (b".", "/a/b", Some("/a/b")),
            (b"c", "/a/b/c", Some("/a/b/c")),
            (b"./c/", "/a/b/c", Some("/a/b/c")),
            (b"c//./d", "/a/b/c/d", Some("/a/b/c/d")),
            (b"/c//d/", "/c/d", Some("/c/d")),
            (b"...", "/a/b/...", Some("/a/b/...")),
            (b".hidden", "/a/b/.hidden", Some("/a/b/.hidden")),
            (b"..", "/a", None),
            (b"../../..", "/", None),
            (b"/../../etc", "/etc", None),
            (b"c/../d", "/a/b/d", None),
            (b"%2e%2e", "/a/b/%2e%2e", Some("/a/b/%2e%2e")),
            (b"..\\x", "/a/b/..\\x", Some("/a/b/..\\x")),
        ] {
            let path = VPath::parse(raw, &cwd, DotDot::Clamp).unwrap();
            assert_eq!(path.as_bytes(), clamped.as_bytes(), "{raw:?}");
            match (VPath::parse(raw, &cwd, DotDot::Refuse), refused) {
                (Ok(path), Some(refused)) => assert_eq!(path.as_bytes(), refused.as_bytes()),
                (result, refused) => assert_eq!((result, refused), (Err(BadPath::DotDot), None), "{raw:?}"),
            }
        }
    }

    #[test]
    fn what_no_file_can_be_called_is_refused() {
        let long = vec![b'n'; 256];
        assert_eq!(parse(b"a\0b", DotDot::Clamp), Err(BadPath::Forbidden));
        assert_eq!(parse(&long, DotDot::Clamp), Err(BadPath::LongName));
        assert!(parse(&long[..255], DotDot::Clamp).is_ok());
        assert!(parse(&b"/d".repeat(2048), DotDot::Clamp).is_ok());
        assert_eq!(parse(&b"/dd".repeat(1366), DotDot::Clamp), Err(BadPath::LongPath));
        assert_eq!(parse(&b"/".repeat(8192), DotDot::Clamp), Ok(VPath::ROOT));
        assert_eq!(parse(&b"/".repeat(8193), DotDot::Clamp), Err(BadPath::LongPath));
        let deep = parse(&b"/d".repeat(2047), DotDot::Clamp).unwrap();
        assert_eq!(deep.join(&Name::new("x").unwrap()).unwrap().as_bytes().len(), 4096);
        assert_eq!(deep.join(&Name::new("xy").unwrap()), Err(BadPath::LongPath));
        for (name, error) in [
            (&b""[..], BadPath::NotAName),
            (b".", BadPath::NotAName),
            (b"..", BadPath::NotAName),
            (b"a/b", BadPath::Forbidden),
            (b"/", BadPath::Forbidden),
            (b"a\0", BadPath::Forbidden),
        ] {
            assert_eq!(Name::new(name), Err(error));
        }
        assert_eq!(Name::new(long), Err(BadPath::LongName));
    }

    #[test]
    fn a_name_is_shown_on_one_line_and_apart_from_others() {
        let shown = |name: &'static [u8]| Name::new(name).unwrap().to_string();
        assert_eq!(shown("é 日本".as_bytes()), "é 日本");
        assert_eq!(shown(b"a\r\n\x1b[31m\"\\"), "a\\u{d}\\u{a}\\u{1b}[31m\\x22\\x5c");
        assert_eq!(shown(b"\xff\xc3"), "\\xff\\xc3");
        assert_eq!(shown("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }

    #[test]
    fn a_name_is_its_bytes_also_to_a_map() {
        let name = Name::new("name").unwrap();
        assert_eq!(name.as_bytes(), b"name");
        let map = std::collections::BTreeMap::from([(name, 1)]);
        assert_eq!((map.get(&b"name"[..]), map.get(&b"nam"[..])), (Some(&1), None));
    }

    #[test]
    fn within_goes_by_components() {
        let path = |raw: &[u8]| parse(raw, DotDot::Refuse).unwrap();
        assert!(path(b"/a").is_within(&VPath::ROOT) && VPath::ROOT.is_within(&VPath::ROOT));
        assert!(path(b"/a").is_within(&path(b"/a")) && path(b"/a/b").is_within(&path(b"/a")));
        assert!(!path(b"/ab").is_within(&path(b"/a")) && !path(b"/a").is_within(&path(b"/a/b")));
    }

    #[test]
    fn a_path_is_seen_from_inside_and_from_outside() {
        let path = |raw: &[u8]| parse(raw, DotDot::Refuse).unwrap();
        for (whole, dir, inside) in
            [("/a/b", "/a", "/b"), ("/a", "/a", "/"), ("/a", "/", "/a"), ("/", "/", "/")]
        {
            let [whole, dir, inside] = [whole, dir, inside].map(|text| path(text.as_bytes()));
            assert_eq!(whole.strip(&dir), Some(inside.clone()));
            assert_eq!(inside.under(&dir), Ok(whole));
        }
        assert_eq!(path(b"/ab").strip(&path(b"/a")), None);
        assert_eq!(path(&b"/d".repeat(2000)).under(&path(&b"/d".repeat(100))), Err(BadPath::LongPath));
    }

    /// Bytes of which many are dots and slashes.
    fn raw() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![4 => Just(b'/'), 4 => Just(b'.'), 3 => Just(b'a'), 1 => any::<u8>()];
        prop::collection::vec(byte, 0..64)
    }

    /// The normal form, the long way.
    fn model(raw: &[u8], cwd: &[&[u8]]) -> Vec<u8> {
        let mut stack: Vec<&[u8]> = if raw.first() == Some(&b'/') { Vec::new() } else { cwd.to_vec() };
        for part in raw.split(|byte| *byte == b'/') {
            if part == b".." {
                stack.pop();
            } else if !part.is_empty() && part != b"." {
                stack.push(part);
            }
        }
        let joined = stack.join(&b'/');
        [b"/", &*joined].concat()
    }

    proptest! {
        #[test]
        fn parse_agrees_with_a_naive_model(raw in raw(), cwd in raw()) {
            let Ok(cwd) = parse(&cwd, DotDot::Clamp) else { return Ok(()) };
            let expected = model(&raw, &cwd.names().collect::<Vec<_>>());
            match VPath::parse(&raw, &cwd, DotDot::Clamp) {
                Ok(path) => prop_assert_eq!(path.as_bytes(), &*expected),
                Err(error) => prop_assert_eq!((error, raw.contains(&0)), (BadPath::Forbidden, true)),
            }
        }

        #[test]
        fn a_path_is_its_own_normal_form(raw in raw()) {
            if let Ok(path) = parse(&raw, DotDot::Clamp) {
                prop_assert_eq!(parse(path.as_bytes(), DotDot::Refuse), Ok(path.clone()));
                for name in path.names() {
                    prop_assert!(Name::new(name.to_vec()).is_ok());
                }
            }
        }

        #[test]
        fn a_path_is_its_parent_and_its_name(raw in raw()) {
            if let Ok(path) = parse(&raw, DotDot::Clamp) {
                match (path.parent(), path.file_name()) {
                    (Some(parent), Some(name)) => prop_assert_eq!(parent.join(&name), Ok(path)),
                    (parent, name) => prop_assert_eq!((parent, name, path), (None, None, VPath::ROOT)),
                }
            }
        }

        #[test]
        fn any_bytes_are_a_path_or_an_error(raw in prop::collection::vec(any::<u8>(), 0..9000)) {
            if let Ok(path) = parse(&raw, DotDot::Clamp) {
                prop_assert!(path.as_bytes().len() <= MAX_PATH && path.as_bytes().starts_with(b"/"));
                prop_assert!(path.names().all(|name| name.len() <= MAX_NAME && name != b".."));
            }
        }
    }
}
