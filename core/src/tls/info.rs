use super::certificate::dns_names;
use super::sha256;
use rustls::{CommonState, HandshakeKind, ProtocolVersion};
use std::fmt;
use std::sync::Arc;
use tokio_rustls::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// What a TLS handshake agreed on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version of the protocol.
    pub version: Version,
    /// The cipher suite, by its name in the IANA registry, such as `TLS_AES_128_GCM_SHA256`; empty with QUIC, where it is not
    /// told.
    pub cipher_suite: &'static str,
    /// The group of the key exchange, such as `X25519MLKEM768`; none where TLS 1.2 went on with an old session, and with QUIC.
    pub group: Option<&'static str>,
    /// The application protocol (RFC 7301).
    pub alpn: Option<Arc<[u8]>>,
    /// On a server: the name the client asked for (RFC 6066 §3), in lower case.
    pub server_name: Option<Arc<str>>,
    /// What the peer showed, verified as the configuration asks. On a server: only where clients are asked for it.
    pub peer_certificate: Option<Arc<PeerCertificate>>,
    /// Whether an earlier session was gone on with; not told with QUIC.
    pub resumed: bool,
    /// The channel binding `tls-exporter` (RFC 9266). None with TLS 1.2, where it is only unique if
    /// the extended master secret was used, which cannot be told (RFC 9266 §3).
    pub exporter: Option<[u8; 32]>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        })
    }
}

/// A certificate that a peer showed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCertificate {
    /// The certificate itself, without its chain.
    pub der: Vec<u8>,
    /// Its SHA-256.
    pub fingerprint: [u8; 32],
    /// The common name of its subject.
    pub common_name: Option<String>,
    /// Its DNS names, in lower case.
    pub dns_names: Vec<String>,
    /// Its mail addresses, as written.
    pub emails: Vec<String>,
}

impl PeerCertificate {
    pub(super) fn new(der: &[u8]) -> Self {
        let mut this = Self {
            der: der.to_vec(),
            fingerprint: sha256(der),
            common_name: None,
            dns_names: Vec::new(),
            emails: Vec::new(),
        };
        // An unreadable one was refused in the handshake, or nobody wants to know who the peer is.
        let Ok((_, cert)) = X509Certificate::from_der(der) else { return this };
        this.common_name =
            cert.subject().iter_common_name().next().and_then(|name| Some(name.as_str().ok()?.to_owned()));
        this.dns_names = dns_names(&cert);
        if let Ok(Some(names)) = cert.subject_alternative_name() {
            this.emails.extend(names.value.general_names.iter().filter_map(|name| match name {
                GeneralName::RFC822Name(address) => Some((*address).to_owned()),
                _ => None,
            }));
        }
        this
    }

    /// The first certificate of a PEM file.
    ///
    /// # Errors
    /// Where there is none.
    pub fn from_pem(pem: &[u8]) -> crate::Result<Self> {
        let chain = super::certificate::parse_chain(pem)?;
        Ok(Self::new(chain.first().map(AsRef::as_ref).unwrap_or_default()))
    }

    /// The fingerprint in lower-case hexadecimal digits.
    pub fn fingerprint_hex(&self) -> String {
        super::hex(&self.fingerprint)
    }
}

pub(super) fn of<S>(stream: &TlsStream<S>) -> TlsInfo {
    let common: &CommonState = stream.get_ref().1;
    let (server_name, exporter) = match stream {
        TlsStream::Server(stream) => {
            let tls = stream.get_ref().1;
            (tls.server_name(), tls.export_keying_material([0; 32], EXPORTER, Some(b"")))
        }
        TlsStream::Client(stream) => {
            (None, stream.get_ref().1.export_keying_material([0; 32], EXPORTER, Some(b"")))
        }
    };
    let version = version(common);
    TlsInfo {
        version,
        cipher_suite: common.negotiated_cipher_suite().and_then(|s| s.suite().as_str()).map_or("", iana),
        group: common.negotiated_key_exchange_group().and_then(|group| group.name().as_str()),
        alpn: common.alpn_protocol().map(Into::into),
        server_name: server_name.map(|name| name.to_ascii_lowercase().into()),
        peer_certificate: common
            .peer_certificates()
            .and_then(|chain| Some(Arc::new(PeerCertificate::new(chain.first()?)))),
        resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
        exporter: exporter.ok().filter(|_| version == Version::Tls13),
    }
}

/// RFC 9266 §2.
pub(super) const EXPORTER: &[u8] = b"EXPORTER-Channel-Binding";

fn version(common: &CommonState) -> Version {
    match common.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => Version::Tls13,
        _ => Version::Tls12,
    }
}

/// rustls names the suites of TLS 1.3 `TLS13_…`, the registry `TLS_…`.
fn iana(name: &'static str) -> &'static str {
    match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        name => name,
    }
}
