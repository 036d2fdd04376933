//! Lists of elements (RFC 9110 §5.6.1).

use http::{HeaderMap, HeaderName, HeaderValue};

/// The members of a list, in all its lines; empty ones are passed over (RFC 9110 §5.6.1.2).
pub(crate) fn members<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> impl Iterator<Item = &'a [u8]> {
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|it| !it.is_empty())
}

/// Whether a list of case-insensitive words has this member.
pub(crate) fn has(headers: &HeaderMap, name: HeaderName, member: &str) -> bool {
    members(headers.get_all(name).iter()).any(|it| it.eq_ignore_ascii_case(member.as_bytes()))
}
