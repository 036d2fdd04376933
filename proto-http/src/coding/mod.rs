//! Content codings on the fly: any handler's answers, compressed for those who take that.

mod body;
mod config;
mod encoder;
mod media;
mod places;
mod tags;

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as HttpBody;
use ropewalk_core::Pool;

use crate::server::{Body, Failure, Frames, Handler, Request, Response};
use crate::wire::coding::{Accepted, Coding, VARY};
use body::Coded;
pub(crate) use config::read;
use encoder::{BLOCK, Encoder};
use media::Pattern;
use places::Places;
use tags::{Conditions, Settled};

/// Encoders of one handler at once, unless another number is said.
const MOST: usize = 64;
/// Pieces of work that may wait when a short content comes that is to be coded as a whole.
const CROWD: usize = 256;

/// A handler whose answers are compressed on the way, where the client takes that.
///
/// What is compressed: answers of status 200, of a type that is worth it, of at least 1 KiB (or of unknown length), that
/// have no `Content-Encoding`, no digest and no `Cache-Control: no-transform`. They lose `Content-Length`, unless they are
/// short, and `Accept-Ranges`; a strong `ETag` becomes one of the coding, and is known again in conditions of later
/// requests, also in the `If-Match` of a PUT. A request with `Range` gets what it would get without this. All answers that
/// could have been another say `Vary`.
///
/// Content goes through as it comes, and what is there goes out when more has to be waited for; only content with a
/// strong `ETag` waits for whole blocks of 32 KiB, since it must be the same octets each time.
///
/// # Secrets
/// The length of what is compressed tells about it: if a page holds a secret, and also something that an attacker
/// chose, such as a part of the query, then by asking for many such pages the secret is found (the attack is known as
/// BREACH). TLS does not help. Do not compress such pages. That is one reason why nothing is compressed unless it is
/// asked for; the other is that it costs a hundred times as much as sending a file that was compressed beforehand, see
/// [`Static::precompressed`](crate::Static::precompressed).
///
/// # Threads
/// It is done by as many threads of the runtime's for blocking work as there are processors, a block at a time and in
/// turn: so no connection waits because others are compressed.
pub struct Compress<H> {
    handler: H,
    codings: Vec<Coding>,
    types: Vec<Pattern>,
    least: u64,
    places: Arc<Places>,
    pool: Arc<Pool>,
}

impl<H: Handler> Compress<H> {
    /// This handler's answers, in brotli or gzip.
    pub fn new(handler: H) -> Self {
        let types = media::COMPRESSIBLE.iter().filter_map(|text| text.parse().ok()).collect();
        let codings = vec![Coding::Brotli, Coding::Gzip];
        // What waits is bounded by the places, and by the crowd.
        let pool = Pool::new(available_parallelism().map_or(1, NonZero::get), usize::MAX);
        Self { handler, codings, types, least: 1024, places: Places::new(MOST), pool: Arc::new(pool) }
    }

    /// In these codings; where the client likes several as much, the first. There is no encoder of Zstandard: it is
    /// passed over.
    #[must_use]
    pub fn codings(self, codings: impl IntoIterator<Item = Coding>) -> Self {
        let mut codings = Coding::once_each(codings);
        codings.retain(|coding| *coding != Coding::Zstd);
        Self { codings, ..self }
    }

    /// Only content of these types, in place of those that are known to be worth it: `text/html`, `text/*`, `*+json`.
    /// `text/event-stream` has to be named, since each such stream holds an encoder for as long as it lives.
    ///
    /// # Errors
    /// Where one of them is no type.
    pub fn types<'a>(self, types: impl IntoIterator<Item = &'a str>) -> ropewalk_core::Result<Self> {
        let types = types.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { types, ..self })
    }

    /// Only content of at least so many octets, where its length is known.
    #[must_use]
    pub fn least(self, octets: u64) -> Self {
        Self { least: octets, ..self }
    }

    /// With at most so many encoders at work at once, of which one connection may have a quarter; who comes then gets
    /// answers that are not compressed. By default 64. An encoder holds 350 KiB for gzip and up to 3 MiB for brotli.
    /// Content in memory of at most 32 KiB needs none of these; it is left as it is where much is waiting to be compressed.
    #[must_use]
    pub fn most(self, encoders: usize) -> Self {
        Self { places: Places::new(encoders), ..self }
    }
}

