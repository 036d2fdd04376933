//! Content without its codings (RFC 9110 §8.4).

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Poller, Poll, ready};
use std::{fmt, io};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder};
use bytes::{Buf as _, Bytes};
use http::{HeaderMap, header};
use http_body::{Body as HttpBody, Frame};
use ropewalk_core::Error as Cause;
use tokio::io::{AsyncBufRead, AsyncRead, BufReader, ReadBuf};

use super::Phase;
use super::content::{Framed, Receiving};

/// Octets that are decoded at once.
const CHUNK: usize = 32 * 1024;
/// Octets that come of any content, however small it was.
const ALWAYS: u64 = 16 * 1024 * 1024;
/// Codings one on the other; more are refused.
const CODINGS: usize = 2;

/// A coding that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        })
    }
}

/// The codings of this content, in the order in which they were applied; none where one is not known.
///
/// # Errors
/// A limit's, where there are too many.
pub(super) fn codings(fields: &HeaderMap) -> Result<Vec<Coding>, Cause> {
    let mut found = Vec::new();
    for line in fields.get_all(header::CONTENT_ENCODING) {
        for name in line.as_bytes().split(|byte| *byte == b',') {
            found.push(match name.trim_ascii().to_ascii_lowercase().as_slice() {
                b"gzip" | b"x-gzip" => Coding::Gzip,
                b"br" => Coding::Brotli,
                b"identity" | b"" => continue,
                _ => return Ok(Vec::new()),
            });
        }
    }
    if found.len() > CODINGS {
        let says =
            format!("the content has {} codings one on the other: {CODINGS} are the most", found.len());
        return Err(Cause::limit("codings", says));
    }
    Ok(found)
}

type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// Content that is decoded as it comes.
pub(super) struct Decoding {
    /// None at the end of what is coded.
    reader: Option<Reader>,
    coded: Coded,
    decoded: u64,
    expansion: u32,
    ended: bool,
}

impl Decoding {
    pub(super) fn new(content: Receiving, codings: &[Coding], expansion: u32) -> Self {
        let inner = Inner { content, octets: 0, taken: 0, trailers: None };
        let coded = Coded { inner: Arc::new(Mutex::new(inner)), chunk: Bytes::new() };
        let mut reader: Option<Reader> = None;
        for coding in codings.iter().rev() {
            reader = Some(match reader {
                None => decoder(*coding, coded.clone()),
                Some(below) => decoder(*coding, BufReader::new(below)),
            });
        }
        Self { reader, coded, decoded: 0, expansion, ended: false }
    }

    fn poll_decoded(&mut self, cx: &mut Poller<'_>) -> Poll<Result<Bytes, Cause>> {
        let Some(reader) = &mut self.reader else { return Poll::Ready(Ok(Bytes::new())) };
        let mut chunk = vec![0; CHUNK];
        let mut buf = ReadBuf::new(&mut chunk);
        ready!(reader.as_mut().poll_read(cx, &mut buf)).map_err(undecodable)?;
        let octets = buf.filled().len();
        chunk.truncate(octets);
        self.decoded += octets as u64;
        let coded = self.coded.inner().octets;
        if self.decoded > ALWAYS && self.decoded > coded.saturating_mul(self.expansion.into()) {
            let says = format!("{coded} octets became {}: made to fill the disk", self.decoded);
            return Poll::Ready(Err(Phase::Body.failed(Cause::limit("expansion", says)).into()));
        }
        Poll::Ready(Ok(chunk.into()))
    }

