//! What a client would rather have (RFC 9110 §12.4.2, §12.5.1).

use http::{HeaderMap, header};

/// How much a client wants a media type, in thousandths: 0 is not at all. 1000 where it does not say.
pub(crate) fn quality(headers: &HeaderMap, media_type: &str) -> u16 {
    let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    let mut said = false;
    // The most specific range that fits counts.
    let mut best = (0, 0);
    for line in headers.get_all(header::ACCEPT) {
        said = true;
        for element in line.to_str().unwrap_or_default().split(',') {
            let mut parts = element.split(';').map(str::trim);
            let range = parts.next().unwrap_or_default();
            let specific = match range.split_once('/') {
                Some(("*", "*")) => 1,
                Some((of, "*")) if of.eq_ignore_ascii_case(kind) => 2,
                Some(_) if range.eq_ignore_ascii_case(media_type) => 3,
                _ => continue,
            };
            let weight =
                parts.find_map(|p| p.strip_prefix("q=").or(p.strip_prefix("Q="))).map_or(Some(1000), qvalue);
            if let Some(weight) = weight
                && specific > best.0
            {
                best = (specific, weight);
            }
        }
    }
    if said { best.1 } else { 1000 }
}

/// `( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )`, in thousandths.
pub(super) fn qvalue(text: &str) -> Option<u16> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    if places.len() > 3 || !places.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{places:0<3}").parse::<u16>().ok()?;
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(accept: &str) -> u16 {
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
        quality(&headers, "application/json")
    }

    #[test]
    fn the_most_specific_range_counts() {
        assert_eq!(quality(&HeaderMap::new(), "application/json"), 1000);
        assert_eq!(json("application/json"), 1000);
        assert_eq!(json("*/*;q=0.8, application/json;q=0.1"), 100);
        assert_eq!(json("application/json;q=0.1, application/*;q=0.9"), 100);
        assert_eq!(json("Application/*;Q=0.25"), 250);
        assert_eq!(json("*/*"), 1000);
        assert_eq!(json("*/*;q=0.3"), 300);
        assert_eq!(json("text/html"), 0);
        assert_eq!(json("text/*"), 0);
        assert_eq!(json("application/json;q=0.5, application/json;q=0.1"), 500, "the first of two");
        assert_eq!(json("application/json;q=0"), 0);
    }

    #[test]
    fn a_weight_is_of_three_places() {
        for (text, value) in [
            ("0", Some(0)),
            ("0.5", Some(500)),
            ("0.123", Some(123)),
            ("1.000", Some(1000)),
            ("1", Some(1000)),
            ("1.", Some(1000)),
            ("1.001", None),
            ("0.1234", None),
            ("2", None),
            ("", None),
            ("-0", None),
            (".5", None),
            ("0.+1", None),
        ] {
            assert_eq!(qvalue(text), value, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_weight_is_read(thousandths in 0_u16..=1000) {
            let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            prop_assert_eq!(qvalue(&text), Some(thousandths));
        }

        #[test]
        fn no_text_panics(text in "[ -~]{0,60}") {
            prop_assert!(json(&text) <= 1000);
        }
    }
}
