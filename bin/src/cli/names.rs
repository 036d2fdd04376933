//! `ropewalk dns`: the configuration that it would be in a file.

use std::path::{Path, PathBuf};

use clap::Args;
use ropewalk_core::net::{At, Endpoint};
use toml::{Table, Value};

use super::servers::{Config, ServerArgs, TlsChoice};

/// `ropewalk dns`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DnsArgs {
    /// A file of addresses and names, as /etc/hosts: names are asked for by address too.
    #[arg(long, value_name = "FILE")]
    hosts_file: Option<PathBuf>,
    /// A zone, as text (RFC 1035); may be repeated. Its name is that of its SOA record, if none is given.
    #[arg(long, value_name = "FILE|NAME=FILE")]
    zone: Vec<String>,
    /// Sign the zones (DNSSEC), with keys that are made in ./ropewalk-data/dnssec where there are none.
    #[arg(long, requires = "zone")]
    sign: bool,
    /// Answer over QUIC besides (RFC 9250), with a certificate of this user's own local authority: on this UDP port, or 8853.
    #[cfg(feature = "quic")]
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "8853")]
    quic: Option<u16>,
    /// A server that answers what is in no zone here, or names below NAME: an address, or an endpoint such as
    /// `tls:853:host=192.0.2.53:name=dns.example`; may be repeated, and the first that answers is heard.
    #[arg(long, value_name = "SERVER|NAME=SERVER")]
    forward: Vec<String>,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

/// Where `dns` listens if nothing is said, over UDP and TCP: its own port (RFC 1035 §4.2), moved out of root's range. And over
/// TLS (RFC 7858 §3.1).
const DNS_PORTS: [u16; 2] = [5553, 8853];

impl Config {
    pub(super) fn dns(&mut self, dns: &DnsArgs) -> Result<(), String> {
        if dns.zone.is_empty() && dns.hosts_file.is_none() && dns.forward.is_empty() {
            return Err("nothing is known: give --zone FILE, --hosts-file FILE or --forward SERVER".into());
        }
        let mut zones = Table::new();
        if let Some(hosts) = &dns.hosts_file {
            zones.insert("hosts".into(), absolute(hosts)?.into());
        }
        let mut tables = Vec::new();
        for zone in &dns.zone {
            // What is a file as it stands, is not a name and a file.
            let (origin, file) = match zone.split_once('=').filter(|_| !Path::new(zone).exists()) {
                Some((origin, file)) => (Some(origin), file),
                None => (None, zone.as_str()),
            };
            let mut table = Table::from_iter([("file".to_owned(), Value::from(absolute(Path::new(file))?))]);
            if let Some(origin) = origin {
                table.insert("origin".into(), origin.into());
            }
            if dns.sign {
                let keys = Value::from(absolute(Path::new("ropewalk-data/dnssec"))?);
                table.insert("sign".into(), Table::from_iter([("keys".to_owned(), keys)]).into());
            }
            tables.push(Value::from(table));
        }
        if !tables.is_empty() {
            zones.insert("zone".into(), tables.into());
        }
        if !dns.forward.is_empty() {
            zones.insert("forward".into(), forward(&dns.forward).into());
        }
        let name = self.add("zones", zones);
        let [plain, tls] = DNS_PORTS;
        let mut server = dns.server.clone();
        let port = server.port.take();
        if server.listen.is_empty() {
            // Over TLS there is a port for that alone, beside the others.
            let port = port.unwrap_or(plain);
            server.listen = vec![Endpoint::udp(port), Endpoint::tcp(port)];
        } else if let Some(port) = port {
            server.listen.extend([Endpoint::udp(port), Endpoint::tcp(port)]);
        }
        #[cfg(feature = "quic")]
        let quic = dns.quic;
        #[cfg(not(feature = "quic"))]
        let quic: Option<u16> = None;
        let asked = server.tls;
        server.tls = asked.or(quic.map(|_| TlsChoice::Auto));
        let certificate = self.certificate(&server)?;
        server.tls = None;
        if let Some(certificate) = certificate {
            server.listen.extend(asked.map(|_| Endpoint::tcp(tls).with_certificate(&certificate)));
            server.listen.extend(quic.map(Endpoint::quic));
            for endpoint in server.listen.iter_mut().filter(|at| matches!(at.at(), At::Quic { .. })) {
                *endpoint = endpoint.clone().with_certificate(&certificate);
            }
        }
        let service = self.service("dns", &server, plain)?;
        service.insert("zones".into(), name.into());
        Ok(())
    }
}

/// Who is asked about what, as a file would say it.
fn forward(servers: &[String]) -> Table {
    let mut forward = Table::new();
    let mut routes: Vec<(&str, Vec<Value>)> = Vec::new();
    for text in servers {
        // An endpoint has equals signs too, but only behind a colon.
        let (name, server) = match text.split_once('=').filter(|(name, _)| !name.contains(':')) {
            Some((name, server)) => (name, server),
            None => (".", text.as_str()),
        };
        match routes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, servers)) => servers.push(server.into()),
            None => routes.push((name, vec![server.into()])),
        }
    }
    let mut tables = Vec::new();
    for (name, servers) in routes {
        if name == "." {
            forward.insert("to".into(), servers.into());
        } else {
            let table = [("name".to_owned(), Value::from(name)), ("to".to_owned(), servers.into())];
            tables.push(Value::from(Table::from_iter(table)));
        }
    }
    if !tables.is_empty() {
        forward.insert("route".into(), tables.into());
    }
    forward
}

/// A path that means the same wherever the configuration is kept.
fn absolute(path: &Path) -> Result<String, String> {
    let path = std::path::absolute(path).map_err(|e| format!("{}: {e}", path.display()))?;
    path.to_str().map(str::to_owned).ok_or_else(|| format!("{} is not UTF-8", path.display()))
}
