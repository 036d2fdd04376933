//! DNS over HTTPS (RFC 8484): questions as requests for one path.

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use ropewalk_core::config::{Resources, Section};
use ropewalk_core::data::files::{DotDot, VPath};
use ropewalk_core::data::zones::{Answer, Answered};

use crate::server::{BoxHandler, Failure, Handler, Request, Response};

/// The type of a message (RFC 8484 §6).
const MESSAGE: &str = "application/dns-message";
/// Octets of a message at most.
const LONGEST: usize = u16::MAX as usize;
/// Without padding (RFC 8484 §6); what a client adds of it does no harm.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Answers questions about names, by GET and by POST.
#[derive(Clone)]
pub struct Doh(Arc<dyn Answer>);

impl Doh {
    /// Of what this knows.
    pub fn new(answer: Arc<dyn Answer>) -> Self {
        Self(answer)
    }
}

impl Handler for Doh {
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        let facts = Arc::clone(&request.facts);
        let message = match request.method {
            Method::GET | Method::HEAD => from_query(request.uri.query().unwrap_or_default())?,
            Method::POST => {
                if !is_message(&request.headers) {
                    return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into());
                }
                request.body.read(LONGEST).await?
            }
            _ => {
                let allow = HeaderValue::from_static("GET, HEAD, POST");
                return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED).with(header::ALLOW, allow));
            }
        };
        let Some(Answered { message, max_age }) = self.0.answer(&message, &facts.info.peer).await else {
            return Err(bad("this is no question"));
        };
        let mut response = Response::new(message.into());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MESSAGE));
        let age = HeaderValue::try_from(format!("max-age={max_age}"));
        response.headers_mut().extend(age.ok().map(|age| (header::CACHE_CONTROL, age)));
        Ok(response)
    }
}

/// Two of a field are none: which counts is not known.
fn is_message(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    let kind = one.as_bytes().split(|octet| *octet == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(MESSAGE.as_bytes())
}

/// The message in `dns=` (RFC 8484 §4.1).
fn from_query(query: &str) -> Result<Bytes, Failure> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("dns="));
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(bad("there is no one `dns`"));
    };
    let message = BASE64URL.decode(value).map_err(|_| bad("`dns` is not base64url"))?;
    if message.len() > LONGEST {
        return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE));
    }
    Ok(message.into())
}

fn bad(note: &'static str) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST).saying(note)
}

/// One path of a site.
pub(crate) struct Place {
    at: VPath,
    doh: Doh,
}

/// The keys of a site, and what answers by them.
pub(crate) fn read(
    section: &mut Section<'_>,
    resources: &Resources,
    all: &mut Vec<Arc<dyn Answer>>,
) -> Option<Place> {
    let answer = section
        .key("dns", "The zones that are asked by DNS over HTTPS (RFC 8484).")
        .optional_resource::<dyn Answer>("zones", resources);
    let path: String = section.key("dns_path", "Where they are asked.").or("/dns-query".into());
    let at = VPath::parse(path.as_bytes(), &VPath::ROOT, DotDot::Refuse);
    let at = at.ok().filter(|at| path.starts_with('/') && *at != VPath::ROOT);
    if at.is_none() {
        section.error_in("dns_path", format!("{path:?} is no path such as \"/dns-query\""));
    }
    let (answer, at) = answer.zip(at)?;
    all.push(Arc::clone(&answer));
    Some(Place { at, doh: Doh::new(answer) })
}

impl Place {
    /// This path before what answers all others.
    pub(crate) fn before(place: Option<Self>, handler: BoxHandler) -> BoxHandler {
        let Some(Self { at, doh }) = place else { return handler };
        Either { at, doh, handler }.boxed()
    }
}

struct Either {
    at: VPath,
    doh: Doh,
    handler: BoxHandler,
}

impl Handler for Either {
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        match request.path == self.at && !request.slash {
            true => self.doh.handle(request).await,
            false => self.handler.handle(request).await,
        }
    }
}
