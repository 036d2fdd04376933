//! Header fields of answers.

use std::time::Duration;

use http::StatusCode;
use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};
use ropewalk_core::data::files::VPath;
use ropewalk_core::{Error, Result};

use super::Pattern;

/// Header fields that the answers for some paths get, or lose.
///
/// They are those of answers that are no errors, unless they are for [every](Self::always) answer. A 304 gets
/// what is not about its content (RFC 9110 §15.4.5).
#[derive(Clone, Debug, Default)]
pub struct Fields {
    paths: Vec<Pattern>,
    set: Vec<(HeaderName, HeaderValue)>,
    remove: Vec<HeaderName>,
    always: bool,
}

impl Fields {
    /// No field, for these paths.
    pub fn of(paths: impl IntoIterator<Item = Pattern>) -> Self {
        Self { paths: paths.into_iter().collect(), ..Self::default() }
    }

    /// This field with this value, in place of those of its name that a handler or an earlier rule has set; set here
    /// twice, both.
    ///
    /// # Errors
    /// Where it frames the message or belongs to the connection: those are the server's own.
    pub fn set(mut self, name: HeaderName, value: HeaderValue) -> Result<Self> {
        self.set.push((free(name)?, value));
        Ok(self)
    }

    /// Without this field.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn remove(mut self, name: HeaderName) -> Result<Self> {
        self.remove.push(free(name)?);
        Ok(self)
    }

    /// For errors too.
    #[must_use]
    pub fn always(self) -> Self {
        Self { always: true, ..self }
    }

    pub(super) fn apply(&self, path: &VPath, status: StatusCode, headers: &mut HeaderMap) {
        let is_error = status.is_client_error() || status.is_server_error();
        if (is_error && !self.always) || !self.paths.iter().any(|pattern| pattern.has(path)) {
            return;
        }
        for name in &self.remove {
            headers.remove(name);
        }
        let may = |name: &HeaderName| status != StatusCode::NOT_MODIFIED || !is_of_content(name);
        let all = self.set.iter().filter(|(name, _)| may(name));
        for (name, _) in all.clone() {
            headers.remove(name);
        }
        for (name, value) in all {
            headers.append(name, value.clone());
        }
    }
}

