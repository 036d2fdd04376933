//! Single-server commands: each is the configuration that it would be in a file.

#[cfg(any(feature = "http", feature = "ftp"))]
use std::path::Path;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ropewalk_core::config::Registry;
use ropewalk_core::net::{Endpoint, Interface};
use toml::{Table, Value};

#[cfg(any(feature = "http", feature = "ftp"))]
use super::user::User;
use super::{Command, ProcessArgs};
use crate::commands::cert;
use crate::exit::Exit;
use crate::process::{Root, Source, is_child, launch};
#[cfg(any(feature = "http", feature = "ftp"))]
use crate::program::{program, quoted};

/// What every server command has.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerArgs {
    /// Where to listen, such as `tcp:8080`, `tls:8443:cert=full.pem:key=key.pem`, `unix:/run/x.sock`. May be
    /// repeated. A bare port means `tcp:`.
    #[arg(long, value_name = "ENDPOINT")]
    pub(super) listen: Vec<Endpoint>,
    /// Listen on this TCP port: short for `--listen tcp:PORT`; `dns` listens on it over UDP too.
    #[arg(long, short, value_name = "PORT")]
    pub(super) port: Option<u16>,
    /// Listen on every address of the machine where no interface is given, not only on loopback.
    #[arg(long)]
    public: bool,
    /// `auto`: speak TLS, with a certificate of this user's own local authority.
    #[arg(long, value_name = "HOW")]
    pub(super) tls: Option<TlsChoice>,
    /// Print the configuration that this command stands for, and do nothing.
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    process: ProcessArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TlsChoice {
    Auto,
}

/// `ropewalk web`.
#[cfg(feature = "http")]
#[derive(Args, Clone, Debug)]
pub(crate) struct WebArgs {
    /// The folder to serve.
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// What is not an option: the folder, as others take it. It is refused with a hint.
    #[arg(hide = true, value_name = "DIR")]
    stray: Option<String>,
    /// Answer 403 for a folder without an index file, instead of listing it.
    #[arg(long)]
    no_listing: bool,
    /// Let whoever comes in send files and remove them.
    #[arg(long)]
    write: bool,
    /// Speak WebDAV, so that the folder can be mounted; to change it, with --write.
    #[arg(long)]
    dav: bool,
    /// Give folders as one file: `?archive=zip`, `?archive=tar`.
    #[arg(long)]
    archive: bool,
    /// Serve names that begin with a dot.
    #[arg(long)]
    hidden: bool,
    /// Who may come in, by a login; may be repeated. Others on this machine can read it in the list of processes: for more than
    /// a trial, use `--accounts`.
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: Vec<User>,
    /// Whoever is in this store may come in, the folder that `ropewalk user` keeps; or in this file: `.toml`, as in the
    /// manual, or as `htpasswd` writes it.
    #[arg(long, value_name = "DIR|FILE")]
    accounts: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// `ropewalk ftp`.
#[cfg(feature = "ftp")]
#[derive(Args, Clone, Debug)]
pub(crate) struct FtpArgs {
    /// The folder to serve.
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// Let anybody read it, as `anonymous` with any password.
    #[arg(long)]
    anonymous: bool,
    /// Change nothing, whoever asks.
    #[arg(long)]
    read_only: bool,
    /// Serve names that begin with a dot.
    #[arg(long)]
    hidden: bool,
    /// Who may come in, to read and to write; may be repeated. Others on this machine can read it in the list of processes:
    /// for more than a trial, use `--accounts`.
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: Vec<User>,
    /// Whoever is in this store may come in, the folder that `ropewalk user` keeps; or in this file: `.toml`, as in the
    /// manual, or as `htpasswd` writes it.
    #[arg(long, value_name = "DIR|FILE")]
    accounts: Option<PathBuf>,
    /// The ports that data connections come to.
    #[arg(long, value_name = "FIRST-LAST")]
    passive: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// `ropewalk echo`.
#[derive(Args, Clone, Debug)]
pub(crate) struct EchoArgs {
    #[command(flatten)]
    server: ServerArgs,
}

#[cfg(any(feature = "http", feature = "ftp"))]
impl Config {
    /// The name of the accounts that are asked for, if any are.
    fn accounts(
        &mut self,
        users: &[User],
        file: Option<&PathBuf>,
        server: &ServerArgs,
    ) -> Result<Option<String>, String> {
        let mut accounts = Table::new();
        if !users.is_empty() {
            let users: Vec<_> = users.iter().map(|user| Value::from(user.0.as_str())).collect();
            accounts.insert("users".into(), users.into());
        }
        if let Some(file) = file {
            let path = std::path::absolute(file).map_err(|e| format!("{}: {e}", file.display()))?;
            if !path.exists() && !server.print_config {
                let (given, path) = (file.display(), path.display());
                return Err(format!(
                    "--accounts {given}: there is no {path}; `{} user add NAME --store {}` makes a store",
                    program(),
                    quoted(&file.to_string_lossy())
                ));
            }
            let path = path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))?;
            accounts.insert(if file.is_dir() { "store" } else { "file" }.into(), path.into());
        }
        if accounts.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.add("accounts", accounts)))
    }
}

