//! Entity tags in conditions (RFC 9110 §8.8.3, §13.1).

use http::HeaderValue;
use http::header::GetAll;

/// The value of `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tags<'a> {
    /// `*`
    Any,
    List(Vec<Tag<'a>>),
}

/// `[ W/ ] DQUOTE *etagc DQUOTE`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) weak: bool,
    pub(crate) text: &'a [u8],
}

impl<'a> Tags<'a> {
    /// The field's lines as one list; nothing if it is no list of tags.
    pub(crate) fn parse(lines: GetAll<'a, HeaderValue>) -> Option<Self> {
        let mut tags = Vec::new();
        let several = lines.iter().nth(1).is_some();
        for line in lines {
            let mut rest = line.as_bytes().trim_ascii();
            if rest == b"*" {
                return (!several).then_some(Self::Any);
            }
            loop {
                // RFC 9110 §5.6.1.2: empty elements are passed over.
                rest = rest.trim_ascii_start();
                if let Some(after) = rest.strip_prefix(b",") {
                    rest = after;
                    continue;
                }
                if rest.is_empty() {
                    break;
                }
                let (tag, after) = Tag::take(rest)?;
                tags.push(tag);
                rest = after.trim_ascii_start();
                if !rest.is_empty() && !rest.starts_with(b",") {
                    return None;
                }
            }
        }
        (!tags.is_empty()).then_some(Self::List(tags))
    }

    /// Whether one of them is this validator by the strong comparison (RFC 9110 §8.8.3.2). `*` is anything that
    /// there is.
    pub(crate) fn has_strong(&self, current: Option<&str>) -> bool {
        self.has(current, |tag| !tag.weak)
    }

    /// The same by the weak comparison.
    pub(crate) fn has_weak(&self, current: Option<&str>) -> bool {
        self.has(current, |_| true)
    }

    fn has(&self, current: Option<&str>, counts: impl Fn(&Tag<'_>) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => current
                .is_some_and(|current| tags.iter().any(|tag| counts(tag) && tag.text == current.as_bytes())),
        }
    }
}

impl<'a> Tag<'a> {
    /// The whole of these bytes as one tag.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        Self::take(bytes).filter(|(_, rest)| rest.is_empty()).map(|(tag, _)| tag)
    }

    fn take(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (weak, bytes) = match bytes.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, bytes),
        };
        let bytes = bytes.strip_prefix(b"\"")?;
        let end = bytes.iter().position(|&byte| byte == b'"')?;
        let (text, rest) = bytes.split_at_checked(end)?;
        let fits = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..);
        text.iter().all(fits).then_some((Self { weak, text }, rest.get(1..)?))
    }
}

/// The field of a strong tag.
pub(crate) fn encode(text: &str) -> Option<HeaderValue> {
    let mut quoted = bytes::BytesMut::with_capacity(text.len() + 2);
    quoted.extend_from_slice(b"\"");
    quoted.extend_from_slice(text.as_bytes());
    quoted.extend_from_slice(b"\"");
    HeaderValue::from_maybe_shared(quoted.freeze()).ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, header};
    use proptest::prelude::*;

    use super::*;

    fn fields(lines: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(header::IF_MATCH, HeaderValue::from_str(line).unwrap());
        }
        map
    }

    fn matches(lines: &[&str], current: &str) -> Option<(bool, bool)> {
        let map = fields(lines);
        let tags = Tags::parse(map.get_all(header::IF_MATCH))?;
        Some((tags.has_strong(Some(current)), tags.has_weak(Some(current))))
    }

    #[test]
    fn strong_and_weak_differ() {
        assert_eq!(matches(&["\"a\""], "a"), Some((true, true)));
        assert_eq!(matches(&["W/\"a\""], "a"), Some((false, true)));
        assert_eq!(matches(&["*"], "a"), Some((true, true)));
        assert_eq!(matches(&["\"b\", \"a,c\" ,W/\"a\""], "a"), Some((false, true)));
        assert_eq!(matches(&["\"b\"", "\"a\""], "a"), Some((true, true)), "two lines are one list");
        assert_eq!(matches(&[", ,\"a\",,"], "a"), Some((true, true)));
    }

    #[test]
    fn what_has_no_tag_matches_any_alone() {
        for (line, expected) in [("*", true), ("\"a\"", false)] {
            let map = fields(&[line]);
            let tags = Tags::parse(map.get_all(header::IF_MATCH)).unwrap();
            assert_eq!((tags.has_strong(None), tags.has_weak(None)), (expected, expected), "{line}");
        }
    }

    #[test]
    fn a_tag_is_all_of_its_text() {
        assert_eq!(Tag::parse(b"W/\"a\""), Some(Tag { weak: true, text: b"a" }));
        assert_eq!(Tag::parse(b"\"\""), Some(Tag { weak: false, text: b"" }));
        for bad in [&b"\"a\"x"[..], b"\"a\" ", b" \"a\"", b"\"a", b"a\"", b"\"a\x7f\"", b"\"a\tb\""] {
            assert_eq!(Tag::parse(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_nothing() {
        for bad in ["", "a", "\"a", "\"a\" \"b\"", "w/\"a\"", "*, \"a\"", "\"a b\"", "W/ \"a\"", "'a'"] {
            assert_eq!(matches(&[bad], "a"), None, "{bad}");
        }
        assert_eq!(matches(&["*", "\"a\""], "a"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in proptest::collection::vec("[!#-~]{0,20}", 1..5)) {
            let line = texts.iter().map(|t| encode(t).unwrap().to_str().unwrap().to_string());
            let line = line.collect::<Vec<_>>().join(", ");
            for text in &texts {
                prop_assert_eq!(matches(&[&line], text), Some((true, true)));
            }
        }

        #[test]
        fn no_bytes_panic(line in "[ -~]{0,40}") {
            matches(&[&line], "a");
        }
    }
}
