//! The doors of a server of DNS besides its first: TLS (RFC 7858), HTTPS (RFC 8484) and QUIC (RFC 9250).

use std::io;
use std::net::SocketAddr;

use ropewalk_core::tls::{ClientTls, ServerName};
use tokio::net::{TcpStream, lookup_host};

use crate::subject::{Io, bracketed, tcp_target};
use crate::{BoxFuture, Need, Subject};

/// Where a connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The endpoint of the subject, in the clear.
    Front,
    /// The port of DNS over TLS, before the handshake.
    Bare,
    /// DNS over TLS.
    Tls,
    /// HTTP/2 over TLS.
    Web,
    /// HTTP/1.1 over TLS.
    OldWeb,
}

/// Where DNS is asked over HTTPS, if nothing is said.
const PATH: &str = "/dns-query";

impl Subject {
    /// Says that the server of DNS answers over TLS at `ADDRESS:PORT`, too: gives [`Need::Dot`]. Whose its certificate is
    /// does not matter.
    ///
    /// # Errors
    /// Where the endpoint is none, or TLS cannot be set up.
    pub fn dot(self, endpoint: &str) -> Result<Self, String> {
        let target = tcp_target(endpoint)?;
        // The name is asked for where zones are transferred (RFC 9103 §7.1).
        let tls = client(&["dot"])?;
        let bare = target.clone();
        let subject = self.door(Door::Bare, move || {
            let target = bare.clone();
            Box::pin(async move { Ok(Box::new(connect(&target).await?) as Box<dyn Io>) })
        });
        Ok(subject.door(Door::Tls, over_tls(target, tls)).with(Need::Dot))
    }

    /// Says that the server of DNS answers over HTTPS at `ADDRESS:PORT/PATH`, too: gives [`Need::Doh`]. The path is
    /// `/dns-query` where there is none. Whose its certificate is does not matter.
    ///
    /// # Errors
    /// Where the endpoint is none, or TLS cannot be set up.
    pub fn doh(self, endpoint: &str) -> Result<Self, String> {
        let (endpoint, path) = match endpoint.split_once('/') {
            Some((endpoint, path)) => (endpoint, format!("/{path}")),
            None => (endpoint, PATH.to_owned()),
        };
        let target = tcp_target(endpoint)?;
        let url = format!("https://{}:{}{path}", bracketed(&target.0), target.1);
        let web = over_tls(target.clone(), client(&["h2"])?);
        let old = over_tls(target, client(&["http/1.1"])?);
        Ok(self.door(Door::Web, web).door(Door::OldWeb, old).asked_at(&url).with(Need::Doh))
    }

    /// Says that the server of DNS answers over QUIC at `ADDRESS:PORT`, too: gives [`Need::Doq`]. Whose its certificate is
    /// does not matter.
    ///
    /// # Errors
    /// Where the endpoint is none.
    pub fn doq(self, endpoint: &str) -> Result<Self, String> {
        let target = tcp_target(endpoint)?;
        let subject = self.quic_at(move || {
            let target = target.clone();
            Box::pin(async move {
                let found = lookup_host((target.0.as_str(), target.1)).await?.next();
                found.ok_or_else(|| io::Error::other("the name has no address"))
            })
        });
        Ok(subject.with(Need::Doq))
    }
}

/// Finds where QUIC is spoken.
pub(crate) type Find = dyn Fn() -> BoxFuture<'static, io::Result<SocketAddr>> + Send + Sync;

fn client(alpn: &[&str]) -> Result<ClientTls, String> {
    let client = ClientTls::danger_accept_any().map_err(|error| error.chain())?;
    Ok(client.with_alpn(alpn))
}

async fn connect(target: &(String, u16)) -> io::Result<TcpStream> {
    let socket = TcpStream::connect((target.0.as_str(), target.1)).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Makes connections with TLS to this host and port.
fn over_tls(
    target: (String, u16),
    tls: ClientTls,
) -> impl Fn() -> BoxFuture<'static, io::Result<Box<dyn Io>>> + Send + Sync + 'static {
    move || {
        let (target, tls) = (target.clone(), tls.clone());
        Box::pin(async move {
            let wrong = |error: ropewalk_core::Error| io::Error::other(error.chain());
            let name: ServerName = bracketed(&target.0).parse().map_err(wrong)?;
            let stream = tls.connect(connect(&target).await?, &name).await.map_err(wrong)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}
