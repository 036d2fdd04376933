use super::{CertSource, Certificate, hex, secret, sha256};
use crate::{Error, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose as Eku, IsCa,
    Issuer, KeyPair, KeyUsagePurpose as Ku, SanType, date_time_ymd,
};
use rustls_pki_types::DnsName;
use std::fmt;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a local authority is valid.
const CA_LIFE: Duration = DAY.saturating_mul(3652);
/// How long what it issues is valid: browsers take no more than 398 days.
const LEAF_LIFE: Duration = DAY.saturating_mul(397);
/// Clocks of peers may be late by this.
const BACKDATE: Duration = Duration::from_secs(60 * 60);

/// A certificate that was just made, and its key, as PEM.
pub struct Issued {
    /// The certificate, followed by that of the authority that issued it, if there is one.
    pub cert: String,
    /// The private key (PKCS #8), wiped from memory when dropped.
    pub key: Zeroizing<String>,
}

impl Issued {
    /// It, to be served.
    ///
    /// # Errors
    /// Where it could not be read back.
    pub fn certificate(&self) -> Result<Certificate> {
        Certificate::from_pem(self.cert.as_bytes(), self.key.as_bytes())
    }

    /// Writes it to two new files, the key with mode 0600. Each appears complete or not at all. Blocks.
    ///
    /// # Errors
    /// Where one of the files exists, or cannot be written; the other is then not left behind.
    pub fn write(&self, cert: &Path, key: &Path) -> Result<()> {
        secret::write_new(key, self.key.as_bytes(), 0o600)?;
        secret::write_new(cert, self.cert.as_bytes(), 0o644).inspect_err(|_| {
            // The error that is told is the first one; the key is of no use to anybody.
            let _ = std::fs::remove_file(key);
        })
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("cert", &self.cert).finish_non_exhaustive()
    }
}

/// A certificate for a server of these DNS names and IP addresses, signed by itself, valid for 397 days.
///
/// # Errors
/// Where there is no name, or one that cannot stand in a certificate.
pub fn self_signed(names: &[String]) -> Result<Issued> {
    let key = new_key()?;
    let params = server(names)?;
    let cert = params.self_signed(&key).map_err(failed)?;
    Ok(Issued { cert: cert.pem(), key: key.serialize_pem().into() })
}

/// An authority of this machine alone, for development: whoever trusts its certificate trusts what it issues.
/// It lives in a directory, as `ca.pem` and `ca.key`.
pub struct LocalCa {
    pem: String,
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
    not_after: SystemTime,
    dir: PathBuf,
}

impl LocalCa {
    /// The authority in `dir`; it is made if the directory has none, valid for ten years. Blocks.
    ///
    /// # Errors
    /// Where the directory or its files cannot be read or made, where only one of the two files is there, where
    /// they do not belong together, have expired, or where the key is open to others. Nothing is ever overwritten.
    pub fn open(dir: &Path) -> Result<Self> {
        let (cert, key) = (dir.join("ca.pem"), dir.join("ca.key"));
        match (cert.exists(), key.exists()) {
            (true, true) => {}
            (false, false) => Self::create(dir, &cert, &key)?,
            (true, false) => return Err(half(&cert, &key)),
            (false, true) => return Err(half(&key, &cert)),
        }
        Self::load(dir, &cert, &key)
    }

