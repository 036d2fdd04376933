use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::{At, Endpoint, Interface, TlsOptions};
use crate::{Error, Result};

/// Every kind, for error messages.
const KINDS: [&str; 10] =
    ["tcp", "tls", "quic", "unix", "udp", "systemd", "fd", "stdio", "process", "memory"];

/// Octets of a path in a UNIX socket's address on Linux, without the zero after it.
const UNIX_PATH: usize = 107;

/// What is wrong, without the endpoint's text, which [`Endpoint::from_str`] adds.
type Wrong = String;

/// The error is [`Fault::Local`](crate::Fault) and says what is wrong where, and what would be right.
impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text).map(Self).map_err(|wrong| Error::local(format!("endpoint `{text}`: {wrong}")))
    }
}

fn parse(text: &str) -> Result<At, Wrong> {
    if text.is_empty() {
        return Err("is empty; try `tcp:8000`".into());
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(format!("holds the control character {c:?}"));
    }
    let mut fields = split(text)?.into_iter();
    let kind = fields.next().unwrap_or_default();
    if kind.bytes().all(|b| b.is_ascii_digit()) && !kind.is_empty() {
        return tcp(port(&kind)?, Keys::of(fields, &TCP)?);
    }
    match kind.as_str() {
        "tcp" => tcp(first_port(&kind, &mut fields)?, Keys::of(fields, &TCP)?),
        "tls" | "ssl" => tls(first_port(&kind, &mut fields)?, Keys::of(fields, &TLS)?),
        "udp" => {
            let port = first_port(&kind, &mut fields)?;
            let mut keys = Keys::of(fields, &["interface"])?;
            Ok(At::Udp { port, interface: keys.interface()? })
        }
        "quic" => quic(first_port(&kind, &mut fields)?, Keys::of(fields, &QUIC)?),
        "unix" => {
            let path = argument(&mut fields, "a path")?;
            if path.len() > UNIX_PATH {
                return Err(format!(
                    "the path has {} octets; a UNIX socket's has at most {UNIX_PATH}",
                    path.len()
                ));
            }
            let mode = Keys::of(fields, &["mode"])?.take("mode").map(|m| mode(&m)).transpose()?;
            Ok(At::Unix { path: path.into(), mode })
        }
        "systemd" => Ok(At::Systemd { name: Keys::alone(fields, &["name"])?.take("name") }),
        "fd" => {
            let number = argument(&mut fields, "a descriptor's number")?;
            Keys::of(fields, &[])?;
            digits(&number)
                .and_then(|n| i32::try_from(n).ok())
                .and_then(|n| u32::try_from(n).ok())
                .map(At::Fd)
                .ok_or_else(|| format!("`{number}` is not a descriptor's number, such as 3"))
        }
        "stdio" => Keys::alone(fields, &[]).map(|_| At::Stdio),
        "process" => {
            let program = argument(&mut fields, "a program")?;
            let args = fields.map(|field| {
                let arg = field.strip_prefix("arg=").map(str::to_owned);
                arg.ok_or_else(|| format!("`{field}` is not `arg=…`, the only key here"))
            });
            Ok(At::Process { program, args: args.collect::<Result<_, _>>()? })
        }
        "memory" => {
            let name = argument(&mut fields, "a name")?;
            Keys::of(fields, &[])?;
            Ok(At::Memory(name))
        }
        other => Err(unknown_kind(other, text)),
    }
}

const TCP: [&str; 2] = ["interface", "host"];
const TLS: [&str; 7] = ["interface", "host", "cert", "key", "client-ca", "name", "ca"];

const QUIC: [&str; 4] = ["interface", "cert", "key", "client-ca"];

fn tcp(port: u16, mut keys: Keys) -> Result<At, Wrong> {
    let (interface, host) = (keys.interface()?, keys.take("host").map(|h| host(&h)).transpose()?);
    if interface.is_some() && host.is_some() {
        return Err("`interface=` is for listening and `host=` for connecting; give one of them".into());
    }
    if host.is_some() && port == 0 {
        return Err("nothing can be connected to on port 0".into());
    }
    Ok(At::Tcp { port, interface, host, tls: None })
}

fn tls(port: u16, mut keys: Keys) -> Result<At, Wrong> {
    let options = TlsOptions {
        cert: keys.take("cert"),
        key: keys.take("key"),
        client_ca: keys.take("client-ca"),
        name: keys.take("name"),
        ca: keys.take("ca"),
    };
    let At::Tcp { port, interface, host, .. } = tcp(port, keys)? else {
        return Err("is not a TCP endpoint".into());
    };
    if options.key.is_some() && options.cert.is_none() {
        return Err("`key=` needs `cert=`".into());
    }
    if host.is_some() && options.client_ca.is_some() {
        return Err("`client-ca=` is for listening, and `host=` for connecting".into());
    }
    if host.is_none() && (options.name.is_some() || options.ca.is_some()) {
        return Err("`name=` and `ca=` are for connecting, which needs `host=`".into());
    }
    Ok(At::Tcp { port, interface, host, tls: Some(options) })
}

fn quic(port: u16, mut keys: Keys) -> Result<At, Wrong> {
    let tls = TlsOptions {
        cert: keys.take("cert"),
        key: keys.take("key"),
        client_ca: keys.take("client-ca"),
        ..TlsOptions::default()
    };
    if tls.key.is_some() && tls.cert.is_none() {
        return Err("`key=` needs `cert=`".into());
    }
    Ok(At::Quic { port, interface: keys.interface()?, tls })
}

