use std::sync::Arc;

use http::StatusCode;
use ropewalk_core::data::files::{Change, Files, FsError, Name, Ops, Over, Reach, Remove, VPath};
use ropewalk_core::{Error, Result};
use tokio::runtime::Handle;
use tracing::Instrument as _;

use super::{Stop, View};

/// Octets of a name that are kept when something is added to it.
const STEM: usize = 200;

/// What a copy or a move is to take the place of, under another name beside it until that is made: nothing is removed
/// for what fails then.
///
/// Where the request ends before it is [ended](Self::end), as when its client goes away, it gets its place back. Where the
/// process does, it stays where it is.
pub(super) struct Aside(Option<Held>);

struct Held {
    files: Arc<dyn Files>,
    from: VPath,
    at: VPath,
    /// What is in its place is a part of a copy.
    filling: bool,
    /// Whoever locks its place waits until it is settled what has that.
    _change: Option<Change>,
}

impl Aside {
    pub(super) async fn set(view: &View, from: &VPath) -> std::result::Result<Self, Stop> {
        // Where it could not be put back, it is not taken away.
        if !view.files.rights(from, Reach::Throughout).has(Ops::MKDIR | Ops::CREATE) {
            return Err(StatusCode::FORBIDDEN.into());
        }
        let at = beside(from)?.ok_or(StatusCode::FORBIDDEN)?;
        let _change = view.files.place(from).map(|place| place.change());
        view.files.rename(from, &at, Over::Never).await.map_err(Stop::change)?;
        let (files, from, filling) = (Arc::clone(&view.files), from.clone(), false);
        Ok(Self(Some(Held { files, from, at, filling, _change })))
    }

    /// Says whether its place is being filled, with what is nothing before it is whole.
    pub(super) fn filling(&mut self, filling: bool) {
        if let Some(held) = &mut self.0 {
            held.filling = filling;
        }
    }

    /// Removes it if something new has its place, otherwise gives that back to it.
    pub(super) async fn end(mut self, replaced: bool) -> std::result::Result<(), Stop> {
        let Some(held) = self.0.take() else { return Ok(()) };
        // In a task of its own: half of it would be worse than none.
        let ended = match replaced {
            true => {
                apart(
                    async move { held.files.remove(&held.at, Remove::Tree).await.map_err(|e| held.told(e)) },
                )
            }
            false => apart(Held { filling: true, ..held }.give_back()),
        };
        match ended {
            Some(ended) => ended.await.unwrap_or(Err(FsError::Stale)).map_err(Stop::change),
            None => Ok(()),
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(held) = self.0.take() {
            drop(apart(held.give_back()));
        }
    }
}

impl Held {
    async fn give_back(self) -> std::result::Result<(), FsError> {
        if self.filling {
            match self.files.remove(&self.from, Remove::Tree).await {
                Ok(()) | Err(FsError::NotFound) => {}
                Err(error) => return Err(self.told(error)),
            }
        }
        match self.files.rename(&self.at, &self.from, Over::Never).await {
            // What was to have its place has it, whole.
            Err(FsError::Exists | FsError::IsDir | FsError::NotDir | FsError::NotEmpty) if !self.filling => {
                self.files.remove(&self.at, Remove::Tree).await.map_err(|error| self.told(error))
            }
            done => done.map_err(|error| self.told(error)),
        }
    }

    fn told(&self, error: FsError) -> FsError {
        let Self { from, at, .. } = self;
        tracing::warn!(path = ?from, ?at, %error, "what was to be replaced stays under another name");
        error
    }
}

/// Does this whoever waits for it; nothing where the runtime has gone.
fn apart<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<tokio::task::JoinHandle<T>> {
    let runtime = Handle::try_current().ok()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "it outlives the connection that asked for it, and is one for each"
    )]
    let task = runtime.spawn(work.in_current_span());
    Some(task)
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
