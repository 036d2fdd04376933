//! An open file as an answer: whole, in parts, or not at all.

use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use ropewalk_core::Error;
use ropewalk_core::data::files::{FileHandle, VPath};

use super::conditions::{Validators, Verdict, evaluate};
use super::{Static, failure};
use crate::server::{Body, Failure, FileRange, Request, Response};
use crate::wire::range::{Wanted, content_range, unsatisfied, wanted};
use crate::wire::{coding, date, etag};

/// Content up to this many octets is read before the head is sent, and goes with it in one write.
const WHOLE: u64 = 16 * 1024;

impl Static {
    /// Answers with this open file, or with a coded one beside it. All that is said of it comes from the handle, but
    /// for its type, which is that of `path`.
    pub(super) async fn send(
        &self,
        request: &Request,
        path: &VPath,
        file: Box<dyn FileHandle>,
    ) -> Result<Response, Failure> {
        let (file, coding) = match self.accepted(&request.headers) {
            None => (file, None),
            // Boxed, so that other answers have no room for it.
            Some(accepted) => Box::pin(self.select(accepted, path, file)).await,
        };
        let meta = file.opened();
        let len = meta.len;
        let tag = meta.etag;
        let validators = Validators::of(tag.as_ref(), meta.mtime);
        let modified = validators.modified;
        let verdict = evaluate(&request.headers, validators);

        let mut headers = HeaderMap::with_capacity(10);
        if let Some(tag) = &tag {
            headers.extend(etag::encode(tag.as_str()).map(|value| (header::ETAG, value)));
        }
        if let Some(cache) = &self.cache {
            headers.insert(header::CACHE_CONTROL, cache.clone());
        }
        if !self.codings.is_empty() {
            headers.insert(header::VARY, coding::VARY);
        }
        match verdict {
            Verdict::Failed => return Err(Failure::new(StatusCode::PRECONDITION_FAILED)),
            // RFC 9110 §15.4.5: what a cache needs, and no more.
            Verdict::NotModified => {
                if tag.is_none() {
                    headers.extend(last_modified(modified));
                }
                return Ok(answer(StatusCode::NOT_MODIFIED, headers, Body::empty()));
            }
            Verdict::Perform { .. } => headers.extend(last_modified(modified)),
        }
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, coding.value());
        }
        let media_type = self.types.of(path);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // RFC 9110 §14.2: a range is of GET alone.
        let wanted = match request.headers.get(header::RANGE) {
            Some(field) if verdict == (Verdict::Perform { range: true }) && request.method == Method::GET => {
                wanted(field, len)
            }
            _ => Wanted::All,
        };
        match wanted {
            Wanted::All => {
                headers.insert(header::CONTENT_TYPE, media_type);
                let body = if request.method == Method::HEAD {
                    headers.insert(header::CONTENT_LENGTH, len.into());
                    Body::empty()
                } else {
                    body(file, 0..len).await?
                };
                Ok(answer(StatusCode::OK, headers, body))
            }
            Wanted::Nothing => {
                let mut refusal = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE);
                if let Some(length) = unsatisfied(len) {
                    refusal = refusal.with(header::CONTENT_RANGE, length);
                }
                Err(refusal)
            }
            Wanted::Parts(parts) => {
                let body = match parts.as_slice() {
                    [part] => {
                        // RFC 9110 §15.3.7: who says what it has the first part of knows the rest of the fields.
                        if request.headers.contains_key(header::IF_RANGE) && tag.is_some() {
                            headers.remove(header::LAST_MODIFIED);
                        } else {
                            headers.insert(header::CONTENT_TYPE, media_type);
                        }
                        headers.insert(header::CONTENT_RANGE, value(content_range(part, len))?);
                        body(file, part.clone()).await?
                    }
                    parts => {
                        let boundary = boundary();
                        let file: Arc<dyn FileHandle> = file.into();
                        let mixed = value(format!("multipart/byteranges; boundary={boundary}"))?;
                        headers.insert(header::CONTENT_TYPE, mixed);
                        multipart(parts, &file, len, &media_type, &boundary)
                    }
                };
                Ok(answer(StatusCode::PARTIAL_CONTENT, headers, body))
            }
        }
    }
}

fn answer(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn last_modified(modified: Option<u64>) -> Option<(header::HeaderName, HeaderValue)> {
    Some((header::LAST_MODIFIED, date::encode(modified?)?))
}

fn value(text: String) -> Result<HeaderValue, Failure> {
    HeaderValue::try_from(text).map_err(|_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR))
}

/// A part of a file, read now where it is small.
async fn body(file: Box<dyn FileHandle>, part: Range<u64>) -> Result<Body, Failure> {
    let len = part.end - part.start;
    if len > WHOLE {
        return Ok(Body::File(FileRange::new(file.into(), part.start, len)));
    }
    let len = len as usize;
    let mut buf = BytesMut::with_capacity(len);
    while buf.len() < len {
        let offset = part.start + buf.len() as u64;
        let before = buf.len();
        match file.read_now(offset, &mut buf) {
            Some(read) => drop(read.map_err(failure)?),
            None => buf = file.read_at(offset, buf).await.map_err(failure)?,
        }
        if buf.len() == before {
            return Err(Failure::from(Error::local("the file shrank after it was opened")));
        }
    }
    buf.truncate(len);
    Ok(Body::Bytes(buf.freeze()))
}

/// Several parts of a file, each with its own head (RFC 9110 §14.6).
fn multipart(
    parts: &[Range<u64>],
    file: &Arc<dyn FileHandle>,
    len: u64,
    media_type: &HeaderValue,
    boundary: &str,
) -> Body {
    let mut bodies = Vec::with_capacity(2 * parts.len() + 1);
    for (index, part) in parts.iter().enumerate() {
        let mut head = BytesMut::with_capacity(160);
        head.extend_from_slice(if index == 0 { b"--" } else { b"\r\n--" });
        head.extend_from_slice(boundary.as_bytes());
        head.extend_from_slice(b"\r\nContent-Type: ");
        head.extend_from_slice(media_type.as_bytes());
        head.extend_from_slice(b"\r\nContent-Range: ");
        head.extend_from_slice(content_range(part, len).as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        bodies.push(Body::Bytes(head.freeze()));
        let mut range = FileRange::new(Arc::clone(file), part.start, part.end - part.start);
        // Nobody looks into a chain: how many others there are is not known there.
        range.share(usize::MAX);
        bodies.push(Body::File(range));
    }
    bodies.push(Body::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    Body::chain(bodies)
}

/// A line that no file was written to hold.
fn boundary() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let half = || RandomState::new().hash_one(COUNT.fetch_add(1, Ordering::Relaxed));
    format!("{:016x}{:016x}", half(), half())
}
