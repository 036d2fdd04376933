use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use http::Version;
use http_body::Body as _;
use ropewalk_core::{Error, Result};

use super::super::Body;
use super::super::deadlines::Times;
use super::super::sent::Sent;
use super::content::Content;
use super::encode::{self, Framing, Persistence};
use super::link::Link;
use super::session::{Asked, poll_drive};
use super::{chunked, sendfile};

/// Content up to this many octets is copied behind its head: one buffer is written faster than two.
const COPIED: usize = 4 * 1024;

/// Sends an answer. Whether the connection can go on after it.
///
/// # Errors
/// Where the peer takes no bytes, or the content failed: the connection is then to be cut.
pub(super) async fn send(
    link: &mut Link,
    response: http::Response<Sent>,
    asked: &Asked,
    closes: bool,
    content: &mut Option<Box<Content>>,
    times: Times,
) -> Result<bool> {
    let (head, mut sent) = response.into_parts();
    let framing = encode::framing(asked.is_head, asked.version, head.status, &head.headers, &sent.body);
    let closes = closes || framing == Framing::Close;
    let persistence = match asked.version {
        _ if closes => Persistence::Close,
        Version::HTTP_10 => Persistence::KeepAlive,
        _ => Persistence::Usual,
    };
    encode::head(&mut link.front, head.status, &head.headers, framing, persistence);
    drop(head);
    match (framing, std::mem::take(&mut sent.body)) {
        (Framing::Nothing, _) => flush(link).await?,
        (_, Body::Bytes(bytes)) => {
            let octets = bytes.len() as u64;
            match bytes.len() {
                ..=COPIED => link.front.extend_from_slice(&bytes),
                _ => link.data = bytes,
            }
            flush(link).await?;
            sent.octets += octets;
        }
        (_, Body::File(file)) if sendfile::can(&link.conn, &file) => {
            sendfile::send(link, file, times.write, &mut sent.octets).await?;
        }
        (framing, body) => {
            let mut out = Stream { framing, trailers: asked.takes_trailers, left: u64::MAX };
            link.resets = framing == Framing::Close;
            out.send(link, body, content, &mut sent.octets).await?;
            link.resets = false;
        }
    }
    Ok(!closes)
}

pub(super) async fn flush(link: &mut Link) -> Result<()> {
    poll_fn(|cx| link.poll_flush(cx)).await
}

/// Content that comes in frames.
struct Stream {
    framing: Framing,
    trailers: bool,
    /// Octets that are still to come, where the length was said.
    left: u64,
}

impl Stream {
    async fn send(
        &mut self,
        link: &mut Link,
        mut body: Body,
        content: &mut Option<Box<Content>>,
        octets: &mut u64,
    ) -> Result<()> {
        if let Framing::Length(length) = self.framing {
            self.left = length;
        }
        let mut trailers = http::HeaderMap::new();
        while let Some(frame) = next(link, &mut body, content).await? {
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    *octets += data.len() as u64;
                    self.frame(link, data)?;
                    flush(link).await?;
                }
                Err(frame) => trailers.extend(frame.into_trailers().into_iter().flatten()),
            }
        }
        match self.framing {
            Framing::Chunked if self.trailers => chunked::end(&mut link.front, &trailers),
            Framing::Chunked => chunked::end(&mut link.front, &http::HeaderMap::new()),
            Framing::Length(_) if self.left > 0 => {
                return Err(Error::local("a content shorter than its length"));
            }
            _ => {}
        }
        flush(link).await
    }

    /// Makes these octets the next to go.
    fn frame(&mut self, link: &mut Link, data: Bytes) -> Result<()> {
        let left = self.left.checked_sub(data.len() as u64);
        self.left = left.ok_or_else(|| Error::local("a content longer than its length"))?;
        if self.framing == Framing::Chunked {
            chunked::begin(&mut link.front, data.len());
            link.back = b"\r\n";
        }
        link.data = data;
        Ok(())
    }
}

/// The next frame of an answer. While there is none, what is there goes out, and the handler's side of the request's
/// content gets what it waits for: the answer may be made of it.
async fn next(
    link: &mut Link,
    body: &mut Body,
    content: &mut Option<Box<Content>>,
) -> Result<Option<http_body::Frame<Bytes>>> {
    let frame = poll_fn(|cx| {
        loop {
            if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
                return Poll::Ready(frame);
            }
            if link.is_full()
                && let Poll::Ready(Err(error)) = link.poll_flush(cx)
            {
                return Poll::Ready(Some(Err(error)));
            }
            if poll_drive(content, cx, link).is_pending() {
                return link.poll_broken(cx).map(|error| Some(Err(error)));
            }
        }
    });
    frame.await.transpose()
}