/// Where `web` listens if nothing is said, without TLS and with it.
#[cfg(feature = "http")]
const WEB_PORTS: [u16; 2] = [8080, 8443];
/// Where `ftp` listens if nothing is said: its own port (RFC 959 §8), moved out of root's range.
#[cfg(feature = "ftp")]
const FTP_PORT: u16 = 2121;
/// Where `echo` listens if nothing is said: its own port (RFC 862), moved out of root's range.
const ECHO_PORT: u16 = 8007;

/// Runs these servers in one process.
pub(super) fn run(commands: Vec<Command>, registry: &Registry) -> Exit {
    match compose(commands) {
        Ok(Composed { text, print: true, .. }) => {
            out!("{text}");
            Exit::Ok
        }
        Ok(Composed { process, text, root, .. }) => {
            launch(registry, Source::text(text), &process, root, || {})
        }
        Err(message) => {
            eprintln!("error: {message}");
            Exit::Usage
        }
    }
}

/// What command lines stand for.
struct Composed {
    process: ProcessArgs,
    text: String,
    /// Whether the text is only to be printed.
    print: bool,
    root: Root,
}

fn compose(commands: Vec<Command>) -> Result<Composed, String> {
    let mut process = ProcessArgs::default();
    let mut config = Config::default();
    let mut print = false;
    for command in commands {
        let server = match command {
            #[cfg(feature = "http")]
            Command::Web(web) => {
                config.web(&web)?;
                web.server
            }
            #[cfg(feature = "ftp")]
            Command::Ftp(ftp) => {
                config.ftp(&ftp)?;
                ftp.server
            }
            #[cfg(feature = "dns")]
            Command::Dns(dns) => {
                config.dns(&dns)?;
                dns.server
            }
            Command::Echo(echo) => {
                config.service("echo", &echo.server, ECHO_PORT)?;
                echo.server
            }
            _ => return Err("only servers can stand beside `+`".into()),
        };
        print |= server.print_config;
        process = process.merge(server.process).map_err(|name| format!("{name} is given twice"))?;
    }
    if let Some(authority) = config.authority.as_ref().filter(|_| !is_child()) {
        eprintln!("TLS by this user's local authority; to trust it: curl --cacert {}", authority.display());
    }
    let root = if config.privileged { Root::Refused } else { Root::Warned };
    Ok(Composed { process, text: config.render()?, print, root })
}

/// A configuration that is being composed.
#[derive(Default)]
pub(super) struct Config {
    resources: Table,
    services: Vec<Value>,
    /// The certificate of the authority behind `--tls auto`.
    authority: Option<PathBuf>,
    /// Whether a port is asked for that only root can bind.
    privileged: bool,
}

impl Config {
    #[cfg(feature = "http")]
    fn web(&mut self, web: &WebArgs) -> Result<(), String> {
        if let Some(folder) = &web.stray {
            return Err(format!("the folder to serve is given by an option: --path {folder}"));
        }
        let name = self.files(&web.path, web.hidden, web.write)?;
        let accounts = self.accounts(&web.user, web.accounts.as_ref(), &web.server)?;
        let [plain, tls] = WEB_PORTS;
        let port = if web.server.tls.is_some() { tls } else { plain };
        let service = self.service("http", &web.server, port)?;
        service.insert("files".into(), name.into());
        if web.no_listing {
            service.insert("listing".into(), false.into());
        }
        for (key, on) in [("write", web.write), ("dav", web.dav), ("archive", web.archive)] {
            if on {
                service.insert(key.into(), true.into());
            }
        }
        if let Some(accounts) = accounts {
            let auth = Table::from_iter([("accounts".to_owned(), Value::from(accounts))]);
            service.insert("auth".into(), Value::Array(vec![auth.into()]));
        }
        Ok(())
    }

