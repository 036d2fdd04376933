use std::path::{Path, PathBuf};
use std::sync::Arc;

use ropewalk_core::config::{Reading, Registry};
use ropewalk_core::net::{At, Endpoint};
use ropewalk_store::accounts::Store;
use toml::{Table, Value};

use super::DATA;
use super::made::{ADMIN, Person};
use crate::process::{Source, is_child};
use crate::program::{program, quoted};
use crate::settings::{self, Settings};

/// What is said once everything serves: where it is, and what to type to see it.
pub(super) struct Greeting {
    rows: Vec<[String; 3]>,
    more: Vec<String>,
}

impl Greeting {
    /// Of what this configuration says; nothing of one with mistakes.
    pub(super) fn of(source: &Source, registry: &Registry, who: Option<&Person>) -> Self {
        let document = source.document();
        let reading: Reading<Settings> = document.read(registry, settings::read);
        let config: Table = reading.show(&document, false).parse().unwrap_or_default();
        let more = if who.is_none() { recalled(&config).into_iter().collect() } else { Vec::new() };
        let who = who.map(|who| format!("{}:{}", who.name, who.password));
        let head = ["service", "address", "try"].map(str::to_owned);
        let rows = [vec![head], rows(&config, who.as_deref())].concat();
        Self { rows, more }
    }

    /// Says this too.
    pub(super) fn add(&mut self, more: String) {
        self.more.push(more);
    }

    pub(super) fn print(&self) {
        if is_child() {
            return;
        }
        let width = |column: usize| self.rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let (first, second) = (width(0), width(1));
        for [service, address, command] in &self.rows {
            outln!("{service:first$}  {address:second$}  {command}");
        }
        for more in &self.more {
            outln!("\n{more}");
        }
    }
}

/// A line for each endpoint of each service: its name, its address, and a command to try.
fn rows(config: &Table, who: Option<&str>) -> Vec<[String; 3]> {
    let tables = |key: &str| config.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut rows = Vec::new();
    for service in tables("service") {
        let Some(kind) = service.get("kind").and_then(Value::as_str) else { continue };
        let listen = service.get("listen").and_then(Value::as_array).cloned().unwrap_or_default();
        for endpoint in listen.iter().filter_map(|text| text.as_str()?.parse::<Endpoint>().ok()) {
            rows.extend(all(kind, &service, &endpoint, config, who));
        }
    }
    let admin = config.get("admin").and_then(|admin| admin.get("listen")?.as_str()?.parse::<Endpoint>().ok());
    if let Some(port) = admin.and_then(|endpoint| endpoint.port()) {
        let url = format!("http://localhost:{port}/metrics");
        rows.push(["admin".into(), format!("localhost:{port}"), format!("curl {url}")]);
    }
    rows
}

/// What one endpoint of a service is for.
fn all(
    kind: &str,
    service: &Value,
    endpoint: &Endpoint,
    config: &Table,
    who: Option<&str>,
) -> Vec<[String; 3]> {
    let Some(port) = endpoint.port() else { return Vec::new() };
    let is_tls = endpoint.tls().is_some();
    let scheme = if is_tls { format!("{kind}s") } else { kind.to_owned() };
    let url = format!("{scheme}://localhost:{port}/");
    let logs_in = service.get("auth").is_some() || service.get("accounts").is_some();
    let who = who.map(str::to_owned).or_else(|| account(service, config)).unwrap_or("NAME".into());
    let login = if logs_in { format!(" -u {who}") } else { String::new() };
    let trusted = |path: PathBuf| format!(" --cacert {}", quoted(&path.to_string_lossy()));
    let authority = authority(config).map_or(String::new(), trusted);
    let trust = if is_tls { &*authority } else { "" };
    let is_on = |key: &str| service.get(key).and_then(Value::as_bool) == Some(true);
    let mut rows = Vec::new();
    match kind {
        // TLS that is asked for on the same port.
        "ftp" if !is_tls && service.get("tls").is_some() => {
            if !is_on("tls_required") {
                rows.push([scheme.clone(), url.clone(), format!("curl{login} {url}")]);
            }
            let command = format!("curl --ssl-reqd{authority}{login} {url}");
            rows.push(["ftp+tls".into(), url.clone(), command]);
        }
        // Its page is for a browser.
        "http" => rows.push([scheme.clone(), url.clone(), format!("curl -I{trust}{login} {url}")]),
        "ftp" => rows.push([scheme.clone(), url.clone(), format!("curl{trust}{login} {url}")]),
        "dns" => {
            // Of the tools that many have, dig knows TLS only where it is new, and none knows QUIC.
            let ours = format!("{} dig", program());
            let (scheme, asker, how) = match endpoint.at() {
                At::Udp { .. } => ("dns", "dig", ""),
                At::Quic { .. } => ("dns+quic", &*ours, " +quic"),
                _ if is_tls => ("dns+tls", &*ours, " +tls"),
                _ => ("dns+tcp", "dig", " +tcp"),
            };
            // What every hosts file has.
            let name = origin(service, config).unwrap_or("localhost");
            let command = format!("{asker} @localhost -p {port}{how}{trust} {name} +short");
            rows.push([scheme.into(), format!("localhost:{port}"), command]);
        }
        "echo" => {
            rows.push([scheme.clone(), url.clone(), format!("echo hello | nc -N localhost {port}")]);
        }
        _ => rows.push([scheme.clone(), url.clone(), String::new()]),
    }
    if is_on("dav") && is_on("write") {
        let command = format!("echo hello | curl{trust}{login} -T - {url}shared/hello.txt");
        rows.push([scheme.replace("http", "webdav"), url, command]);
    }
    rows
}

/// The name of the first zone that a service answers from, where it stands in the configuration.
fn origin<'c>(service: &Value, config: &'c Table) -> Option<&'c str> {
    let zones = config.get("zones")?.get(service.get("zones")?.as_str()?)?;
    zones.get("zone")?.as_array()?.first()?.get("origin")?.as_str()
}

/// Somebody who can log in by a password, which curl asks for: `admin` if there is one.
fn account(service: &Value, config: &Table) -> Option<String> {
    let store = Store::open(store(service, config)?, Arc::default()).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
    let mut all = runtime.block_on(store.list()).ok()?;
    all.retain(|account| account.password && !account.disabled);
    let chosen = all.iter().find(|account| account.name.as_str() == ADMIN).or(all.first())?;
    Some(chosen.name.to_string())
}

/// The store of those who can log in.
fn store<'c>(service: &Value, config: &'c Table) -> Option<&'c str> {
    let of_rule = || service.get("auth")?.as_array()?.first()?.get("accounts");
    let name = service.get("accounts").or_else(of_rule)?.as_str()?;
    config.get("accounts")?.get(name)?.get("store")?.as_str()
}

/// Who the account is that the commands name, and how it gets another password.
fn recalled(config: &Table) -> Option<String> {
    let services = config.get("service")?.as_array()?;
    let (name, store) =
        services.iter().find_map(|service| Some((account(service, config)?, store(service, config)?)))?;
    let elsewhere = if Path::new(store) == Path::new(DATA) {
        String::new()
    } else {
        format!(" --store {}", quoted(store))
    };
    let name = quoted(&name).into_owned();
    Some(format!("The account is {name}; for another password: {} user passwd {name}{elsewhere}", program()))
}

/// The certificate of the authority that `up` made, to trust.
fn authority(config: &Table) -> Option<PathBuf> {
    let cert = config.get("tls")?.get("main")?.get("cert")?.as_str()?;
    let authority = PathBuf::from(cert).with_file_name("ca.pem");
    authority.exists().then_some(authority)
}
