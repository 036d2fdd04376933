//! The parsers of this engine, for the targets in `fuzz/`.

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::chunked::{Decoder, Step};
use super::head::{Framing, Scan, parse};

/// The first head in these bytes, which come in pieces, and the length of its content (`None`: chunked). Nothing where
/// it does not end.
#[expect(clippy::type_complexity, reason = "a door for tests alone")]
pub fn head(bytes: &[u8], piece: usize) -> Result<Option<(Parts, Option<u64>)>, StatusCode> {
    let mut scan = Scan::default();
    let mut have = 0;
    loop {
        have = bytes.len().min(have + piece.max(1));
        let input = bytes.get(..have).unwrap_or_default();
        if let Some((start, end)) = scan.find(input, 16 * 1024)? {
            let head = Bytes::copy_from_slice(input.get(start..end).unwrap_or_default());
            let head = parse(&head, scan.fields(), 100)?;
            let length = match head.framing {
                Framing::Length(octets) => Some(octets),
                Framing::Chunked => None,
            };
            return Ok(Some((head.parts, length)));
        }
        if have == bytes.len() {
            return Ok(None);
        }
    }
}

/// What chunked content, which comes in pieces, begins with; where it ends, the trailers and what follows.
#[expect(clippy::type_complexity, reason = "a door for tests alone")]
pub fn chunked(bytes: &[u8], piece: usize) -> (Vec<u8>, ropewalk_core::Result<Option<(HeaderMap, Vec<u8>)>>) {
    let mut decoder = Decoder::default();
    let mut pieces = bytes.chunks(piece.max(1));
    let mut input = BytesMut::new();
    let mut content = Vec::new();
    loop {
        match decoder.decode(&mut input) {
            Err(error) => return (content, Err(error)),
            Ok(Step::Data(data)) => content.extend_from_slice(&data),
            Ok(Step::End(trailers)) => {
                input.extend(pieces.flatten());
                return (content, Ok(Some((trailers, input.to_vec()))));
            }
            Ok(Step::More) => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None => return (content, Ok(None)),
            },
        }
    }
}