    #[cfg(feature = "ftp")]
    fn ftp(&mut self, ftp: &FtpArgs) -> Result<(), String> {
        let accounts = self.accounts(&ftp.user, ftp.accounts.as_ref(), &ftp.server)?;
        if accounts.is_none() && !ftp.anonymous {
            return Err("nobody can log in: give --user NAME:PASSWORD, --accounts FILE or --anonymous".into());
        }
        let logs_in = accounts.is_some();
        let name = self.files(&ftp.path, ftp.hidden, logs_in && !ftp.read_only)?;
        // FTP begins TLS when the client asks for it, on the same port.
        let certificate = self.certificate(&ftp.server)?;
        let server = ServerArgs { tls: None, ..ftp.server.clone() };
        let service = self.service("ftp", &server, FTP_PORT)?;
        if let Some(accounts) = accounts {
            service.insert("accounts".into(), accounts.into());
            service.insert("files".into(), name.as_str().into());
        }
        if ftp.anonymous {
            service.insert("anonymous".into(), name.into());
        }
        if let Some(certificate) = certificate {
            service.insert("tls".into(), certificate.into());
            // What others could read on the way, they are not told.
            if ftp.server.public && logs_in {
                service.insert("tls_required".into(), true.into());
            }
        }
        if let Some(range) = &ftp.passive {
            service.insert("passive".into(), range.as_str().into());
        }
        Ok(())
    }

    /// The name of a folder.
    #[cfg(any(feature = "http", feature = "ftp"))]
    fn files(&mut self, path: &Path, hidden: bool, write: bool) -> Result<String, String> {
        let path = std::path::absolute(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let path = path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))?;
        let mut files = Table::from_iter([("path".to_owned(), Value::from(path))]);
        if hidden {
            files.insert("hidden".into(), "show".into());
        }
        let read_only = Value::Table(files.clone());
        files.insert("write".into(), true.into());
        // One folder is one resource, whoever asks first: what writes to it, reads it too.
        let known = self.resources.get_mut("files").and_then(Value::as_table_mut);
        for (name, other) in known.into_iter().flatten() {
            if *other == read_only || *other == Value::Table(files.clone()) {
                if write {
                    *other = files.into();
                }
                return Ok(name.clone());
            }
        }
        if !write {
            files.remove("write");
        }
        Ok(self.add("files", files))
    }

    /// The name of the certificate that `--tls` asks for.
    pub(super) fn certificate(&mut self, server: &ServerArgs) -> Result<Option<String>, String> {
        let Some(TlsChoice::Auto) = server.tls else { return Ok(None) };
        let (table, authority) = cert::auto()?;
        self.authority = Some(authority);
        Ok(Some(self.add("tls", table)))
    }

    /// Adds a resource under a free name; the same one is added once.
    pub(super) fn add(&mut self, kind: &str, resource: Table) -> String {
        let of_kind = self.resources.entry(kind).or_insert_with(|| Table::new().into());
        let Value::Table(of_kind) = of_kind else { return String::new() };
        if let Some((name, _)) = of_kind.iter().find(|(_, known)| **known == Value::Table(resource.clone())) {
            return name.clone();
        }
        let name = match of_kind.len() {
            0 => "main".to_owned(),
            n => format!("main{}", n + 1),
        };
        of_kind.insert(name.clone(), resource.into());
        name
    }

    pub(super) fn service(
        &mut self,
        kind: &str,
        server: &ServerArgs,
        port: u16,
    ) -> Result<&mut Table, String> {
        let mut listen = server.listen.clone();
        listen.extend(server.port.map(Endpoint::tcp));
        if listen.is_empty() {
            listen.push(Endpoint::tcp(port));
        }
        self.privileged |= listen.iter().filter_map(Endpoint::port).any(|port| (1..1024).contains(&port));
        let certificate = self.certificate(server)?;
        let here = std::env::current_dir().unwrap_or_default();
        let mut endpoints = Vec::new();
        for endpoint in listen {
            // The configuration means the same wherever it is kept.
            let mut endpoint = endpoint.in_folder(&here);
            if endpoint.is_open() && !server.public {
                endpoint = endpoint.with_interface(Interface::Localhost);
            }
            if let Some(name) = &certificate {
                endpoint = endpoint.with_certificate(name);
                if endpoint.tls().is_none() {
                    return Err(format!("--tls is for TCP, not for {endpoint}"));
                }
            }
            endpoints.push(Value::from(endpoint.to_string()));
        }
        let listen = Value::Array(endpoints);
        let service = [("kind".to_owned(), Value::from(kind)), ("listen".to_owned(), listen)];
        self.services.push(Table::from_iter(service).into());
        match self.services.last_mut() {
            Some(Value::Table(service)) => Ok(service),
            _ => Err("no service".into()),
        }
    }

    fn render(mut self) -> Result<String, String> {
        self.resources.insert("service".into(), self.services.into());
        toml::to_string(&self.resources).map_err(|e| e.to_string())
    }
}