    fn create(dir: &Path, cert: &Path, key: &Path) -> Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
            Error::local(format!("cannot make the directory {}", dir.display())).caused_by(error)
        })?;
        let keys = new_key()?;
        let mut params = params(CA_LIFE);
        // The name is shown where people look at what they trust: two authorities must look different.
        let id = hex(&sha256(keys.public_key_raw())[..4]);
        params.distinguished_name.push(DnType::CommonName, format!("Ropewalk local CA {id}"));
        // It issues leaves only.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![Ku::KeyCertSign, Ku::CrlSign];
        let issued = Issued {
            cert: params.self_signed(&keys).map_err(failed)?.pem(),
            key: keys.serialize_pem().into(),
        };
        issued.write(cert, key)
    }

    fn load(dir: &Path, cert: &Path, key: &Path) -> Result<Self> {
        let pem = secret::read(cert, false)?;
        let keys = secret::read_secret(key)?;
        let both = || format!("{} with {}", cert.display(), key.display());
        let certificate = Certificate::from_pem(&pem, &keys).map_err(|error| error.during(both()))?;
        if !certificate.is_valid_at(SystemTime::now()) {
            return Err(Error::local(format!("{}: the authority has expired", cert.display())));
        }
        let pem = String::from_utf8_lossy(&pem).into_owned();
        let keys = KeyPair::from_pem(&String::from_utf8_lossy(&keys)).map_err(failed)?;
        let issuer = Issuer::from_ca_cert_pem(&pem, keys).map_err(failed)?;
        Ok(Self {
            pem,
            der: certificate.der().to_vec(),
            issuer,
            not_after: certificate.not_after(),
            dir: dir.to_owned(),
        })
    }

    /// Its certificate as PEM: what clients are told to trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The file of its certificate.
    pub fn path(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// A new certificate for a server of these DNS names and IP addresses, valid for 397 days and never longer
    /// than the authority.
    ///
    /// # Errors
    /// Where there is no name, or one that cannot stand in a certificate.
    pub fn issue(&self, names: &[String]) -> Result<Issued> {
        self.sign(server(names)?)
    }

    /// A new certificate for a client with this common name, valid as long; a mail address stands in it as such too.
    ///
    /// # Errors
    /// Where the name cannot stand in a certificate.
    pub fn issue_client(&self, name: &str) -> Result<Issued> {
        let mut params = params(LEAF_LIFE);
        params.distinguished_name.push(DnType::CommonName, name);
        if name.contains('@') {
            params.subject_alt_names = vec![SanType::Rfc822Name(name.try_into().map_err(failed)?)];
        }
        self.sign(end_entity(params, Eku::ClientAuth))
    }

    /// The certificate for these names that is kept in the authority's directory, key and all in one file. It is
    /// made when there is none, and made anew when it is from another authority or a third of its life is left: who
    /// calls this daily and [watches](super::Certificates::watch) the file need not stop for a renewal. Blocks.
    ///
    /// # Errors
    /// As [`issue`](Self::issue), or where the file cannot be read or written.
    pub fn keep(&self, names: &[String]) -> Result<CertSource> {
        let mut sorted = names.to_vec();
        sorted.sort();
        let path = self.dir.join(format!("server-{}.pem", &hex(&sha256(sorted.join("\n").as_bytes()))[..16]));
        let source = CertSource::files(&path, &path);
        if path.exists() {
            let kept = source.load()?;
            if kept.is_under(&self.der) && kept.is_for(names) && !kept.is_due_at(SystemTime::now()) {
                return Ok(source);
            }
        }
        let issued = self.issue(names)?;
        // One file, so that no crash leaves a certificate with another's key.
        let both = Zeroizing::new(format!("{}{}", *issued.key, issued.cert));
        secret::replace(&path, both.as_bytes(), 0o600)?;
        Ok(source)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Issued> {
        params.not_after = params.not_after.min(date_time_ymd(1970, 1, 1) + since_epoch(self.not_after));
        let key = new_key()?;
        let cert = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Issued { cert: cert.pem() + &self.pem, key: key.serialize_pem().into() })
    }
}

impl fmt::Debug for LocalCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalCa").field(&self.dir).finish()
    }
}

/// ECDSA over P-256: every client knows it.
fn new_key() -> Result<KeyPair> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)
}

/// From an hour ago, for that long from now on; about nobody yet.
fn params(life: Duration) -> CertificateParams {
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(now - BACKDATE);
    params.not_after = params.not_before + life;
    params.distinguished_name = DistinguishedName::new();
    params
}

fn server(names: &[String]) -> Result<CertificateParams> {
    let Some(first) = names.first() else { return Err(Error::local("a certificate needs a name")) };
    let mut params = params(LEAF_LIFE);
    params.subject_alt_names = names.iter().map(|name| alt_name(name)).collect::<Result<_>>()?;
    // Clients look at the alternative names only (RFC 9525 §2); people look at this. X.520 allows it 64 characters.
    params.distinguished_name.push(DnType::CommonName, first.chars().take(64).collect::<String>());
    Ok(end_entity(params, Eku::ServerAuth))
}

fn end_entity(mut params: CertificateParams, usage: Eku) -> CertificateParams {
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![Ku::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params
}

fn alt_name(name: &str) -> Result<SanType> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let bare = name.strip_prefix("*.").unwrap_or(name);
    if DnsName::try_from(bare).is_err() {
        return Err(Error::local(format!("{name:?} is neither a DNS name nor an IP address")));
    }
    Ok(SanType::DnsName(name.to_ascii_lowercase().try_into().map_err(failed)?))
}

