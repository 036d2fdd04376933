use std::path::{PathBuf, absolute};

use ropewalk_core::config::{Document, Reading, Registry};

use crate::cli::SourceArgs;
use crate::settings::{self, Settings};

/// Where a process' configuration comes from. It is the same after the process has changed its folder.
pub(crate) enum Source {
    /// A file, with the environment and `--set` over it; read again by a reload.
    File(SourceArgs),
    /// What a command line stands for, and the folder it was typed in.
    Text(String, PathBuf),
}

impl Source {
    pub(crate) fn file(args: &SourceArgs) -> Self {
        let config = absolute(&args.config).unwrap_or_else(|_| args.config.clone());
        Self::File(SourceArgs { config, ..args.clone() })
    }

    pub(crate) fn text(text: String) -> Self {
        Self::Text(text, std::env::current_dir().unwrap_or_default())
    }

    /// Whether it is a command line.
    pub(crate) fn is_typed(&self) -> bool {
        matches!(self, Self::Text(..))
    }

    /// Its text, as it is now.
    pub(crate) fn document(&self) -> Document {
        match self {
            Self::File(args) => {
                Document::new().file(&args.config).environment(std::env::vars_os()).set(&args.set)
            }
            Self::Text(text, here) => Document::new().typed(here, text),
        }
    }

    /// What it says, as it is now.
    pub(crate) fn read(&self, registry: &Registry) -> Reading<Settings> {
        self.document().read(registry, settings::read)
    }

    /// The file that it begins with, if it is in one.
    pub(crate) fn config(&self) -> Option<PathBuf> {
        match self {
            Self::File(args) => Some(args.config.clone()),
            Self::Text(..) => None,
        }
    }

    /// The files that are read, and read again by a reload.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let Self::File(args) = self else { return Vec::new() };
        let beside = args.config.parent().map(|folder| folder.join("conf.d")).filter(|dir| dir.exists());
        std::iter::once(args.config.clone()).chain(beside).collect()
    }
}
