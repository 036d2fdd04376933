//! Cookies in memory (RFC 6265).

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::header::GetAll;

use super::cookie_date;
use super::origin::Origin;

/// Cookies of one domain, and of all (RFC 6265 §6.1).
const OF_ONE: usize = 50;
const OF_ALL: usize = 3000;
/// Octets of a cookie's name and value.
const LONGEST: usize = 4096;
/// Octets of a domain or a path.
const ATTRIBUTE: usize = 1024;
/// Octets of `Cookie` in a request: more than servers take is not sent.
const FIELD: usize = 16 * 1024;

/// The cookies of a client.
#[derive(Default)]
pub(super) struct Jar {
    /// The oldest first.
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    domain: String,
    host_only: bool,
    path: String,
    secure: bool,
    expires: Option<SystemTime>,
}

impl Jar {
    /// Keeps what an answer sets.
    pub(super) fn store(&mut self, origin: &Origin, path: &str, lines: GetAll<'_, HeaderValue>) {
        let now = SystemTime::now();
        for line in lines {
            if let Some(cookie) = Cookie::parse(line.as_bytes(), origin, path, now) {
                self.keep(cookie, origin.secure, now);
            }
        }
    }

    fn keep(&mut self, cookie: Cookie, secure: bool, now: SystemTime) {
        self.cookies.retain(|old| !old.is_over(now));
        let same =
            |old: &Cookie| old.name == cookie.name && old.domain == cookie.domain && old.path == cookie.path;
        // What was set securely is not changed by who may have been in between.
        if !secure && self.cookies.iter().any(|old| old.secure && same(old)) {
            return;
        }
        let place = self.cookies.iter().position(same);
        if cookie.is_over(now) {
            place.map(|place| self.cookies.remove(place));
            return;
        }
        // RFC 6265 §5.3: it keeps the place, and so the time of creation, of what it replaces.
        if let Some(old) = place.and_then(|place| self.cookies.get_mut(place)) {
            *old = cookie;
            return;
        }
        let of_one = self.cookies.iter().filter(|old| old.domain == cookie.domain).count();
        if of_one >= OF_ONE
            && let Some(oldest) = self.cookies.iter().position(|old| old.domain == cookie.domain)
        {
            self.cookies.remove(oldest);
        }
        if self.cookies.len() >= OF_ALL {
            self.cookies.remove(0);
        }
        self.cookies.push(cookie);
    }

    /// `Cookie` for a request (RFC 6265 §5.4).
    pub(super) fn field(&self, origin: &Origin, path: &str) -> Option<HeaderValue> {
        let now = SystemTime::now();
        let mut fit: Vec<_> = self.cookies.iter().filter(|cookie| cookie.fits(origin, path, now)).collect();
        fit.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let mut field = Vec::new();
        for cookie in fit {
            if field.len() + cookie.name.len() + cookie.value.len() > FIELD {
                break;
            }
            if !field.is_empty() {
                field.extend_from_slice(b"; ");
            }
            field.extend_from_slice(&cookie.name);
            field.push(b'=');
            field.extend_from_slice(&cookie.value);
        }
        let mut value = HeaderValue::from_bytes(&field).ok().filter(|_| !field.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Cookie {
    /// RFC 6265 §5.2 and §5.3; none where it is not to be kept.
    fn parse(line: &[u8], origin: &Origin, path: &str, now: SystemTime) -> Option<Self> {
        let mut parts = line.split(|byte| *byte == b';');
        let (name, value) = pair(parts.next()?);
        let value = value?;
        if name.is_empty() || name.len() + value.len() > LONGEST {
            return None;
        }
        let mut cookie = Self {
            name: name.to_vec(),
            value: value.to_vec(),
            domain: origin.host.clone(),
            host_only: true,
            path: default_path(path).to_owned(),
            secure: false,
            expires: None,
        };
        let (mut domain, mut max_age) = (None, None);
        for part in parts {
            let (name, value) = pair(part);
            let value = value.unwrap_or_default();
            match name.to_ascii_lowercase().as_slice() {
                b"expires" => cookie.expires = cookie_date::parse(value).or(cookie.expires),
                b"max-age" => max_age = seconds(value).or(max_age),
                b"domain" if value.len() <= ATTRIBUTE => {
                    let text = std::str::from_utf8(value).ok()?;
                    domain = Some(text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase());
                }
                b"path" if value.len() <= ATTRIBUTE => {
                    let text = std::str::from_utf8(value).ok()?;
                    let path = if text.starts_with('/') { text } else { default_path(path) };
                    path.clone_into(&mut cookie.path);
                }
                b"secure" => cookie.secure = true,
                _ => {}
            }
        }
        if let Some(age) = max_age {
            cookie.expires = now.checked_add(age);
            if age.is_zero() {
                cookie.expires = Some(SystemTime::UNIX_EPOCH);
            }
        }
        if let Some(domain) = domain.filter(|domain| !domain.is_empty()) {
            let own = domain == origin.host;
            // A domain of one label is nobody's own. Lists of longer ones are not known here.
            let fits = own || (domain.contains('.') && within(&origin.host, &domain));
            if !fits {
                return None;
            }
            cookie.host_only = own && !domain.contains('.');
            cookie.domain = domain;
        }
        let named =
            |prefix: &[u8]| cookie.name.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix));
        let host = named(b"__Host-");
        let kept = (!cookie.secure || origin.secure)
            && (!(named(b"__Secure-") || host) || cookie.secure)
            && (!host || (cookie.host_only && cookie.path == "/"));
        kept.then_some(cookie)
    }

    fn is_over(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn fits(&self, origin: &Origin, path: &str, now: SystemTime) -> bool {
        let domain = self.domain == origin.host || (!self.host_only && within(&origin.host, &self.domain));
        domain && (!self.secure || origin.secure) && !self.is_over(now) && covers(&self.path, path)
    }
}

/// Name and value without the space around them.
fn pair(part: &[u8]) -> (&[u8], Option<&[u8]>) {
    match part.iter().position(|byte| *byte == b'=') {
        None => (part.trim_ascii(), None),
        Some(at) => {
            let (name, value) = part.split_at(at);
            (name.trim_ascii(), value.get(1..).map(<[u8]>::trim_ascii))
        }
    }
}

/// RFC 6265 §5.2.2.
fn seconds(value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if text.starts_with('-') {
        return Some(Duration::ZERO);
    }
    // What is too long to be written down is for ever.
    Some(Duration::from_secs(digits.parse::<u32>().unwrap_or(u32::MAX).into()))
}

/// RFC 6265 §5.1.3: whether the host lies below the domain.
fn within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')) && host.parse::<IpAddr>().is_err()
}

/// RFC 6265 §5.1.4.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(end) if end > 0 => path.get(..end).unwrap_or("/"),
        _ => "/",
    }
}

/// RFC 6265 §5.1.4: whether a cookie of this path goes with a request for that.
fn covers(cookie: &str, path: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
#[path = "cookie_tests.rs"]
mod tests;
