use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ropewalk_core::{Error, Result};
use tokio::task::spawn_blocking;

use crate::client::random;
use crate::wire::Name;
use crate::zone::{Zone, load_as_is, text};

/// The file that a zone of another server is kept in, so that it is there again at once after a restart. When it was
/// changed last is when the primary was seen last.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    file: PathBuf,
}

impl Kept {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// The zone, and how long ago its primary was seen; none if there is none that can be read, which is then told. Blocks.
    pub(super) fn load(&self, origin: &Name) -> Option<(Arc<Zone>, Duration)> {
        let changed = fs::metadata(&self.file).and_then(|meta| meta.modified()).ok()?;
        let (zone, reading) = load_as_is(&self.file, Some(origin));
        if zone.is_none() {
            for problem in reading.problems.iter().take(3) {
                tracing::warn!(%problem, "a zone that was kept is fetched anew");
            }
        }
        let age = SystemTime::now().duration_since(changed).unwrap_or_default();
        Some((Arc::new(zone?), age))
    }

    /// Says that the primary was seen now, and has this zone still.
    pub(super) async fn confirm(&self) {
        let file = self.file.clone();
        let confirmed =
            spawn_blocking(move || File::options().append(true).open(file)?.set_modified(SystemTime::now()));
        if let Ok(Err(error)) = confirmed.await {
            tracing::debug!(%error, file = %self.file.display(), "not marked as seen");
        }
    }

    /// Writes a zone, all of it or nothing.
    ///
    /// # Errors
    /// If that cannot be.
    pub(super) async fn write(&self, zone: Arc<Zone>) -> Result<()> {
        let file = self.file.clone();
        let written = spawn_blocking(move || write(&file, &zone)).await;
        let failed = |error| Error::local(format!("{}", self.file.display())).caused_by(error);
        written.map_err(|error| failed(io::Error::other(error)))?.map_err(failed)
    }
}

fn write(file: &Path, zone: &Zone) -> io::Result<()> {
    // Of its own, as the service before a reload may be writing too.
    let number = random().map_err(io::Error::other)?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{number:04x}.new"));
    let aside = file.with_file_name(name);
    let written = write_to(&aside, zone).and_then(|()| fs::rename(&aside, file));
    if written.is_err() {
        // What is wrong with the disk is told already.
        let _gone = fs::remove_file(aside);
    }
    written
}

fn write_to(file: &Path, zone: &Zone) -> io::Result<()> {
    let mut out = Octets { out: BufWriter::new(File::create(file)?), error: None };
    let nodes = zone.canonical();
    let records = nodes.iter().flat_map(|node| node.records());
    let ttl = zone.soa().map_or(0, |soa| soa.ttl);
    if text::write(records, zone.origin(), ttl, &mut out).is_err() {
        return Err(out.error.take().unwrap_or_else(|| io::Error::other("it cannot be written")));
    }
    out.out.into_inner()?.sync_all()
}

/// Text that is written somewhere else.
struct Octets {
    out: BufWriter<File>,
    error: Option<io::Error>,
}

impl fmt::Write for Octets {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}
