//! What is done with every request, in an order that does not change: limits, host, method, path; then
//! the handler; then what every answer carries, and the log. An engine gives a head and a body in, and gets an
//! answer out; it does not matter which engine.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderValue, Method, StatusCode, Version, header};
use http_body::Body as HttpBody;
use ropewalk_core::Error;
use ropewalk_core::data::cred::Principal;

use super::body::Frames;
use super::deadlines::{Timed, Times};
use super::handler::{Answering, BoxHandler, Facts};
use super::log::Entry;
use super::page::Form;
use super::sent::{Exchange, Sent};
use super::upgrade::{Offers, Upgrade};
use super::{Body, Failure, Options, Request, Response, page};
use crate::wire::target::Decoded;
use crate::wire::{host, target};

/// Octets of a content that are read though nobody wants them, so that a connection or a stream can go on to its end.
pub(super) const SKIP: u64 = 1024 * 1024;

/// What the requests of one connection go through.
pub(super) struct Pipeline {
    pub(super) handler: BoxHandler,
    pub(super) options: Arc<Options>,
    pub(super) facts: Arc<Facts>,
    pub(super) times: Times,
}

impl Pipeline {
    /// Starts the answer to a request; with it, the exchange ends.
    pub(super) fn answer<B>(&self, head: Parts, body: B, exchange: Option<Exchange>) -> Answer
    where
        B: HttpBody<Data = Bytes, Error = Error> + Send + Unpin + 'static,
    {
        let entry = Entry::new(self.options.access_log, &self.facts, &head);
        let is_head = head.method == Method::HEAD;
        let form = Form::of(&head.method, &head.headers);
        let offers = Offers::of(&head);
        let state = match check(&self.options, &head, &offers, self.facts.info.tls.is_some()) {
            Err(failure) => State::Failed(failure),
            Ok(_) if head.method == Method::OPTIONS && head.uri.path() == "*" => State::Server,
            Ok(decoded) => {
                State::Handling(self.handler.start(self.request(head, body, decoded, offers.clone())))
            }
        };
        let facts = Arc::clone(&self.facts);
        Answer { state, is_head, form, offers, facts, exchange, entry: Some(entry) }
    }

    /// The answer to a head that could not be read, with its own line in the log; the connection ends with it.
    pub(super) fn refused(&self, status: StatusCode) -> http::Response<Sent> {
        let entry = Entry::unread(self.options.access_log, &self.facts);
        self.refusal(status).map(|body| Sent::new(body, status, None, Some(entry)))
    }

    /// The answer to what is no request; the connection ends with it.
    pub(super) fn refusal(&self, status: StatusCode) -> Response {
        let mut response = page::of(status, self.facts.id());
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }

    fn request<B>(&self, head: Parts, body: B, decoded: Decoded, offers: Offers) -> Request
    where
        B: HttpBody<Data = Bytes, Error = Error> + Send + Unpin + 'static,
    {
        let body = if body.is_end_stream() {
            Body::empty()
        } else {
            Body::Stream(Frames::new(Timed::new(body, self.times.body)))
        };
        let Decoded { path, slash } = decoded;
        let Parts { method, uri, version, headers, extensions, .. } = head;
        let facts = Arc::clone(&self.facts);
        let exchange = facts.interim.exchange();
        let rest = path.clone();
        Request {
            method,
            uri,
            version,
            path,
            rest,
            slash,
            headers,
            extensions,
            body,
            facts,
            offers,
            exchange,
        }
    }
}

