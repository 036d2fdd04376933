//! What forms send: pairs in one line, or parts that may be files. Nothing of it is held beyond its limits.
#![deny(clippy::indexing_slicing)]

mod multipart;
mod params;
mod split;
mod urlencoded;

use std::fmt;

use http::{HeaderMap, StatusCode, header};
use ropewalk_core::Error;

use crate::server::Failure;
pub use multipart::{Multipart, Part};
use params::Typed;
pub use urlencoded::Urlencoded;

/// What a form may hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FormLimits {
    /// Octets in all, as they are sent.
    pub total: u64,
    /// Fields or parts.
    pub fields: usize,
    /// Octets of the name of one.
    pub name: usize,
    /// Octets of the value of one, or the content of a part.
    pub part: u64,
    /// Octets of the head of a part.
    pub head: usize,
}

impl Default for FormLimits {
    fn default() -> Self {
        Self { total: 1024 * 1024, fields: 256, name: 256, part: 1024 * 1024, head: 8 * 1024 }
    }
}

/// Why something is no form, or not one for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bad {
    MediaType,
    Charset,
    Boundary,
    Encoding,
    Utf8,
    /// A line after a delimiter, or a head, that is none.
    Part,
    Disposition,
    Unfinished,
    Total,
    Fields,
    Name,
    Size,
    Head,
}

impl Bad {
    fn status(self) -> StatusCode {
        match self {
            Self::MediaType | Self::Charset => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Total | Self::Fields | Self::Name | Self::Size | Self::Head => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MediaType => "not the content type of a form",
            Self::Charset => "a form in another charset than UTF-8",
            Self::Boundary => "a form without a valid boundary",
            Self::Encoding => "a percent sign without two digits behind it",
            Self::Utf8 => "a text that is not UTF-8",
            Self::Part => "a part without a head that can be read",
            Self::Disposition => "a part that does not say the name of its field",
            Self::Unfinished => "a form that breaks off",
            Self::Total => "a form that is too long",
            Self::Fields => "too many fields",
            Self::Name => "the name of a field is too long",
            Self::Size => "a field that is too long",
            Self::Head => "the head of a part is too long",
        })
    }
}

impl std::error::Error for Bad {}

/// The peer is told by the status alone; the log has the rest.
impl From<Bad> for Failure {
    fn from(bad: Bad) -> Self {
        let failure = match bad.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(),
            status => Self::new(status),
        };
        failure.caused_by(Error::peer("bad form").caused_by(bad))
    }
}

/// The content type of a request, if it is this one.
fn content_type(headers: &HeaderMap, expected: &str) -> Result<Typed, Bad> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Bad::MediaType) };
    let typed = Typed::parse(value.as_bytes()).ok_or(Bad::MediaType)?;
    if typed.word.eq_ignore_ascii_case(expected) { Ok(typed) } else { Err(Bad::MediaType) }
}

/// Whether what is so typed is in UTF-8, or in a subset of it.
fn utf8(typed: &Typed) -> Result<(), Bad> {
    let known =
        |charset: &[u8]| [&b"utf-8"[..], b"us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known));
    if typed.param("charset").is_none_or(known) { Ok(()) } else { Err(Bad::Charset) }
}
