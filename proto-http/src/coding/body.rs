use std::pin::Pin;
use std::task::{Context as Poller, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use ropewalk_core::{Error, Result};

use super::encoder::{BLOCK, Encoder};
use super::places::Place;
use crate::server::Body;

/// Content that is coded as it is asked for, a block at a time.
pub(super) struct Coded {
    source: Body,
    /// Gone when the content has ended.
    encoder: Option<(Encoder, Place)>,
    /// What came and is not in the block yet.
    rest: Bytes,
    block: Vec<u8>,
    /// Whether what came goes on at once when there is nothing more for now.
    flushes: bool,
    /// Whether the encoder holds something that a flush would bring out.
    holds: bool,
    trailers: Option<HeaderMap>,
}

impl Coded {
    /// This content, by this encoder. Where it `flushes`, what comes out depends also on when the source had to be
    /// waited for.
    pub(super) fn new(source: Body, encoder: Encoder, place: Place, flushes: bool) -> Self {
        let source = match source {
            Body::File(file) => Body::File(file.in_chunks(BLOCK as u64)),
            other => other,
        };
        Self {
            source,
            encoder: Some((encoder, place)),
            rest: Bytes::new(),
            block: Vec::new(),
            flushes,
            holds: false,
            trailers: None,
        }
    }

    /// What a poll brings out: nothing where it has to be polled again.
    fn step(&mut self, cx: &mut Poller<'_>) -> Poll<Result<Vec<u8>>> {
        let mut out = Vec::new();
        let Some((encoder, _)) = &mut self.encoder else { return Poll::Ready(Ok(out)) };
        loop {
            let room = BLOCK - self.block.len();
            let chunk = self.rest.split_to(self.rest.len().min(room));
            self.block.extend_from_slice(&chunk);
            if self.block.len() == BLOCK {
                encoder.write(&self.block, &mut out)?;
                self.block.clear();
                self.holds = true;
                return Poll::Ready(Ok(out));
            }
            match Pin::new(&mut self.source).poll_frame(cx) {
                Poll::Ready(Some(frame)) => match frame?.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => {
                        self.trailers = frame.into_trailers().ok();
                        return Poll::Ready(self.end(out));
                    }
                },
                Poll::Ready(None) => return Poll::Ready(self.end(out)),
                Poll::Pending if self.flushes && (self.holds || !self.block.is_empty()) => {
                    encoder.write(&self.block, &mut out)?;
                    self.block.clear();
                    encoder.flush(&mut out)?;
                    self.holds = false;
                    return if out.is_empty() { Poll::Pending } else { Poll::Ready(Ok(out)) };
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn end(&mut self, mut out: Vec<u8>) -> Result<Vec<u8>> {
        if let Some((mut encoder, _)) = self.encoder.take() {
            encoder.write(&self.block, &mut out)?;
            encoder.finish(&mut out)?;
        }
        self.block = Vec::new();
        self.source = Body::empty();
        Ok(out)
    }
}

impl HttpBody for Coded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        if self.encoder.is_none() {
            return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
        }
        match std::task::ready!(self.step(cx)) {
            Ok(out) if out.is_empty() => {
                // Others get their turn after every block.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Ok(out) => Poll::Ready(Some(Ok(Frame::data(out.into())))),
            Err(error) => {
                self.encoder = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none() && self.trailers.is_none()
    }
}

/// All of a short content in a coding.
pub(super) fn whole(content: &[u8], mut encoder: Encoder) -> Result<Bytes> {
    let mut out = Vec::with_capacity(content.len() / 2);
    for block in content.chunks(BLOCK) {
        encoder.write(block, &mut out)?;
    }
    encoder.finish(&mut out)?;
    Ok(out.into())
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
