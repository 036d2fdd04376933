//! One request and its answer, on a kept connection or a new one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use ropewalk_core::Error as Cause;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::ask::Ask;
use super::content::{Progress, Receiving, Sending};
use super::dial::{Spent, Through, late, until, within};
use super::engine::{Engine, Sender};
use super::error::blame;
use super::{Client, Error, Phase, Report, Versions};
use crate::Body;

/// How long content waits for the server to want it.
const CONTINUE: Duration = Duration::from_secs(1);
/// 1xx answers before the one that counts, at most.
const INTERIM: usize = 64;

/// An answer whose head has come.
pub(super) struct Received {
    pub(super) parts: http::response::Parts,
    pub(super) content: Receiving,
    pub(super) report: Report,
    /// Whether the server was asked if it wanted the content, by us.
    pub(super) expected: bool,
}

/// Why a request has no answer, and whether it may be sent once more.
struct Unanswered {
    error: Error,
    /// The content, where nothing of the request was sent.
    unsent: Option<Body>,
    /// Whether the connection was closed before anything came.
    dead: bool,
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self { error, unsent: None, dead: false }
    }
}

impl Client {
    pub(super) async fn exchange(&self, ask: &mut Ask, by: Option<Instant>) -> Result<Received, Error> {
        if let Some(kept) = self.0.pool.take(&ask.origin) {
            let content = ask.content().ok_or_else(spent)?;
            match self.send(kept, ask, content, by, Spent::default()).await {
                Ok(received) => return Ok(received),
                Err(Unanswered { unsent: Some(content), .. }) => ask.not_sent(content),
                // RFC 9110 §9.2.2: once, and only what may be done twice.
                Err(Unanswered { dead: true, error, .. })
                    if ask.method.is_idempotent() && !ask.is_spent() =>
                {
                    tracing::debug!(error = %error.chain(), "a kept connection was closed; once more");
                }
                Err(Unanswered { error, .. }) => return Err(error),
            }
        }
        let content = ask.content().ok_or_else(spent)?;
        let (sender, spent) = self.connect(ask, by).await?;
        self.send(sender, ask, content, by, spent).await.map_err(|unanswered| unanswered.error)
    }

    async fn connect(&self, ask: &Ask, by: Option<Instant>) -> Result<(Sender, Spent), Error> {
        let options = &self.0.dialer.options;
        let alpn: &[&str] = match options.versions {
            Versions::Both => &["h2", "http/1.1"],
            Versions::One => &["http/1.1"],
            Versions::Two => &["h2"],
        };
        let whole = !ask.origin.secure
            && options.connect_to.is_none()
            && options.proxies.before(&ask.origin).is_some();
        let dialled = self.0.dialer.dial(&ask.origin, alpn, Through::Whole, by).await?;
        let settled = dialled.conn.info().tls.as_ref().map(|tls| tls.alpn.as_deref() == Some(b"h2"));
        let two = match (settled, options.versions) {
            (Some(false), Versions::Two) => {
                return Err(Phase::Tls.failed(Cause::peer("the server does not speak HTTP/2")));
            }
            (Some(settled), _) => settled,
            (None, versions) => versions == Versions::Two && !whole,
        };
        let sender = within(
            Phase::Head,
            options.times.head,
            by,
            Sender::start(dialled.conn, two, whole, options, &self.0.dialer.cx),
        )
        .await?;
        if let Some(shared) = sender.share() {
            self.0.pool.put(&ask.origin, shared);
        }
        Ok((sender, dialled.spent))
    }

