//! Byte ranges (RFC 9110 §14).

use std::ops::Range;

use http::HeaderValue;

/// More ranges than this are not asked for in good faith.
const MOST: usize = 16;
/// Two ranges with a gap no wider than this become one: the head of a part would be longer.
const GAP: u64 = 96;

/// One `range-spec` of a `Range` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// `first-` or `first-last`.
    From(u64, Option<u64>),
    /// `-length`.
    Suffix(u64),
}

/// What a `Range` field asks of content of some length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: there is no such field that we understand (RFC 9110 §14.2), or it asks for too many ranges.
    All,
    /// Nothing that there is: 416.
    Nothing,
    /// These, which are not empty and do not overlap.
    Parts(Vec<Range<u64>>),
}

/// What this field asks of content of `length` octets.
pub(crate) fn wanted(field: &HeaderValue, length: u64) -> Wanted {
    let Some(specs) = parse(field.as_bytes()) else { return Wanted::All };
    // RFC 9110 §14.1.2: a suffix of nothing can be satisfied, but no 206 can say so.
    if length == 0 && specs.iter().any(|spec| matches!(spec, Spec::Suffix(1..))) {
        return Wanted::All;
    }
    let parts: Vec<_> = specs.iter().filter_map(|spec| spec.within(length)).collect();
    match parts.is_empty() {
        true => Wanted::Nothing,
        false => Wanted::Parts(disjoint(parts)),
    }
}

/// `bytes=` and the specs, of which there is at least one; nothing if one of them is none.
fn parse(field: &[u8]) -> Option<Vec<Spec>> {
    let (unit, set) = field.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let mut specs = Vec::new();
    for spec in set.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|spec| !spec.is_empty()) {
        if specs.len() == MOST {
            return None;
        }
        specs.push(Spec::parse(spec)?);
    }
    (!specs.is_empty()).then_some(specs)
}

impl Spec {
    fn parse(spec: &[u8]) -> Option<Self> {
        let dash = spec.iter().position(|&byte| byte == b'-')?;
        let (first, last) = (spec.get(..dash)?, spec.get(dash + 1..)?);
        match (first, last) {
            ([], last) => Some(Self::Suffix(number(last)?)),
            (first, []) => Some(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    fn within(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first, last) => first..last.map_or(length, |last| last.saturating_add(1).min(length)),
            Self::Suffix(octets) => length.saturating_sub(octets)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// Digits and nothing else. What is past all numbers is past all files.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |sum: u64, byte: &u8| sum.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
    Some(digits.iter().fold(0, digit))
}

/// The same octets, none of them twice (RFC 9110 §14.2): in the order asked for, or rising where some had to be
/// joined.
fn disjoint(parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = parts.clone();
    sorted.sort_by_key(|part| part.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for part in sorted {
        match joined.last_mut() {
            Some(before) if part.start <= before.end.saturating_add(GAP) => {
                before.end = before.end.max(part.end)
            }
            _ => joined.push(part),
        }
    }
    if joined.len() == parts.len() { parts } else { joined }
}

/// `Content-Range` of a part.
pub(crate) fn content_range(part: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1))
}

/// `Content-Range` of a 416.
pub(crate) fn unsatisfied(length: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("bytes */{length}")).ok()
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "a list of one range")]
mod tests {
    use proptest::prelude::*;

    use super::Wanted::{All, Nothing, Parts};
    use super::*;

    fn of(field: &str, length: u64) -> Wanted {
        wanted(&HeaderValue::from_str(field).unwrap(), length)
    }

    #[test]
    fn single_ranges() {
        assert_eq!(of("bytes=0-0", 10), Parts(vec![0..1]));
        assert_eq!(of("bytes=0-99", 10), Parts(vec![0..10]));
        assert_eq!(of("Bytes=9-", 10), Parts(vec![9..10]));
        assert_eq!(of("bytes=-3", 10), Parts(vec![7..10]));
        assert_eq!(of("bytes=-30", 10), Parts(vec![0..10]));
        assert_eq!(of("bytes=0-18446744073709551615", 10), Parts(vec![0..10]));
        assert_eq!(of("bytes=-99999999999999999999999", 10), Parts(vec![0..10]));
    }

    #[test]
    fn what_is_not_there_is_416() {
        for field in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of(field, 10), Nothing, "{field}");
        }
        assert_eq!(of("bytes=0-", 0), Nothing);
        assert_eq!(of("bytes=-1", 0), All);
    }

    #[test]
    fn what_is_no_range_is_passed_over() {
        for field in [
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1-2-3",
            "bytes 0-1",
            "lines=0-1",
            "bytes=--1",
            "bytes=0x1-2",
        ] {
            assert_eq!(of(field, 10), All, "{field}");
        }
    }

    #[test]
    fn overlaps_are_joined_and_order_is_kept() {
        assert_eq!(of("bytes=500-599,0-9", 1000), Parts(vec![500..600, 0..10]));
        assert_eq!(of("bytes=500-599,0-9,550-650", 1000), Parts(vec![0..10, 500..651]));
        assert_eq!(of("bytes=0-0,2-2", 1000), Parts(vec![0..3]));
        assert_eq!(of("bytes=0-,0-,0-", 1000), Parts(vec![0..1000]));
        assert_eq!(of("bytes=0-1,9999-", 1000), Parts(vec![0..2]));
    }

    #[test]
    fn two_that_are_near_are_one() {
        assert_eq!(of("bytes=0-0,97-97", 1000), Parts(vec![0..98]));
        assert_eq!(of("bytes=0-0,98-98", 1000), Parts(vec![0..1, 98..99]));
    }

    #[test]
    fn a_part_says_what_it_is_of() {
        assert_eq!(content_range(&(3..10), 20), "bytes 3-9/20");
        assert_eq!(unsatisfied(20).unwrap(), "bytes */20");
    }

    #[test]
    fn more_than_16_are_not_served_as_ranges() {
        let many = |n: u64| {
            format!("bytes={}", (0..n).map(|i| format!("{0}-{0}", i * 1000)).collect::<Vec<_>>().join(","))
        };
        assert!(matches!(of(&many(16), 1_000_000), Parts(parts) if parts.len() == 16));
        assert_eq!(of(&many(17), 1_000_000), All);
    }

    proptest! {
        #[test]
        fn never_more_octets_than_there_are(
            specs in proptest::collection::vec((0_u64..2000, 0_u64..2000), 1..16),
            length in 0_u64..1500,
        ) {
            let list: Vec<_> = specs.iter().map(|(a, b)| match a % 3 {
                0 => format!("-{b}"),
                1 => format!("{a}-"),
                _ => format!("{}-{}", a.min(b), a.max(b)),
            }).collect();
            if let Parts(parts) = of(&format!("bytes={}", list.join(", ")), length) {
                prop_assert!(parts.iter().map(|p| p.end - p.start).sum::<u64>() <= length);
                prop_assert!(parts.iter().all(|p| p.start < p.end && p.end <= length));
            }
        }

        #[test]
        fn no_field_panics(field in "bytes=[ -~]{0,40}", length: u64) {
            of(&field, length);
        }
    }
}
