//! Preconditions, in the order of RFC 9110 §13.2.2.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, header};
use ropewalk_core::data::files::{Etag, Time};

use crate::wire::date;
use crate::wire::etag::{Tag, Tags};

/// What a representation is told apart by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validators<'a> {
    /// The text of its strong entity tag.
    pub(super) etag: Option<&'a str>,
    /// The second, after 1970, of its last change.
    pub(super) modified: Option<u64>,
    /// The second that it is now.
    pub(super) now: u64,
}

impl<'a> Validators<'a> {
    /// Those of what has this tag, and changed then.
    pub(super) fn of(etag: Option<&'a Etag>, mtime: Option<Time>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // RFC 9110 §8.8.2.1: never later than now.
        let modified = mtime.and_then(|time| u64::try_from(time.secs()).ok()).map(|time| time.min(now));
        Self { etag: etag.map(Etag::as_str), modified, now }
    }
}

/// What the conditions of a GET or HEAD leave to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 412.
    Failed,
    /// 304.
    NotModified,
    /// The method; with `Range` heeded or not.
    Perform { range: bool },
}

/// Evaluates all conditions of a request to read.
pub(super) fn evaluate(headers: &HeaderMap, now: Validators<'_>) -> Verdict {
    // Steps 1 and 2. What is no list of tags cannot hold ours.
    if headers.contains_key(header::IF_MATCH) {
        let tags = Tags::parse(headers.get_all(header::IF_MATCH));
        if !tags.is_some_and(|tags| tags.has_strong(now.etag)) {
            return Verdict::Failed;
        }
    } else if let (Some(since), Some(modified)) =
        (one_date(headers, header::IF_UNMODIFIED_SINCE), now.modified)
        && modified > since
    {
        return Verdict::Failed;
    }
    // Steps 3 and 4.
    if headers.contains_key(header::IF_NONE_MATCH) {
        let tags = Tags::parse(headers.get_all(header::IF_NONE_MATCH));
        if tags.is_some_and(|tags| tags.has_weak(now.etag)) {
            return Verdict::NotModified;
        }
    } else if let (Some(since), Some(modified)) = (one_date(headers, header::IF_MODIFIED_SINCE), now.modified)
        && modified <= since
    {
        return Verdict::NotModified;
    }
    // Step 5.
    Verdict::Perform { range: if_range(headers, now) }
}

/// Whether a request may change what is there, or make it where nothing is. A condition that cannot be read does not
/// hold: who sets one wants to be sure.
pub(super) fn may_change(headers: &HeaderMap, there: Option<Validators<'_>>) -> bool {
    let etag = there.and_then(|there| there.etag);
    // RFC 9110 §13.1.1, §13.1.2: `*` is whatever there is.
    let has = |tags: &Tags<'_>, listed: bool| if *tags == Tags::Any { there.is_some() } else { listed };
    if headers.contains_key(header::IF_MATCH) {
        let tags = Tags::parse(headers.get_all(header::IF_MATCH));
        if !tags.is_some_and(|tags| has(&tags, tags.has_strong(etag))) {
            return false;
        }
    } else if let Some(since) = one_date(headers, header::IF_UNMODIFIED_SINCE)
        && there.and_then(|there| there.modified).is_some_and(|modified| modified > since)
    {
        return false;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        let tags = Tags::parse(headers.get_all(header::IF_NONE_MATCH));
        return tags.is_some_and(|tags| !has(&tags, tags.has_weak(etag)));
    }
    true
}

/// RFC 9110 §13.1.5: a tag that is ours by the strong comparison, or exactly our date, if that is old enough to be
/// a strong validator (§8.8.2.2).
fn if_range(headers: &HeaderMap, now: Validators<'_>) -> bool {
    let mut fields = headers.get_all(header::IF_RANGE).iter();
    let Some(field) = fields.next() else { return true };
    if fields.next().is_some() {
        return false;
    }
    match Tag::parse(field.as_bytes().trim_ascii()) {
        Some(tag) => !tag.weak && now.etag.is_some_and(|ours| ours.as_bytes() == tag.text),
        None => {
            now.modified.is_some_and(|modified| date::parse(field) == Some(modified) && modified < now.now)
        }
    }
}