/// The checks that come before any handler. The first that fails is the answer.
fn check(options: &Options, head: &Parts, offers: &Offers, secure: bool) -> Result<Decoded, Failure> {
    let uri = &head.uri;
    if uri.path_and_query().map_or(0, |target| target.as_str().len()) > options.target {
        return Err(Failure::new(StatusCode::URI_TOO_LONG).closing());
    }
    if head.headers.len() > options.headers {
        return Err(Failure::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).closing());
    }
    host::check(head.version, uri, &head.headers).map_err(|_| Failure::bad_request().closing())?;
    // RFC 9113 §8.2.1. An engine of HTTP/1 reads no such value: there the spaces are not part of it.
    if head.version >= Version::HTTP_2 && head.headers.values().any(is_padded) {
        return Err(Failure::bad_request());
    }
    // RFC 9110 §7.4.
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS && !secure => {
            return Err(Failure::new(StatusCode::MISDIRECTED_REQUEST));
        }
        Some(scheme) if *scheme != Scheme::HTTPS && *scheme != Scheme::HTTP => {
            return Err(Failure::bad_request());
        }
        _ => {}
    }
    match head.method {
        // RFC 9110 §9.3.6: no tunnels here, but for those to another protocol (RFC 8441).
        Method::CONNECT if offers.is_empty() => {
            return Err(Failure::new(StatusCode::NOT_IMPLEMENTED).closing());
        }
        Method::OPTIONS if uri.path() == "*" => return Ok(Decoded::root()),
        _ => {}
    }
    // Only an absolute-form target may leave its path out.
    let rooted = uri.path().starts_with('/') || (uri.path().is_empty() && uri.authority().is_some());
    if !rooted {
        return Err(Failure::bad_request().closing());
    }
    target::decode(uri.path()).ok_or_else(Failure::bad_request)
}

fn is_padded(value: &HeaderValue) -> bool {
    let octets = value.as_bytes();
    octets.trim_ascii().len() != octets.len()
}

/// An answer that is being made.
pub(super) struct Answer {
    state: State,
    is_head: bool,
    /// What a page about it is written as.
    form: Form,
    offers: Offers,
    facts: Arc<Facts>,
    exchange: Option<Exchange>,
    entry: Option<Entry>,
}

enum State {
    Failed(Failure),
    /// The server as a whole was asked: `OPTIONS *`.
    Server,
    Handling(Answering),
    Done,
}

impl Future for Answer {
    type Output = http::Response<Sent>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let made = match &mut this.state {
            State::Handling(handling) => {
                let polled = catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx)));
                match polled {
                    Ok(polled) => ready!(polled),
                    Err(panic) => Err(panicked(&*panic)),
                }
            }
            _ => match std::mem::replace(&mut this.state, State::Done) {
                State::Failed(failure) => Err(failure),
                _ => Ok(no_content()),
            },
        };
        // The handler's future goes now: it may hold what the body needs not.
        this.state = State::Done;
        Poll::Ready(this.finish(made))
    }
}

impl Answer {
    fn finish(&mut self, made: Result<Response, Failure>) -> http::Response<Sent> {
        let response = made
            .and_then(|response| self.judge(response))
            .unwrap_or_else(|failure| page::failed(failure, self.form, self.facts.id()));
        let (mut head, mut body) = response.into_parts();
        if self.is_head {
            // RFC 9110 §9.3.2: the fields that a GET would have, and no content.
            if let Some(length) = HttpBody::size_hint(&body).exact().filter(|length| *length > 0) {
                head.headers.entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
            }
            body = Body::empty();
        }
        if let (Some(entry), Some(who)) = (&mut self.entry, head.extensions.remove::<Principal>()) {
            entry.of(&who);
        }
        let exchange = self.exchange.take();
        let sent = Sent::new(body, head.status, exchange, self.entry.take());
        http::Response::from_parts(head, sent)
    }

    /// No answer ends with an interim status, but for one that switches to what was asked for.
    fn judge(&self, mut response: Response) -> Result<Response, Failure> {
        match response.extensions().get::<Upgrade>().map(Upgrade::protocol) {
            Some(protocol) if self.offers.has(protocol) => {
                response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static(protocol));
                Ok(response)
            }
            Some(protocol) => Err(Failure::new(StatusCode::UPGRADE_REQUIRED)
                .with(header::UPGRADE, HeaderValue::from_static(protocol))),
            None if response.status().is_informational() => {
                let cause = Error::local("a handler's last answer was an interim one");
                Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR).caused_by(cause))
            }
            None => Ok(response),
        }
    }
}

fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let allow = HeaderValue::from_static("GET, HEAD, OPTIONS, PUT, POST, DELETE, PATCH");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let cause = Error::local(format!("handler panicked: {}", said.unwrap_or("(no message)")));
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR).caused_by(cause)
}
