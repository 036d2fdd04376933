use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::diagnostic::{Diagnostic, Severity};
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

/// An entry of `listen`, and what its relative paths are relative to. What is wrong with one keeps nobody from looking
/// at the others.
struct Listen {
    endpoint: Result<Endpoint, Vec<Wrong>>,
    at: Origin,
    dir: PathBuf,
}

impl FromValue for Listen {
    fn describe() -> String {
        "endpoint".into()
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        let endpoint = Text::from_value(found).map(|Text(endpoint)| endpoint);
        Ok(Self { endpoint, at: found.value.at.clone(), dir: found.dir() })
    }
    fn to_toml(&self) -> String {
        let text = self.endpoint.as_ref().map(ToString::to_string).unwrap_or_default();
        toml::Value::from(text).to_string()
    }
}

/// What a protocol is spoken in.
#[derive(Clone, Copy)]
enum Heard<'a> {
    Connections,
    /// And connections; and QUIC, where it has a name there.
    Datagrams(&'a [&'a str]),
}

impl<'a> Heard<'a> {
    /// What it is called over QUIC, or why it is not spoken there.
    fn over_quic(self) -> Result<&'a [&'a str], &'static str> {
        match self {
            _ if !cfg!(feature = "quic") => Err("this program was built without QUIC"),
            Self::Datagrams(alpn) if !alpn.is_empty() => Ok(alpn),
            _ => Err("this protocol is not spoken over QUIC"),
        }
    }
}

