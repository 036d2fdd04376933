use std::time::Duration;

use http::HeaderValue;
use ropewalk_core::net::Endpoint;
use ropewalk_core::tls::ClientTls;

use super::Proxies;

/// How a client behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Which versions of HTTP are spoken.
    pub versions: Versions,
    /// Whom to trust, and who to be; its ALPN is set by [`versions`](Self::versions). `None`: the authorities of the
    /// system, which are read when they are first needed.
    pub tls: Option<ClientTls>,
    /// Proxies between us and the origin.
    pub proxies: Proxies,
    /// Where to connect to, whatever host the URL names: such as `unix:/run/x.sock`. TLS comes on top where the URL's
    /// scheme says so. Then no proxy is used.
    pub connect_to: Option<Endpoint>,
    /// How long each phase may take.
    pub times: Times,
    /// Redirects that are followed, at most; one more is an error. `None`: none is, the answer that redirects is the
    /// answer.
    pub redirects: Option<usize>,
    /// Whether a redirect may lead from https to http.
    pub downgrade: bool,
    /// Whether cookies are kept, in memory, and sent back (RFC 6265).
    pub cookies: bool,
    /// Whether `Accept-Encoding` is sent, and content decoded that comes in gzip or brotli. A request that has
    /// `Accept-Encoding` or `Range` itself gets what comes.
    pub decode: bool,
    /// Octets that may come of one octet when content is decoded, once it is more than 16 MiB. More is an error: it is
    /// made to fill the disk.
    pub expansion: u32,
    /// Octets of an answer's head, and of its trailers. At least 8 KiB.
    pub head: usize,
    /// Header fields of an answer.
    pub headers: usize,
    /// Connections that are kept for later, of each origin.
    pub kept_per_origin: usize,
    /// Connections that are kept for later, of all origins.
    pub kept: usize,
    /// How long a connection is kept that nobody needs.
    pub keep: Duration,
    /// Octets of content from which an HTTP/1.1 server is asked first whether it wants them (RFC 9110 §10.1.1), and content of
    /// which it is not known how long it is. One that does not say so within a second is sent them. `None`: none is asked.
    pub expect: Option<u64>,
    /// `User-Agent` of requests that have none.
    pub agent: Option<HeaderValue>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            versions: Versions::default(),
            tls: None,
            proxies: Proxies::default(),
            connect_to: None,
            times: Times::default(),
            redirects: Some(10),
            downgrade: false,
            cookies: false,
            decode: true,
            expansion: 250,
            head: 64 * 1024,
            headers: 100,
            kept_per_origin: 8,
            kept: 64,
            keep: Duration::from_secs(60),
            expect: Some(1024 * 1024),
            agent: Some(HeaderValue::from_static(concat!("ropewalk/", env!("CARGO_PKG_VERSION")))),
        }
    }
}

/// Which versions of HTTP a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Versions {
    /// HTTP/2 where ALPN settles it, else HTTP/1.1.
    #[default]
    Both,
    /// HTTP/1.1 only.
    One,
    /// HTTP/2 only; in clear text with prior knowledge (RFC 9113 §3.3).
    Two,
}

/// How long each phase may take.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Times {
    /// Looking up the host.
    pub resolve: Duration,
    /// Connecting; of a proxy, also its answer to CONNECT.
    pub connect: Duration,
    /// The handshake of TLS.
    pub tls: Duration,
    /// From the last octet of the request to the head of the answer; also without an octet of the request being taken.
    pub head: Duration,
    /// Without an octet of the answer's content.
    pub body: Duration,
    /// All of it, with redirects and content.
    pub whole: Option<Duration>,
}

impl Default for Times {
    fn default() -> Self {
        let some = Duration::from_secs(20);
        let long = Duration::from_secs(60);
        Self { resolve: some, connect: some, tls: some, head: long, body: long, whole: None }
    }
}
