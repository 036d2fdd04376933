use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use http::{Method, StatusCode, Version, header};
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Result};
use tokio::time::{Instant, timeout};

use super::super::deadlines::Alarm;
use super::super::pipeline::{Answer, Pipeline};
use super::super::sent::Sent;
use super::super::upgrade::Upgrade;
use super::content::Content;
use super::head::{self, Head, Scan};
use super::link::Link;
use super::{linger, transmit};
use crate::wire::list;

/// Serves a connection of HTTP/1.0 or 1.1, whose first bytes are there.
///
/// No async function, so that the future holds the connection only once.
pub(in crate::server) fn serve(
    conn: Connection,
    pipeline: Pipeline,
) -> impl Future<Output = Result<()>> + Send {
    let mut session = Session { link: Link::new(conn), pipeline, alarm: Alarm::default() };
    async move {
        let end = session.until_end().await;
        if session.link.resets {
            session.link.conn.abort();
            return end.map(|_| ());
        }
        let end = end?;
        match end {
            End::Now => return Ok(()),
            End::Upgrade(upgrade) => {
                let Session { link, pipeline, .. } = session;
                return upgrade.run(link.into_conn(), pipeline.facts.cx.clone()).await;
            }
            // Boxed, for it is the end of many a connection, and the most of none.
            End::Close | End::LateHead => {
                Box::pin(linger::close(&mut session.link.conn, &session.pipeline)).await?
            }
        }
        match end {
            End::LateHead => Err(Error::limit("head", "request head too slow")),
            End::Now | End::Close | End::Upgrade(_) => Ok(()),
        }
    }
}

/// One connection, being served.
struct Session {
    link: Link,
    pipeline: Pipeline,
    alarm: Alarm,
}

/// How a connection ends.
enum End {
    /// At once: nobody is owed a word.
    Now,
    /// After the peer has had time to read the last answer.
    Close,
    /// As well, and the peer was too slow.
    LateHead,
    /// Another protocol takes the connection over.
    Upgrade(Upgrade),
}

/// What comes after an answer.
enum Then {
    /// The next request.
    Next,
    End(End),
}

/// What comes where a request is waited for.
enum Next {
    Head(Box<Head>),
    /// What came is no request.
    Refused(StatusCode),
    /// The peer kept us waiting in the middle of a head.
    Late,
    /// The peer is done.
    Gone,
    /// Nothing came in time, or we are to stop.
    Quiet,
}

/// What an answer needs to know of its request.
pub(super) struct Asked {
    pub(super) is_head: bool,
    pub(super) version: Version,
    pub(super) keep_alive: bool,
    pub(super) takes_trailers: bool,
}

impl Session {
    /// Answers until the peer is done or our time is over.
    async fn until_end(&mut self) -> Result<End> {
        let cx = self.pipeline.facts.cx.clone();
        let mut stopping = pin!(cx.stopping());
        let mut ended = pin!(cx.ended());
        let mut run = pin!(self.run(stopping.as_mut()));
        poll_fn(|task| match run.as_mut().poll(task) {
            Poll::Pending => ended.as_mut().poll(task).map(|()| Ok(End::Now)),
            ready => ready,
        })
        .await
    }

    /// Answers one request after the other.
    async fn run(&mut self, mut stopping: Pin<&mut impl Future<Output = ()>>) -> Result<End> {
        loop {
            let end = match self.head(stopping.as_mut()).await? {
                // Boxed, so that a connection that waits has no room for what it does not do.
                Next::Head(head) => match Box::pin(self.exchange(head)).await? {
                    Then::Next => continue,
                    Then::End(end) => end,
                },
                Next::Gone => End::Close,
                // A request that crosses our end with its own is not to be answered by a reset (RFC 9112 §9.6).
                Next::Quiet if self.pipeline.facts.cx.is_stopping() => End::Close,
                Next::Quiet => End::Now,
                Next::Late => {
                    Box::pin(self.refuse(StatusCode::REQUEST_TIMEOUT)).await?;
                    End::LateHead
                }
                Next::Refused(status) => {
                    Box::pin(self.refuse(status)).await?;
                    End::Close
                }
            };
            return Ok(end);
        }
    }

