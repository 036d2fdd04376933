//! Kinds of resources that services refer to by name.

#[cfg(any(feature = "http", feature = "ftp"))]
mod accounts;
#[cfg(any(feature = "http", feature = "ftp"))]
mod files;
mod tls;

use std::path::{Path, PathBuf};

#[cfg(any(feature = "http", feature = "ftp"))]
pub(crate) use accounts::ACCOUNTS;
#[cfg(any(feature = "http", feature = "ftp"))]
pub(crate) use files::FILES;
pub(crate) use tls::TLS;

/// Files and folders of a resource that nobody is to be shown: accounts, keys.
pub(crate) struct Unseen(
    #[cfg_attr(
        not(any(feature = "http", feature = "ftp")),
        expect(dead_code, reason = "who serves no files shows none")
    )]
    Vec<PathBuf>,
);

impl Unseen {
    pub(crate) fn new<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        Self(paths.into_iter().flat_map(real).collect())
    }

    #[cfg(any(feature = "http", feature = "ftp"))]
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path)
    }
}

/// Where something is, and, where that is a link, what it leads to.
fn real(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let folder = path.parent().map(|folder| if folder == "" { Path::new(".") } else { folder });
    let named = folder.and_then(|folder| folder.canonicalize().ok());
    let named = named.and_then(|folder| Some(folder.join(path.file_name()?)));
    named.into_iter().chain(path.canonicalize())
}

/// A folder that the process writes to, as which a resource may be found.
pub(crate) struct Writes(pub(crate) PathBuf);
