use super::explain::{self, Heard};
use super::tickets::{self, Counted};
use super::{Authorities, Certificates, TlsStream, provider};
use crate::{Error, Result};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use std::fmt;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Whether clients are asked for a certificate.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// They are not.
    #[default]
    Off,
    /// They are asked; one that has none goes on without, one that shows a bad one is refused.
    Request(Authorities),
    /// Without a certificate of these authorities nobody gets in.
    Require(Authorities),
}

/// The server's side of TLS: certificates, protocols, client certificates. Cheap to clone.
#[derive(Clone)]
pub struct ServerTls {
    pub(super) config: Arc<ServerConfig>,
    certificates: Certificates,
    demands: bool,
    counted: Option<Arc<Counted>>,
}

impl ServerTls {
    /// A server that presents these certificates, knows TLS 1.2 and 1.3, and offers no ALPN.
    ///
    /// Sessions are resumed by tickets alone: nothing is kept per client; their key changes every six hours.
    ///
    /// # Errors
    /// Where the authorities are empty, or the system has no random numbers.
    pub fn new(certificates: &Certificates, clients: ClientAuth) -> Result<Self> {
        let demands = matches!(clients, ClientAuth::Require(_));
        let verifier = |authorities: Authorities| {
            WebPkiClientVerifier::builder_with_provider(authorities.roots(), provider())
        };
        let unusable = |error| Error::local("no usable authorities for client certificates").caused_by(error);
        let verifier = match clients {
            ClientAuth::Off => WebPkiClientVerifier::no_client_auth(),
            ClientAuth::Request(them) => verifier(them).allow_unauthenticated().build().map_err(unusable)?,
            ClientAuth::Require(them) => verifier(them).build().map_err(unusable)?,
        };
        let failed = |error| Error::local("TLS cannot be set up").caused_by(error);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .map_err(failed)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(certificates.clone()));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Ticketer::new().map_err(failed)?;
        Ok(Self { config: Arc::new(config), certificates: certificates.clone(), demands, counted: None })
    }

    /// Whether nobody gets in without a certificate.
    pub fn demands_certificate(&self) -> bool {
        self.demands
    }

    /// The certificates that it presents.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The same with these ALPN protocols (RFC 7301), the most wanted first; certificates and tickets are
    /// shared. A client that offers only others is refused; one that offers none is not.
    #[must_use]
    pub fn with_alpn<P: AsRef<[u8]>>(&self, protocols: impl IntoIterator<Item = P>) -> Self {
        let mut config = ServerConfig::clone(&self.config);
        config.alpn_protocols = protocols.into_iter().map(|p| p.as_ref().to_vec()).collect();
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// The same with a ticket key of its own, and enough tickets for several connections at once: a session that was
    /// begun under it is gone on with only under it. So a further connection that is
    /// [`resumed`](super::TlsInfo::resumed) comes from whoever holds that session, with TLS 1.2 too, where a ticket
    /// carries no data of ours.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn apart(&self) -> Result<Self> {
        let mut config = ServerConfig::clone(&self.config);
        let ticketer =
            Ticketer::new().map_err(|error| Error::local("TLS cannot be set up").caused_by(error))?;
        let counted = Arc::new(Counted::new(ticketer));
        config.ticketer = counted.clone();
        // A client that uses each ticket once is not to run dry.
        config.send_tls13_tickets = tickets::SENT;
        Ok(Self { config: Arc::new(config), counted: Some(counted), ..self.clone() })
    }

    /// The same for a connection on which the client may read nothing: tickets of TLS 1.3, which follow the handshake,
    /// are sent only to a client that is known to spend them and has few left. What lies unread where a socket is
    /// closed makes the kernel reset the connection, and lose what the client has sent.
    #[must_use]
    pub fn sparing(&self) -> Self {
        if self.counted.as_ref().is_some_and(|counted| counted.wanted()) {
            return self.clone();
        }
        let mut config = ServerConfig::clone(&self.config);
        config.send_tls13_tickets = 0;
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// What the protocol is called, the most wanted first.
    pub fn alpn(&self) -> &[Vec<u8>] {
        &self.config.alpn_protocols
    }

    /// Makes the server's side of a handshake. The caller bounds its time.
    ///
    /// # Errors
    /// [`Fault::Peer`](crate::Fault), in words that say what the client did or what it lacks.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, io: S) -> Result<TlsStream<S>> {
        self.accept_and(io, |_| {}).await
    }

    /// The same, and `waits` is called before each time that more of the handshake is waited for.
    pub(crate) async fn accept_and<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: S,
        waits: fn(&S),
    ) -> Result<TlsStream<S>> {
        let io = Heard::new(io).before_waiting(waits);
        match tokio_rustls::TlsAcceptor::from(self.config.clone()).accept(io).into_fallible().await {
            Ok(mut stream) => {
                stream.get_mut().0.settle();
                Ok(TlsStream::new(stream.into()))
            }
            Err((error, io)) => Err(explain::handshake(error, &io)),
        }
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("alpn", &self.config.alpn_protocols).finish_non_exhaustive()
    }
}
