//! Validators of what is coded on the fly, and conditions that name them (RFC 9110 §8.8.3.3).
//!
//! What the handler calls `"x"` the client calls `"x-gzip"` if that is the coding in which it got it. So conditions
//! are read twice: the handler sees the client's tags and, behind them, those of its own that are meant; what it answers
//! is then compared with the client's.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::server::{Failure, Response};
use crate::wire::coding::Coding;
use crate::wire::etag::{Tag, Tags, encode};

/// The conditions of a request as the client sent them.
#[derive(Default)]
pub(super) struct Conditions(HeaderMap);

/// What an answer is going to be.
pub(super) struct Settled {
    pub(super) coding: Option<Coding>,
    /// Its strong validator, if the handler gave one.
    pub(super) etag: Option<HeaderValue>,
}

impl Conditions {
    /// Adds to the conditions of a request what the tags of answers in these codings are to the handler. They are
    /// kept where it `is_read`, for only then an answer is to be told by them.
    pub(super) fn see_through(headers: &mut HeaderMap, codings: &[Coding], is_read: bool) -> Self {
        let mut kept = HeaderMap::new();
        for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
            if !headers.contains_key(&name) {
                continue;
            }
            let ours = match Tags::parse(headers.get_all(&name)) {
                Some(Tags::List(tags)) => tags.iter().filter_map(|tag| plain(tag, codings)).collect(),
                _ => Vec::new(),
            };
            if is_read {
                kept.extend(headers.get_all(&name).iter().map(|line| (name.clone(), line.clone())));
            }
            // More lines of a field continue its list.
            for tag in ours {
                headers.append(&name, tag);
            }
        }
        Self(kept)
    }

    /// What a 200 is going to be: in the first of these codings, but for a client that expects one that it has.
    pub(super) fn settle(&self, headers: &HeaderMap, codings: &[Coding]) -> Settled {
        let first = codings.first().copied();
        let Some(text) = strong(headers) else { return Settled { coding: first, etag: None } };
        let coding = match self.tags(&header::IF_MATCH) {
            Some(tags @ Tags::List(_)) => {
                let expected = |coding: &Coding| tags.has_strong(Some(&coded(&text, *coding)));
                let none = if tags.has_strong(Some(&text)) { None } else { first };
                codings.iter().copied().find(expected).or(none)
            }
            _ => first,
        };
        Settled { coding, etag: coding.and_then(|coding| encode(&coded(&text, coding))) }
    }

    /// This answer, in this coding; 412 where the client expects the content in a coding that it is not in.
    pub(super) fn hold(&self, response: Response, coding: Option<Coding>) -> Result<Response, Failure> {
        let (Some(text), Some(tags @ Tags::List(_))) =
            (strong(response.headers()), self.tags(&header::IF_MATCH))
        else {
            return Ok(response);
        };
        let is_met = |coding: Option<Coding>| match coding {
            Some(coding) => tags.has_strong(Some(&coded(&text, coding))),
            None => tags.has_strong(Some(&text)),
        };
        let only_coded = !is_met(None) && Coding::ALL.into_iter().any(|coding| is_met(Some(coding)));
        if only_coded && !is_met(coding) {
            return Err(Failure::new(StatusCode::PRECONDITION_FAILED));
        }
        Ok(response)
    }

    /// Gives a 304 the tag under which the client has the content.
    pub(super) fn confirm(&self, headers: &mut HeaderMap, codings: &[Coding]) {
        let Some(text) = strong(headers) else { return };
        let Some(tags @ Tags::List(_)) = self.tags(&header::IF_NONE_MATCH) else { return };
        let known = codings.iter().map(|coding| coded(&text, *coding)).find(|text| tags.has_weak(Some(text)));
        if let Some(tag) = known.and_then(|text| encode(&text)) {
            headers.insert(header::ETAG, tag);
        }
    }

    fn tags(&self, name: &HeaderName) -> Option<Tags<'_>> {
        Tags::parse(self.0.get_all(name))
    }
}

/// The text of a strong `ETag`.
fn strong(headers: &HeaderMap) -> Option<String> {
    let tag = Tag::parse(headers.get(header::ETAG)?.as_bytes()).filter(|tag| !tag.weak)?;
    str::from_utf8(tag.text).ok().map(str::to_owned)
}

/// The text of the tag that this content has in this coding.
fn coded(text: &str, coding: Coding) -> String {
    format!("{text}-{coding}")
}