    /// What follows what is coded: the end, or trailers.
    fn poll_rest(&mut self, cx: &mut Poller<'_>) -> Framed {
        let rest = ready!(self.coded.poll_chunk(cx));
        let all_taken = {
            let inner = self.coded.inner();
            inner.taken == inner.octets
        };
        match rest {
            Ok(chunk) if chunk.is_empty() && all_taken => {
                self.ended = true;
                Poll::Ready(self.coded.inner().trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Ok(_) => {
                self.fail(Phase::Body.failed(Cause::peer("octets after the end of coded content")).into())
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: Cause) -> Framed {
        self.ended = true;
        self.reader = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl HttpBody for Decoding {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Framed {
        if self.ended {
            return Poll::Ready(None);
        }
        match ready!(self.poll_decoded(cx)) {
            Ok(chunk) if chunk.is_empty() => {
                self.reader = None;
                self.poll_rest(cx)
            }
            Ok(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            Err(error) => self.fail(error),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

fn decoder(coding: Coding, below: impl AsyncBufRead + Send + 'static) -> Reader {
    match coding {
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(below);
            // By RFC 1952 a file is a series of members.
            decoder.multiple_members(true);
            Box::pin(decoder)
        }
        Coding::Brotli => Box::pin(BrotliDecoder::new(below)),
    }
}

fn undecodable(error: io::Error) -> Cause {
    match error.downcast::<Cause>() {
        // It came through the decoder as it was.
        Ok(ours) => ours,
        Err(theirs) => {
            Phase::Body.failed(Cause::peer("the content is not coded as it says").caused_by(theirs)).into()
        }
    }
}

/// Content with its codings, for a decoder to read. Clones share the content, and not what they have taken of it.
struct Coded {
    inner: Arc<Mutex<Inner>>,
    chunk: Bytes,
}

struct Inner {
    content: Receiving,
    /// That have come, and of them, that were decoded.
    octets: u64,
    taken: u64,
    trailers: Option<HeaderMap>,
}

impl Clone for Coded {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), chunk: Bytes::new() }
    }
}

impl Coded {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next octets; none at the end.
    fn poll_chunk(&self, cx: &mut Poller<'_>) -> Poll<Result<Bytes, Cause>> {
        let mut inner = self.inner();
        while let Some(frame) = ready!(Pin::new(&mut inner.content).poll_frame(cx)) {
            match frame?.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    inner.octets += data.len() as u64;
                    return Poll::Ready(Ok(data));
                }
                Err(frame) => inner.trailers = frame.into_trailers().ok(),
            }
        }
        Poll::Ready(Ok(Bytes::new()))
    }
}

impl AsyncBufRead for Coded {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.chunk.is_empty() {
            this.chunk = ready!(this.poll_chunk(cx))?;
        }
        Poll::Ready(Ok(&this.chunk))
    }

    fn consume(mut self: Pin<&mut Self>, octets: usize) {
        self.chunk.advance(octets);
        self.inner().taken += octets as u64;
    }
}

impl AsyncRead for Coded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let octets = {
            let chunk = ready!(self.as_mut().poll_fill_buf(cx))?;
            let octets = chunk.len().min(buf.remaining());
            buf.put_slice(chunk.get(..octets).unwrap_or_default());
            octets
        };
        self.consume(octets);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&'static str]) -> Result<Vec<Coding>, Cause> {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(header::CONTENT_ENCODING, http::HeaderValue::from_static(line));
        }
        codings(&fields)
    }

    #[test]
    fn codings_are_known_or_all_are_left_on() {
        assert_eq!(of(&["gzip"]).unwrap(), [Coding::Gzip]);
        assert_eq!(of(&["X-GZIP , identity", "br"]).unwrap(), [Coding::Gzip, Coding::Brotli]);
        for left in [&["zstd"][..], &["gzip, aes128gcm"], &["identity"], &[]] {
            assert_eq!(of(left).unwrap(), [], "{left:?}");
        }
    }

    #[test]
    fn too_many_codings_are_refused_and_not_left_on() {
        for lines in [&["gzip, gzip, gzip"][..], &["gzip", "br, gzip"]] {
            assert_eq!(of(lines).unwrap_err().limit_name(), Some("codings"), "{lines:?}");
        }
    }
}
