//! DNS over HTTPS (RFC 8484).

use std::net::SocketAddr;

use async_trait::async_trait;
use ropewalk_core::tls::ClientTls;
use ropewalk_core::{Error, Result};
use ropewalk_dns::client::Carry;
use ropewalk_http::client::{Client, Options};
use ropewalk_http::{Body, HeaderValue, HttpRequest, Method, header};

/// The content type of messages (RFC 8484 §6).
const MESSAGE: HeaderValue = HeaderValue::from_static("application/dns-message");

/// A web server that answers DNS.
pub(super) struct Https {
    client: Client,
    url: String,
}

impl Https {
    /// The one of this name at this address.
    pub(super) fn new(name: &str, at: SocketAddr, path: &str, tls: Option<ClientTls>) -> Result<Self> {
        let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        let ip = if at.is_ipv6() { format!("[{}]", at.ip()) } else { at.ip().to_string() };
        let mut options = Options::default();
        options.tls = tls;
        options.redirects = None;
        options.connect_to = Some(format!("tcp:{}:host={ip}", at.port()).parse()?);
        Ok(Self { client: Client::with(options), url: format!("https://{host}:{}{path}", at.port()) })
    }
}

#[async_trait]
impl Carry for Https {
    async fn carry(&self, message: Vec<u8>) -> Result<Vec<u8>> {
        let mut request = HttpRequest::new(Body::from(message));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Client::url(&self.url).map_err(|error| error.into_cause())?;
        request.headers_mut().insert(header::CONTENT_TYPE, MESSAGE);
        request.headers_mut().insert(header::ACCEPT, MESSAGE);
        let answer = self.client.request(request).await.map_err(|error| error.into_cause())?;
        if !answer.status().is_success() {
            return Err(Error::peer(format!("the server answers {}", answer.status())));
        }
        if answer.headers().get(header::CONTENT_TYPE) != Some(&MESSAGE) {
            return Err(Error::peer("the server answers with something else than a DNS message"));
        }
        let read = answer.into_body().read(usize::from(u16::MAX)).await;
        Ok(read.map_err(|_| Error::peer("the answer ends early, or is too long"))?.into())
    }
}
