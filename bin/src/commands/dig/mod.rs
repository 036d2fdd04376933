//! `ropewalk dig`: what a name server says.

mod https;
mod json;
mod servers;
mod show;
mod words;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ropewalk_core::tls::{Authorities, ClientTls, read_secret};
use ropewalk_core::{Error, Fault, Result};
use ropewalk_dns::client::{Client, Options, Via};
use ropewalk_dns::server::Transport;
use ropewalk_dns::wire::tsig::TsigKey;
use ropewalk_dns::wire::{Rcode, Type};
use serde_json::json;

use super::fetch::{Stop, ascii, clean, seconds};
use super::remote;
use crate::exit::Exit;
use servers::Server;
use words::{By, Words};

/// Records of a zone that `--json` gathers.
const GATHERED: usize = 1 << 20;

/// `ropewalk dig`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DigArgs {
    /// What is asked, in any order: a name, a type (A if there is none), a class, `@SERVER` (the servers of /etc/resolv.conf
    /// if there is none), and how: `+tcp`, `+tls`, `+quic`, `+https` or `+https=/PATH`; `+short`, `+norecurse`, `+dnssec`, `+cdflag`,
    /// `+noedns`, `+bufsize=N`, `+ignore` (to keep what is cut short), `+tries=N`. The type AXFR transfers a zone.
    #[arg(value_name = "NAME | TYPE | @SERVER | +OPTION")]
    words: Vec<String>,
    /// Ask for the names of this address.
    #[arg(short = 'x', value_name = "ADDRESS")]
    reverse: Option<IpAddr>,
    /// Ask at this port: 53 if it is not given, 853 with TLS and QUIC, 443 with HTTPS.
    #[arg(long, short)]
    port: Option<u16>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    /// Wait so many seconds for an answer: 5 if it is not given.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Trust the authorities in this PEM file instead of the system's.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Believe any server. Whoever stands between can read and change everything.
    #[arg(long, short = 'k', conflicts_with = "cacert")]
    insecure: bool,
    /// The name that the server's certificate must be for, if not the one that it is asked by.
    #[arg(long, value_name = "NAME")]
    tls_name: Option<String>,
    /// Sign what is asked with this key, HMAC-SHA256 if nothing else is said, and believe only answers that are signed with it.
    /// Others on this machine can read it in the list of processes: for more than a trial, use `--key-file`.
    #[arg(long, short = 'y', value_name = "[ALGORITHM:]NAME:SECRET")]
    key: Option<String>,
    /// The same with the key in this file, as `tsig-keygen` writes it.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
}

/// Asks, and prints the answer.
pub(crate) fn run(args: &DigArgs) -> Exit {
    if args.insecure {
        remote::warn_insecure();
    }
    remote::run(None, dig(args)).unwrap_or_else(|stop| {
        if args.json {
            outln!("{}", ascii(&format!("{:#}", json!({"version": 1, "error": stop.message}))));
        }
        eprintln!("error: {}", clean(&stop.message));
        stop.exit
    })
}

async fn dig(args: &DigArgs) -> Result<Exit, Stop> {
    let words = Words::read(&args.words, args.reverse).map_err(|why| Stop::new(Exit::Usage, why))?;
    let key = key(args).map_err(|error| Stop::new(Exit::Usage, error.chain()))?;
    let servers = servers::find(words.server.as_deref(), args.port, words.by).await?;
    let mut last = Stop::new(Exit::Unavailable, "there is no server to ask");
    for server in &servers {
        let client = client(args, &words, server, key.as_ref())?;
        let done = match words.ask.question.qtype {
            Type::AXFR => transfer(args, &words, &client).await,
            _ => ask(args, &words, &client).await,
        };
        client.leave().await;
        match done {
            Ok(exit) => return Ok(exit),
            Err(error) => last = stop(server, error),
        }
    }
    Err(last)
}

async fn ask(args: &DigArgs, words: &Words, client: &Client) -> Result<Exit> {
    let reply = client.ask(&words.ask).await?;
    let rcode = reply.message.rcode;
    if args.json {
        outln!("{}", ascii(&format!("{:#}", json::reply(&reply, client.server()))));
    } else if words.short {
        out!("{}", show::short(&reply.message.answer));
    } else {
        let is_signed = args.key.is_some() || args.key_file.is_some();
        out!("{}", show::reply(&reply, client.server(), is_signed));
    }
    if words.short && rcode != Rcode::NOERROR && !args.json {
        eprintln!("error: the server answers {rcode}");
    }
    Ok(if rcode == Rcode::NOERROR { Exit::Ok } else { Exit::Failure })
}

