mod parse;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// A string that says where: what a server listens on, or what a client connects to.
///
/// Written `kind:argument:key=value:…`. `\:` stands for a colon and `\\` for a backslash inside a value;
/// after `interface=` and `host=`, an IPv6 address may stand in brackets instead. [`Display`](fmt::Display)
/// gives the canonical form, which parses to the same endpoint.
///
/// | Form | Listens | Connects |
/// |---|---|---|
/// | `tcp:8000`, or `8000` | every address, IPv6 and IPv4 | this machine |
/// | `tcp:8000:interface=127.0.0.1`, `interface=[::1]`, `interface=localhost` | that address; `localhost` is 127.0.0.1 and ::1 | that address |
/// | `tcp:25:host=example.org` | no | that host |
/// | `tls:443:cert=main`, `tls:8443:cert=full.pem:key=key.pem` | as `tcp`, and see [`TlsOptions`]; `ssl:` is the same | as `tcp` |
/// | `unix:/run/x.sock:mode=660` | the path, with that mode | the path |
/// | `udp:53`, `udp:53:interface=[::1]` | datagrams | no |
/// | `quic:853:cert=main` | QUIC (RFC 9000); certificates as `tls` | no |
/// | `systemd:name=http`, `systemd:` | the socket of that name that systemd handed over | no |
/// | `fd:3` | the inherited, listening descriptor | no |
/// | `stdio:` | one connection: our standard input and output | the same |
/// | `process:/usr/bin/x:arg=-v:arg=file` | no | a new child process, by its pipes |
/// | `memory:name` | inside this process, for tests | the same |
///
/// Port 0 stands for any free port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(pub(super) At);

/// What an [`Endpoint`] names, in parts. Every value has been checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum At {
    /// `tcp:` and `tls:`.
    Tcp {
        /// The port; 0 for any.
        port: u16,
        /// The address to listen on. `None` for all.
        interface: Option<Interface>,
        /// The host to connect to: a name or an address. Never together with an interface.
        host: Option<String>,
        /// For `tls:`.
        tls: Option<TlsOptions>,
    },
    /// `udp:`.
    Udp {
        /// The port; 0 for any.
        port: u16,
        /// The address to receive at. `None` for all.
        interface: Option<Interface>,
    },
    /// `quic:`.
    Quic {
        /// The UDP port; 0 for any.
        port: u16,
        /// The address to receive at. `None` for all.
        interface: Option<Interface>,
        /// The certificates, and whose are asked for.
        tls: TlsOptions,
    },
    /// `unix:`.
    Unix {
        /// The socket's file, no longer than a socket address holds.
        path: PathBuf,
        /// The file's permission bits; as the umask leaves them if `None`.
        mode: Option<u32>,
    },
    /// `systemd:`.
    Systemd {
        /// As in the unit's `FileDescriptorName=`; `None` where there is only one socket.
        name: Option<String>,
    },
    /// `fd:`, by its number.
    Fd(u32),
    /// `stdio:`.
    Stdio,
    /// `process:`.
    Process {
        /// The program's path, or its name in the PATH.
        program: String,
        /// Its arguments, in order.
        args: Vec<String>,
    },
    /// `memory:`, by its name.
    Memory(String),
}

/// Which of the machine's addresses to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interface {
    /// One address.
    Address(IpAddr),
    /// 127.0.0.1 and, where there is IPv6, ::1, on the same port.
    Localhost,
}

/// The options of a `tls:` or `quic:` endpoint, as written. What they name is read by whoever applies TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TlsOptions {
    /// `cert=`: the name of a configured certificate, or a PEM file with the chain.
    pub cert: Option<String>,
    /// `key=`: the PEM file of its key; only with `cert`.
    pub key: Option<String>,
    /// `client-ca=`: a PEM file with the authorities of the client certificates to ask for; listening only.
    pub client_ca: Option<String>,
    /// `name=`: the name that the server's certificate must be for, if not the host; connecting only.
    pub name: Option<String>,
    /// `ca=`: a PEM file with the authorities to trust instead of the system's; connecting only.
    pub ca: Option<String>,
}

impl Endpoint {
    /// `tcp:PORT`, on every address.
    pub fn tcp(port: u16) -> Self {
        Self(At::Tcp { port, interface: None, host: None, tls: None })
    }

    /// `quic:PORT`, at every address, with no certificate yet.
    pub fn quic(port: u16) -> Self {
        Self(At::Quic { port, interface: None, tls: TlsOptions::default() })
    }

    /// `udp:PORT`, at every address.
    pub fn udp(port: u16) -> Self {
        Self(At::Udp { port, interface: None })
    }

    /// What it names.
    pub fn at(&self) -> &At {
        &self.0
    }

    /// The TCP or UDP port; 0 stands for any.
    pub fn port(&self) -> Option<u16> {
        match self.0 {
            At::Tcp { port, .. } | At::Udp { port, .. } | At::Quic { port, .. } => Some(port),
            _ => None,
        }
    }

    /// The interface that was given. `None` also where the kind knows none.
    pub fn interface(&self) -> Option<Interface> {
        match self.0 {
            At::Tcp { interface, .. } | At::Udp { interface, .. } | At::Quic { interface, .. } => interface,
            _ => None,
        }
    }

    /// Whether this is a TCP, UDP or QUIC endpoint that says neither an interface nor a host, and so would listen
    /// on every address.
    pub fn is_open(&self) -> bool {
        matches!(
            self.0,
            At::Tcp { interface: None, host: None, .. }
                | At::Udp { interface: None, .. }
                | At::Quic { interface: None, .. }
        )
    }

