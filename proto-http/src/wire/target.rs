//! The path of a target: decoded once (RFC 3986 §2.1, §3.3).

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use ropewalk_core::data::files::{DotDot, VPath};

/// Every byte that may not stand in a segment as it is (RFC 3986 §3.3), and `%`; also what a page or a shell could
/// take for its own.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A path that has been decoded: what it names, and whether it names it as a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) path: VPath,
    /// It ended with a slash, or a dot after one.
    pub(crate) slash: bool,
}

impl Decoded {
    pub(crate) fn root() -> Self {
        Self { path: VPath::ROOT, slash: true }
    }
}

/// Decodes the path of a target. Nothing comes of a half-written escape, of an encoded slash or NUL, of a plain backslash,
/// and of `..`: none of them is asked for in good faith, and two programs may read them in two ways. An encoded backslash
/// is an octet of a name as any other.
pub(crate) fn decode(path: &str) -> Option<Decoded> {
    let path = if path.is_empty() { "/" } else { path };
    let mut raw = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match hex(bytes.next()?)? << 4 | hex(bytes.next()?)? {
                0 | b'/' => return None,
                byte => raw.push(byte),
            },
            b'\\' => return None,
            byte => raw.push(byte),
        }
    }
    let slash = raw.ends_with(b"/") || raw.ends_with(b"/.");
    let path = VPath::parse(&raw, &VPath::ROOT, DotDot::Refuse).ok()?;
    Some(Decoded { path, slash })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A name as one segment of a path.
pub(crate) fn encode(name: &[u8]) -> String {
    percent_encode(name, SEGMENT).to_string()
}

/// A whole path, without a slash at its end. It begins with exactly one slash, so that no browser takes its first
/// segment for an authority (RFC 3986 §4.2).
pub(crate) fn encode_path(path: &VPath) -> String {
    let mut text = String::new();
    for name in path.names() {
        text.push('/');
        text.push_str(&encode(name));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_decoded_once() {
        let decoded = |path| decode(path).map(|d| (d.path.as_bytes().to_vec(), d.slash));
        assert_eq!(decoded("/a%20b/%41"), Some((b"/a b/A".to_vec(), false)));
        assert_eq!(decoded("/a%2520b"), Some((b"/a%20b".to_vec(), false)));
        assert_eq!(decoded("/%252e%252e/a"), Some((b"/%2e%2e/a".to_vec(), false)));
        assert_eq!(decoded("//evil//x/"), Some((b"/evil/x".to_vec(), true)));
        assert_eq!(decoded("/a/."), Some((b"/a".to_vec(), true)));
        assert_eq!(decoded(""), Some((b"/".to_vec(), true)));
        assert_eq!(decoded("/..%5ca"), Some((b"/..\\a".to_vec(), false)));
        assert_eq!(decoded("/%ff"), Some((b"/\xff".to_vec(), false)));
    }

    #[test]
    fn what_two_programs_read_in_two_ways_is_refused() {
        for path in [
            "/..", "/a/../b", "/%2e%2e/", "/%2E./a", "/a%2fb", "/a%2Fb", "/a\\b", "/%00", "/%", "/%4", "/%zz",
        ] {
            assert_eq!(decode(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_name_comes_back(name in proptest::collection::vec(1_u8.., 1..40)) {
            prop_assume!(!name.contains(&b'/') && name != b"." && name != b"..");
            let decoded = decode(&format!("/{}", encode(&name))).unwrap();
            prop_assert_eq!(decoded.path.names().collect::<Vec<_>>(), vec![&name[..]]);
            prop_assert_eq!(encode_path(&decoded.path), format!("/{}", encode(&name)));
        }

        #[test]
        fn nothing_that_decodes_has_dots_or_empty_names(path in "(/|%2e|%2f|\\.|a|%5c|%){0,12}") {
            if let Some(decoded) = decode(&format!("/{path}")) {
                for name in decoded.path.names() {
                    prop_assert!(!name.is_empty() && name != b"." && name != b"..");
                }
            }
        }
    }
}
