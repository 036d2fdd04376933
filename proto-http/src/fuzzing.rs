//! What the targets in `fuzz/` reach of this crate. It is there under `--cfg fuzzing` alone, and no part of the API.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, Uri, Version, header};

pub use crate::dav::fuzzing::{conditions, document};
pub use crate::server::fuzzing::{chunked, head};
use crate::wire::{accept, coding, date, etag, host, range, target};
pub use crate::ws::fuzzing::frames;

/// The parts that a `Range` asks for.
pub fn parts(field: &HeaderValue, length: u64) -> Option<Vec<Range<u64>>> {
    match range::wanted(field, length) {
        range::Wanted::Parts(parts) => Some(parts),
        range::Wanted::All | range::Wanted::Nothing => None,
    }
}

/// Whether a list of tags has this one: by the strong comparison, and by the weak.
pub fn has_tag(lines: &HeaderMap, tag: &str) -> Option<(bool, bool)> {
    let tags = etag::Tags::parse(lines.get_all(header::IF_MATCH))?;
    Some((tags.has_strong(Some(tag)), tags.has_weak(Some(tag))))
}

pub fn tag(text: &str) -> Option<HeaderValue> {
    etag::encode(text)
}

pub fn quality(headers: &HeaderMap, media_type: &str) -> u16 {
    accept::quality(headers, media_type)
}

pub fn is_host(version: Version, uri: &Uri, headers: &HeaderMap) -> bool {
    host::check(version, uri, headers).is_ok()
}

/// The path that a target names, and how it is written.
pub fn path(target: &str) -> Option<(Vec<u8>, String)> {
    let decoded = target::decode(target)?;
    Some((decoded.path.as_bytes().to_vec(), target::encode_path(&decoded.path)))
}

pub fn date(field: &HeaderValue) -> Option<u64> {
    date::parse(field)
}

pub fn written_date(seconds: u64) -> Option<HeaderValue> {
    date::encode(seconds)
}

/// The codings of ours that a client takes, the best first.
pub fn codings(headers: &HeaderMap) -> Vec<coding::Coding> {
    use coding::Coding::{Brotli, Gzip, Zstd};
    coding::Accepted::of(headers)
        .map_or(Vec::new(), |accepted| accepted.best(&[Brotli, Gzip, Zstd]).collect())
}
