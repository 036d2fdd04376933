//! LOCK and UNLOCK (RFC 4918 §9.10, §9.11).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use ropewalk_core::data::files::{
    FsError, Kind, Lock, LockError, Meta, NewLock, Open, Ops, Place, Reach, SetMeta, VPath, Write,
};

use super::condition::coded_url;
use super::fields::timeout;
use super::guard::held;
use super::live::active;
use super::multistatus::HEAD;
use super::xml::Element;
use super::{DOCUMENT, Depth, Guard, Stop, View, depth, statuses, stop};
use crate::server::{Body, Failure, Request, Response};

/// Octets that a client may say of the owner of a lock.
const OWNER: usize = 1024;
/// How long a new lock waits for changes that had begun before it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Locks that are made at most where each ends at once with what it was on.
const TRIES: usize = 4;

/// Makes a lock, or refreshes one.
pub(super) async fn lock(view: &View, request: Request) -> Result<Response, Stop> {
    let depth = depth(&request.headers)?.unwrap_or(Depth::Infinity);
    if depth == Depth::One {
        return Err(StatusCode::BAD_REQUEST.into());
    }
    let guard = Guard::of(view, &request.headers).await?;
    let timeout = timeout(&request.headers);
    let document = request.body.read(DOCUMENT).await?;
    let place = view.files.place(&view.path).ok_or(StatusCode::METHOD_NOT_ALLOWED)?;
    if document.trim_ascii().is_empty() {
        // RFC 4918 §9.10.2: one lock, named by the only token.
        let [token] = guard.tokens() else { return Err(StatusCode::BAD_REQUEST.into()) };
        let held = own(view, &place, token).await?;
        let is_dir = is_dir(view).await?;
        let lock = place.marks.locks().refresh(&held.token, timeout).await.map_err(Stop::change)?;
        let lock = lock.ok_or(StatusCode::PRECONDITION_FAILED)?;
        return Ok(discovery(view, &place, &lock, is_dir));
    }
    let Info { exclusive, owner } = Info::parse(&document)?;
    let (path, deep, user) = (place.path.clone(), depth == Depth::Infinity, view.user.clone());
    let wanted = NewLock { path, deep, exclusive, user, owner, timeout };
    for _ in 0..TRIES {
        if let Some(response) = make_lock(view, &place, &guard, wanted.clone()).await? {
            return Ok(response);
        }
    }
    Err(busy())
}

/// Makes a lock, and what it is on if there is nothing; none where it ended with that, which somebody was removing already.
///
/// From the answer on nobody else changes that: what somebody had begun to change before is waited for.
async fn make_lock(
    view: &View,
    place: &Place,
    guard: &Guard,
    wanted: NewLock,
) -> Result<Option<Response>, Stop> {
    let there = view.there(&view.path).await?;
    let is_dir = there.as_ref().is_some_and(|meta| meta.kind == Kind::Dir);
    if view.slash && !is_dir {
        return Err(StatusCode::NOT_FOUND.into());
    }
    may_write(view, there.as_ref(), wanted.deep).await?;
    match &there {
        Some(_) => {}
        // The lock comes before the file, so that nobody else is quicker.
        None => {
            drop(guard.name(view, &view.path).await?);
            let parent = view.path.parent().unwrap_or(VPath::ROOT);
            let meta = view.files.stat(&parent, true).await.map_err(Stop::change)?;
            if meta.kind != Kind::Dir {
                return Err(StatusCode::CONFLICT.into());
            }
        }
    }
    let locks = place.marks.locks();
    let lock = match locks.lock(wanted).await {
        Ok(lock) => lock,
        Err(LockError::Conflict(other)) => return conflict(view, place, &other).map(Some),
        Err(LockError::Files(error)) => return Err(Stop::change(error)),
        Err(_) => return Err(StatusCode::LOCKED.into()),
    };
    if tokio::time::timeout(PATIENCE, locks.settled(&lock)).await.is_err() {
        locks.unlock(&lock.token).await.map_err(Stop::change)?;
        return Err(busy());
    }
    let held = locks.over(&place.path, false).await.map_err(Stop::change)?;
    if !held.iter().any(|held| held.token == lock.token) {
        return Ok(None);
    }
    let made = match there {
        Some(_) => Ok(()),
        None => make(view).await,
    };
    if let Err(error) = made {
        locks.unlock(&lock.token).await.map_err(Stop::change)?;
        return match error {
            // It was being made already.
            FsError::Exists | FsError::IsDir => Ok(None),
            error => Err(Stop::change(error)),
        };
    }
    let mut response = discovery(view, place, &lock, is_dir);
    if there.is_none() {
        *response.status_mut() = StatusCode::CREATED;
    }
    if let Ok(token) = HeaderValue::try_from(format!("<{}>", lock.token)) {
        response.headers_mut().insert("lock-token", token);
    }
    Ok(Some(response))
}

/// Others change it all the time, or one for long.
fn busy() -> Stop {
    let failure = Failure::new(StatusCode::SERVICE_UNAVAILABLE);
    let failure = failure.saying("It is being changed by others: try again.");
    failure.with(header::RETRY_AFTER, HeaderValue::from_static("5")).into()
}

