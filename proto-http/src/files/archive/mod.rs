//! A directory with all that is in it as one file, made while it is sent.

mod tar;
mod zip;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderValue, Method, header};
use ropewalk_core::data::files::{FileHandle, Files, FsError, Kind, ListOptions, Meta, Open, VPath};
use ropewalk_core::{Error, Result};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::server::{Body, Failure, Request, Response};
use tar::Tar;
use zip::Zip;

/// Directories within each other, names and octets at most; names in long paths count for more, as they are kept until they are
/// listed, or to the end. An archive that would be larger breaks off, so that nobody takes
/// it for the whole.
const DEEPEST: usize = 64;
const ENTRIES: usize = 100_000;
const LONG: usize = 256;
const OCTETS: u64 = 256 << 30;
/// Octets that are read at once, and pieces that wait to be sent.
const CHUNK: usize = 128 * 1024;
const WAITING: usize = 2;
/// Names that are asked of a directory at once.
const BATCH: usize = 256;

/// How an archive is written.
trait Format: Send + Sync + 'static {
    /// What stands before the content of a file of this length, or for a directory.
    fn begin(&mut self, name: &[u8], meta: &Meta) -> Vec<u8>;

    /// Takes note of content.
    fn content(&mut self, data: &[u8]);

    /// What stands after the content.
    fn end(&mut self) -> Vec<u8>;

    /// What stands after all of it.
    fn finish(&mut self) -> Vec<u8>;
}

/// The format that a query asks for, if any.
fn format(query: &str) -> Option<(Box<dyn Format>, &'static str, &'static str)> {
    let word = query.split('&').find_map(|pair| pair.strip_prefix("archive="))?;
    match word {
        "tar" => Some((Box::new(Tar::default()), "tar", "application/x-tar")),
        "zip" => Some((Box::new(Zip::default()), "zip", "application/zip")),
        _ => None,
    }
}

/// Whether the query asks for an archive.
pub(super) fn is_asked(request: &Request) -> bool {
    request.uri.query().is_some_and(|query| format(query).is_some())
}

/// The directory that was asked for as an archive, if the query says so.
pub(super) async fn answer(files: &Arc<dyn Files>, request: &Request) -> Option<Result<Response, Failure>> {
    let (format, extension, media_type) = format(request.uri.query()?)?;
    Some(respond(files, request, format, extension, media_type).await)
}

