//! PUT and DELETE.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use http_body::Body as _;
use ropewalk_core::data::files::{Caps, Change, FileHandle, Kind, Meta, Open, Remove, VPath, Write};

use super::Static;
use super::conditions::{Validators, may_change};
use crate::dav::{Depth, Guard, Stop, View, depth, statuses};
use crate::server::{Body, Failure, Request, Response};
use crate::wire::etag;
use crate::wire::list::members;

/// Octets that are gathered before they are written.
const CHUNK: usize = 256 * 1024;

impl Static {
    /// PUT (RFC 9110 §9.3.4): the file appears when all of it is there, and until then is what it was.
    pub(super) async fn put(&self, mut request: Request) -> Result<Response, Stop> {
        let view = View::of(self, &request);
        let (path, headers) = (&view.path, &request.headers);
        // RFC 9110 §14.5: a part that is taken for the whole destroys the rest.
        if headers.contains_key(header::CONTENT_RANGE) {
            let note = "A part of a file cannot be put in its place.";
            return Err(Failure::bad_request().saying(note).into());
        }
        plain(headers)?;
        measured(&request)?;
        let there = view.there(path).await?;
        if view.slash || there.as_ref().is_some_and(|meta| meta.kind == Kind::Dir) {
            return Err(self.not_allowed(&view.path).into());
        }
        conditions(headers, there.as_ref())?;
        let guard = Guard::of(&view, headers).await?;
        let change = guarded(&guard, &view, path, there.is_some()).await?;
        let mut how = Open::write(if is_new(headers) { Write::CreateNew } else { Write::Replace });
        how.expect_len = request.body.size_hint().exact();
        if headers.contains_key(header::IF_MATCH) {
            // Nobody else has changed it either when this has come.
            how.if_match = there.as_ref().and_then(|meta| meta.etag);
        }
        let file = self.files.open(path, &how).await.map_err(Stop::change)?;
        drop(change);
        receive(&mut request.body, self.writer(&*file, (&guard, &view, path))).await?;
        // Somebody may have locked it meanwhile.
        let _change = guarded(&guard, &view, path, there.is_some()).await?;
        let meta = file.commit().await.map_err(Stop::change)?;
        Ok(written(&meta, there.is_none()))
    }

    /// What writes new content: where that grows in place, a lock can come in its way at any time.
    pub(super) fn writer<'a>(&self, file: &'a dyn FileHandle, guard: Guarded<'a>) -> Writer<'a> {
        let writer = Writer::new(file, 0);
        if self.files.caps().has(Caps::ATOMIC_PUT) { writer } else { writer.guarded(guard) }
    }

    /// DELETE: of a directory, with all that is in it (RFC 4918 §9.6.1).
    pub(super) async fn delete(&self, request: &Request) -> Result<Response, Stop> {
        let view = View::of(self, request);
        let (path, headers) = (&view.path, &request.headers);
        let there = self.files.stat(path, false).await.map_err(Stop::find)?;
        let is_dir = there.kind == Kind::Dir;
        if view.slash && !is_dir {
            return Err(StatusCode::NOT_FOUND.into());
        }
        if is_dir && depth(headers)?.is_some_and(|depth| depth != Depth::Infinity) {
            return Err(StatusCode::BAD_REQUEST.into());
        }
        if *path == VPath::ROOT {
            return Err(StatusCode::FORBIDDEN.into());
        }
        conditions(headers, Some(&there))?;
        let guard = Guard::of(&view, headers).await?;
        let _change = guard.name(&view, path).await?;
        let held = guard.below(&view, path).await?;
        if !held.is_empty() {
            return Ok(statuses(&view, held.iter().map(|path| (path, StatusCode::LOCKED))));
        }
        let what = if is_dir { Remove::Tree } else { Remove::File };
        self.files.remove(path, what).await.map_err(Stop::find)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
}

/// 411 where nobody can tell whether all of the content has come: of HTTP/1.0, only its length says so.
pub(super) fn measured(request: &Request) -> Result<(), Stop> {
    if request.version < Version::HTTP_11 && !request.headers.contains_key(header::CONTENT_LENGTH) {
        let note = "Over HTTP/1.0, Content-Length says where the content ends.";
        return Err(Failure::new(StatusCode::LENGTH_REQUIRED).saying(note).closing().into());
    }
    Ok(())
}

/// What is coded would be kept as something else than it is (RFC 9110 §8.4, §15.5.16).
pub(super) fn plain(headers: &HeaderMap) -> Result<(), Stop> {
    let mut codings = members(headers.get_all(header::CONTENT_ENCODING).iter());
    if codings.all(|coding| coding.eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let known = HeaderValue::from_static("identity");
    Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).with(header::ACCEPT_ENCODING, known).into())
}

