//! A file that has come in part: `FILE.part`, and beside it `FILE.part.tag`, which says of what it is a part.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use ropewalk_core::{Error, Result};
use ropewalk_http::client::Report;
use ropewalk_http::{Body, HeaderMap, HeaderValue, HttpResponse, header};

/// Octets of `FILE.part.tag` that are read.
const LONGEST_TAG: u64 = 8 * 1024;

/// What is there of an earlier attempt.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) octets: u64,
    /// For `If-Range`: it stands for the content octet by octet (RFC 9110 §8.8.1).
    pub(super) validator: HeaderValue,
}

/// The file until it is whole.
pub(super) fn path(file: &Path) -> PathBuf {
    with(file, ".part")
}

fn tag(file: &Path) -> PathBuf {
    with(file, ".part.tag")
}

fn with(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The part of this file, if it can be gone on with.
pub(super) fn find(file: &Path) -> Result<Option<Part>> {
    let octets = match fs::symlink_metadata(path(file)) {
        Ok(found) if found.is_file() => found.len(),
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let tag = tag(file);
    let small = fs::symlink_metadata(&tag).is_ok_and(|found| found.is_file() && found.len() <= LONGEST_TAG);
    if octets == 0 || !small {
        return Ok(None);
    }
    let text = fs::read(&tag)?;
    let validator = HeaderValue::from_bytes(text.trim_ascii_end()).ok().filter(|value| !value.is_empty());
    Ok(validator.map(|validator| Part { octets, validator }))
}

/// Notes what the part will be a part of; nothing where the answer does not say it surely enough.
pub(super) fn note(file: &Path, answer: &HttpResponse<Body>) -> Result<()> {
    note_as(file, strong(answer.headers()).filter(|_| !is_coded(answer)))
}

/// Notes that the part will be a part of what has this validator, if it has one.
pub(super) fn note_as(file: &Path, validator: Option<&HeaderValue>) -> Result<()> {
    let tag = tag(file);
    // A link that somebody put there is not followed.
    forget(&tag)?;
    let Some(validator) = validator else { return Ok(()) };
    let made = OpenOptions::new().write(true).create_new(true).open(&tag);
    made.and_then(|mut made| made.write_all(&[validator.as_bytes(), b"\n"].concat()))
        .map_err(|error| Error::local(format!("cannot make {}", tag.display())).caused_by(error))
}

/// Removes a file, if it is there.
fn forget(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::local(format!("cannot remove {}", file.display())).caused_by(error))
        }
        _ => Ok(()),
    }
}

/// Removes what says of what it is a part.
pub(super) fn forget_tag(file: &Path) -> Result<()> {
    forget(&tag(file))
}

/// Removes the part itself.
pub(super) fn forget_part(file: &Path) -> Result<()> {
    forget(&path(file))
}

/// What stands for the content octet by octet: an entity tag that is not weak, or else a date of change that lies a
/// minute and more before the answer's (RFC 9110 §8.8.2.2).
fn strong(fields: &HeaderMap) -> Option<&HeaderValue> {
    if let Some(tag) = fields.get(header::ETAG) {
        let text = tag.as_bytes();
        return (text.len() >= 2 && text.starts_with(b"\"") && text.ends_with(b"\"")).then_some(tag);
    }
    let changed = fields.get(header::LAST_MODIFIED)?;
    let seconds = |value: &HeaderValue| httpdate::parse_http_date(value.to_str().ok()?).ok();
    let age = seconds(fields.get(header::DATE)?)?.duration_since(seconds(changed)?).ok()?;
    (age.as_secs() >= 60).then_some(changed)
}

/// What `Content-Range` says (RFC 9110 §14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The first and the last octet; none where none could be given.
    pub(super) range: Option<(u64, u64)>,
    /// The length of the whole, if it is known.
    pub(super) whole: Option<u64>,
}

/// Where what this answer has in it belongs, if it says that.
pub(super) fn place(fields: &HeaderMap) -> Option<Place> {
    let text = fields.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, whole) = text.strip_prefix("bytes ")?.trim().split_once('/')?;
    let whole = if whole == "*" { None } else { Some(whole.parse().ok()?) };
    if range == "*" {
        return Some(Place { range: None, whole });
    }
    let (first, last): (u64, u64) =
        range.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)))?;
    let fits = first <= last && last < whole.unwrap_or(u64::MAX);
    fits.then_some(Place { range: Some((first, last)), whole })
}

impl Part {
    /// Whether an answer is of the very content that this is a part of (RFC 9110 §15.3.7.3). Who has understood
    /// `If-Range` with a date need not say the date again.
    pub(super) fn is_of(&self, answer: &HttpResponse<Body>) -> bool {
        let fields = answer.headers();
        let is_same = if self.validator.as_bytes().starts_with(b"\"") {
            fields.get(header::ETAG) == Some(&self.validator)
        } else {
            fields.get(header::LAST_MODIFIED).is_none_or(|changed| *changed == self.validator)
        };
        is_same && !is_coded(answer)
    }
}

/// Whether the content is, or was, in a coding.
fn is_coded(answer: &HttpResponse<Body>) -> bool {
    let decoded = answer.extensions().get::<Report>().is_some_and(|report| !report.decoded.is_empty());
    let mut codings = answer.headers().get_all(header::CONTENT_ENCODING).iter();
    decoded || codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_what_stands_for_each_octet_is_kept() {
        const THEN: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (all, kept) in [
            (&[("etag", "\"a\"")][..], Some("\"a\"")),
            (&[("etag", "W/\"a\""), THEN, ("date", "Sun, 06 Nov 1994 10:00:00 GMT")], None),
            (&[("etag", "a")], None),
            (&[THEN, ("date", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(THEN.1)),
            (&[THEN, ("date", "Sun, 06 Nov 1994 08:50:36 GMT")], None),
            (&[THEN, ("date", "Sun, 06 Nov 1993 08:50:36 GMT")], None),
            (&[THEN], None),
            (&[], None),
        ] {
            assert_eq!(strong(&fields(all)).map(|value| value.to_str().unwrap()), kept, "{all:?}");
        }
    }

    #[test]
    fn content_range_is_read_strictly() {
        let place_of = |range, whole| Some(Place { range, whole });
        for (text, read) in [
            ("bytes 5-9/10", place_of(Some((5, 9)), Some(10))),
            ("bytes 5-9/*", place_of(Some((5, 9)), None)),
            ("bytes */10", place_of(None, Some(10))),
            ("bytes 5-10/10", None),
            ("bytes 9-5/10", None),
            ("octets 5-9/10", None),
            ("bytes 5-9", None),
            ("bytes -9/10", None),
            ("bytes 5-99999999999999999999/*", None),
            ("bytes 5-18446744073709551615/*", None),
        ] {
            assert_eq!(place(&fields(&[("content-range", text)])), read, "{text}");
        }
    }
}