/// Whether this is the name of a file of certificates, and hardly that of a table.
fn is_file(cert: &str) -> bool {
    cert.contains('/') || [".pem", ".crt", ".cer"].iter().any(|ending| cert.ends_with(ending))
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
        self.server_at(Heard::Connections, proto, alpn, protocol, resources)
    }

    /// The same of a protocol that is spoken in datagrams too: `udp:` is somewhere to listen, for what the caller gives to
    /// [`Server::datagrams`]; and `quic:` for what it gives to [`Server::quic`], if the protocol is called something there.
    pub fn datagram_server(
        &mut self,
        proto: &'static str,
        alpn: &[&str],
        quic: &[&str],
        protocol: Option<impl Protocol>,
        resources: &Resources,
    ) -> Option<Server> {
        self.server_at(Heard::Datagrams(quic), proto, alpn, protocol, resources)
    }

    fn server_at(
        &mut self,
        heard: Heard<'_>,
        proto: &'static str,
        alpn: &[&str],
        protocol: Option<impl Protocol>,
        resources: &Resources,
    ) -> Option<Server> {
        let listens = self.key("listen", "Where to listen: endpoints such as `tcp:8080`.").required();
        let listens = self.listens(heard, listens, alpn, resources);
        let limits = self.limits();
        let quic = listens.iter().flatten().any(|(endpoint, _)| matches!(endpoint.at(), At::Quic { .. }));
        let policies = self.policies(quic);
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
        heard: Heard<'_>,
        listens: Option<Vec<Listen>>,
        alpn: &[&str],
        resources: &Resources,
    ) -> Option<Vec<(Endpoint, Option<ServerTls>)>> {
        let listens = listens?;
        if listens.is_empty() {
            self.error_in("listen", "a server listens somewhere");
        }
        let listen = |listen| self.listen(heard, listen, alpn, resources);
        let all: Vec<_> = listens.into_iter().map(listen).collect();
        all.into_iter().collect()
    }

    /// One place to listen; nothing where something is wrong with it, which is then told.
    fn listen(
        &self,
        heard: Heard<'_>,
        listen: Listen,
        alpn: &[&str],
        resources: &Resources,
    ) -> Option<(Endpoint, Option<ServerTls>)> {
        let Listen { endpoint, at, dir } = listen;
        let endpoint = endpoint.map_err(|wrongs| self.wrong(wrongs)).ok()?;
        self.claim_at(&endpoint, &at);
        let no = |why: &str| {
            self.error_at(&at, format!("{endpoint}: {why}"));
            None
        };
        let tls = match endpoint.at() {
            At::Tcp { tls: Some(options), .. } => {
                Some(self.tls((&at, &dir), options, resources)?.with_alpn(alpn.iter().copied()))
            }
            At::Quic { tls: options, .. } => {
                let alpn =
                    heard.over_quic().map_err(|why| self.error_at(&at, format!("{endpoint}: {why}"))).ok()?;
                Some(self.tls((&at, &dir), options, resources)?.with_alpn(alpn.iter().copied()))
            }
            At::Udp { .. } if matches!(heard, Heard::Datagrams(_)) => None,
            At::Tcp { host: Some(_), .. } => {
                return no("`host=` is for connecting; what to listen at is `interface=`");
            }
            At::Udp { .. } => return no("this protocol is not spoken over UDP"),
            At::Process { .. } => return no("a program is connected to, and is nowhere to listen"),
            _ => None,
        };
        Some((endpoint, tls))
    }

    /// Notes that the value of this key is where something listens: two that want the same socket are an error.
    pub fn claim(&self, key: &str, endpoint: &Endpoint) {
        self.claim_at(endpoint, self.place_of(key));
    }

    fn claim_at(&self, endpoint: &Endpoint, at: &Origin) {
        let Some(first) = self.notes().claim(endpoint, at) else { return };
        self.notes().push_with(Diagnostic {
            at: at.clone(),
            severity: Severity::Error,
            message: format!("{endpoint} is listened on twice"),
            help: None,
            also: Some((first, "it is listened on here already".into())),
        });
    }

    /// The TLS of an endpoint: by the name of a resource, or by the paths of its files.
    fn tls(
        &self,
        (at, dir): (&Origin, &Path),
        options: &TlsOptions,
        resources: &Resources,
    ) -> Option<ServerTls> {
        let Some(cert) = &options.cert else {
            self.error_at(at, "a tls: or quic: endpoint needs cert=NAME or cert=FILE:key=FILE".into());
            return None;
        };
        let found = match &options.key {
            // No name of a table is a path: the key was forgotten.
            None if is_file(cert) && resources.get::<TlsResource>("tls", cert).is_none() => {
                let message = format!("`cert={cert}` is a file, and its key is missing: add `key=FILE`");
                self.error_at(at, message);
                return None;
            }
            None => resources.find::<TlsResource>("tls", cert, at, self.notes()),
            Some(key) => self.files((at, dir), cert, key),
        };
        let TlsResource { certificates, mut clients } = Arc::unwrap_or_clone(found?);
        let made = options.client_ca.as_ref().map_or(Ok(()), |file| {
            clients = ClientAuth::Require(Authorities::file(&dir.join(file))?);
            Ok(())
        });
        made.and_then(|()| ServerTls::new(&certificates, clients))
            .map_err(|error| self.error_at(at, error.chain()))
            .ok()
    }

    fn files(&self, (at, dir): (&Origin, &Path), cert: &str, key: &str) -> Option<Arc<TlsResource>> {
        let path = |file: &str| -> PathBuf { dir.join(Path::new(file)) };
        match Certificates::load([(cert.to_owned(), CertSource::files(path(cert), path(key)))]) {
            Ok(certificates) => Some(Arc::new(TlsResource { certificates, clients: ClientAuth::Off })),
            Err(errors) => {
                for error in errors {
                    self.error_at(at, error.chain());
                }
                None
            }
        }
    }

    /// The policies that are asked for, in the order in which a server runs them.
    fn policies(&mut self, quic: bool) -> Option<impl FnOnce(Server) -> Server + use<>> {
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
        if quic && proxies.is_some() {
            self.error_in(
                "proxy_protocol",
                "there is no PROXY header over QUIC: listen at `quic:` in a service of its own",
            );
            return None;
        }
        let proxy = proxies.map(|p| ProxyProtocol::new(plain(p))).transpose();
        let proxy = proxy.map_err(|e: Error| self.error_in("proxy_protocol", e.to_string())).ok()?;
        let (allow, deny) = (allow.map(plain), deny.map(plain));
        Some(move |mut server: Server| {
            if let Some(proxy) = proxy {
                server = server.outer(proxy);
            }
            if let Some(deny) = deny {
                let deny = Deny::new(deny);
                server = server.outer(deny.clone()).admit_datagrams(move |peer| deny.admits(peer));
            }
            if let Some(allow) = allow {
                let allow = Allow::new(allow);
                server = server.outer(allow.clone()).admit_datagrams(move |peer| allow.admits(peer));
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
