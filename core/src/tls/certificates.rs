use super::certificate::{CertSource, Certificate};
use crate::{Error, Result};
use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The certificates of a server, each with a name of the configuration, chosen by the name that a client asks for.
///
/// A clone is another handle to the same certificates: what [`reload`](Self::reload) finds, every
/// [`ServerTls`](super::ServerTls) made of them presents in its next handshake; sessions that run are not touched.
#[derive(Clone)]
pub struct Certificates(Arc<Inner>);

struct Inner {
    sources: Vec<(String, CertSource)>,
    table: ArcSwap<Table>,
    /// The files as they were before they were last read; locked for the length of a reload.
    read: Mutex<Vec<Stamp>>,
}

impl Certificates {
    /// The interval at which [`watch`](Self::watch) looks at the files, unless there is a reason for another.
    pub const WATCH: Duration = Duration::from_secs(2);

    /// Reads all of them; the first is presented to clients that ask for a name that none is for, or for none.
    /// Blocks; what was read is kept, so that keys may be readable to root only.
    ///
    /// # Errors
    /// What is wrong with each that cannot be used. One that has expired is used, with a warning in the log.
    pub fn load(sources: impl IntoIterator<Item = (String, CertSource)>) -> Result<Self, Vec<Error>> {
        let sources: Vec<_> = sources.into_iter().collect();
        if sources.is_empty() {
            return Err(vec![Error::local("no certificate was given")]);
        }
        let read = stamps(&sources);
        let (mut certificates, mut errors) = (Vec::new(), Vec::new());
        for (name, source) in &sources {
            match load(name, source) {
                Ok(certificate) => certificates.push(certificate),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let table = ArcSwap::from_pointee(Table::new(certificates));
        Ok(Self(Arc::new(Inner { sources, table, read: Mutex::new(read) })))
    }

    /// One certificate.
    pub fn one(certificate: Certificate) -> Self {
        let sources = vec![("main".into(), CertSource::Memory(certificate.clone()))];
        let table = ArcSwap::from_pointee(Table::new(vec![certificate]));
        Self(Arc::new(Inner { sources, table, read: Mutex::new(Vec::new()) }))
    }

    /// Reads all files again. Each certificate that is good replaces its old one; each that is not keeps it. Blocks.
    ///
    /// # Errors
    /// What is wrong with each that was kept; this is in the log as well.
    pub fn reload(&self) -> Result<(), Vec<Error>> {
        let mut read = self.last_read();
        *read = stamps(&self.0.sources);
        let old = self.0.table.load();
        let mut errors = Vec::new();
        let new = self.0.sources.iter().zip(&old.all).map(|((name, source), old)| match load(name, source) {
            Ok(new) => {
                if new.der() != old.der() {
                    tracing::info!(certificate = name, names = ?new.names(), "certificate renewed");
                }
                new
            }
            Err(error) => {
                error.log("certificate kept: the new one cannot be used");
                errors.push(error);
                old.clone()
            }
        });
        self.0.table.store(Arc::new(Table::new(new.collect())));
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Reloads whenever the files have changed and then stayed the same for one more look: a renewal writes
    /// several. Looks at the files `every` so often; never returns, and ends when dropped.
    pub async fn watch(&self, every: Duration) {
        let mut before = None;
        loop {
            tokio::time::sleep(every).await;
            let this = self.clone();
            let look = move || {
                let now = stamps(&this.0.sources);
                if before.as_ref() == Some(&now) && *this.last_read() != now {
                    // What went wrong is in the log; it is tried again when the files change again.
                    let _ = this.reload();
                }
                now
            };
            match tokio::task::spawn_blocking(look).await {
                Ok(now) => before = Some(now),
                Err(error) => {
                    tracing::error!(%error, "looking at the certificates");
                    before = None;
                }
            }
        }
    }

    /// Each name of the configuration with the certificate that is presented now.
    pub fn all(&self) -> Vec<(String, Certificate)> {
        let names = self.0.sources.iter().map(|(name, _)| name.clone());
        names.zip(self.0.table.load().all.iter().cloned()).collect()
    }

    fn last_read(&self) -> MutexGuard<'_, Vec<Stamp>> {
        self.0.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.sources.iter().map(|(name, _)| name)).finish()
    }
}

fn load(name: &str, source: &CertSource) -> Result<Certificate> {
    let certificate = source.load().map_err(|error| error.during(format!("certificate {name:?}")))?;
    if !certificate.is_valid_at(SystemTime::now()) {
        tracing::warn!(certificate = name, "certificate has expired or is not valid yet");
    }
    Ok(certificate)
}

/// What tells that a file has changed: device, inode, size, times of content and of mode.
type Stamp = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

fn stamps(sources: &[(String, CertSource)]) -> Vec<Stamp> {
    sources.iter().flat_map(|(_, source)| source.paths()).map(|path| stamp(&path)).collect()
}

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    let (modified, changed) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    Some((meta.dev(), meta.ino(), meta.size(), modified, changed))
}

/// All certificates, and which of them is for which name.
struct Table {
    all: Vec<Certificate>,
    by_name: HashMap<String, usize>,
}

impl Table {
    fn new(all: Vec<Certificate>) -> Self {
        let mut by_name = HashMap::new();
        for (index, certificate) in all.iter().enumerate() {
            for name in certificate.names() {
                // The earlier one wins, as the first is the default.
                by_name.entry(name.clone()).or_insert(index);
            }
        }
        Self { all, by_name }
    }

    /// The exact name, then the wildcard for its first label (RFC 9525 §6.3), then the first of all.
    fn choose(&self, name: Option<&str>) -> Option<&Certificate> {
        let found = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            let wildcard = || self.by_name.get(&format!("*.{}", name.split_once('.')?.1));
            self.by_name.get(&name).or_else(wildcard)
        });
        self.all.get(found.copied().unwrap_or(0))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.table.load().choose(hello.server_name()).map(|certificate| certificate.key.clone())
    }
}
