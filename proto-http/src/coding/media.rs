use std::str::FromStr;

use http::HeaderValue;
use ropewalk_core::Error;

/// What is shorter when it is compressed; all else has been compressed already, or nobody knows.
///
/// Event streams are text, but each would hold an encoder for as long as it lives.
pub(super) const COMPRESSIBLE: [&str; 24] = [
    "text/*",
    "*+json",
    "*+xml",
    "*+yaml",
    "application/json",
    "application/json5",
    "application/graphql",
    "application/javascript",
    "application/x-javascript",
    "application/xml",
    "application/xml-dtd",
    "application/yaml",
    "application/toml",
    "application/rtf",
    "application/postscript",
    "application/wasm",
    "application/x-tar",
    "application/vnd.ms-fontobject",
    "font/ttf",
    "font/otf",
    "font/collection",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
];

/// A media type, or those that begin or end alike: `application/json`, `text/*`, `*+xml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Exactly(String),
    Begins(String),
    Ends(String),
}

impl Pattern {
    fn fits(&self, media_type: &str) -> bool {
        match self {
            Self::Exactly(all) => media_type == all,
            // Only by its own name.
            Self::Begins(start) => media_type.starts_with(start) && media_type != "text/event-stream",
            Self::Ends(end) => media_type.ends_with(end),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exactly(all) => f.write_str(all),
            Self::Begins(start) => write!(f, "{start}*"),
            Self::Ends(end) => write!(f, "*{end}"),
        }
    }
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.to_ascii_lowercase();
        let is_token = |part: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
            !part.is_empty() && part.bytes().all(fits)
        };
        if let Some(end) = text.strip_prefix("*+").filter(|end| is_token(end)) {
            return Ok(Self::Ends(format!("+{end}")));
        }
        match text.split_once('/') {
            Some((kind, "*")) if is_token(kind) => Ok(Self::Begins(format!("{kind}/"))),
            Some((kind, of)) if is_token(kind) && is_token(of) => Ok(Self::Exactly(text)),
            _ => Err(Error::local(format!("{text:?} is not as `text/html`, `text/*` or `*+json`"))),
        }
    }
}

/// Whether the type of this `Content-Type` is one of these.
pub(super) fn is_one(content_type: &HeaderValue, of: &[Pattern]) -> bool {
    let Ok(text) = content_type.to_str() else { return false };
    let (media_type, _) = text.split_once(';').unwrap_or((text, ""));
    let media_type = media_type.trim().to_ascii_lowercase();
    of.iter().any(|pattern| pattern.fits(&media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_worth_it_and_what_is_compressed_is_not() {
        let known: Vec<Pattern> = COMPRESSIBLE.iter().map(|text| text.parse().unwrap()).collect();
        for (media_type, expected) in [
            ("text/html; charset=utf-8", true),
            ("Text/CSS", true),
            ("text/event-stream", false),
            ("application/json", true),
            ("application/problem+json;charset=utf-8", true),
            ("image/svg+xml", true),
            ("application/wasm", true),
            ("image/png", false),
            ("font/woff2", false),
            ("video/mp4", false),
            ("application/zip", false),
            ("application/octet-stream", false),
            ("application/jsonx", false),
            ("texts/html", false),
            ("", false),
        ] {
            assert_eq!(is_one(&HeaderValue::from_static(media_type), &known), expected, "{media_type}");
        }
        let events = ["text/event-stream".parse().unwrap()];
        assert!(is_one(&HeaderValue::from_static("text/event-stream"), &events), "where it is named");
    }

    #[test]
    fn a_pattern_is_written_as_it_is_read() {
        for text in COMPRESSIBLE {
            assert_eq!(text.parse::<Pattern>().unwrap().to_string(), text);
        }
        for bad in ["", "text", "text/", "/html", "*/*", "*", "*+", "text/h tml", "a/b/c", "*json"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }
}