    /// Whether this is a TCP, UDP or QUIC endpoint that would listen at an address that is not loopback.
    pub fn is_exposed(&self) -> bool {
        match self.interface() {
            Some(Interface::Localhost) => false,
            Some(Interface::Address(ip)) => !ip.is_loopback(),
            None => self.is_open(),
        }
    }

    /// This endpoint on that interface, where its kind knows interfaces; unchanged otherwise.
    #[must_use]
    pub fn with_interface(mut self, on: Interface) -> Self {
        match &mut self.0 {
            At::Tcp { interface, host, .. } => {
                *interface = Some(on);
                *host = None;
            }
            At::Udp { interface, .. } | At::Quic { interface, .. } => *interface = Some(on),
            _ => {}
        }
        self
    }

    /// The options of a `tls:` or `quic:` endpoint; `None` for every other.
    pub fn tls(&self) -> Option<&TlsOptions> {
        match &self.0 {
            At::Tcp { tls, .. } => tls.as_ref(),
            At::Quic { tls, .. } => Some(tls),
            _ => None,
        }
    }

    /// A `tcp:` endpoint as `tls:` with the certificate of that name, or a `quic:` one with it; unchanged otherwise, and
    /// where it has one already.
    #[must_use]
    pub fn with_certificate(mut self, name: &str) -> Self {
        match &mut self.0 {
            At::Tcp { tls: tls @ None, .. } => {
                *tls = Some(TlsOptions { cert: Some(name.to_owned()), ..TlsOptions::default() });
            }
            At::Quic { tls: TlsOptions { cert: cert @ None, .. }, .. } => *cert = Some(name.to_owned()),
            _ => {}
        }
        self
    }

    /// This endpoint with the files that it names taken from that folder, where their paths are relative.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        let from = |name: &mut Option<String>| {
            if let Some(name) = name {
                *name = folder.join(&*name).to_string_lossy().into_owned();
            }
        };
        match &mut self.0 {
            At::Unix { path, .. } => *path = folder.join(&*path),
            At::Tcp { tls: Some(tls), .. } | At::Quic { tls, .. } => {
                // Without a key it is the name of a configured certificate.
                if tls.key.is_some() {
                    from(&mut tls.cert);
                }
                from(&mut tls.key);
                from(&mut tls.client_ca);
                from(&mut tls.ca);
            }
            _ => {}
        }
        self
    }

    /// Whether it stands for datagrams: claimed by [`Sockets::claim_datagram`](super::Sockets::claim_datagram).
    pub fn is_datagram(&self) -> bool {
        matches!(self.0, At::Udp { .. })
    }
}

impl Interface {
    /// The address to connect to, to reach what listens here.
    pub(super) fn reach(self) -> IpAddr {
        match self {
            Self::Localhost => Ipv4Addr::LOCALHOST.into(),
            Self::Address(IpAddr::V4(ip)) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            Self::Address(IpAddr::V6(ip)) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
            Self::Address(ip) => ip,
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Address(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Localhost => f.write_str("localhost"),
        }
    }
}

/// A value with its colons and backslashes escaped.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive([':', '\\']) {
            match part.as_bytes().last() {
                Some(last @ (b':' | b'\\')) => {
                    let plain = part.get(..part.len() - 1).unwrap_or_default();
                    write!(f, "{plain}\\{}", char::from(*last))?;
                }
                _ => f.write_str(part)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = |f: &mut fmt::Formatter<'_>, key: &str, value: &Option<String>| match value {
            Some(value) => write!(f, ":{key}={}", Escaped(value)),
            None => Ok(()),
        };
        let interface = |f: &mut fmt::Formatter<'_>, on: &Option<Interface>| match on {
            Some(on) => write!(f, ":interface={on}"),
            None => Ok(()),
        };
        let options = |f: &mut fmt::Formatter<'_>, tls: &TlsOptions| {
            option(f, "cert", &tls.cert)?;
            option(f, "key", &tls.key)?;
            option(f, "client-ca", &tls.client_ca)?;
            option(f, "name", &tls.name)?;
            option(f, "ca", &tls.ca)
        };
        match &self.0 {
            At::Tcp { port, interface: on, host, tls } => {
                write!(f, "{}:{port}", if tls.is_some() { "tls" } else { "tcp" })?;
                interface(f, on)?;
                option(f, "host", host)?;
                tls.as_ref().map_or(Ok(()), |tls| options(f, tls))
            }
            At::Quic { port, interface: on, tls } => {
                write!(f, "quic:{port}")?;
                interface(f, on)?;
                options(f, tls)
            }
            At::Udp { port, interface: on } => {
                write!(f, "udp:{port}")?;
                interface(f, on)
            }
            At::Unix { path, mode } => {
                write!(f, "unix:{}", Escaped(&path.to_string_lossy()))?;
                mode.map_or(Ok(()), |mode| write!(f, ":mode={mode:o}"))
            }
            At::Systemd { name: None } => f.write_str("systemd:"),
            At::Systemd { name } => {
                f.write_str("systemd")?;
                option(f, "name", name)
            }
            At::Fd(number) => write!(f, "fd:{number}"),
            At::Stdio => f.write_str("stdio:"),
            At::Process { program, args } => {
                write!(f, "process:{}", Escaped(program))?;
                args.iter().try_for_each(|arg| write!(f, ":arg={}", Escaped(arg)))
            }
            At::Memory(name) => write!(f, "memory:{}", Escaped(name)),
        }
    }
}
