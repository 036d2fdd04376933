use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use ropewalk_core::data::files::{Change, FsError, Lock, VPath};

use super::condition::{Condition, If, State};
use super::{Stop, View};
use crate::server::Failure;

/// What a request may change, given the locks there are and the tokens that it shows.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    tokens: Vec<String>,
    user: Option<String>,
}

impl Guard {
    /// Evaluates `If`: 412 where it does not hold, 400 where it cannot be understood.
    pub(crate) async fn of(view: &View, headers: &HeaderMap) -> Result<Self, Stop> {
        let mut fields = headers.get_all("if").iter();
        let field = match (fields.next(), fields.next()) {
            (None, _) => return Ok(Self { tokens: Vec::new(), user: view.user.clone() }),
            (Some(field), None) => field,
            (Some(_), Some(_)) => return Err(Failure::bad_request().into()),
        };
        let conditions = If::parse(field.as_bytes()).ok_or_else(Failure::bad_request)?;
        if !holds(view, &conditions).await? {
            return Err(StatusCode::PRECONDITION_FAILED.into());
        }
        let tokens = conditions.tokens().map(str::to_owned).collect();
        Ok(Self { tokens, user: view.user.clone() })
    }

    /// A lock is used by who made it (RFC 4918 §6.4).
    fn has(&self, lock: &Lock) -> bool {
        self.tokens.contains(&lock.token) && self.user == lock.user
    }

    pub(super) fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// Whether what is at `path` may be changed: 423 where a lock is in the way. Whoever locks it from now on waits for the end
    /// of the change that this gives: it is kept until that is made.
    pub(crate) async fn content(&self, view: &View, path: &VPath) -> Result<Change, Stop> {
        let Some(place) = view.files.place(path) else { return Ok(Change::default()) };
        let change = place.change();
        let locks = place.marks.locks().over(&place.path, false).await.map_err(Stop::change)?;
        let Some(first) = locks.first() else { return Ok(change) };
        if locks.iter().any(|lock| self.has(lock)) {
            return Ok(change);
        }
        let root = view.lock_root(path, &place.path, first, false);
        let href = format!("<D:href>{root}</D:href>");
        Err(Stop::told(StatusCode::LOCKED, "lock-token-submitted", &href, &held(view, first)))
    }

    /// As [`content`](Self::content), whether something may come to be at `path`, or cease to be: that also changes the
    /// directory that it is in.
    pub(crate) async fn name(&self, view: &View, path: &VPath) -> Result<Change, Stop> {
        let change = self.content(view, path).await?;
        if let Some(parent) = path.parent() {
            // Whoever locks this one waits for what changes in it.
            drop(self.content(view, &parent).await?);
        }
        Ok(change)
    }

    /// What is locked below `path`, of which there is a change already, and may not be changed.
    pub(crate) async fn below(&self, view: &View, path: &VPath) -> Result<Vec<VPath>, Stop> {
        let Some(place) = view.files.place(path) else { return Ok(Vec::new()) };
        let locks = place.marks.locks().over(&place.path, true).await.map_err(Stop::change)?;
        let mut held = Vec::new();
        for lock in locks.iter().filter(|lock| lock.path != place.path && lock.path.is_within(&place.path)) {
            let may = locks.iter().any(|other| other.covers(&lock.path) && self.has(other));
            let below = lock.path.strip(&place.path).and_then(|below| below.under(path).ok());
            if let Some(below) = below.filter(|below| !may && held.last() != Some(below)) {
                held.push(below);
            }
        }
        Ok(held)
    }
}

/// Who has locked it, for how long: by name only for those who have said who they are, too.
pub(super) fn held(view: &View, lock: &Lock) -> String {
    let who = match (&view.user, &lock.user) {
        (Some(asks), Some(holds)) if asks == holds => "you",
        (Some(_), Some(holds)) => holds,
        _ => "somebody",
    };
    let left = lock.until.duration_since(SystemTime::now()).unwrap_or_default().as_secs();
    format!("It is locked by {who}, for {left} seconds more at least.")
}

async fn holds(view: &View, conditions: &If<'_>) -> Result<bool, Stop> {
    // Of resources that follow each other, the same one is looked at once.
    let mut seen: Option<(Option<&str>, Known)> = None;
    for list in &conditions.0 {
        let known = match seen.take() {
            Some((resource, known)) if resource == list.resource => known,
            _ => Known::of(view, list.resource).await?,
        };
        if list.conditions.iter().all(|condition| known.meets(condition)) {
            return Ok(true);
        }
        seen = Some((list.resource, known));
    }
    Ok(false)
}

/// What conditions can ask of a resource.
#[derive(Default)]
struct Known {
    etag: Option<String>,
    tokens: Vec<String>,
}

impl Known {
    /// A resource that is none of ours has no state.
    async fn of(view: &View, resource: Option<&str>) -> Result<Self, Stop> {
        let path = match resource {
            None => view.path.clone(),
            Some(reference) => match view.resolve(reference) {
                Ok(at) => at.path,
                Err(_) => return Ok(Self::default()),
            },
        };
        let etag = match view.files.stat(&path, true).await {
            Ok(meta) => meta.etag.map(|etag| etag.as_str().to_owned()),
            Err(FsError::Io(error)) => return Err(Stop::change(FsError::Io(error))),
            Err(_) => None,
        };
        let tokens = match view.files.place(&path) {
            None => Vec::new(),
            Some(place) => place.marks.locks().over(&place.path, false).await.map_err(Stop::change)?,
        };
        Ok(Self { etag, tokens: tokens.into_iter().map(|lock| lock.token).collect() })
    }

    fn meets(&self, condition: &Condition<'_>) -> bool {
        let is_so = match condition.state {
            State::Token(token) => self.tokens.iter().any(|held| held == token),
            State::Tag(tag) => {
                !tag.weak && self.etag.as_ref().is_some_and(|etag| etag.as_bytes() == tag.text)
            }
        };
        is_so != condition.not
    }
}