/// Ends a lock.
pub(super) async fn unlock(view: &View, request: &Request) -> Result<Response, Stop> {
    Guard::of(view, &request.headers).await?;
    let mut fields = request.headers.get_all("lock-token").iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Err(StatusCode::BAD_REQUEST.into());
    };
    let token = coded_url(field.as_bytes()).ok_or_else(Failure::bad_request)?;
    let place = view.files.place(&view.path).ok_or(StatusCode::METHOD_NOT_ALLOWED)?;
    let held = own(view, &place, token).await;
    let held = held.map_err(|stop| match stop.status() {
        // RFC 4918 §9.11.1.
        StatusCode::PRECONDITION_FAILED => {
            Stop::condition(StatusCode::CONFLICT, "lock-token-matches-request-uri", "")
        }
        _ => stop,
    })?;
    place.marks.locks().unlock(&held.token).await.map_err(Stop::change)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// The lock with this token that holds for what was asked for: 412 where it does not, 403 where it is somebody else's.
async fn own(view: &View, place: &Place, token: &str) -> Result<Lock, Stop> {
    let locks = place.marks.locks().over(&place.path, false).await.map_err(Stop::change)?;
    let lock = locks.into_iter().find(|lock| lock.token == token);
    let missing = || Stop::condition(StatusCode::PRECONDITION_FAILED, "lock-token-matches-request-uri", "");
    let lock = lock.ok_or_else(missing)?;
    if lock.user == view.user { Ok(lock) } else { Err(StatusCode::FORBIDDEN.into()) }
}

/// Whether whoever asks may change the content of what is there, or make it: who may not, may not keep others from it either.
/// A `deep` lock is on everything that is below. Nothing is changed.
async fn may_write(view: &View, there: Option<&Meta>, deep: bool) -> Result<(), Stop> {
    let kind = there.map(|meta| meta.kind);
    let needed = match kind {
        None => Ops::CREATE,
        Some(Kind::Dir) => Ops::SET,
        Some(_) => Ops::OVERWRITE,
    };
    let below = || view.files.rights(&view.path, Reach::Throughout).has(Ops::OVERWRITE);
    if !view.rights(&view.path).has(needed) || (kind == Some(Kind::Dir) && deep && !below()) {
        return Err(StatusCode::FORBIDDEN.into());
    }
    let tried = match kind {
        None => Ok(()),
        Some(Kind::Dir) => view.files.set(&view.path, SetMeta::default(), false).await,
        Some(_) => view.files.open(&view.path, &Open::write(Write::Update)).await.map(drop),
    };
    tried.map_err(Stop::find)
}

/// RFC 4918 §7.3: what is locked before it is there is an empty file.
async fn make(view: &View) -> Result<(), FsError> {
    let file = view.files.open(&view.path, &Open::write(Write::CreateNew)).await?;
    file.commit().await.map(drop)
}

async fn is_dir(view: &View) -> Result<bool, Stop> {
    Ok(view.there(&view.path).await?.is_some_and(|meta| meta.kind == Kind::Dir))
}

/// RFC 4918 §9.10.6: 423 where the conflict is above or here; 207 where it is below.
fn conflict(view: &View, place: &Place, other: &Lock) -> Result<Response, Stop> {
    if other.covers(&place.path) {
        let root = view.lock_root(&view.path, &place.path, other, false);
        let href = format!("<D:href>{root}</D:href>");
        return Err(Stop::told(StatusCode::LOCKED, "no-conflicting-lock", &href, &held(view, other)));
    }
    let below = other.path.strip(&place.path).and_then(|below| below.under(&view.path).ok());
    let below = below.ok_or(StatusCode::LOCKED)?;
    let all = [(&below, StatusCode::LOCKED), (&view.path, StatusCode::FAILED_DEPENDENCY)];
    Ok(statuses(view, all))
}

/// The lock as a property (RFC 4918 §9.10.1).
fn discovery(view: &View, place: &Place, lock: &Lock, is_dir: bool) -> Response {
    let mut out = format!("{HEAD}<D:prop xmlns:D=\"DAV:\"><D:lockdiscovery>");
    active(&mut out, &view.lock_root(&view.path, &place.path, lock, is_dir), lock);
    out.push_str("</D:lockdiscovery></D:prop>\n");
    stop::xml(out)
}

/// What a client wants of a lock (RFC 4918 §14.11).
struct Info {
    exclusive: bool,
    owner: Bytes,
}

impl Info {
    fn parse(document: &[u8]) -> Result<Self, Stop> {
        let root = Element::parse(document)?;
        let scope = root.child("lockscope").filter(|_| root.is("lockinfo"));
        let scope = scope.ok_or_else(Failure::bad_request)?;
        let exclusive = match (scope.child("exclusive"), scope.child("shared")) {
            (Some(_), None) => true,
            (None, Some(_)) => false,
            _ => return Err(Failure::bad_request().into()),
        };
        if root.child("locktype").and_then(|kind| kind.child("write")).is_none() {
            return Err(Failure::bad_request().into());
        }
        let owner = root.child("owner").map(|owner| owner.clone().spoken(root.language()).written());
        let owner = Bytes::from(owner.unwrap_or_default());
        if owner.len() > OWNER {
            return Err(StatusCode::PAYLOAD_TOO_LARGE.into());
        }
        Ok(Self { exclusive, owner })
    }
}