async fn respond(
    files: &Arc<dyn Files>,
    request: &Request,
    format: Box<dyn Format>,
    extension: &str,
    media_type: &'static str,
) -> Result<Response, Failure> {
    let meta = files.stat(&request.rest, true).await.map_err(super::failure)?;
    if meta.kind != Kind::Dir {
        return Err(super::failure(FsError::NotFound));
    }
    let name = request.path.file_name().map_or_else(|| b"files".to_vec(), |name| name.as_bytes().to_vec());
    let disposition = disposition(&[&name[..], b".", extension.as_bytes()].concat());
    let body = if request.method == Method::HEAD {
        Body::empty()
    } else {
        body(files, request, format, (name, meta)).await
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.extend(disposition.map(|value| (header::CONTENT_DISPOSITION, value)));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// RFC 6266, with the name in its two forms.
fn disposition(name: &[u8]) -> Option<HeaderValue> {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%' | '/') || c == ' ';
    let text = String::from_utf8_lossy(name);
    let plain: String = text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let full = percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC);
    HeaderValue::try_from(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}")).ok()
}

async fn body(
    files: &Arc<dyn Files>,
    request: &Request,
    format: Box<dyn Format>,
    (name, meta): (Vec<u8>, Meta),
) -> Body {
    let permit = Arc::clone(&request.facts.costly).acquire_owned().await.ok();
    let (out, chunks) = channel(WAITING);
    let walk = Walk { files: Arc::clone(files), format, out, entries: 0, octets: 0 };
    let root = request.rest.clone();
    let task = request.facts.cx.spawn(async move {
        let _permit = permit;
        walk.run(root, name, meta).await;
    });
    // The task ends with the body.
    Body::stream(stream::unfold((chunks, task), |(mut chunks, task)| async move {
        let chunk = Receiver::recv(&mut chunks).await?;
        Some((chunk, (chunks, task)))
    }))
}

struct Walk {
    files: Arc<dyn Files>,
    format: Box<dyn Format>,
    out: Sender<Result<Bytes>>,
    entries: usize,
    octets: u64,
}

impl Walk {
    async fn run(mut self, root: VPath, name: Vec<u8>, meta: Meta) {
        if let Err(error) = self.all(root, name, meta).await {
            // Nobody reads any more, if this fails.
            let _ = self.out.send(Err(error)).await;
        }
    }

    async fn all(&mut self, root: VPath, name: Vec<u8>, meta: Meta) -> Result<()> {
        let mut todo = vec![(root, name, meta, 0)];
        while let Some((dir, name, meta, depth)) = todo.pop() {
            if depth > DEEPEST {
                return Err(Error::limit("archive", "directories too deep for an archive"));
            }
            let mut stream = match self.files.list(&dir, ListOptions::default()).await {
                Ok(stream) => stream,
                Err(error) => {
                    self.passed_over(&dir, error)?;
                    continue;
                }
            };
            self.send(|format| format.begin(&[&*name, b"/"].concat(), &meta)).await?;
            self.send(|format| format.end()).await?;
            loop {
                let batch = stream.next_batch(BATCH).await;
                let batch = batch.map_err(|e| Error::local("cannot list a directory").caused_by(e))?;
                if batch.is_empty() {
                    break;
                }
                for entry in batch {
                    let name = [&*name, b"/", entry.name.as_bytes()].concat();
                    self.count(&name)?;
                    let Ok(path) = dir.join(&entry.name) else { continue };
                    match entry.meta.kind {
                        Kind::Dir => todo.push((path, name, entry.meta, depth + 1)),
                        // What links lead to is taken, but no directory: that could go on for ever.
                        Kind::File | Kind::Link => match self.files.open(&path, &Open::read()).await {
                            Ok(file) => self.file(&*file, &name).await?,
                            Err(error) => self.passed_over(&path, error)?,
                        },
                        _ => {}
                    }
                }
            }
        }
        self.send(|format| format.finish()).await
    }

    /// What has gone, or may not be read, is not in the archive; any other error breaks it off.
    fn passed_over(&self, path: &VPath, error: FsError) -> Result<()> {
        match error {
            FsError::Io(_) => Err(Error::local("cannot read a file").caused_by(error)),
            error => {
                tracing::debug!(%path, %error, "not in the archive");
                Ok(())
            }
        }
    }

    fn count(&mut self, name: &[u8]) -> Result<()> {
        self.entries += 1 + name.len() / LONG;
        if self.entries > ENTRIES {
            return Err(Error::limit("archive", "too many names for an archive"));
        }
        Ok(())
    }

    async fn file(&mut self, file: &dyn FileHandle, name: &[u8]) -> Result<()> {
        let meta = file.opened().clone();
        self.octets = self.octets.saturating_add(meta.len);
        if self.octets > OCTETS {
            return Err(Error::limit("archive", "too many octets for an archive"));
        }
        self.send(|format| format.begin(name, &meta)).await?;
        let mut offset = 0;
        while offset < meta.len {
            let room = usize::try_from(meta.len - offset).unwrap_or(CHUNK).min(CHUNK);
            let mut chunk = file.read_at(offset, BytesMut::with_capacity(room)).await;
            if let Ok(chunk) = &mut chunk {
                chunk.truncate(room);
            }
            let chunk = chunk.map_err(|e| Error::local("cannot read a file").caused_by(e))?;
            if chunk.is_empty() {
                return Err(Error::local("the file shrank after it was opened"));
            }
            offset += chunk.len() as u64;
            self.format.content(&chunk);
            self.put(chunk.freeze()).await?;
        }
        self.send(|format| format.end()).await
    }

    async fn send(&mut self, make: impl FnOnce(&mut dyn Format) -> Vec<u8>) -> Result<()> {
        let octets = make(&mut *self.format);
        if octets.is_empty() { Ok(()) } else { self.put(octets.into()).await }
    }

    async fn put(&self, octets: Bytes) -> Result<()> {
        self.out.send(Ok(octets)).await.map_err(|_| Error::peer("nobody reads the archive any more"))
    }
}

/// What a client shows of the time of a file; before 1970 it is 1970.
fn seconds(meta: &Meta) -> u64 {
    meta.mtime.and_then(|time| u64::try_from(time.secs()).ok()).unwrap_or_default()
}
