use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ropewalk_core::app::Context;
use ropewalk_core::net::Connection;
use ropewalk_core::policy::Network;
use ropewalk_core::{Error as Cause, Result};

use super::error::blame;
use super::origin::Origin;
use super::reference;

/// The value of `Authorization` or `Proxy-Authorization` for a name and a password (RFC 7617), kept out of `Debug`.
/// A name with a colon would be read as a shorter one.
pub fn basic(name: &str, password: &str) -> HeaderValue {
    let text = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
    // Base64 has no octet that a header value may not have.
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Basic Og=="));
    value.set_sensitive(true);
    value
}

/// An HTTP proxy, written `http://host:port` or `host:port`, with `name:password@` before the host where it wants to
/// know who asks. What is https goes through it by CONNECT.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authorization: Option<HeaderValue>,
}

impl FromStr for Proxy {
    type Err = Cause;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
            let uri = reference::parse(&url)?;
            let Origin { secure, host, port } = Origin::of(&uri)?;
            if secure {
                return Err(Cause::local("TLS to a proxy is not known here"));
            }
            let authorization = reference::credentials(&uri).map(|(name, password)| basic(&name, &password));
            Ok(Self { host, port, authorization })
        };
        // The text may have a password in it.
        read().map_err(|error: Cause| error.during("not a proxy"))
    }
}

/// Which proxy stands before which origins.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Proxies {
    /// For http.
    pub http: Option<Proxy>,
    /// For https.
    pub https: Option<Proxy>,
    /// Hosts to connect to directly: a name with all below it, an address, a network such as `10.0.0.0/8`, or `*`.
    pub except: Vec<String>,
}

impl Proxies {
    pub(super) fn before(&self, origin: &Origin) -> Option<&Proxy> {
        let proxy = if origin.secure { self.https.as_ref() } else { self.http.as_ref() };
        proxy.filter(|_| !self.except.iter().any(|except| excepts(except.trim(), origin)))
    }
}

fn excepts(except: &str, origin: &Origin) -> bool {
    if except == "*" {
        return true;
    }
    if let Ok(ip) = origin.host.parse::<IpAddr>() {
        let at = SocketAddr::new(ip, origin.port).into();
        let networks = except.trim_matches(['[', ']']).parse::<Network>();
        return networks.is_ok_and(|network| network.contains(&at));
    }
    let (name, port) = match except.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => (name, Some(port)),
        _ => (except, None),
    };
    let name = name.trim_start_matches('.').to_ascii_lowercase();
    let below = || origin.host.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.'));
    !name.is_empty()
        && (origin.host == name || below())
        && port.is_none_or(|port| port.parse() == Ok(origin.port))
}

/// Asks the proxy at the other end for a way through to the origin (RFC 9110 §9.3.6).
pub(super) async fn tunnel(
    cx: &Context,
    conn: Connection,
    proxy: &Proxy,
    to: &Origin,
    head: usize,
) -> Result<Connection> {
    let target = to.host_port();
    let mut ask = http::Request::new(Empty::<bytes::Bytes>::new());
    *ask.method_mut() = Method::CONNECT;
    *ask.uri_mut() =
        http::Uri::try_from(&target).map_err(|error| Cause::local("not a host").caused_by(error))?;
    let host = HeaderValue::from_str(&target).map_err(|error| Cause::local("not a host").caused_by(error))?;
    ask.headers_mut().insert(header::HOST, host);
    if let Some(who) = &proxy.authorization {
        ask.headers_mut().insert(header::PROXY_AUTHORIZATION, who.clone());
    }
    let (mut sender, engine) = http1::Builder::new()
        .max_buf_size(head.max(8192))
        .handshake(TokioIo::new(conn))
        .await
        .map_err(blame)?;
    let _engine = cx.spawn(engine.with_upgrades());
    let answer = sender.send_request(ask).await.map_err(blame)?;
    match answer.status() {
        status if status.is_success() => {}
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            return Err(Cause::peer("the proxy wants to know who asks: 407"));
        }
        status => return Err(Cause::peer(format!("the proxy answers {} to CONNECT", status.as_u16()))),
    }
    let through = hyper::upgrade::on(answer).await.map_err(blame)?;
    let parts = through
        .downcast::<TokioIo<Connection>>()
        .map_err(|_| Cause::local("the engine gives another connection than it was given"))?;
    let mut conn = parts.io.into_inner();
    conn.unread(parts.read_buf);
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(uri: &str) -> Origin {
        Origin::of(&uri.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_proxy_is_a_host_and_a_port_with_or_without_a_scheme() {
        let proxy: Proxy = "proxy.example:3128".parse().unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.example", 3128));
        let proxy: Proxy = "http://ann:p%40ss@[::1]:8/".parse().unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("::1", 8));
        assert_eq!(proxy.authorization.unwrap(), "Basic YW5uOnBAc3M=");
        for wrong in ["", "https://proxy.example:1", "socks5://x:1"] {
            assert!(wrong.parse::<Proxy>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_of_a_proxy_is_not_shown() {
        let proxy: Proxy = "ann:secret@x.example:1".parse().unwrap();
        assert!(!format!("{proxy:?}").contains(&STANDARD.encode("ann:secret")), "{proxy:?}");
        let error = "ann:secret@x.example:99999".parse::<Proxy>().unwrap_err();
        assert!(!error.chain().contains("secret"), "{error:?}");
    }

    #[test]
    fn exceptions_are_names_with_what_is_below_them_addresses_and_networks() {
        for (except, uri, direct) in [
            ("example.org", "http://example.org/", true),
            (".example.org", "http://a.example.org/", true),
            ("Example.org", "http://a.b.example.org/", true),
            ("example.org", "http://notexample.org/", false),
            ("example.org:81", "http://example.org/", false),
            ("example.org:81", "http://example.org:81/", true),
            ("*", "http://x.example/", true),
            ("127.0.0.1", "http://127.0.0.1:9/", true),
            ("10.0.0.0/8", "http://10.9.8.7/", true),
            ("10.0.0.0/8", "http://11.9.8.7/", false),
            ("::1", "http://[::1]/", true),
            ("", "http://x.example/", false),
        ] {
            let proxies = Proxies {
                http: Some("p.example:1".parse().unwrap()),
                except: vec![except.into()],
                ..Proxies::default()
            };
            assert_eq!(proxies.before(&origin(uri)).is_none(), direct, "{except} {uri}");
        }
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let proxies = Proxies { http: Some("p.example:1".parse().unwrap()), ..Proxies::default() };
        assert!(proxies.before(&origin("https://x.example/")).is_none());
    }
}
