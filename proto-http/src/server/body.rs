use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context as Poller, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use ropewalk_core::{Error, Result};

use super::{Failure, FileRange};

/// The content of a request or a response.
///
/// It stays open as long as it can, so that an engine may send each kind in its own way: what is in memory goes
/// out in one write with the head, and a range of a file may be sent by the kernel.
#[non_exhaustive]
pub enum Body {
    /// All of it, in memory.
    Bytes(Bytes),
    /// A part of a file.
    File(FileRange),
    /// Frames that come one after the other; of unknown length unless its size hint is exact.
    Stream(Frames),
}

impl Body {
    /// No content.
    pub const fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// Content that comes in chunks.
    pub fn stream(chunks: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        use futures_util::StreamExt as _;
        Self::Stream(Frames::new(StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data)))))
    }

    /// Any other body, such as that of a tower service.
    pub fn wrap<B>(body: B) -> Self
    where
        B: HttpBody + Send + 'static,
        B::Data: Into<Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self::Stream(Frames::new(Foreign(Box::pin(body))))
    }

    /// One body after the other, of a known length.
    pub(crate) fn chain(bodies: impl IntoIterator<Item = Self>) -> Self {
        Self::Stream(Frames::new(Chain(bodies.into_iter().collect())))
    }

    /// The next chunk of data; trailers are passed over. `None` is the end.
    ///
    /// # Errors
    /// Where the peer went away, was too slow, or sent what is no body.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// All of it, if it is at most `most` octets.
    ///
    /// # Errors
    /// 413 where it is longer (the rest is not read), or what [`chunk`](Self::chunk) says.
    pub async fn read(mut self, most: usize) -> Result<Bytes, Failure> {
        if HttpBody::size_hint(&self).lower() > most as u64 {
            return Err(Failure::too_large());
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let mut all = BytesMut::new();
        let mut next = Some(first);
        while let Some(chunk) = next {
            if all.len() + chunk.len() > most {
                return Err(Failure::too_large());
            }
            let more = self.chunk().await?;
            if all.is_empty() && more.is_none() {
                return Ok(chunk);
            }
            all.extend_from_slice(&chunk);
            next = more;
        }
        Ok(all.freeze())
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

/// The length, and never the content.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match HttpBody::size_hint(self).exact() {
            Some(octets) => write!(f, "Body({octets})"),
            None => f.write_str("Body(..)"),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::File(file) => Poll::Ready(ready!(file.poll_chunk(cx)).map(|chunk| chunk.map(Frame::data))),
            Self::Stream(stream) => Poll::Ready(ready!(Pin::new(stream).poll_frame(cx))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::File(file) => file.len == 0,
            Self::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::File(file) => SizeHint::with_exact(file.len),
            Self::Stream(stream) => stream.size_hint(),
        }
    }
}

/// Any body. It may be shared between threads, as what holds a request is while it waits, though nobody but its
/// owner ever polls it.
pub struct Frames(Mutex<UnsyncBoxBody<Bytes, Error>>);

impl Frames {
    pub(crate) fn new(body: impl HttpBody<Data = Bytes, Error = Error> + Send + 'static) -> Self {
        Self(Mutex::new(UnsyncBoxBody::new(body)))
    }

    fn look<T>(&self, at: impl FnOnce(&UnsyncBoxBody<Bytes, Error>) -> T) -> T {
        at(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let body = self.get_mut().0.get_mut().unwrap_or_else(PoisonError::into_inner);
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.look(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.look(HttpBody::size_hint)
    }
}

/// A body of another library.
struct Foreign<B>(Pin<Box<B>>);

impl<B> HttpBody for Foreign<B>
where
    B: HttpBody,
    B::Data: Into<Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let frame = ready!(self.0.as_mut().poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(Into::into)),
            Err(error) => Err(Error::local("body failed").caused_by(error)),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// Bodies that follow each other as one.
struct Chain(VecDeque<Body>);

impl HttpBody for Chain {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        while let Some(first) = self.0.front_mut() {
            match ready!(Pin::new(first).poll_frame(cx)) {
                None => drop(self.0.pop_front()),
                frame => return Poll::Ready(frame),
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.0.iter().all(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let exact = self.0.iter().map(|body| HttpBody::size_hint(body).exact()).sum::<Option<u64>>();
        exact.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
