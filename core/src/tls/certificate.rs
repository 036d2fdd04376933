use super::{provider, secret, sha256};
use crate::{Error, Result};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Where a certificate and its key come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CertSource {
    /// Two PEM files, which may be the same one.
    Files {
        /// The certificate, followed by the intermediate ones.
        cert: PathBuf,
        /// The private key: PKCS #8, SEC 1 or PKCS #1, not encrypted.
        key: PathBuf,
        /// Also takes a key file that more than its owner and group may read. Not recommended.
        allow_wide_mode: bool,
    },
    /// A certificate that is there already; it is never read again.
    Memory(Certificate),
}

impl CertSource {
    /// The files `cert` (a PEM chain) and `key`, which must not be open to others: mode 0640 at most.
    pub fn files(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::Files { cert: cert.into(), key: key.into(), allow_wide_mode: false }
    }

    /// Reads it now. Blocks.
    ///
    /// # Errors
    /// [`Fault::Local`](crate::Fault), with the file and the cause.
    pub fn load(&self) -> Result<Certificate> {
        let (cert, key, private) = match self {
            Self::Memory(certificate) => return Ok(certificate.clone()),
            Self::Files { cert, key, allow_wide_mode } => (cert, key, !allow_wide_mode),
        };
        let chain = secret::read(cert, false)?;
        let chain = parse_chain(&chain).map_err(|e| e.during(cert.display().to_string()))?;
        let secret = secret::read(key, private)?;
        let secret = parse_key(&secret).map_err(|e| e.during(key.display().to_string()))?;
        Certificate::new(chain, secret)
            .map_err(|e| e.during(format!("{} with {}", cert.display(), key.display())))
    }

    /// The files to look at for changes.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Files { cert, key, .. } => vec![cert.clone(), key.clone()],
            Self::Memory(_) => Vec::new(),
        }
    }
}

/// A certificate with its chain and its private key. Cheap to clone; the key cannot be taken out of it.
#[derive(Clone)]
pub struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    names: Arc<[String]>,
    addresses: Arc<[IpAddr]>,
    not_before: SystemTime,
    not_after: SystemTime,
    public_key: [u8; 32],
}

impl Certificate {
    /// A certificate of PEM texts: the chain, the certificate itself first, and its key.
    ///
    /// # Errors
    /// Where either is missing or broken, or where they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self> {
        Self::new(parse_chain(chain)?, parse_key(key)?)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self> {
        let leaf = chain.first().ok_or_else(|| Error::local(NO_CERTIFICATE))?;
        let (_, leaf) = X509Certificate::from_der(leaf)
            .map_err(|error| Error::local("the first certificate is broken").caused_by(error))?;
        let (names, addresses) = (dns_names(&leaf).into(), addresses(&leaf).into());
        let public_key = sha256(leaf.public_key().raw);
        let validity = leaf.validity();
        let (not_before, not_after) =
            (time(validity.not_before.timestamp()), time(validity.not_after.timestamp()));
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Error::local("the key does not belong to the certificate"),
            error => Error::local("the key cannot be used").caused_by(error),
        })?;
        Ok(Self { key: Arc::new(key), names, addresses, not_before, not_after, public_key })
    }

    /// The DNS names it is for, in lower case; a wildcard begins with `*.`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The IP addresses it is for.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// The end of its validity.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// Whether it is valid at this time: otherwise it can be served, but nobody will accept it.
    pub fn is_valid_at(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// Whether no more than a third of its life is left.
    pub fn is_due_at(&self, now: SystemTime) -> bool {
        let life = self.not_after.duration_since(self.not_before).unwrap_or_default();
        self.not_after.duration_since(now).unwrap_or_default() <= life / 3
    }

    /// Whether it is for exactly these names and addresses, in any order.
    pub(super) fn is_for(&self, names: &[String]) -> bool {
        let plain = |name: &String| {
            name.parse::<IpAddr>().map_or_else(|_| name.to_ascii_lowercase(), |address| address.to_string())
        };
        let wanted: BTreeSet<_> = names.iter().map(plain).collect();
        let addresses = self.addresses.iter().map(IpAddr::to_string);
        let ours: BTreeSet<_> = self.names.iter().cloned().chain(addresses).collect();
        wanted == ours
    }

    /// Whether the next certificate of its chain is this one.
    pub(super) fn is_under(&self, authority: &[u8]) -> bool {
        let next = self.key.cert.get(1).map(AsRef::as_ref);
        next == Some(authority)
    }

    /// The SHA-256 of its public key with the algorithm (SubjectPublicKeyInfo), as RFC 6698 §2.1 has it.
    pub fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    /// The certificate itself in DER, without its chain.
    pub fn der(&self) -> &[u8] {
        self.key.cert.first().map(AsRef::as_ref).unwrap_or_default()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("names", &self.names).finish_non_exhaustive()
    }
}

const NO_CERTIFICATE: &str = "no certificate in the file (expected -----BEGIN CERTIFICATE-----)";

pub(super) fn parse_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::local("broken PEM").caused_by(error))?;
    if chain.is_empty() { Err(Error::local(NO_CERTIFICATE)) } else { Ok(chain) }
}

fn parse_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound if memchr::memmem::find(pem, b"ENCRYPTED PRIVATE KEY").is_some() => {
            Error::local("the private key is encrypted; a server cannot ask for its passphrase")
        }
        pem::Error::NoItemsFound => {
            Error::local("no private key in the file (expected -----BEGIN PRIVATE KEY-----)")
        }
        error => Error::local("broken PEM").caused_by(error),
    })
}

/// The DNS names of the certificate. The common name does not count (RFC 9525 §2).
pub(super) fn dns_names(cert: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = cert.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(dns).collect()
}

fn addresses(cert: &X509Certificate<'_>) -> Vec<IpAddr> {
    let Ok(Some(names)) = cert.subject_alternative_name() else { return Vec::new() };
    let address = |name: &GeneralName<'_>| match name {
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(*octets).ok().map(IpAddr::from),
            _ => <[u8; 16]>::try_from(*octets).ok().map(IpAddr::from),
        },
        _ => None,
    };
    names.value.general_names.iter().filter_map(address).collect()
}

fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + std::time::Duration::from_secs(seconds.try_into().unwrap_or(0))
}
