use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::server::Body;

/// Octets that are given at once. What is no longer is given away at once, and holds nothing.
const CHUNK: usize = 64 * 1024;

/// Content in memory that holds a permit until the peer has taken all but the last of it.
pub(super) fn body(content: Vec<u8>, permit: Option<OwnedSemaphorePermit>) -> Body {
    // A buffer that grew may be twice as long as what is in it.
    let left = Bytes::from(content.into_boxed_slice());
    if left.len() <= CHUNK { Body::from(left) } else { Body::wrap(Held { left, _permit: permit }) }
}

struct Held {
    left: Bytes,
    _permit: Option<OwnedSemaphorePermit>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let octets = self.left.len().min(CHUNK);
        let chunk = self.left.split_to(octets);
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
