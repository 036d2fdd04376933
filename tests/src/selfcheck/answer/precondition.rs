//! How conditions are evaluated: RFC 9110 §13.

use std::time::{Duration, SystemTime};

use super::{Answerer, Fault, Request, Selected};

impl Answerer {
    /// RFC 9110 §13.2.2, the steps before Range: the status code where one fails.
    pub(super) fn precondition(&self, request: &Request, selected: &Selected) -> Option<u16> {
        let get = matches!(request.method.as_str(), "GET" | "HEAD");
        let no_cache = self.is(Fault::NoCacheUnconditional) && request.lists("cache-control", "no-cache");
        if no_cache || (self.is(Fault::HeadUnconditional) && request.method == "HEAD") {
            return None;
        }
        let if_match = request.field("if-match").filter(|_| !self.is(Fault::NoIfMatch));
        let none_match = request.field("if-none-match").filter(|_| !self.is(Fault::NoIfNoneMatch));
        let matched = none_match.as_deref().is_some_and(|list| self.none_match(list, &selected.etag));
        let not_modified = if get || self.is(Fault::Put304) { 304 } else { 412 };
        let fails_match = if_match.as_deref().is_some_and(|list| !self.if_match(list, &selected.etag));
        let ranged = request.field("range").is_some();
        if matched && self.is(Fault::NoneMatchFirst) {
            return Some(304);
        }
        if matched && ranged && self.is(Fault::RangeFirst) {
            return None;
        }
        let true_range = ranged && request.field("if-range").is_some_and(|it| self.if_range(&it, selected));
        if true_range && self.is(Fault::IfRangeFirst) {
            return None;
        }
        if fails_match && !self.is(Fault::MatchLast) {
            return Some(412);
        }
        if if_match.is_some() && self.is(Fault::OnePrecondition) {
            return None;
        }
        let unmodified = if_match.is_none() || self.is(Fault::UnmodifiedBesideEtag);
        let unmodified = request.field("if-unmodified-since").filter(|_| unmodified);
        let late = unmodified.as_deref().is_some_and(|since| match self.time(since) {
            Some(_) if self.is(Fault::AnyUnmodifiedSince) => true,
            Some(since) => since < selected.modified && !self.is(Fault::NoIfUnmodifiedSince),
            None => self.is(Fault::InvalidDateFails),
        });
        if late && !self.is(Fault::UnmodifiedLast) {
            return Some(412);
        }
        if unmodified.is_some() && self.is(Fault::OnePrecondition) {
            return None;
        }
        if matched {
            return Some(not_modified);
        }
        let modified = none_match.is_none() || self.is(Fault::SinceBesideEtag);
        let modified = modified
            && (get || self.is(Fault::PutHeedsSince))
            && !(ranged && self.is(Fault::RangeBeforeSince));
        if modified && let Some(since) = request.field("if-modified-since") {
            let hit = match self.time(&since) {
                Some(_) if self.is(Fault::NoIfModifiedSince) => false,
                Some(since) if self.is(Fault::SinceByEquality) => since == selected.modified,
                Some(since) => since >= selected.modified || self.is(Fault::AnyIfModifiedSince),
                None => self.is(Fault::InvalidDateMatches),
            };
            if hit {
                return Some(304);
            }
        }
        (late || fails_match).then_some(412)
    }

    fn if_match(&self, list: &str, etag: &str) -> bool {
        (list == "*" && !self.is(Fault::NoStarInIfMatch))
            || self.has_etag(list, etag, self.is(Fault::WeakIfMatch))
    }

    fn none_match(&self, list: &str, etag: &str) -> bool {
        let star = list == "*" && !self.is(Fault::NoStarInIfNoneMatch);
        star || self.has_etag(list, etag, !self.is(Fault::StrongIfNoneMatch))
            || self.is(Fault::AnyIfNoneMatch)
    }

    pub(super) fn if_range(&self, validator: &str, selected: &Selected) -> bool {
        if self.is(Fault::FalseIfRange) {
            return false;
        }
        let weak = self.is(Fault::WeakIfRange);
        self.has_etag(validator, &selected.etag, weak)
            || self.time(validator).is_some_and(|time| {
                time == selected.modified || (self.is(Fault::LateIfRange) && time > selected.modified)
            })
    }

    fn has_etag(&self, list: &str, etag: &str, weak: bool) -> bool {
        if self.is(Fault::OneEtag) {
            return list == etag;
        }
        if self.is(Fault::NoEmptyMembers) && list.split(',').any(|member| member.trim().is_empty()) {
            return false;
        }
        if self.is(Fault::CommaDividesTags) {
            return list.split(',').any(|tag| tag.contains(etag.trim_matches('"')));
        }
        let trimmed = |tag| if self.is(Fault::KeepsWhitespace) { tag } else { str::trim(tag) };
        let mut quoted = false;
        let members = list.split(|c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        members
            .map(trimmed)
            .any(|tag| if weak { tag.strip_prefix("W/").unwrap_or(tag) == etag } else { tag == etag })
    }

    fn time(&self, text: &str) -> Option<SystemTime> {
        let time = httpdate::parse_http_date(text).ok()?;
        if self.is(Fault::OneDateForm) && httpdate::fmt_http_date(time) != text {
            return None;
        }
        let short_year = text.contains('-') && self.is(Fault::YearsOfThisCentury);
        Some(if short_year { time + Duration::from_secs(36_525 * 86_400) } else { time })
    }
}