/// The date of a field that stands there once (RFC 9110 §13.1.3, §13.1.4: anything else is passed over).
fn one_date(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    let mut fields = headers.get_all(name).iter();
    let date = date::parse(fields.next()?);
    if fields.next().is_some() { None } else { date }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const ALL: Verdict = Verdict::Perform { range: false };
    const RANGE: Verdict = Verdict::Perform { range: true };

    fn judge(fields: &[(header::HeaderName, &str)]) -> Verdict {
        let headers = fields.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        evaluate(&headers, Validators { etag: Some("a"), modified: Some(784_111_777), now: 784_111_800 })
    }

    #[test]
    fn each_alone() {
        use header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
        for (name, value, verdict) in [
            (IF_MATCH, "\"a\"", RANGE),
            (IF_MATCH, "*", RANGE),
            (IF_MATCH, "W/\"a\"", Verdict::Failed),
            (IF_MATCH, "\"b\"", Verdict::Failed),
            (IF_MATCH, "a", Verdict::Failed),
            (IF_UNMODIFIED_SINCE, OLD, Verdict::Failed),
            (IF_UNMODIFIED_SINCE, SAME, RANGE),
            (IF_UNMODIFIED_SINCE, "yesterday", RANGE),
            (IF_NONE_MATCH, "\"a\"", Verdict::NotModified),
            (IF_NONE_MATCH, "W/\"a\"", Verdict::NotModified),
            (IF_NONE_MATCH, "*", Verdict::NotModified),
            (IF_NONE_MATCH, "\"b\"", RANGE),
            (IF_MODIFIED_SINCE, OLD, RANGE),
            (IF_MODIFIED_SINCE, SAME, Verdict::NotModified),
            (IF_MODIFIED_SINCE, LATER, Verdict::NotModified),
            (IF_MODIFIED_SINCE, "tomorrow", RANGE),
            (IF_RANGE, "\"a\"", RANGE),
            (IF_RANGE, "W/\"a\"", ALL),
            (IF_RANGE, "\"b\"", ALL),
            (IF_RANGE, SAME, RANGE),
            (IF_RANGE, LATER, ALL),
            (IF_RANGE, "what", ALL),
        ] {
            assert_eq!(judge(&[(name.clone(), value)]), verdict, "{name}: {value}");
        }
    }

    #[test]
    fn a_change_is_made_only_where_its_conditions_hold() {
        use header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
        let there = Validators { etag: Some("a"), modified: Some(784_111_777), now: 784_111_800 };
        for (name, value, on_there, on_nothing) in [
            (IF_MATCH, "\"a\"", true, false),
            (IF_MATCH, "W/\"a\"", false, false),
            (IF_MATCH, "\"b\"", false, false),
            (IF_MATCH, "*", true, false),
            (IF_MATCH, "a", false, false),
            (IF_NONE_MATCH, "*", false, true),
            (IF_NONE_MATCH, "W/\"a\"", false, true),
            (IF_NONE_MATCH, "\"b\"", true, true),
            (IF_NONE_MATCH, "a", false, false),
            (IF_UNMODIFIED_SINCE, OLD, false, true),
            (IF_UNMODIFIED_SINCE, SAME, true, true),
            (IF_MODIFIED_SINCE, LATER, true, true),
        ] {
            let headers = HeaderMap::from_iter([(name.clone(), value.parse().unwrap())]);
            let verdicts = (may_change(&headers, Some(there)), may_change(&headers, None));
            assert_eq!(verdicts, (on_there, on_nothing), "{name}: {value}");
        }
    }

    #[test]
    fn the_stronger_condition_hides_the_weaker() {
        use header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
        assert_eq!(judge(&[(IF_MATCH, "\"a\""), (IF_UNMODIFIED_SINCE, OLD)]), RANGE);
        assert_eq!(judge(&[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, LATER)]), RANGE);
        assert_eq!(judge(&[(IF_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")]), Verdict::Failed);
        assert_eq!(judge(&[(IF_UNMODIFIED_SINCE, OLD), (IF_NONE_MATCH, "\"a\"")]), Verdict::Failed);
        assert_eq!(judge(&[(IF_MATCH, "\"a\""), (IF_NONE_MATCH, "\"a\"")]), Verdict::NotModified);
    }

    #[test]
    fn a_date_of_this_very_second_is_no_strong_validator() {
        let headers = HeaderMap::from_iter([(header::IF_RANGE, SAME.parse().unwrap())]);
        let fresh = Validators { etag: None, modified: Some(784_111_777), now: 784_111_777 };
        assert_eq!(evaluate(&headers, fresh), ALL);
    }
}