    /// Waits for the next head. A connection that waits here for the first byte holds no buffer.
    async fn head(&mut self, mut stopping: Pin<&mut impl Future<Output = ()>>) -> Result<Next> {
        let times = self.pipeline.times;
        let idle = Instant::now() + times.idle;
        let mut late = None;
        let mut scan = Scan::default();
        poll_fn(|cx| {
            loop {
                match self.parse(&mut scan) {
                    Some(next) => return Poll::Ready(Ok(next)),
                    None if scan.has_begun(&self.link.input) => {
                        late.get_or_insert_with(|| Instant::now() + times.head);
                    }
                    None => {}
                }
                match self.link.poll_fill(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(0)) if late.is_none() => return Poll::Ready(Ok(Next::Gone)),
                    Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Next::Refused(StatusCode::BAD_REQUEST))),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                }
            }
            match late {
                Some(late) => self.alarm.poll(cx, late).map(|()| Ok(Next::Late)),
                None => {
                    self.link.rest();
                    // Whoever has begun to speak is heard.
                    if stopping.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(Ok(Next::Quiet));
                    }
                    self.alarm.poll(cx, idle).map(|()| Ok(Next::Quiet))
                }
            }
        })
        .await
    }

    /// The next head, or its refusal, if that can be told from what has come.
    fn parse(&mut self, scan: &mut Scan) -> Option<Next> {
        let options = &self.pipeline.options;
        let (start, end) = match scan.find(&self.link.input, options.head) {
            Ok(found) => found?,
            Err(status) => return Some(Next::Refused(status)),
        };
        let head = self.link.input.split_to(end).freeze().slice(start..);
        Some(match head::parse(&head, scan.fields(), options.headers) {
            Ok(head) => Next::Head(Box::new(head)),
            Err(status) => Next::Refused(status),
        })
    }

    /// Answers a request.
    async fn exchange(&mut self, head: Box<Head>) -> Result<Then> {
        let Head { parts, framing, keep_alive, expects } = *head;
        let asked = Asked {
            is_head: parts.method == Method::HEAD,
            version: parts.version,
            keep_alive,
            takes_trailers: list::has(&parts.headers, header::TE, "trailers"),
        };
        let (mut content, incoming) = Content::new(framing, expects);
        // RFC 9110 §15.2: HTTP/1.0 knows no interim answer.
        if asked.version > Version::HTTP_10 {
            self.pipeline.facts.interim.begin();
        }
        let mut answer = self.pipeline.answer(parts, incoming, None);
        let response = poll_fn(|cx| self.poll_answer(cx, &mut answer, &mut content)).await?;
        drop(answer);
        self.pipeline.facts.interim.end(&mut self.link.front);
        let mut response = self.judge(response, &mut content);
        let upgrade = response.extensions_mut().remove::<Upgrade>();
        if let Some(content) = &mut content {
            content.invite(&mut self.link, upgrade.is_some());
        }
        let closes = !asked.keep_alive
            || list::has(response.headers(), header::CONNECTION, "close")
            || content.as_ref().is_some_and(|content| !content.can_be_skipped())
            || self.pipeline.facts.cx.is_stopping();
        let goes_on =
            transmit::send(&mut self.link, response, &asked, closes, &mut content, self.pipeline.times)
                .await?;
        Ok(match upgrade {
            _ if !goes_on || !self.skip(content).await => Then::End(End::Close),
            Some(upgrade) => Then::End(End::Upgrade(upgrade)),
            None => Then::Next,
        })
    }

    /// The handler's answer. Meanwhile the handler gets what it reads, and its interim answers go out; where the
    /// connection breaks, nobody is left to answer.
    fn poll_answer(
        &mut self,
        cx: &mut std::task::Context<'_>,
        answer: &mut Answer,
        content: &mut Option<Box<Content>>,
    ) -> Poll<Result<http::Response<Sent>>> {
        loop {
            if let Poll::Ready(response) = Pin::new(&mut *answer).poll(cx) {
                return Poll::Ready(Ok(response));
            }
            let link = &mut self.link;
            self.pipeline.facts.interim.take(&mut link.front, cx);
            if link.is_full()
                && let Poll::Ready(Err(error)) = link.poll_flush(cx)
            {
                return Poll::Ready(Err(error));
            }
            if poll_drive(content, cx, link).is_ready() {
                continue;
            }
            return link.poll_broken(cx).map(Err);
        }
    }

    /// An answer may be made before all of the content has come. Where what came is no content, that is the answer.
    fn judge(
        &mut self,
        response: http::Response<Sent>,
        content: &mut Option<Box<Content>>,
    ) -> http::Response<Sent> {
        let is_content = content.as_mut().is_none_or(|content| content.skip_here(&mut self.link.input));
        if is_content {
            return response;
        }
        let (head, body) = self.pipeline.refusal(StatusCode::BAD_REQUEST).into_parts();
        let mut sent = response.into_body();
        sent.replace(head.status, body);
        http::Response::from_parts(head, sent)
    }

    /// Passes over the content that the handler left. Whether the connection can go on after it.
    async fn skip(&mut self, content: Option<Box<Content>>) -> bool {
        let Some(mut content) = content else { return true };
        if !content.can_be_skipped() {
            return false;
        }
        let mut skipped = 0;
        let skip = poll_fn(|cx| content.poll_skip(cx, &mut self.link, &mut skipped));
        timeout(self.pipeline.times.body, skip).await.unwrap_or(false)
    }

    /// The answer to what is no request.
    async fn refuse(&mut self, status: StatusCode) -> Result<()> {
        let asked =
            Asked { is_head: false, version: Version::HTTP_11, keep_alive: false, takes_trailers: false };
        let response = self.pipeline.refused(status);
        transmit::send(&mut self.link, response, &asked, true, &mut None, self.pipeline.times).await?;
        Ok(())
    }
}

/// Brings the handler what it wants to read of a content, if there is one.
pub(super) fn poll_drive(
    content: &mut Option<Box<Content>>,
    cx: &mut std::task::Context<'_>,
    link: &mut Link,
) -> Poll<()> {
    content.as_mut().map_or(Poll::Pending, |content| content.poll_drive(cx, link))
}