    async fn send(
        &self,
        mut sender: Sender,
        ask: &Ask,
        content: Body,
        by: Option<Instant>,
        mut spent: Spent,
    ) -> Result<Received, Unanswered> {
        let times = &self.0.dialer.options.times;
        let begun = Instant::now();
        let progress = Progress::begin();
        let mut request = self.request_of(ask, Sending::new(content, Arc::clone(&progress)), sender.whole)?;
        let expected = matches!(sender.engine, Engine::One(_)) && self.expects(ask, &mut request);
        if is_continued(request.headers()) {
            progress.hold(CONTINUE);
        }
        let (request, flood) = bounded(request, Arc::clone(&progress));
        let answer = {
            let mut answer = std::pin::pin!(sender.send(request));
            loop {
                let deadline = until(progress.last(), times.head, by);
                tokio::select! {
                    biased;
                    answer = &mut answer => break answer,
                    () = flood.notified() => {
                        let cause = Cause::peer(format!("more than {INTERIM} interim answers"));
                        return Err(Phase::Head.failed(cause).into());
                    }
                    () = sleep_until(deadline) => {
                        // Something may have been taken meanwhile.
                        if until(progress.last(), times.head, by) <= Instant::now() {
                            return Err(Phase::Head.failed(late(Phase::Head, times.head, by)).into());
                        }
                    }
                }
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(mut failed) => {
                let unsent = failed.take_message().map(|request| request.into_body().into_body());
                let error = failed.into_error();
                let dead = sender.reused && !error.is_parse() && !error.is_user();
                let phase = if progress.has_failed() { Phase::Request } else { Phase::Head };
                return Err(Unanswered {
                    error: phase.failed(blame(error)),
                    unsent: unsent.filter(|_| sender.reused),
                    dead,
                });
            }
        };
        if matches!(sender.engine, Engine::One(_)) {
            check(&answer).map_err(|cause| Phase::Head.failed(cause))?;
        }
        if !answer.status().is_success() {
            // RFC 9112 §9.5: it wants no more.
            progress.pause();
        }
        spent.head = begun.elapsed();
        let report = Report {
            url: ask.uri.clone(),
            hops: Vec::new(),
            info: Arc::clone(&sender.info),
            reused: sender.reused,
            spent,
            decoded: Vec::new(),
        };
        let (parts, incoming) = answer.into_parts();
        let lease = self.0.pool.lend(&ask.origin, sender, progress);
        Ok(Received { parts, content: Receiving::new(incoming, times.body, by, lease), report, expected })
    }

    /// Asks the server whether it wants the content, where that is much; whether it does so.
    fn expects(&self, ask: &Ask, request: &mut http::Request<Sending>) -> bool {
        let Some(least) = self.0.dialer.options.expect.filter(|_| ask.may_expect) else { return false };
        let fields = request.headers();
        let size = request.body().size_hint();
        let much = !request.body().is_end_stream() && size.exact().is_none_or(|octets| octets >= least);
        if !much || fields.contains_key(header::EXPECT) {
            return false;
        }
        request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        true
    }

    fn request_of(&self, ask: &Ask, content: Sending, whole: bool) -> Result<http::Request<Sending>, Error> {
        let options = &self.0.dialer.options;
        let cookies = self.0.cookies.as_ref().and_then(|jar| {
            jar.lock().unwrap_or_else(PoisonError::into_inner).field(&ask.origin, ask.uri.path())
        });
        let mut fields = ask.fields(options, cookies).map_err(|cause| Phase::Request.failed(cause))?;
        if whole
            && let Some(who) = options.proxies.before(&ask.origin).and_then(|it| it.authorization.clone())
        {
            fields.insert(header::PROXY_AUTHORIZATION, who);
        }
        let mut request = http::Request::new(content);
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = ask.uri.clone();
        *request.headers_mut() = fields;
        Ok(request)
    }
}

fn is_continued(fields: &HeaderMap) -> bool {
    fields.get(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

fn spent() -> Error {
    Phase::Request.failed(Cause::local("the content was a stream, and cannot be sent a second time"))
}

/// The request, and what tells that too many interim answers came to it. One of them lets its content go.
fn bounded(
    mut request: http::Request<Sending>,
    progress: Arc<Progress>,
) -> (http::Request<Sending>, Arc<Notify>) {
    let flood = Arc::new(Notify::new());
    let (count, tell) = (AtomicUsize::new(0), Arc::clone(&flood));
    hyper::ext::on_informational(&mut request, move |answer| {
        if answer.status() == StatusCode::CONTINUE {
            progress.go_on();
        }
        if count.fetch_add(1, Ordering::Relaxed) == INTERIM {
            tell.notify_one();
        }
    });
    (request, flood)
}

/// What hyper lets pass and we do not. RFC 9112 §6.3: two lengths are an attack; a coding that is not chunked ends
/// nowhere but with the connection. RFC 9110 §7.8: nobody asked for another protocol.
fn check(answer: &Response<Incoming>) -> Result<(), Cause> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Cause::peer("the server switches to another protocol, unasked"));
    }
    let fields: &HeaderMap = answer.headers();
    let Some(coding) = fields.get(header::TRANSFER_ENCODING) else { return Ok(()) };
    if fields.contains_key(header::CONTENT_LENGTH) {
        return Err(Cause::peer("an answer with both Content-Length and Transfer-Encoding"));
    }
    let alone = fields.get_all(header::TRANSFER_ENCODING).iter().nth(1).is_none();
    if !alone || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return Err(Cause::peer("a transfer coding that is not chunked"));
    }
    Ok(())
}
