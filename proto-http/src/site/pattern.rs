use std::fmt;
use std::str::FromStr;

use ropewalk_core::data::files::{DotDot, VPath};
use ropewalk_core::{Error, Result};

/// Which paths a rule is about: one path (`/about`), one and all below it (`/private/*`), or those of them that end
/// in a certain way (`*.css`, `/assets/*.js`).
///
/// It is compared, byte by byte, with the decoded path of a request, the one that files are found by; so it is written as
/// files are named, without escapes. A slash at the end of either makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    base: VPath,
    /// What comes after the `*`, if there is one.
    tail: Option<Vec<u8>>,
}

impl Pattern {
    /// All paths: `/*`.
    pub fn every() -> Self {
        Self { text: "/*".into(), base: VPath::ROOT, tail: Some(Vec::new()) }
    }

    /// Whether the path is one of these.
    pub fn has(&self, path: &VPath) -> bool {
        self.rest(path).is_some()
    }

    /// Whether something below this path may be one of these.
    pub(super) fn reaches_below(&self, path: &VPath) -> bool {
        match self.tail {
            Some(_) => self.base.is_within(path) || path.is_within(&self.base),
            None => self.base != *path && self.base.is_within(path),
        }
    }

    /// Whether all that is below this path is one of these.
    pub(super) fn has_all_below(&self, path: &VPath) -> bool {
        self.tail.as_deref() == Some(b"") && path.is_within(&self.base)
    }

    /// What the `*` stands for in this path, if it is one of these: names with slashes between them, and none before.
    pub(super) fn rest<'p>(&self, path: &'p VPath) -> Option<&'p [u8]> {
        let Some(tail) = &self.tail else { return (*path == self.base).then_some(b"") };
        if !path.is_within(&self.base) {
            return None;
        }
        let above = if self.base == VPath::ROOT { 0 } else { self.base.as_bytes().len() };
        let below = path.as_bytes().get(above..)?;
        below.strip_prefix(b"/").unwrap_or(below).strip_suffix(tail.as_slice())
    }

    /// Whether there is a `*`.
    pub(super) fn is_open(&self) -> bool {
        self.tail.is_some()
    }
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| Error::local(format!("{text:?}: {why}"));
        let (base, tail) = match text.split_once('*') {
            None => (text, None),
            Some((_, tail)) if tail.contains(['*', '/']) => {
                return Err(wrong("after the one `*` there is no other and no slash"));
            }
            Some(("", tail)) => ("/", Some(tail)),
            Some((base, _)) if !base.ends_with('/') => {
                return Err(wrong("`*` stands for whole names, as in `/a/*` and `*.css`"));
            }
            Some((base, tail)) => (base, Some(tail)),
        };
        if !base.starts_with('/') {
            return Err(wrong("a path begins with a slash"));
        }
        let base = VPath::parse(base.as_bytes(), &VPath::ROOT, DotDot::Refuse)
            .map_err(|error| wrong("this is no path").caused_by(error))?;
        Ok(Self { text: text.to_owned(), base, tail: tail.map(|tail| tail.as_bytes().to_vec()) })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rest(pattern: &str, path: &str) -> Option<String> {
        let path = VPath::parse(path.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap();
        let rest = pattern.parse::<Pattern>().unwrap().rest(&path)?.to_vec();
        Some(String::from_utf8(rest).unwrap())
    }

    #[test]
    fn a_path_is_itself_and_a_star_is_what_is_below() {
        for (pattern, path, expected) in [
            ("/a", "/a", Some("")),
            ("/a/", "/a", Some("")),
            ("/a", "/a/b", None),
            ("/", "/", Some("")),
            ("/", "/a", None),
            ("/a/*", "/a", Some("")),
            ("/a/*", "/a/b/c", Some("b/c")),
            ("/a/*", "/ab", None),
            ("/a/*", "/A/b", None),
            ("/*", "/", Some("")),
            ("*", "/a/b", Some("a/b")),
            ("*.css", "/a/b.css", Some("a/b")),
            ("*.css", "/a.css/b", None),
            ("/x/*.css", "/x/b.css", Some("b")),
            ("/x/*.css", "/b.css", None),
            ("/x.css/*.css", "/x.css", None),
            ("/a b/*", "/a b/c", Some("c")),
        ] {
            assert_eq!(rest(pattern, path).as_deref(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_may_be_below_a_path_and_what_all_of_it_is() {
        for (pattern, path, some, all) in [
            ("/a/b/*", "/", true, false),
            ("/a/b/*", "/a", true, false),
            ("/a/b/*", "/a/b", true, true),
            ("/a/b/*", "/a/b/c", true, true),
            ("/a/b/*", "/a/bc", false, false),
            ("/*", "/", true, true),
            ("/a/b", "/a", true, false),
            ("/a/b", "/a/b", false, false),
            ("/a/b", "/c", false, false),
            ("*.css", "/a", true, false),
            ("/a/*.css", "/", true, false),
            ("/a/*.css", "/c", false, false),
        ] {
            let at = VPath::parse(path.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap();
            let pattern = pattern.parse::<Pattern>().unwrap();
            assert_eq!(
                (pattern.reaches_below(&at), pattern.has_all_below(&at)),
                (some, all),
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn what_could_be_meant_in_two_ways_is_no_pattern() {
        for text in ["", "a", "a/*", "/a*", "/*/a", "/a/*/b", "/**", "/a/../b", "/a\0"] {
            assert!(text.parse::<Pattern>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_protected_is_protected_with_all_below_it(base in "(/[a-c]{1,2}){0,3}", below in "(/[a-c]{1,2}){0,3}") {
            let pattern: Pattern = format!("{base}/*").parse().unwrap();
            let path = VPath::parse(format!("/{base}{below}").as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap();
            prop_assert!(pattern.has(&path));
        }

        #[test]
        fn no_text_panics(text in "[/*.a\\\\\0é]{0,12}", path in "[/.aé]{0,12}") {
            let path = VPath::parse(path.as_bytes(), &VPath::ROOT, DotDot::Clamp).unwrap();
            if let Ok(pattern) = text.parse::<Pattern>() {
                prop_assert_eq!(pattern.to_string(), text);
                pattern.has(&path);
            }
        }
    }
}
