use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use ropewalk_core::{Error, Pool, Result};

use super::encoder::{BLOCK, Encoder};
use super::places::Place;
use crate::server::Body;

/// Content that is coded as it is asked for, a block at a time, by the threads of a pool.
pub(super) struct Coded {
    source: Body,
    /// Not here while it codes, and gone when the content has ended.
    encoder: Option<Encoder>,
    /// What it is at.
    work: Option<Work>,
    pool: Arc<Pool>,
    _place: Place,
    /// What came and is not in the block yet.
    rest: Bytes,
    block: Vec<u8>,
    /// Whether what came goes on at once when there is nothing more for now.
    flushes: bool,
    /// Whether the encoder holds something that a flush would bring out.
    holds: bool,
    trailers: Option<HeaderMap>,
}

type Work = Pin<Box<dyn Future<Output = Result<Done>> + Send>>;

/// What an encoder is to do with the block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Write,
    Flush,
    Finish,
}

/// What it did: the encoder again, unless that was the end, the block for what comes next, and what came out.
struct Done {
    encoder: Option<Encoder>,
    block: Vec<u8>,
    out: Vec<u8>,
}

impl Step {
    fn take(self, mut encoder: Encoder, mut block: Vec<u8>) -> Result<Done> {
        let mut out = Vec::new();
        encoder.write(&block, &mut out)?;
        block.clear();
        let encoder = match self {
            Self::Write => Some(encoder),
            Self::Flush => {
                encoder.flush(&mut out)?;
                Some(encoder)
            }
            Self::Finish => {
                encoder.finish(&mut out)?;
                None
            }
        };
        Ok(Done { encoder, block, out })
    }
}

impl Coded {
    /// This content, by this encoder. Where it `flushes`, what comes out depends also on when the source had to be
    /// waited for.
    pub(super) fn new(source: Body, encoder: Encoder, pool: &Arc<Pool>, place: Place, flushes: bool) -> Self {
        let source = match source {
            Body::File(file) => Body::File(file.in_chunks(BLOCK as u64)),
            other => other,
        };
        Self {
            source,
            encoder: Some(encoder),
            work: None,
            pool: Arc::clone(pool),
            _place: place,
            rest: Bytes::new(),
            block: Vec::new(),
            flushes,
            holds: false,
            trailers: None,
        }
    }

    /// Gathers a block. What is to be done when it is there.
    fn poll_step(&mut self, cx: &mut Poller<'_>) -> Poll<Result<Step>> {
        loop {
            let room = BLOCK - self.block.len();
            let chunk = self.rest.split_to(self.rest.len().min(room));
            self.block.extend_from_slice(&chunk);
            if self.block.len() == BLOCK {
                return Poll::Ready(Ok(Step::Write));
            }
            match Pin::new(&mut self.source).poll_frame(cx) {
                Poll::Ready(Some(frame)) => match frame?.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => {
                        self.trailers = frame.into_trailers().ok();
                        return Poll::Ready(Ok(Step::Finish));
                    }
                },
                Poll::Ready(None) => return Poll::Ready(Ok(Step::Finish)),
                Poll::Pending if self.flushes && (self.holds || !self.block.is_empty()) => {
                    return Poll::Ready(Ok(Step::Flush));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// What came out next; nothing at the end.
    fn poll_out(&mut self, cx: &mut Poller<'_>) -> Poll<Result<Vec<u8>>> {
        loop {
            if let Some(work) = &mut self.work {
                let done = ready!(work.as_mut().poll(cx));
                self.work = None;
                let done = done?;
                (self.encoder, self.block) = (done.encoder, done.block);
                if !done.out.is_empty() {
                    return Poll::Ready(Ok(done.out));
                }
            }
            if self.encoder.is_none() {
                return Poll::Ready(Ok(Vec::new()));
            }
            let step = ready!(self.poll_step(cx))?;
            self.holds = step == Step::Write;
            let Some(encoder) = self.encoder.take() else { return Poll::Ready(Ok(Vec::new())) };
            let (pool, block) = (Arc::clone(&self.pool), std::mem::take(&mut self.block));
            self.work = Some(Box::pin(async move { pool.run(move || step.take(encoder, block)).await? }));
        }
    }
}

impl HttpBody for Coded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        match ready!(self.poll_out(cx)) {
            Ok(out) if out.is_empty() => {
                Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Ok(out) => Poll::Ready(Some(Ok(Frame::data(out.into())))),
            Err(error) => {
                self.encoder = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none() && self.work.is_none() && self.trailers.is_none()
    }
}

/// All of a short content in a coding, by a thread of this pool.
pub(super) async fn whole(content: Bytes, encoder: Encoder, pool: &Pool) -> Result<Bytes> {
    let work = move || Step::Finish.take(encoder, content.into());
    Ok(pool.run(work).await??.out.into())
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