/// The fields between colons, unescaped.
fn split(text: &str) -> Result<Vec<String>, Wrong> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut in_brackets = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ (':' | '\\')) => field.push(c),
                Some(c) => return Err(format!("`\\{c}` stands for nothing; only `\\:` and `\\\\` do")),
                None => return Err("ends in a backslash, which stands for nothing; write `\\\\`".into()),
            },
            ':' if !in_brackets => fields.push(std::mem::take(&mut field)),
            '[' if field == "interface=" || field == "host=" => {
                in_brackets = true;
                field.push(c);
            }
            ']' => {
                in_brackets = false;
                field.push(c);
            }
            c => field.push(c),
        }
    }
    fields.push(field);
    Ok(fields)
}

fn argument(fields: &mut impl Iterator<Item = String>, what: &str) -> Result<String, Wrong> {
    fields
        .next()
        .filter(|argument| !argument.is_empty())
        .ok_or_else(|| format!("{what} is missing after the colon"))
}

fn first_port(kind: &str, fields: &mut impl Iterator<Item = String>) -> Result<u16, Wrong> {
    let text = argument(fields, "a port")?;
    match is_here(&text) {
        true => Err(port_first(kind, &fields.next().unwrap_or_default(), &text)),
        false => port(&text),
    }
}

/// Whether this is where somebody who thinks of `ADDRESS:PORT` would listen.
fn is_here(text: &str) -> bool {
    text == "localhost" || address(text).is_some()
}

fn port_first(kind: &str, port: &str, interface: &str) -> Wrong {
    format!("the port comes first: `{kind}:{port}:interface={interface}`")
}

fn digits(text: &str) -> Option<u64> {
    // `parse` alone takes a sign.
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

fn port(text: &str) -> Result<u16, Wrong> {
    let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| all_digits).ok_or_else(|| match all_digits {
        true => format!("port {text} is over 65535"),
        false => format!("`{text}` is not a port, a number from 0 to 65535"),
    })
}

fn mode(text: &str) -> Result<u32, Wrong> {
    let octal = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777 && !text.starts_with('+'));
    octal.ok_or_else(|| format!("`mode={text}` is not a file mode, three octal digits such as 660"))
}

fn interface(text: &str) -> Result<Interface, Wrong> {
    if text == "localhost" {
        return Ok(Interface::Localhost);
    }
    address(text).map(Interface::Address).ok_or_else(|| {
        format!(
            "`interface={text}` is not an address of this machine, such as 127.0.0.1 or [::1], nor `localhost`"
        )
    })
}

/// An address, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// A host, IPv6 without its brackets.
fn host(text: &str) -> Result<String, Wrong> {
    if let Some(ip) = address(text) {
        return Ok(ip.to_string());
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    // RFC 1035 §2.3.4: 255 octets on the wire are 253 characters.
    match text.len() <= 253 && text.bytes().all(allowed) {
        true => Ok(text.into()),
        false => Err(format!("`host={text}` is neither a host name nor an address")),
    }
}

fn unknown_kind(kind: &str, text: &str) -> Wrong {
    if is_here(kind) {
        return port_first("tcp", text.rsplit(':').next().unwrap_or_default(), kind);
    }
    let known = KINDS.join(", ");
    match nearest(kind, &KINDS) {
        Some(near) => format!("unknown kind `{kind}`; did you mean `{near}`? Known are {known}"),
        None => format!("unknown kind `{kind}`; known are {known}"),
    }
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let close = known.iter().map(|k| (strsim::damerau_levenshtein(word, k), *k));
    close.min().filter(|(distance, k)| *distance <= 2 && *distance < k.len()).map(|(_, k)| k)
}

/// The options after the argument; each key at most once.
struct Keys(Vec<(String, String)>);

impl Keys {
    fn of(fields: impl Iterator<Item = String>, known: &[&str]) -> Result<Self, Wrong> {
        let mut keys: Vec<(String, String)> = Vec::new();
        for field in fields {
            let Some((key, value)) = field.split_once('=') else {
                return Err(match field.is_empty() {
                    true => "a colon too many: nothing stands behind it".into(),
                    false => format!("`{field}` is not of the form key=value"),
                });
            };
            if !known.contains(&key) {
                return Err(match (known.is_empty(), nearest(key, known)) {
                    (true, _) => format!("unknown key `{key}`; this kind has none"),
                    (_, Some(near)) => format!("unknown key `{key}`; did you mean `{near}`?"),
                    (_, None) => format!("unknown key `{key}`; known are {}", known.join(", ")),
                });
            }
            if keys.iter().any(|(k, _)| k == key) {
                return Err(format!("`{key}=` is given twice"));
            }
            if value.is_empty() {
                let hint = if key == "interface" { "; an IPv6 address stands in brackets" } else { "" };
                return Err(format!("`{key}=` has no value{hint}"));
            }
            keys.push((key.into(), value.into()));
        }
        Ok(Self(keys))
    }

    /// For a kind without an argument, which may end in its colon.
    fn alone(fields: impl Iterator<Item = String>, known: &[&str]) -> Result<Self, Wrong> {
        let fields: Vec<String> = fields.collect();
        match fields.as_slice() {
            [only] if only.is_empty() => Ok(Self(Vec::new())),
            _ => Self::of(fields.into_iter(), known),
        }
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.swap_remove(at).1)
    }

    fn interface(&mut self) -> Result<Option<Interface>, Wrong> {
        self.take("interface").map(|i| interface(&i)).transpose()
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
