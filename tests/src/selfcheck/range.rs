//! RFC 9110 §14.1.

use super::fault::Fault;

pub(super) enum Ranges {
    /// There is no Range, or none to heed.
    All,
    /// Not satisfiable.
    None,
    /// From, and to before.
    These(Vec<(usize, usize)>),
}

pub(super) fn parse(value: &str, length: usize, fault: Option<Fault>) -> Ranges {
    let is = |f| fault == Some(f);
    let Some((unit, set)) = value.split_once('=') else { return Ranges::All };
    if !unit.eq_ignore_ascii_case("bytes") && !is(Fault::AnyUnit) {
        return Ranges::All;
    }
    // RFC 9110 §14.2: more than a few ranges may be ignored.
    if set.split(',').count() > 16 && !is(Fault::ManyRanges) {
        return Ranges::All;
    }
    if length == 0 && is(Fault::PartOfNothing) {
        return Ranges::These(vec![(0, 0)]);
    }
    let mut ranges = Vec::new();
    let spec = |spec| if is(Fault::NoWhitespaceInRanges) { spec } else { str::trim(spec) };
    for spec in set.split(',').map(spec) {
        let Some((first, last)) = spec.split_once('-') else { return Ranges::All };
        let (Some(first), Some(last)) = (position(first, fault), position(last, fault)) else {
            return Ranges::All;
        };
        let range = match (first, last) {
            (None, None) => return Ranges::All,
            (None, Some(0)) if is(Fault::SuffixOfNoneIsAll) => (0, length),
            (None, Some(suffix)) if is(Fault::SuffixFromFront) => (0, suffix.min(length)),
            (None, Some(suffix)) => (length.saturating_sub(suffix), length),
            (Some(_), None) if is(Fault::NoOpenRange) => return Ranges::All,
            (Some(first), None) => (first, length),
            (Some(first), Some(last)) if last < first && is(Fault::BackwardsRange) => {
                (last, first.min(length))
            }
            (Some(first), Some(last)) if last < first => return Ranges::All,
            (Some(_), Some(last)) if last >= length && is(Fault::NoClipping) => return Ranges::None,
            (Some(first), Some(last)) if is(Fault::RangeShort) => (first, last.min(length)),
            (Some(first), Some(last)) => (first, last.saturating_add(1).min(length)),
        };
        if range.0 < range.1 {
            ranges.push(range);
        }
    }
    if is(Fault::FirstRangeOnly) {
        ranges.truncate(1);
    }
    match ranges.is_empty() {
        true if is(Fault::UnsatisfiableIsAll) => Ranges::All,
        true => Ranges::None,
        false => Ranges::These(ranges),
    }
}

/// Nothing, or a number; None for what is neither.
fn position(text: &str, fault: Option<Fault>) -> Option<Option<usize>> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if text.is_empty() {
        return Some(None);
    }
    let wide: u128 = text.parse().unwrap_or(u128::MAX);
    let wide = if fault == Some(Fault::RangeWraps) { wide & 0xffff_ffff } else { wide };
    Some(Some(usize::try_from(wide).unwrap_or(usize::MAX)))
}
