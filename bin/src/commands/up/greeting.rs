use std::path::PathBuf;

use ropewalk_core::config::{Reading, Registry};
use ropewalk_core::net::Endpoint;
use toml::{Table, Value};

use super::made::Made;
use crate::process::{Source, is_child};
use crate::settings::{self, Settings};

/// What is said once everything serves: where it is, and what to type to see it.
pub(super) struct Greeting {
    rows: Vec<[String; 3]>,
    made: Option<Made>,
}

impl Greeting {
    /// Of what this configuration says; nothing of one with mistakes.
    pub(super) fn of(source: &Source, registry: &Registry, made: Option<Made>) -> Self {
        let document = source.document();
        let reading: Reading<Settings> = document.read(registry, settings::read);
        let config: Table = reading.show(&document, false).parse().unwrap_or_default();
        let who = made.as_ref().map(|made| format!("{}:{}", made.name, made.password));
        Self { rows: rows(&config, who.as_deref()), made }
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
        if let Some(Made { name, password }) = &self.made {
            outln!(
                "\naccount {name}, password {password}: it is not shown again (ropewalk user passwd {name})"
            );
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
            rows.extend(row(kind, &service, &endpoint, config, who));
        }
    }
    let admin = config.get("admin").and_then(|admin| admin.get("listen")?.as_str()?.parse::<Endpoint>().ok());
    if let Some(port) = admin.and_then(|endpoint| endpoint.port()) {
        let url = format!("http://localhost:{port}/metrics");
        rows.push(["admin".into(), format!("localhost:{port}"), format!("curl {url}")]);
    }
    rows
}

fn row(
    kind: &str,
    service: &Value,
    endpoint: &Endpoint,
    config: &Table,
    who: Option<&str>,
) -> Option<[String; 3]> {
    let port = endpoint.port()?;
    let is_tls = endpoint.tls().is_some();
    let scheme = match kind {
        "http" | "ftp" if is_tls => format!("{kind}s"),
        _ => kind.to_owned(),
    };
    let url = format!("{scheme}://localhost:{port}/");
    let logs_in = service.get("auth").is_some() || service.get("accounts").is_some();
    let login = match (logs_in, who) {
        (true, Some(who)) => format!(" -u {who}"),
        (true, None) => " -u NAME".into(),
        (false, _) => String::new(),
    };
    let trust = authority(config)
        .filter(|_| is_tls)
        .map_or(String::new(), |path| format!(" --cacert {}", path.display()));
    let command = match kind {
        "http" | "ftp" => format!("curl{trust}{login} {url}"),
        "echo" => format!("printf 'hello\\n' | nc -N localhost {port}"),
        _ => String::new(),
    };
    Some([scheme, url, command])
}

/// The certificate of the authority that `up` made, to trust.
fn authority(config: &Table) -> Option<PathBuf> {
    let cert = config.get("tls")?.get("main")?.get("cert")?.as_str()?;
    let authority = PathBuf::from(cert).with_file_name("ca.pem");
    authority.exists().then_some(authority)
}