/// RFC 9110 §7.6.1 and §8: what a configuration cannot say without breaking the message.
fn free(name: HeaderName) -> Result<HeaderName> {
    const OURS: [HeaderName; 9] = [
        header::CONNECTION,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::DATE,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    if OURS.contains(&name) || ["keep-alive", "proxy-connection"].contains(&name.as_str()) {
        return Err(Error::local(format!("{name} is the server's own to say")));
    }
    Ok(name)
}

/// RFC 9110 §15.4.5: of what is said about content, a 304 has only what a cache needs to choose by.
fn is_of_content(name: &HeaderName) -> bool {
    let is_content = name.as_str().starts_with("content-") && *name != header::CONTENT_LOCATION;
    (is_content && *name != header::CONTENT_SECURITY_POLICY) || *name == header::LAST_MODIFIED
}

/// What every answer of a site says to browsers.
#[derive(Clone, Debug, Default)]
pub(super) struct Security {
    pub(super) on: bool,
    pub(super) hsts: Option<HeaderValue>,
}

impl Security {
    /// RFC 6797 §6.1.
    pub(super) fn hsts(age: Duration, subdomains: bool) -> Option<HeaderValue> {
        let more = if subdomains { "; includeSubDomains" } else { "" };
        HeaderValue::try_from(format!("max-age={}{more}", age.as_secs())).ok()
    }

    pub(super) fn is_off(&self) -> bool {
        !self.on && self.hsts.is_none()
    }

    /// What the handler has said counts more.
    pub(super) fn apply(&self, tls: bool, headers: &mut HeaderMap) {
        const ALL: [(HeaderName, &str); 4] = [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
            (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
            (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'self'"),
        ];
        for (name, value) in ALL.into_iter().filter(|_| self.on) {
            if let Entry::Vacant(place) = headers.entry(name) {
                place.insert(HeaderValue::from_static(value));
            }
        }
        // RFC 6797 §7.2: never where somebody could have put it in.
        if let Some(hsts) = self.hsts.as_ref().filter(|_| tls) {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
    }
}

/// What a login was needed for is nobody else's (RFC 9111 §3.5, §5.2.2.7): no shared cache may keep it, and a browser's
/// own keeps apart what different people got.
pub(super) fn private(headers: &mut HeaderMap) {
    let said = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let directives: Vec<_> = said.flat_map(|value| value.split(',')).map(str::trim).collect();
    let is_shared = |word: &str| {
        let name = word.split('=').next().unwrap_or_default().trim();
        ["", "public", "private", "s-maxage"].iter().any(|shared| name.eq_ignore_ascii_case(shared))
    };
    let kept = directives.into_iter().filter(|word| !is_shared(word));
    let value = std::iter::once("private").chain(kept).collect::<Vec<_>>().join(", ");
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(header::CACHE_CONTROL, value);
    }
    headers.append(header::VARY, HeaderValue::from_static("authorization"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn rule(name: &'static str, value: &'static str) -> Result<Fields> {
        let all = Fields::of(["/*".parse().unwrap()]);
        all.set(HeaderName::from_static(name), HeaderValue::from_static(value))
    }

    #[test]
    fn what_frames_a_message_cannot_be_set_or_removed() {
        for name in
            ["connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "te", "trailer"]
        {
            assert!(rule(name, "x").is_err(), "{name}");
            assert!(Fields::default().remove(HeaderName::from_static(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_304_gets_what_a_cache_needs_and_nothing_about_content() {
        let rule = rule("cache-control", "max-age=9").unwrap();
        let rule = rule.set(header::CONTENT_LANGUAGE, HeaderValue::from_static("en")).unwrap();
        let rule = rule.set(header::CONTENT_LOCATION, HeaderValue::from_static("/a")).unwrap();
        let mut headers = map(&[("etag", "\"x\"")]);
        rule.apply(&VPath::ROOT, StatusCode::NOT_MODIFIED, &mut headers);
        assert_eq!(
            headers,
            map(&[("etag", "\"x\""), ("cache-control", "max-age=9"), ("content-location", "/a")])
        );
        rule.apply(&VPath::ROOT, StatusCode::OK, &mut headers);
        assert!(headers.contains_key(header::CONTENT_LANGUAGE));
    }

    #[test]
    fn an_error_is_not_said_to_keep_unless_it_is_meant() {
        let rule = rule("cache-control", "max-age=9").unwrap();
        let mut headers = HeaderMap::new();
        rule.apply(&VPath::ROOT, StatusCode::NOT_FOUND, &mut headers);
        assert!(headers.is_empty());
        rule.always().apply(&VPath::ROOT, StatusCode::NOT_FOUND, &mut headers);
        assert_eq!(headers, map(&[("cache-control", "max-age=9")]));
    }

    #[test]
    fn what_is_private_is_in_no_shared_cache() {
        for (said, expected) in [
            ("", "private"),
            ("public, max-age=60", "private, max-age=60"),
            ("Public,s-maxage=9 , no-store", "private, no-store"),
            ("private", "private"),
        ] {
            let mut headers = map(&[("cache-control", said)]);
            private(&mut headers);
            assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), expected, "{said}");
            assert_eq!(headers.get(header::VARY).unwrap(), "authorization");
        }
    }

    #[test]
    fn strict_transport_is_said_over_tls_alone() {
        let security = Security { on: true, hsts: Security::hsts(Duration::from_secs(60), true) };
        let mut headers = map(&[("content-security-policy", "default-src 'none'")]);
        security.apply(false, &mut headers);
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        assert_eq!(headers.get(header::CONTENT_SECURITY_POLICY).unwrap(), "default-src 'none'");
        assert_eq!(headers.get(header::X_FRAME_OPTIONS).unwrap(), "SAMEORIGIN");
        security.apply(true, &mut headers);
        assert_eq!(headers.get(header::STRICT_TRANSPORT_SECURITY).unwrap(), "max-age=60; includeSubDomains");
    }
}