/// The time since the epoch, to be added to rcgen's 1970-01-01: the type of its dates is another crate's.
fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn half(there: &Path, missing: &Path) -> Error {
    Error::local(format!(
        "{} is there but {} is not: restore it, or remove the other for a new authority",
        there.display(),
        missing.display()
    ))
}

fn failed(error: rcgen::Error) -> Error {
    Error::local("the certificate cannot be made").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_authority_is_made_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("deep/ca");
        let first = LocalCa::open(&at).unwrap().pem().to_owned();
        assert_eq!(LocalCa::open(&at).unwrap().pem(), first);
        let mode = |name| std::fs::metadata(at.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("ca.key"), mode("ca.pem")), (0o600, 0o644));
        let left: Vec<_> = std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn half_an_authority_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        LocalCa::open(dir.path()).unwrap();
        std::fs::remove_file(dir.path().join("ca.pem")).unwrap();
        let key = std::fs::read(dir.path().join("ca.key")).unwrap();
        let error = LocalCa::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("ca.pem is not"), "{error}");
        assert_eq!(std::fs::read(dir.path().join("ca.key")).unwrap(), key);
    }

    #[test]
    fn an_authority_with_an_open_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        LocalCa::open(dir.path()).unwrap();
        let key = dir.path().join("ca.key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(LocalCa::open(dir.path()).unwrap_err().to_string().contains("0640"));
    }

    #[test]
    fn a_server_certificate_says_what_browsers_want() {
        let dir = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(dir.path()).unwrap();
        let made = ca.issue(&names(&["Dev.example", "*.dev.example", "127.0.0.1", "::1"])).unwrap();
        let made = made.certificate().unwrap();
        assert_eq!(made.names(), ["dev.example", "*.dev.example"]);
        assert_eq!(made.addresses(), [IpAddr::from([127, 0, 0, 1]), "::1".parse().unwrap()]);
        let (_, parsed) = x509_parser::parse_x509_certificate(made.der()).unwrap();
        assert!(!parsed.basic_constraints().unwrap().unwrap().value.ca);
        let usage = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && !usage.client_auth);
        assert!(parsed.key_usage().unwrap().unwrap().value.digital_signature());
        let life = parsed.validity().not_after.timestamp() - parsed.validity().not_before.timestamp();
        assert_eq!(life, 397 * 24 * 60 * 60);
        assert!(parsed.validity().is_valid());
    }

    #[test]
    fn what_is_not_a_name_is_not_certified() {
        for wrong in [&["a b"][..], &[""], &["*.*.x"], &["http://x"], &[]] {
            assert!(self_signed(&names(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_kept_certificate_is_renewed_with_a_third_of_its_life_left() {
        let dir = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(dir.path()).unwrap();
        let names = names(&["a.example", "::1"]);
        let kept = ca.keep(&names).unwrap().load().unwrap();
        assert_eq!(ca.keep(&names).unwrap().load().unwrap().der(), kept.der());
        let now = SystemTime::now();
        assert!(!kept.is_due_at(now + 260 * DAY) && kept.is_due_at(now + 266 * DAY));

        let source = ca.keep(&names).unwrap();
        let path = source.paths().remove(0);
        // As if it had been made 300 days ago.
        let key = new_key().unwrap();
        let mut old = server(&names).unwrap();
        old.not_before -= 300 * DAY;
        old.not_after -= 300 * DAY;
        let old = old.signed_by(&key, &ca.issuer).unwrap();
        std::fs::write(&path, key.serialize_pem() + &old.pem() + ca.pem()).unwrap();
        assert_eq!(source.load().unwrap().der(), old.der().as_ref());
        assert_ne!(ca.keep(&names).unwrap().load().unwrap().der(), old.der().as_ref());
    }

    #[test]
    fn a_certificate_is_not_written_over_another() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("c.pem"), dir.path().join("k.pem"));
        let made = self_signed(&names(&["a.example"])).unwrap();
        std::fs::write(&cert, "mine").unwrap();
        let error = made.write(&cert, &key).unwrap_err();
        assert!(error.to_string().contains("c.pem exists"), "{error}");
        assert_eq!(std::fs::read(&cert).unwrap(), b"mine");
        assert!(!key.exists());
    }
}