/// The handler's tag, if this is one that it has in one of these codings.
fn plain(tag: &Tag<'_>, codings: &[Coding]) -> Option<HeaderValue> {
    let text = codings.iter().find_map(|coding| {
        let text = tag.text.strip_suffix(coding.token().as_bytes())?;
        text.strip_suffix(b"-")
    })?;
    let quoted = [if tag.weak { b"W/\"".as_slice() } else { b"\"" }, text, b"\""].concat();
    HeaderValue::from_bytes(&quoted).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

    fn seen(field: &str, codings: &[Coding]) -> Vec<String> {
        let mut headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, field.parse().unwrap())]);
        Conditions::see_through(&mut headers, codings, true);
        let lines = headers.get_all(header::IF_NONE_MATCH).iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_handler_sees_its_own_tags_behind_the_clients() {
        assert_eq!(seen("\"a-gzip\"", &BOTH), ["\"a-gzip\"", "\"a\""]);
        assert_eq!(
            seen("\"a-br\", W/\"b-gzip\", \"c\"", &BOTH),
            ["\"a-br\", W/\"b-gzip\", \"c\"", "\"a\"", "W/\"b\""]
        );
        assert_eq!(seen("\"a-gzip\"", &[Coding::Brotli]), ["\"a-gzip\""], "what the client does not take");
        for same in ["*", "\"agzip\"", "\"a\"", "a-gzip", "\"a-zstd\""] {
            assert_eq!(seen(same, &BOTH), [same]);
        }
    }

    fn settled(if_match: Option<&str>, etag: &str) -> (Option<Coding>, Option<String>) {
        let conditions = if_match.map(|field| (header::IF_MATCH, field.parse().unwrap()));
        let headers = HeaderMap::from_iter([(header::ETAG, etag.parse().unwrap())]);
        let settled = Conditions(HeaderMap::from_iter(conditions)).settle(&headers, &BOTH);
        (settled.coding, settled.etag.map(|etag| etag.to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_client_gets_what_it_expects() {
        let brotli = (Some(Coding::Brotli), Some("\"a-br\"".to_owned()));
        assert_eq!(settled(None, "\"a\""), brotli);
        assert_eq!(settled(Some("*"), "\"a\""), brotli);
        assert_eq!(settled(Some("\"a-gzip\""), "\"a\""), (Some(Coding::Gzip), Some("\"a-gzip\"".to_owned())));
        assert_eq!(settled(Some("\"a\""), "\"a\""), (None, None));
        assert_eq!(settled(Some("\"a\", \"a-gzip\""), "\"a\"").0, Some(Coding::Gzip));
        assert_eq!(settled(None, "W/\"a\""), (Some(Coding::Brotli), None), "what is weak is of all codings");
    }

    #[test]
    fn what_is_expected_in_a_coding_is_not_sent_without_it() {
        for (field, coding, is_met) in [
            ("\"a-gzip\"", None, false),
            ("\"a-gzip\"", Some(Coding::Gzip), true),
            ("\"a-gzip\", \"a\"", None, true),
            // The handler does not care.
            ("\"b\"", None, true),
            ("*", None, true),
        ] {
            let conditions = Conditions(HeaderMap::from_iter([(header::IF_MATCH, field.parse().unwrap())]));
            let mut response = Response::default();
            response.headers_mut().insert(header::ETAG, "\"a\"".parse().unwrap());
            assert_eq!(conditions.hold(response, coding).is_ok(), is_met, "{field}");
        }
    }

    #[test]
    fn a_304_names_what_the_client_has() {
        for (field, codings, expected) in [
            ("\"a-gzip\"", &BOTH[..], "\"a-gzip\""),
            ("W/\"a-gzip\"", &BOTH, "\"a-gzip\""),
            ("\"a-gzip\", \"a-br\"", &BOTH, "\"a-br\""),
            ("\"a\"", &BOTH, "\"a\""),
            ("*", &BOTH, "\"a\""),
            ("\"a-gzip\", \"a\"", &[], "\"a\""),
        ] {
            let kept = HeaderMap::from_iter([(header::IF_NONE_MATCH, field.parse().unwrap())]);
            let mut headers = HeaderMap::from_iter([(header::ETAG, "\"a\"".parse().unwrap())]);
            Conditions(kept).confirm(&mut headers, codings);
            assert_eq!(headers[header::ETAG], expected, "{field}");
        }
    }
}
