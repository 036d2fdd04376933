//! Dates of HTTP (RFC 9110 §5.6.7), and of the Common Log Format.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;

/// Seconds since 1970 of an HTTP-date in any of its three forms; nothing if it is none, or before 1970.
pub(crate) fn parse(value: &HeaderValue) -> Option<u64> {
    let at = httpdate::parse_http_date(value.to_str().ok()?).ok()?;
    at.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// The IMF-fixdate of this second after 1970; nothing where the form has no room for the year.
pub(crate) fn encode(secs: u64) -> Option<HeaderValue> {
    const YEAR_10000: u64 = 253_402_300_800;
    if secs >= YEAR_10000 {
        return None;
    }
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(secs));
    HeaderValue::from_str(&text).ok()
}

/// `21/Nov/2026:13:00:00 +0000`, always in UTC.
pub(crate) fn common_log(at: SystemTime) -> String {
    // "Sat, 21 Nov 2026 13:00:00 GMT", of which every part has its fixed place.
    let text = httpdate::fmt_http_date(at);
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    format!("{}/{}/{}:{} +0000", part(5..7), part(8..11), part(12..16), part(17..25))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_three_forms_are_one_time() {
        for form in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse(&HeaderValue::from_static(form)), Some(784_111_777), "{form}");
        }
    }

    #[test]
    fn the_log_has_its_own_form() {
        assert_eq!(common_log(UNIX_EPOCH + Duration::from_secs(784_111_777)), "06/Nov/1994:08:49:37 +0000");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(secs in 0_u64..253_402_300_800) {
            prop_assert_eq!(parse(&encode(secs).unwrap()), Some(secs));
        }

        #[test]
        fn no_text_panics(text in "[ -~]{0,40}") {
            parse(&HeaderValue::from_str(&text).unwrap());
        }
    }

    #[test]
    fn a_year_of_five_digits_has_no_date() {
        assert_eq!(encode(253_402_300_800), None);
    }
}
