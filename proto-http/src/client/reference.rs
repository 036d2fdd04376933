//! URLs as people and servers write them (RFC 3986).

use std::fmt::Write as _;

use http::Uri;
use ropewalk_core::Error as Cause;

/// A URL that somebody typed. What cannot stand in a URL as it is, such as a space or a letter of another script, is
/// percent-encoded; a fragment is taken off.
pub(crate) fn parse(text: &str) -> Result<Uri, Cause> {
    let text = encode(text.trim())?;
    let lower = text.get(..8).unwrap_or(&text).to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err(Cause::local("the URL does not begin with http:// or https://"));
    }
    whole(&text)
}

/// What a reference in an answer of `base` points to (RFC 3986 §5.2).
pub(crate) fn resolve(base: &Uri, reference: &str) -> Result<Uri, Cause> {
    let reference = encode(reference.trim())?;
    if let Some(scheme) = scheme(&reference) {
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(Cause::peer(format!("{scheme}: is neither http: nor https:")));
        }
        return whole(&reference);
    }
    let scheme = base.scheme_str().unwrap_or("http");
    if reference.starts_with("//") {
        return whole(&format!("{scheme}:{reference}"));
    }
    let authority = base.authority().map_or("", |authority| without_user(authority.as_str()));
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference.as_str(), None),
    };
    let (path, query) = if path.is_empty() {
        (base.path().to_owned(), query.or(base.query().filter(|_| query.is_none())))
    } else if path.starts_with('/') {
        (straight(path), query)
    } else {
        let folder = base.path().rfind('/').and_then(|end| base.path().get(..=end)).unwrap_or("/");
        (straight(&format!("{folder}{path}")), query)
    };
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    whole(&format!("{scheme}://{authority}{path}{query}"))
}

/// The name and password in a URL, decoded, and the URL without them.
pub(crate) fn credentials(uri: &Uri) -> Option<(String, String)> {
    let (user, _) = uri.authority()?.as_str().rsplit_once('@')?;
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    Some((decode(name), decode(password)))
}

/// RFC 9110 §4.2.4: no user in what is sent.
pub(crate) fn strip_credentials(uri: Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    let bare = parts.authority.as_ref().and_then(|it| without_user(it.as_str()).parse().ok());
    parts.authority = bare;
    Uri::from_parts(parts).unwrap_or(uri)
}

fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn whole(text: &str) -> Result<Uri, Cause> {
    text.parse().map_err(|error: http::uri::InvalidUri| Cause::local("not a URL").caused_by(error))
}

/// The text without its fragment, and with everything encoded that must be. `%` is left as it is.
fn encode(text: &str) -> Result<String, Cause> {
    let text = text.split_once('#').map_or(text, |(before, _)| before);
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            0..0x20 | 0x7f => return Err(Cause::local("a control character in a URL")),
            b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80.. => {
                // Writing into a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
    Ok(out)
}

/// RFC 3986 §3.1.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let begins = bytes.next().is_some_and(|first| first.is_ascii_alphabetic());
    (begins && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))).then_some(scheme)
}

/// A path without its dot segments (RFC 3986 §5.2.4).
fn straight(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(out.pop()),
            segment => {
                out.push(segment);
                continue;
            }
        }
        if last {
            out.push("");
        }
    }
    format!("/{}", out.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn from(base: &str, reference: &str) -> String {
        resolve(&base.parse().unwrap(), reference).unwrap().to_string()
    }

    #[test]
    fn references_are_resolved_as_in_rfc_3986() {
        // RFC 3986 §5.4.
        for (reference, whole) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("", "http://a/b/c/d;p?q"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://other.example/x", "https://other.example/x"),
        ] {
            assert_eq!(from("http://a/b/c/d;p?q", reference), whole, "{reference}");
        }
    }

    #[test]
    fn credentials_of_the_base_are_not_passed_on() {
        assert_eq!(from("http://ann:secret@a/b", "c"), "http://a/c");
    }

    #[test]
    fn what_people_write_is_encoded_and_control_characters_are_refused() {
        assert_eq!(parse("http://a/ü b#part").unwrap(), "http://a/%C3%BC%20b");
        assert_eq!(parse("HTTP://a/100%25").unwrap().path(), "/100%25");
        for wrong in ["http://a/\r\nHost: b", "file:///etc/passwd", "a.example/x", "", "http://"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn credentials_are_taken_out_of_a_url() {
        let uri = parse("http://ann:s%40cret@a.example:81/x?y").unwrap();
        assert_eq!(credentials(&uri), Some(("ann".into(), "s@cret".into())));
        assert_eq!(strip_credentials(uri), "http://a.example:81/x?y");
    }

    proptest! {
        #[test]
        fn what_is_resolved_is_a_url_without_dot_segments(reference in "[a-z./?#%é:@ -]{0,24}") {
            if let Ok(uri) = resolve(&"http://a/b/c/d?q".parse().unwrap(), &reference)
                && uri.host() == Some("a")
                && !reference.contains("//")
            {
                prop_assert!(!uri.path().split('/').any(|segment| segment == "." || segment == ".."), "{uri}");
                prop_assert!(uri.path().starts_with('/'));
            }
        }
    }
}