/// Prints records as they come; the end says whether they are a zone.
async fn transfer(args: &DigArgs, words: &Words, client: &Client) -> Result<Exit> {
    let mut gathered = Vec::new();
    let done = client
        .transfer(&words.ask.question.name, |record| {
            if !args.json {
                out!("{}", show::record(&record));
            } else if gathered.len() < GATHERED {
                gathered.push(json::record(&record));
            } else {
                return Err(Error::limit("records", format!("more than {GATHERED} records are no JSON")));
            }
            Ok(())
        })
        .await?;
    if args.json {
        let whole = json::transfer(gathered, &done, client.server());
        outln!("{}", ascii(&format!("{whole:#}")));
    } else {
        out!("{}", show::transferred(&done, client.server()));
    }
    Ok(Exit::Ok)
}

/// What is to be signed with.
fn key(args: &DigArgs) -> Result<Option<Arc<TsigKey>>> {
    let key = match (&args.key, &args.key_file) {
        (Some(text), _) => text.parse::<TsigKey>(),
        (None, Some(file)) => {
            let octets = read_secret(file)?;
            let text = std::str::from_utf8(&octets);
            let text = text.map_err(|error| Error::local("it is not text").caused_by(error));
            text.and_then(TsigKey::from_file).map_err(|error| error.during(file.display().to_string()))
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(Arc::new(key?)))
}

fn client(args: &DigArgs, words: &Words, server: &Server, key: Option<&Arc<TsigKey>>) -> Result<Client> {
    let name = args.tls_name.as_deref().or(words.hostname.as_deref()).unwrap_or(&server.name);
    let via = match words.by {
        By::Udp => Via::Udp,
        By::Tcp => Via::Tcp,
        By::Tls => Via::Tls(trust(args, words)?.with_alpn(["dot"]), name.parse()?),
        By::Https => {
            let says = args.insecure || args.cacert.is_some() || words.authorities.is_some();
            let tls = says.then(|| trust(args, words)).transpose()?;
            let carrier = https::Https::new(name, server.at, &words.path, tls)?;
            Via::Carrier(Transport::Https, Arc::new(carrier))
        }
        #[cfg(feature = "quic")]
        By::Quic => Via::Quic(trust(args, words)?.with_alpn(["doq"]), name.parse()?),
        #[cfg(not(feature = "quic"))]
        By::Quic => return Err(Error::local("this program was built without QUIC")),
    };
    let mut options = Options::default();
    options.timeout = args.timeout.unwrap_or(options.timeout);
    options.tries = words.tries.unwrap_or(options.tries);
    options.keep_truncated = words.ignore;
    options.key = key.cloned();
    Ok(Client::with(server.at, via, options))
}

fn trust(args: &DigArgs, words: &Words) -> Result<ClientTls> {
    match args.cacert.as_deref().or(words.authorities.as_ref().map(Path::new)) {
        _ if args.insecure => ClientTls::danger_accept_any(),
        Some(file) => ClientTls::new(&Authorities::file(file)?),
        None => ClientTls::new(&Authorities::system()?),
    }
}

/// Why a server gave no answer.
fn stop(server: &Server, error: Error) -> Stop {
    let exit = match error.fault() {
        Fault::Limit => Exit::TryLater,
        Fault::Local => Exit::Unavailable,
        _ => Exit::Failure,
    };
    Stop::new(exit, error.during(format!("{}: no answer", server.at)).chain())
}

/// What a reply came by, as it is shown.
fn transport(reply: Transport) -> &'static str {
    match reply {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
        Transport::Https => "HTTPS",
        Transport::Quic => "QUIC",
    }
}

/// The options of EDNS that have a form for people.
fn option(code: u16, value: &[u8]) -> (String, String) {
    let hex: String = value.iter().map(|octet| format!("{octet:02x}")).collect();
    let text = |octets: &[u8]| octets.escape_ascii().to_string();
    match (code, value) {
        (3, _) => ("NSID".into(), format!("{hex} (\"{}\")", text(value))),
        (10, _) => ("COOKIE".into(), hex),
        (11, [high, low]) => ("KEEPALIVE".into(), {
            let tenths = u16::from_be_bytes([*high, *low]);
            format!("{}.{} s", tenths / 10, tenths % 10)
        }),
        (12, _) => ("PADDING".into(), format!("{} octets", value.len())),
        (15, [high, low, why @ ..]) => ("EDE".into(), {
            let code = u16::from_be_bytes([*high, *low]);
            if why.is_empty() { code.to_string() } else { format!("{code} (\"{}\")", text(why)) }
        }),
        _ => (format!("OPT{code}"), hex),
    }
}
