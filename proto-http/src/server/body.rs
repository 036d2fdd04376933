use std::pin::Pin;
use std::task::{Context as Poller, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use ropewalk_core::{Error, Result};

use super::Failure;

/// The content of a request or a response.
///
/// It stays open as long as it can, so that an engine may send each kind in its own way: what is in memory goes
/// out in one write with the head, and a range of a file may be sent by the kernel.
#[non_exhaustive]
pub enum Body {
    /// All of it, in memory.
    Bytes(Bytes),
    /// Frames that come one after the other; of unknown length unless its size hint is exact.
    Stream(UnsyncBoxBody<Bytes, Error>),
}

impl Body {
    /// No content.
    pub const fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// Content that comes in chunks.
    pub fn stream(chunks: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        use futures_util::StreamExt as _;
        Self::Stream(UnsyncBoxBody::new(StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data)))))
    }

    /// Any other body, such as that of a tower service.
    pub fn wrap<B>(body: B) -> Self
    where
        B: HttpBody + Send + 'static,
        B::Data: Into<Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = body
            .map_frame(|frame| frame.map_data(Into::into))
            .map_err(|error| Error::local("body failed").caused_by(error));
        Self::Stream(UnsyncBoxBody::new(body))
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

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(stream) => Poll::Ready(ready!(Pin::new(stream).poll_frame(cx))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(stream) => stream.size_hint(),
        }
    }
}
