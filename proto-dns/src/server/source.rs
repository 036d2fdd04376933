//! Where zones come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::wire::Name;
use crate::zone::Zone;

/// A file that zones are read from.
#[derive(Clone, Debug)]
pub struct Source(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Zone(PathBuf, Option<Name>),
    Hosts(PathBuf),
}

/// What a source has.
pub(super) struct Loaded {
    pub(super) zones: Vec<Arc<Zone>>,
    /// What is strange and does no harm.
    pub(super) warnings: Vec<String>,
}

impl Source {
    /// A zone as text, at this name or at that of its SOA record.
    pub fn zone(file: impl Into<PathBuf>, origin: Option<Name>) -> Self {
        Self(Kind::Zone(file.into(), origin))
    }

    /// Addresses and names, as in /etc/hosts.
    pub fn hosts(file: impl Into<PathBuf>) -> Self {
        Self(Kind::Hosts(file.into()))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Kind::Zone(path, _) | Kind::Hosts(path) => path,
        }
    }

    /// Reads it; `files` are then all that were read.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn load(&self, files: &mut Vec<PathBuf>) -> Result<Loaded, Vec<String>> {
        let _ = (&self.0, files);
        Err(vec!["not yet".into()])
    }
}
