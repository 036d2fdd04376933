use super::secret;
use crate::{Error, Result};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where Linux distributions keep the certificates of public authorities.
const SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Certificate authorities that are trusted to say who a peer is. Cheap to clone.
#[derive(Clone)]
pub struct Authorities(Arc<RootCertStore>);

impl Authorities {
    /// Nobody: to be filled by [`and_file`](Self::and_file) or [`and_pem`](Self::and_pem).
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    /// The public authorities that the system trusts. Certificates in that bundle that cannot be used are skipped.
    ///
    /// # Errors
    /// Where no bundle is found: the package is mostly named `ca-certificates`.
    pub fn system() -> Result<Self> {
        let Some(path) = SYSTEM.iter().map(Path::new).find(|path| path.exists()) else {
            return Err(Error::local(format!("no bundle of public authorities at {}", SYSTEM.join(", "))));
        };
        let pem = secret::read(path, false)?;
        let mut roots = RootCertStore::empty();
        let (used, skipped) = roots
            .add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).filter_map(|found| found.ok()));
        tracing::debug!(path = %path.display(), used, skipped, "read the system's authorities");
        if used == 0 {
            return Err(Error::local(format!("{}: no usable certificate", path.display())));
        }
        Ok(Self(Arc::new(roots)))
    }

    /// The authorities of a PEM file.
    ///
    /// # Errors
    /// Where the file cannot be read, has no certificate, or one that cannot be used.
    pub fn file(path: &Path) -> Result<Self> {
        Self::none().and_file(path)
    }

    /// These, and those of a PEM file.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn and_file(self, path: &Path) -> Result<Self> {
        let pem = secret::read(path, false)?;
        self.and_pem(&pem).map_err(|error| error.during(path.display().to_string()))
    }

    /// These, and those of a PEM text.
    ///
    /// # Errors
    /// Where there is no certificate in the text, or one that cannot be used.
    pub fn and_pem(mut self, pem: &[u8]) -> Result<Self> {
        let roots = Arc::make_mut(&mut self.0);
        let before = roots.len();
        for der in CertificateDer::pem_slice_iter(pem) {
            let der = der.map_err(|error| Error::local("broken PEM").caused_by(error))?;
            roots.add(der).map_err(|error| Error::local("not a usable authority").caused_by(error))?;
        }
        if roots.len() == before {
            return Err(Error::local("no certificate in the file"));
        }
        Ok(self)
    }

    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        self.0.clone()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}
