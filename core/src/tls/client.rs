use super::explain::{self, Heard};
use super::{Authorities, Certificate, TlsStream, Version, provider};
use crate::{Error, Result};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::SingleCertAndKey;
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// The client's side of TLS: whom to trust, what to ask for, who to be. Cheap to clone.
#[derive(Clone)]
pub struct ClientTls {
    pub(super) config: Arc<ClientConfig>,
    verifier: Arc<dyn ServerCertVerifier>,
}

impl ClientTls {
    /// A client that trusts servers with a certificate of these authorities, and offers no ALPN.
    ///
    /// # Errors
    /// Where the authorities are empty.
    pub fn new(trusted: &Authorities) -> Result<Self> {
        let verifier = WebPkiServerVerifier::builder_with_provider(trusted.roots(), provider())
            .build()
            .map_err(|error| Error::local("no usable authorities").caused_by(error))?;
        Self::build(verifier, rustls::ALL_VERSIONS, provider())
    }

    /// A client that believes any server, so that whoever stands between may read and change all: for tools
    /// that test servers, and for nothing else.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn danger_accept_any() -> Result<Self> {
        Self::build(Arc::new(AcceptAny(provider())), rustls::ALL_VERSIONS, provider())
    }

    pub(super) fn build(
        verifier: Arc<dyn ServerCertVerifier>,
        versions: &[&'static rustls::SupportedProtocolVersion],
        provider: Arc<CryptoProvider>,
    ) -> Result<Self> {
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| Error::local("TLS cannot be set up").caused_by(error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), verifier })
    }

    /// The same, speaking this version only.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn only(&self, version: Version) -> Result<Self> {
        let versions = [match version {
            Version::Tls12 => &rustls::version::TLS12,
            Version::Tls13 => &rustls::version::TLS13,
        }];
        let mut new = Self::build(self.verifier.clone(), &versions, self.config.crypto_provider().clone())?;
        let config = Arc::make_mut(&mut new.config);
        config.alpn_protocols.clone_from(&self.config.alpn_protocols);
        config.client_auth_cert_resolver = self.config.client_auth_cert_resolver.clone();
        Ok(new)
    }

    /// The same, offering these ALPN protocols (RFC 7301), the most wanted first.
    #[must_use]
    pub fn with_alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        let config = Arc::make_mut(&mut self.config);
        config.alpn_protocols = protocols.into_iter().map(|p| p.as_ref().to_vec()).collect();
        self
    }

    /// The same, showing this certificate to servers that ask for one.
    #[must_use]
    pub fn with_certificate(mut self, certificate: &Certificate) -> Self {
        let config = Arc::make_mut(&mut self.config);
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certificate.key.clone()));
        // A session that began as somebody else is not gone on with.
        config.resumption = Resumption::default();
        self
    }

    /// The same with sessions of its own: what was begun by others is not gone on with, and what it begins only by its
    /// clones. So the further connections of one client are tied to its first, as FTP wants them.
    #[must_use]
    pub fn apart(mut self) -> Self {
        Arc::make_mut(&mut self.config).resumption = Resumption::default();
        self
    }

    /// Makes the client's side of a handshake with the server of this name. The caller bounds its time.
    ///
    /// With TLS 1.3 a server may refuse the client's certificate after this has returned: the first read
    /// then fails.
    ///
    /// # Errors
    /// [`Fault::Peer`](crate::Fault), in words that say what the server did or why it is not trusted.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: S,
        name: &ServerName,
    ) -> Result<TlsStream<S>> {
        let connector = tokio_rustls::TlsConnector::from(self.config.clone());
        match connector.connect(name.0.clone(), Heard::new(io)).into_fallible().await {
            Ok(stream) => Ok(TlsStream::new(stream.into())),
            Err((error, io)) => Err(explain::handshake(error, &io)),
        }
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("alpn", &self.config.alpn_protocols).finish_non_exhaustive()
    }
}

/// The name that a server's certificate must be for: a DNS name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerName(rustls_pki_types::ServerName<'static>);

impl FromStr for ServerName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
        let bare = bare.strip_suffix('.').unwrap_or(bare);
        match rustls_pki_types::ServerName::try_from(bare.to_owned()) {
            Ok(parsed) => Ok(Self(parsed)),
            Err(_) if !name.is_ascii() => {
                Err(Error::local(format!("{name:?}: write international names in their xn-- form")))
            }
            Err(_) => Err(Error::local(format!("{name:?} is neither a DNS name nor an IP address"))),
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_str())
    }
}

/// Believes any certificate; its key must still sign the handshake.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &rustls_pki_types::ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_name_is_a_dns_name_or_an_address() {
        for (text, shown) in [
            ("mail.example.org", "mail.example.org"),
            ("example.org.", "example.org"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!(text.parse::<ServerName>().unwrap().to_string(), shown);
        }
        for wrong in ["", "a b", "-", "example.org:443", "http://example.org"] {
            let error = wrong.parse::<ServerName>().unwrap_err();
            assert!(error.to_string().contains("neither a DNS name nor an IP address"), "{wrong}: {error}");
        }
        assert!("bücher.example".parse::<ServerName>().unwrap_err().to_string().contains("xn--"));
    }
}
