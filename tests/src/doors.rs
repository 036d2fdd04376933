//! The doors of a server of DNS besides its first: TLS (RFC 7858) and HTTPS (RFC 8484).

use std::io;

use ropewalk_core::tls::{ClientTls, ServerName};
use tokio::net::TcpStream;

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
        let dial = over_tls(target, client(&["h2"])?);
        Ok(self.door(Door::Web, dial).asked_at(&url).with(Need::Doh))
    }
}

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