/// 412 where a condition of the request does not hold for what is there.
pub(crate) fn conditions(headers: &HeaderMap, there: Option<&Meta>) -> Result<(), Stop> {
    let validators = there.map(|meta| Validators::of(meta.etag.as_ref(), meta.mtime));
    if may_change(headers, validators) { Ok(()) } else { Err(StatusCode::PRECONDITION_FAILED.into()) }
}

/// Whether there is anything that [`conditions`] could find not to hold.
pub(crate) fn is_conditional(headers: &HeaderMap) -> bool {
    [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_UNMODIFIED_SINCE]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// Whether nothing is to be replaced, whatever it is.
fn is_new(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(header::IF_NONE_MATCH).iter();
    fields.next().is_some_and(|field| field.as_bytes().trim_ascii() == b"*")
}

/// Whether no lock is in the way of a file, new or there.
pub(super) async fn guarded(
    guard: &Guard,
    view: &View,
    path: &VPath,
    is_there: bool,
) -> Result<Change, Stop> {
    if is_there { guard.content(view, path).await } else { guard.name(view, path).await }
}

/// Writes the content as it comes.
pub(super) async fn receive(body: &mut Body, mut writer: Writer<'_>) -> Result<(), Stop> {
    while let Some(chunk) = body.chunk().await? {
        writer.write(chunk).await?;
    }
    writer.finish().await
}

/// Gathers what comes in small pieces, for a write costs more than a copy.
pub(super) struct Writer<'a> {
    file: &'a dyn FileHandle,
    offset: u64,
    gathered: BytesMut,
    guard: Option<Guarded<'a>>,
}

/// What says whether a lock is in the way of what is at a path.
pub(super) type Guarded<'a> = (&'a Guard, &'a View, &'a VPath);

impl<'a> Writer<'a> {
    pub(super) fn new(file: &'a dyn FileHandle, offset: u64) -> Self {
        Self { file, offset, gathered: BytesMut::new(), guard: None }
    }

    /// Before each write, sees whether a lock is in the way by now: for what is written in place.
    pub(super) fn guarded(self, guard: Guarded<'a>) -> Self {
        Self { guard: Some(guard), ..self }
    }

    pub(super) async fn write(&mut self, chunk: Bytes) -> Result<(), Stop> {
        if self.gathered.is_empty() && chunk.len() >= CHUNK / 4 {
            return self.put(chunk).await;
        }
        self.gathered.extend_from_slice(&chunk);
        if self.gathered.len() >= CHUNK { self.finish().await } else { Ok(()) }
    }

    /// Writes what is left.
    pub(super) async fn finish(&mut self) -> Result<(), Stop> {
        let rest = self.gathered.split().freeze();
        if rest.is_empty() { Ok(()) } else { self.put(rest).await }
    }

    async fn put(&mut self, data: Bytes) -> Result<(), Stop> {
        let _change = match self.guard {
            Some((guard, view, path)) => guard.content(view, path).await?,
            None => Change::default(),
        };
        let octets = data.len() as u64;
        self.file.write_at(self.offset, data).await.map_err(Stop::change)?;
        self.offset = self.offset.saturating_add(octets);
        Ok(())
    }
}

/// 201 or 204, with the tag of what is there now.
pub(super) fn written(meta: &Meta, is_new: bool) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = if is_new { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    // RFC 9110 §9.3.4: it is kept as it came.
    let tag = meta.etag.as_ref().and_then(|tag| etag::encode(tag.as_str()));
    response.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
    response
}