impl<H: Handler> Handler for Compress<H> {
    async fn handle(&self, mut request: Request) -> Result<Response, Failure> {
        let asked = self.ask(&mut request);
        let mut response = self.handler.handle(request).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED => {
                vary(response.headers_mut());
                asked.conditions.confirm(response.headers_mut(), &asked.codings);
                Ok(response)
            }
            StatusCode::OK if self.is_worth_it(&response) => {
                vary(response.headers_mut());
                self.code(response, asked).await
            }
            StatusCode::PARTIAL_CONTENT if self.is_of_type(response.headers()) => {
                vary(response.headers_mut());
                Ok(response)
            }
            StatusCode::OK => asked.conditions.hold(response, None),
            _ => Ok(response),
        }
    }
}

/// What of a request is remembered until it is answered.
struct Asked {
    is_head: bool,
    /// What the answer may be coded in, the best first.
    codings: Vec<Coding>,
    conditions: Conditions,
    id: Option<ropewalk_core::app::ConnId>,
}

impl<H> Compress<H> {
    /// Looks at a request, and has its conditions say what the handler knows.
    fn ask(&self, request: &mut Request) -> Asked {
        let headers = &mut request.headers;
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        let accepted = Accepted::of(headers);
        let mut codings: Vec<_> = accepted.iter().flat_map(|accepted| accepted.best(&self.codings)).collect();
        if is_read && !codings.is_empty() && headers.contains_key(header::RANGE) {
            // A date does not tell a content from the same content in a coding: what is asked for may be the rest of
            // either (RFC 9110 §14.2 lets a range be passed over).
            if headers.get(header::IF_RANGE).is_some_and(|field| !field.as_bytes().ends_with(b"\"")) {
                headers.remove(header::RANGE);
                headers.remove(header::IF_RANGE);
            } else {
                codings.clear();
            }
        }
        // Who changes something may have read it in any coding.
        let known = if is_read { &codings } else { &self.codings };
        let conditions = Conditions::see_through(headers, known, is_read);
        Asked { is_head: request.method == Method::HEAD, codings, conditions, id: request.facts.id() }
    }

    fn is_of_type(&self, headers: &HeaderMap) -> bool {
        !headers.contains_key(header::CONTENT_ENCODING)
            && headers.get(header::CONTENT_TYPE).is_some_and(|value| media::is_one(value, &self.types))
    }

    /// Whether this answer would be compressed for a client that takes it.
    fn is_worth_it(&self, response: &Response) -> bool {
        let headers = response.headers();
        let said = || headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok();
        // What answers HEAD says a length that its body need not have.
        let length = said().or_else(|| response.body().size_hint().exact());
        self.is_of_type(headers)
            && length.is_none_or(|length| length >= self.least)
            && !FIXED.iter().any(|name| headers.contains_key(name))
            && !forbids_change(headers)
    }

    /// Compresses an answer that is worth it, if the client takes that and there is an encoder.
    async fn code(&self, response: Response, asked: Asked) -> Result<Response, Failure> {
        let Settled { coding, etag } = asked.conditions.settle(response.headers(), &asked.codings);
        let is_short = matches!(response.body(), Body::Bytes(bytes) if bytes.len() <= BLOCK);
        let place = if asked.is_head || is_short { None } else { self.places.take(asked.id) };
        let can = asked.is_head || place.is_some() || (is_short && self.pool.load() < CROWD);
        let Some(coding) = coding.filter(|_| can) else { return asked.conditions.hold(response, None) };
        let Some(encoder) = Encoder::new(coding) else { return asked.conditions.hold(response, None) };

        let (mut head, body) = response.into_parts();
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.remove(header::ACCEPT_RANGES);
        head.headers.insert(header::CONTENT_ENCODING, coding.value());
        let is_strong = etag.is_some();
        if let Some(etag) = etag {
            head.headers.insert(header::ETAG, etag);
        }
        let body = match (body, place) {
            _ if asked.is_head => Body::empty(),
            (Body::Bytes(bytes), None) => Body::Bytes(body::whole(bytes, encoder, &self.pool).await?),
            (body, Some(place)) => {
                Body::Stream(Frames::new(Coded::new(body, encoder, &self.pool, place, !is_strong)))
            }
            (body, None) => body,
        };
        Ok(Response::from_parts(head, body))
    }
}

/// Fields that are of these very octets, or of a part of them.
const FIXED: [HeaderName; 5] = [
    header::CONTENT_RANGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// `Cache-Control: no-transform` (RFC 9111 §5.2.2.6).
fn forbids_change(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-transform"))
}

/// Says that the answer could have been another, if that is not said yet.
fn vary(headers: &mut HeaderMap) {
    let is_said = |line: &HeaderValue| {
        let names = line.to_str().unwrap_or_default().split(',').map(str::trim);
        names.into_iter().any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding"))
    };
    if !headers.get_all(header::VARY).iter().any(is_said) {
        headers.append(header::VARY, VARY);
    }
}
