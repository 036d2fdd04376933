//! TLS as QUIC has it (RFC 9001): the handshake alone, and of version 1.3 only. There is no early data.

use super::info::{EXPORTER, PeerCertificate, TlsInfo};
use super::{ClientTls, ServerTls, Version, provider};
use crate::{Error, Result};
use quinn::crypto::rustls::{HandshakeData, QuicClientConfig, QuicServerConfig};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use std::sync::Arc;

impl ServerTls {
    /// Its side of handshakes over QUIC. Certificates that are renewed are presented there as well.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub(crate) fn quic(&self) -> Result<Arc<dyn quinn::crypto::ServerConfig>> {
        let config = QuicServerConfig::try_from(self.config.clone()).map_err(failed)?;
        Ok(Arc::new(config))
    }
}

impl ClientTls {
    /// Its side of handshakes over QUIC: of TLS 1.3, whatever else it speaks.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub(crate) fn quic(&self) -> Result<Arc<dyn quinn::crypto::ClientConfig>> {
        let config = QuicClientConfig::try_from(self.only(Version::Tls13)?.config).map_err(failed)?;
        Ok(Arc::new(config))
    }
}

/// TLS of a socket that it is not known of who answers there: who accepts a connection brings certificates.
pub(crate) fn nobody() -> Result<Arc<dyn quinn::crypto::ServerConfig>> {
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(failed)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(NoCertificate));
    Ok(Arc::new(QuicServerConfig::try_from(config).map_err(failed)?))
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::local("TLS cannot be set up").caused_by(error)
}

#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

/// What the handshake of a connection agreed on, as far as it is told.
pub(crate) fn info(conn: &quinn::Connection) -> TlsInfo {
    let data = conn.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    let chain = conn.peer_identity().and_then(|it| it.downcast::<Vec<CertificateDer<'static>>>().ok());
    let mut exporter = [0; 32];
    let exported = conn.export_keying_material(&mut exporter, EXPORTER, b"");
    let (protocol, name) = data.map_or((None, None), |data| (data.protocol, data.server_name));
    TlsInfo {
        version: Version::Tls13,
        cipher_suite: "",
        group: None,
        alpn: protocol.map(Into::into),
        server_name: name.map(|name| name.to_ascii_lowercase().into()),
        peer_certificate: chain.and_then(|chain| Some(Arc::new(PeerCertificate::new(chain.first()?)))),
        resumed: false,
        exporter: exported.is_ok().then_some(exporter),
    }
}
