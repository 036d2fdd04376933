//! The parsers of HTTP, each alone.

use http::{HeaderMap, HeaderValue, Uri, Version, header};
use ropewalk_http::fuzzing;

/// Sizes of the pieces that bytes come in.
const PIECES: [usize; 4] = [1, 2, 7, 64];

/// The head of a request is the same however it comes, and is read again from what it is written as.
pub fn head(bytes: &[u8]) {
    let told = |bytes: &[u8], piece| fuzzing::head(bytes, piece).map(|head| head.map(|it| format!("{it:?}")));
    let whole = told(bytes, usize::MAX);
    for piece in PIECES {
        assert_eq!(told(bytes, piece), whole, "in pieces of {piece}");
    }
    if let Ok(Some((parts, _))) = fuzzing::head(bytes, usize::MAX) {
        let mut again =
            format!("{} {} {:?}\r\n", parts.method, target_of(&parts.uri, &parts.method), parts.version)
                .into_bytes();
        for (name, value) in &parts.headers {
            again.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        again.extend(b"\r\n");
        assert_eq!(told(&again, usize::MAX), whole, "{}", again.escape_ascii());
        assert!(parts.headers.len() <= 100);
        assert!(
            parts.headers.values().all(|value| !value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)))
        );
    }
}

/// A URI as it stands in a request line: `http` writes an absolute one with a path.
fn target_of(uri: &Uri, method: &http::Method) -> String {
    if method == http::Method::CONNECT {
        uri.authority().map_or_else(String::new, ToString::to_string)
    } else {
        uri.to_string()
    }
}

/// Chunked content is the same however it comes, and no longer than what it came in.
pub fn chunked(bytes: &[u8]) {
    let told = |piece| {
        let (content, end) = fuzzing::chunked(bytes, piece);
        (content, end.map_err(|error| error.to_string()))
    };
    let whole = told(usize::MAX);
    assert!(whole.0.len() <= bytes.len());
    for piece in PIECES {
        let (content, end) = told(piece);
        match &whole.1 {
            // What is wrong may be seen later than content before it was given.
            Ok(_) => assert_eq!((content, end), whole, "in pieces of {piece}"),
            Err(_) => assert_eq!(end, whole.1, "in pieces of {piece}"),
        }
    }
    if let (_, Ok(Some((trailers, rest)))) = &whole {
        assert!(!trailers.contains_key(header::CONTENT_LENGTH) && !trailers.contains_key(header::HOST));
        assert!(bytes.ends_with(rest));
    }
}

/// Fields whose values are lists, tags, weights, dates: the first octet says a length.
pub fn fields(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let values: Vec<_> = rest.split(|byte| *byte == b'\n').flat_map(HeaderValue::from_bytes).collect();
    let length = u64::from(*first) * u64::from(*first);
    let mut headers = HeaderMap::new();
    for value in &values {
        if let Some(parts) = fuzzing::parts(value, length) {
            assert!(!parts.is_empty() && parts.len() <= 16);
            assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
            assert!(parts.iter().map(|part| part.end - part.start).sum::<u64>() <= length, "{value:?}");
        }
        if let Some(seconds) = fuzzing::date(value) {
            let written = fuzzing::written_date(seconds).expect("a year of four digits");
            assert_eq!(fuzzing::date(&written), Some(seconds), "{value:?}");
        }
        headers.append(header::IF_MATCH, value.clone());
        headers.append(header::ACCEPT, value.clone());
        headers.append(header::ACCEPT_ENCODING, value.clone());
    }
    let codings = fuzzing::codings(&headers);
    assert!(codings.iter().enumerate().all(|(n, coding)| !codings[..n].contains(coding)), "{codings:?}");
    assert!(fuzzing::quality(&headers, "text/html") <= 1000);
    if let Some((strong, weak)) = fuzzing::has_tag(&headers, "a") {
        assert!(weak || !strong, "what is strong is weak");
    }
    if let Some(text) =
        values.first().and_then(|value| value.to_str().ok()).filter(|it| !it.contains(['"', ' ', '\t']))
    {
        let list = HeaderMap::from_iter(fuzzing::tag(text).map(|tag| (header::IF_MATCH, tag)));
        assert_eq!(fuzzing::has_tag(&list, text), Some((true, true)), "{text:?}");
    }
}

/// A path that is decoded has no dots and no empty names, and is read again from what it is written as. A host is one.
pub fn target(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Some((path, written)) = fuzzing::path(text) {
        let names = path.split(|byte| *byte == b'/').skip(1);
        assert!(
            path == b"/" || names.clone().all(|name| !matches!(name, b"" | b"." | b"..")),
            "{}",
            path.escape_ascii()
        );
        assert!(!path.contains(&0));
        assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written}");
        assert_eq!(fuzzing::path(&written).map(|it| it.0), Some(path), "{written}");
        assert!(!written.starts_with("//"));
    }
    let Ok(value) = HeaderValue::from_str(text) else { return };
    let uri = Uri::from_static("/");
    let headers = HeaderMap::from_iter([(header::HOST, value)]);
    if fuzzing::is_host(Version::HTTP_11, &uri, &headers) && !text.is_empty() {
        assert!(!text.contains(['@', '/', '?', '#', ' ', ',']) || text.contains(','), "{text:?}");
        let digits = text.rsplit(':').next().unwrap_or_default();
        assert!(
            text.contains(']') || !text.contains(':') || digits.is_empty() || digits.parse::<u16>().is_ok(),
            "{text:?}"
        );
    }
}

/// A document of WebDAV is read again from what it is written as. Conditions are read, or not.
pub fn dav(bytes: &[u8]) {
    fuzzing::conditions(bytes);
    if let Some(written) = fuzzing::document(bytes) {
        assert_eq!(fuzzing::document(written.as_bytes()).as_ref(), Some(&written), "{written}");
    }
}

/// Frames are the same however they come; the first octet says to whom.
pub fn frames(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let told = |piece| fuzzing::frames(rest, first & 1 == 0, piece);
    let whole = told(usize::MAX);
    for piece in PIECES {
        assert_eq!(told(piece), whole, "in pieces of {piece}");
    }
}
