//! DNS over HTTPS (RFC 8484): questions as requests for one path.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use ropewalk_core::Address;
use ropewalk_core::config::{Resources, Section, Text};
use ropewalk_core::data::files::{DotDot, VPath};
use ropewalk_core::data::zones::{Answer, Answered};
use ropewalk_core::policy::Network;

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

/// What the protocol is called in metrics.
pub(crate) const PROTO: &str = "dns";
/// Fields by which a proxy says that it passes a request on (RFC 9110 §7.6.3, RFC 7239).
const PASSED_ON: [&str; 4] = ["via", "forwarded", "x-forwarded-for", "x-real-ip"];

/// Answers questions about names, by GET and by POST.
#[derive(Clone)]
pub struct Doh {
    answer: Arc<dyn Answer>,
    views: Vec<View>,
}

/// What answers clients of these networks.
type View = (Vec<Network>, Arc<dyn Answer>);

impl Doh {
    /// Of what this knows.
    pub fn new(answer: Arc<dyn Answer>) -> Self {
        Self { answer, views: Vec::new() }
    }

    /// Where clients of these networks are answered by something else; who is of several views by that of the first.
    #[must_use]
    pub fn view(mut self, clients: Vec<Network>, answer: Arc<dyn Answer>) -> Self {
        self.views.push((clients, answer));
        self
    }

    /// What answers this client.
    fn of(&self, client: &Address) -> &dyn Answer {
        let is_of = |(clients, _): &&View| clients.iter().any(|network| network.contains(client));
        self.views.iter().find(is_of).map_or(&*self.answer, |(_, answer)| &**answer)
    }
}

/// Who asks. A client speaks TLS (RFC 8484 §5). Without it, and where it is said that a request is passed on, it is a proxy that
/// asks, on this machine or in its network, and for anybody: what they may is not for who is behind it. Nobody has the address
/// that it gets here.
fn client(peer: &Address, has_tls: bool, headers: &HeaderMap) -> Address {
    let is_passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
    match has_tls && !is_passed_on {
        true => peer.clone(),
        false => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into(),
    }
}

impl Handler for Doh {
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        let info = &request.facts.info;
        let client = client(&info.peer, info.tls.is_some(), &request.headers);
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
        let Some(Answered { message, max_age }) = self.of(&client).answer(&message, &client).await else {
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
        return Err(bad("the question is to stand in the query, once, as `dns=` and base64url"));
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
    let views = views(section, resources);
    if answer.is_none() && section.has("dns_view") && !section.has("dns") {
        section.error_in("dns_view", "this is for some what `dns` is for all: give `dns`");
    }
    let (answer, at) = answer.zip(at)?;
    all.push(Arc::clone(&answer));
    let views = views?.into_iter().inspect(|(_, answer)| all.push(Arc::clone(answer)));
    let doh = views.fold(Doh::new(answer), |doh, (clients, answer)| doh.view(clients, answer));
    Some(Place { at, doh })
}

/// Who is answered by other zones; none where one of them is wrong.
fn views(section: &mut Section<'_>, resources: &Resources) -> Option<Vec<View>> {
    let doc = "Other zones for some clients: of several views that they are in, the first.";
    let (mut views, mut whole) = (Vec::new(), true);
    for table in &mut section.tables("dns_view", doc) {
        let clients: Option<Vec<Text<Network>>> =
            table.key("clients", "The networks that see it.").required();
        let zones =
            table.key("zones", "What is answered to them.").resource::<dyn Answer>("zones", resources);
        let clients = clients.map(|clients| clients.into_iter().map(|Text(network)| network).collect());
        whole &= clients.is_some() && zones.is_some();
        views.extend(clients.zip(zones));
    }
    whole.then_some(views)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_a_proxy_has_not_its_address() {
        let at = |address: &str| Address::from(address.parse::<SocketAddr>().unwrap());
        let (local, unix) = (at("127.0.0.1:1000"), Address::Unix(None));
        for (peer, has_tls, field, known) in [
            (&local, true, None, true),
            (&at("192.0.2.1:9"), true, Some("accept"), true),
            (&local, false, None, false),
            (&unix, false, None, false),
            (&local, true, Some("via"), false),
            (&at("10.0.0.1:9"), true, Some("x-forwarded-for"), false),
            (&local, true, Some("forwarded"), false),
        ] {
            let value = HeaderValue::from_static("x");
            let headers =
                field.map(|name| (header::HeaderName::from_static(name), value)).into_iter().collect();
            let expected = if known { peer.clone() } else { at("0.0.0.0:0") };
            assert_eq!(client(peer, has_tls, &headers), expected, "{peer} {field:?}");
        }
    }
}
