use http::StatusCode;
use ropewalk_core::data::files::{FsError, Name, Ops, Over, Reach, Remove, VPath};
use ropewalk_core::{Error, Result};

use super::{Stop, View};

/// Octets of a name that are kept when something is added to it.
const STEM: usize = 200;

/// What a copy or a move is to take the place of, under another name beside it until that is made: nothing is removed
/// for what fails then.
///
/// It has to be [ended](Self::end). Where the process or the request ends before that, it stays where it is.
pub(super) struct Aside {
    from: VPath,
    at: VPath,
}

impl Aside {
    pub(super) async fn set(view: &View, from: &VPath) -> std::result::Result<Self, Stop> {
        // Where it could not be put back, it is not taken away.
        if !view.files.rights(from, Reach::Throughout).has(Ops::MKDIR | Ops::CREATE) {
            return Err(StatusCode::FORBIDDEN.into());
        }
        let at = beside(from)?.ok_or(StatusCode::FORBIDDEN)?;
        view.files.rename(from, &at, Over::Never).await.map_err(Stop::change)?;
        Ok(Self { from: from.clone(), at })
    }

    /// Removes it if something new has its place, otherwise gives that back to it.
    pub(super) async fn end(self, view: &View, replaced: bool) -> std::result::Result<(), Stop> {
        let Self { from, at } = self;
        let ended = match replaced {
            true => view.files.remove(&at, Remove::Tree).await,
            false => match view.files.remove(&from, Remove::Tree).await {
                Ok(()) | Err(FsError::NotFound) => view.files.rename(&at, &from, Over::Never).await,
                failed => failed,
            },
        };
        ended.map_err(|error| {
            tracing::warn!(path = ?from, at = ?at, replaced, %error, "what was to be replaced stays under another name");
            Stop::change(error)
        })
    }
}

/// A path that nothing has, beside this one. The root has none.
fn beside(path: &VPath) -> Result<Option<VPath>> {
    let mut octets = [0; 8];
    aws_lc_rs::rand::fill(&mut octets).map_err(|error| Error::local("no randomness").caused_by(error))?;
    let number = u64::from_be_bytes(octets);
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else { return Ok(None) };
    let stem = name.as_bytes().get(..STEM).unwrap_or(name.as_bytes());
    let name = Name::new([stem, format!(".replaced-{number:016x}").as_bytes()].concat());
    Ok(name.and_then(|name| parent.join(&name)).ok())
}
