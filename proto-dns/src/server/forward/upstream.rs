use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ropewalk_core::net::{At, Endpoint};
use ropewalk_core::tls::{Authorities, ClientTls};
use ropewalk_core::{Error, Result};
use tokio::time::Instant;

use crate::client::{Ask, Client, Options, Reply, Via};
use crate::wire::Rcode;

/// How long an answer may take, each time that it is asked for.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a server that does not answer is left alone, after its first failure and at most.
const REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// A server that questions are passed on to, and how it has been doing.
///
/// As text an address, `192.0.2.53`, with a port where that is not 53, `[2001:db8::53]:5353`; or an endpoint with an address:
/// `tcp:53:host=192.0.2.53`, `tls:853:host=192.0.2.53:name=dns.example.org`.
pub struct Upstream {
    text: String,
    client: Client,
    health: Mutex<Health>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    /// Since the last answer.
    failures: u32,
    /// It is better not asked before.
    until: Option<Instant>,
}

impl Upstream {
    /// Asks it. An error is also what says that somebody else should be asked.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Reply> {
        let asked = self.client.ask(ask).await;
        self.note(asked.as_ref().err());
        let reply = asked?;
        match reply.message.rcode {
            Rcode::NOERROR | Rcode::NXDOMAIN => Ok(reply),
            rcode => Err(Error::peer(format!("{self} answers {rcode}"))),
        }
    }

    /// When it is to be asked again; `None` for one that does well.
    pub(super) fn rests_until(&self, now: Instant) -> Option<Instant> {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.until.filter(|until| *until > now)
    }

    fn note(&self, error: Option<&Error>) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => {
                if health.failures == 0 {
                    tracing::warn!(upstream = %self, error = %error.chain(), "an upstream does not answer");
                }
                let rest = REST.saturating_mul(1 << health.failures.min(5)).min(LONGEST_REST);
                health.failures = health.failures.saturating_add(1);
                health.until = Some(Instant::now() + rest);
            }
            None => {
                if health.failures > 0 {
                    tracing::info!(upstream = %self, "an upstream answers again");
                }
                *health = Health::default();
            }
        }
    }
}

impl FromStr for Upstream {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let socket = text.parse::<SocketAddr>().ok();
        let plain = socket.or_else(|| text.parse::<IpAddr>().ok().map(|ip| (ip, 53).into()));
        let (at, via) = match plain {
            Some(at) => (at, Via::Udp),
            None => endpoint(text).map_err(|error| error.during(format!("{text:?} is no server to ask")))?,
        };
        let mut options = Options::default();
        (options.timeout, options.tries, options.exact_case) = (TIMEOUT, 2, true);
        Ok(Self { text: text.into(), client: Client::with(at, via, options), health: Mutex::default() })
    }
}

fn endpoint(text: &str) -> Result<(SocketAddr, Via)> {
    let endpoint: Endpoint = text.parse()?;
    let At::Tcp { port, host: Some(host), tls, .. } = endpoint.at() else {
        return Err(Error::local("give an address, tcp:PORT:host=ADDRESS or tls:PORT:host=ADDRESS"));
    };
    let ip: IpAddr = host
        .parse()
        .map_err(|_| Error::local("its host must be an address: a name would have to be asked for first"))?;
    let via = match tls {
        None => Via::Tcp,
        Some(tls) => {
            let trusted = match &tls.ca {
                Some(file) => Authorities::file(Path::new(file))?,
                None => Authorities::system()?,
            };
            let name = tls.name.as_deref().unwrap_or(host).parse()?;
            Via::Tls(ClientTls::new(&trusted)?.with_alpn(["dot"]), name)
        }
    };
    Ok(((ip, *port).into(), via))
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("client", &self.client).field("health", &self.health).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_addresses_or_endpoints_of_addresses() {
        let server = |text: &str| text.parse::<Upstream>().map(|it| format!("{:?}", it.client));
        let of = |at: &str, via: &str| format!("Client {{ server: {at}, via: {via}, .. }}");
        for (text, at, via) in [
            ("192.0.2.53", "192.0.2.53:53", "Udp"),
            ("192.0.2.53:5353", "192.0.2.53:5353", "Udp"),
            ("2001:db8::53", "[2001:db8::53]:53", "Udp"),
            ("[2001:db8::53]:5353", "[2001:db8::53]:5353", "Udp"),
            ("tcp:54:host=192.0.2.53", "192.0.2.53:54", "Tcp"),
        ] {
            assert_eq!(server(text).unwrap(), of(at, via), "{text}");
        }
        for wrong in ["", "dns.example", "tcp:53", "tcp:53:host=dns.example", "udp:53", "unix:/run/x"] {
            let error = server(wrong).unwrap_err();
            assert!(error.to_string().contains("is no server to ask"), "{wrong}: {error}");
        }
    }
}
