use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::typed::{Found, FromValue, Size, Text, Wrong};
use super::value::Origin;
use super::{Resources, Section};
use crate::Error;
use crate::app::{Protocol, Server};
use crate::net::{At, Endpoint, TlsOptions};
use crate::policy::{Allow, Deny, Network, ProxyProtocol, RateLimit, TimeLimit, Transcript};
use crate::tls::{Authorities, CertSource, Certificates, ClientAuth, ServerTls};

/// The certificates that a `[tls.NAME]` section has made, and whom they ask for theirs.
#[derive(Clone, Debug)]
pub struct TlsResource {
    /// The certificates.
    pub certificates: Certificates,
    /// Client certificates.
    pub clients: ClientAuth,
}

/// An entry of `listen`, and what its relative paths are relative to.
struct Listen {
    endpoint: Endpoint,
    at: Origin,
    dir: PathBuf,
}

impl FromValue for Listen {
    fn describe() -> String {
        "endpoint".into()
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        let Text(endpoint) = Text::from_value(found)?;
        Ok(Self { endpoint, at: found.value.at.clone(), dir: found.dir() })
    }
    fn to_toml(&self) -> String {
        toml::Value::from(self.endpoint.to_string()).to_string()
    }
}

impl Section<'_> {
    /// Reads the keys that every server has (`listen`, `limits`, policies) and makes the server of a protocol.
    ///
    /// `alpn` is what the protocol is called in TLS (RFC 7301), the most wanted first; none for protocols
    /// without a name there. `None` where the section has errors, or where there is no `protocol` because of
    /// errors of its own: call this in any case, so that every key is asked for.
    pub fn server(
        &mut self,
        proto: &'static str,
        alpn: &[&str],
        protocol: Option<impl Protocol>,
        resources: &Resources,
    ) -> Option<Server> {
        let listens = self.key("listen", "Where to listen: endpoints such as `tcp:8080`.").required();
        let listens = self.listens(listens, alpn, resources);
        let limits = self.limits();
        let policies = self.policies();
        let mut server = Server::new(proto, protocol?).named(self.name()).limits(limits);
        for (endpoint, tls) in listens? {
            server = match tls {
                Some(tls) => server.listen_tls(endpoint, tls),
                None => server.listen(endpoint),
            };
        }
        policies.map(|add| add(server))
    }

    fn listens(
        &self,
        listens: Option<Vec<Listen>>,
        alpn: &[&str],
        resources: &Resources,
    ) -> Option<Vec<(Endpoint, Option<ServerTls>)>> {
        let mut all = Vec::new();
        for listen in listens? {
            let tls = match listen.endpoint.at() {
                At::Tcp { tls: Some(options), .. } => {
                    Some(self.tls(&listen, options, resources)?.with_alpn(alpn.iter().copied()))
                }
                At::Tcp { host: Some(_), .. } | At::Udp { .. } | At::Process { .. } => {
                    self.error_at(&listen.at, format!("{} is nowhere to listen", listen.endpoint));
                    return None;
                }
                _ => None,
            };
            all.push((listen.endpoint, tls));
        }
        if all.is_empty() {
            self.error_in("listen", "a server listens somewhere");
        }
        Some(all)
    }

    /// The TLS of an endpoint: by the name of a resource, or by the paths of its files.
    fn tls(&self, listen: &Listen, options: &TlsOptions, resources: &Resources) -> Option<ServerTls> {
        let Some(cert) = &options.cert else {
            self.error_at(&listen.at, "a tls: endpoint needs cert=NAME or cert=FILE:key=FILE".into());
            return None;
        };
        let found = match &options.key {
            None => resources.find::<TlsResource>("tls", cert, &listen.at, self.notes()),
            Some(key) => self.files(listen, cert, key),
        };
        let TlsResource { certificates, mut clients } = Arc::unwrap_or_clone(found?);
        let made = options.client_ca.as_ref().map_or(Ok(()), |file| {
            clients = ClientAuth::Require(Authorities::file(&listen.dir.join(file))?);
            Ok(())
        });
        made.and_then(|()| ServerTls::new(&certificates, clients))
            .map_err(|error| self.error_at(&listen.at, error.chain()))
            .ok()
    }

    fn files(&self, listen: &Listen, cert: &str, key: &str) -> Option<Arc<TlsResource>> {
        let path = |file: &str| -> PathBuf { listen.dir.join(Path::new(file)) };
        match Certificates::load([(cert.to_owned(), CertSource::files(path(cert), path(key)))]) {
            Ok(certificates) => Some(Arc::new(TlsResource { certificates, clients: ClientAuth::Off })),
            Err(errors) => {
                for error in errors {
                    self.error_at(&listen.at, error.chain());
                }
                None
            }
        }
    }

    /// The policies that are asked for, in the order in which a server runs them.
    fn policies(&mut self) -> Option<impl FnOnce(Server) -> Server + use<>> {
        let proxies: Option<Vec<Text<Network>>> = self
            .key("proxy_protocol", "Proxies that must send a PROXY header, version 1 or 2: their networks.")
            .optional();
        let allow: Option<Vec<Text<Network>>> =
            self.key("allow", "Serve only peers of these networks.").optional();
        let deny: Option<Vec<Text<Network>>> =
            self.key("deny", "Serve no peer of these networks.").optional();
        let time: Option<Duration> =
            self.key("time_limit", "End every connection after this time.").optional();
        let rate: Option<Size> =
            self.key("rate_limit", "Octets a second each way on every connection.").optional();
        let transcript = self.key("transcript", "Write what is said into the log, secrets masked.").or(false);
        let plain = |networks: Vec<Text<Network>>| networks.into_iter().map(|Text(n)| n).collect();
        let proxy = proxies.map(|p| ProxyProtocol::new(plain(p))).transpose();
        let proxy = proxy.map_err(|e: Error| self.error_in("proxy_protocol", e.to_string())).ok()?;
        let (allow, deny) = (allow.map(plain), deny.map(plain));
        Some(move |mut server: Server| {
            if let Some(proxy) = proxy {
                server = server.outer(proxy);
            }
            if let Some(deny) = deny {
                server = server.outer(Deny::new(deny));
            }
            if let Some(allow) = allow {
                server = server.outer(Allow::new(allow));
            }
            if let Some(time) = time {
                server = server.policy(TimeLimit(time));
            }
            if let Some(Size(rate)) = rate {
                server = server.policy(RateLimit(rate));
            }
            if transcript { server.policy(Transcript) } else { server }
        })
    }
}
