//! Header fields of WebDAV (RFC 4918 §10).

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::server::Failure;
use crate::wire::list::members;

/// How far below a resource a method reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    Zero,
    One,
    Infinity,
}

/// `Depth` (RFC 4918 §10.2), if it is there.
pub(crate) fn depth(headers: &HeaderMap) -> Result<Option<Depth>, Failure> {
    let Some(value) = one(headers, "depth")? else { return Ok(None) };
    match value.as_bytes() {
        b"0" => Ok(Some(Depth::Zero)),
        b"1" => Ok(Some(Depth::One)),
        word if word.eq_ignore_ascii_case(b"infinity") => Ok(Some(Depth::Infinity)),
        _ => Err(Failure::bad_request()),
    }
}

/// `Overwrite` (RFC 4918 §10.6): whether what is at the destination may be replaced.
pub(super) fn overwrite(headers: &HeaderMap) -> Result<bool, Failure> {
    match one(headers, "overwrite")?.map(HeaderValue::as_bytes) {
        None | Some(b"T" | b"t") => Ok(true),
        Some(b"F" | b"f") => Ok(false),
        Some(_) => Err(Failure::bad_request()),
    }
}

/// A lock of a client that says nothing of it ends then.
const TIMEOUT: Duration = Duration::from_secs(600);
/// And so does any lock that is not refreshed.
const LONGEST: Duration = Duration::from_secs(3600);

/// `Timeout` (RFC 4918 §10.7): the first wish that can be understood, within our bounds.
pub(super) fn timeout(headers: &HeaderMap) -> Duration {
    let wish = |member: &[u8]| {
        if member.eq_ignore_ascii_case(b"infinite") {
            return Some(LONGEST);
        }
        let (word, number) = member.split_at_checked(7)?;
        let seconds: u64 = str::from_utf8(number).ok()?.parse().ok()?;
        word.eq_ignore_ascii_case(b"second-").then_some(Duration::from_secs(seconds))
    };
    let wished = members(headers.get_all("timeout").iter()).find_map(wish).unwrap_or(TIMEOUT);
    wished.clamp(Duration::from_secs(1), LONGEST)
}

/// A field that may stand there once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, Failure> {
    let mut fields = headers.get_all(name).iter();
    match (fields.next(), fields.next()) {
        (field, None) => Ok(field),
        _ => Err(Failure::bad_request()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
    }

    #[test]
    fn no_lock_lives_for_ever() {
        for (value, seconds) in [
            ("Second-30", 30),
            ("second-0", 1),
            ("Infinite, Second-4100000000", 3600),
            ("Second-4100000000", 3600),
            ("Second-99999999999999999999, Second-5", 5),
            ("Minute-1, Second-7", 7),
            ("soon", 600),
        ] {
            assert_eq!(timeout(&headers("timeout", value)).as_secs(), seconds, "{value}");
        }
        assert_eq!(timeout(&HeaderMap::new()), TIMEOUT);
    }

    #[test]
    fn what_is_no_depth_and_no_truth_is_an_error() {
        assert_eq!(depth(&headers("depth", "Infinity")).unwrap(), Some(Depth::Infinity));
        assert_eq!(depth(&HeaderMap::new()).unwrap(), None);
        assert!(depth(&headers("depth", "2")).is_err() && depth(&headers("depth", "1,0")).is_err());
        assert!(!overwrite(&headers("overwrite", "F")).unwrap() && overwrite(&HeaderMap::new()).unwrap());
        assert!(overwrite(&headers("overwrite", "maybe")).is_err());
    }
}
