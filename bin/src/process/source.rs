use std::path::{PathBuf, absolute};
#[cfg(feature = "dns")]
use std::sync::Arc;

use ropewalk_core::config::{Document, Reading, Registry};
#[cfg(feature = "dns")]
use ropewalk_dns::server::Memory;

use crate::cli::SourceArgs;
use crate::settings::{self, Settings};

/// Where a process' configuration comes from, and what outlives one reading of it. It is the same after the process has changed its
/// folder.
pub(crate) struct Source {
    place: Place,
    #[cfg(feature = "dns")]
    memory: Memory,
}

enum Place {
    /// A file, with the environment and `--set` over it; read again by a reload.
    File(SourceArgs),
    /// What a command line stands for, and the folder it was typed in.
    Text(String, PathBuf),
}

impl Source {
    pub(crate) fn file(args: &SourceArgs) -> Self {
        let config = absolute(&args.config).unwrap_or_else(|_| args.config.clone());
        Self::new(Place::File(SourceArgs { config, ..args.clone() }))
    }

    pub(crate) fn text(text: String) -> Self {
        Self::new(Place::Text(text, std::env::current_dir().unwrap_or_default()))
    }

    fn new(place: Place) -> Self {
        Self {
            place,
            #[cfg(feature = "dns")]
            memory: Memory::default(),
        }
    }

    /// Whether it is a command line.
    pub(crate) fn is_typed(&self) -> bool {
        matches!(self.place, Place::Text(..))
    }

    /// Its text, as it is now.
    pub(crate) fn document(&self) -> Document {
        match &self.place {
            Place::File(args) => {
                Document::new().file(&args.config).environment(std::env::vars_os()).set(&args.set)
            }
            Place::Text(text, here) => Document::new().typed(here, text),
        }
    }

    /// What it says, as it is now.
    pub(crate) fn read(&self, registry: &Registry) -> Reading<Settings> {
        self.document().read(registry, |top| {
            #[cfg(feature = "dns")]
            top.provide(Arc::new(self.memory.clone()));
            settings::read(top)
        })
    }

    /// The file that it begins with, if it is in one.
    pub(crate) fn config(&self) -> Option<PathBuf> {
        match &self.place {
            Place::File(args) => Some(args.config.clone()),
            Place::Text(..) => None,
        }
    }

    /// The files that are read, and read again by a reload.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let Place::File(args) = &self.place else { return Vec::new() };
        let beside = args.config.parent().map(|folder| folder.join("conf.d")).filter(|dir| dir.exists());
        std::iter::once(args.config.clone()).chain(beside).collect()
    }
}
