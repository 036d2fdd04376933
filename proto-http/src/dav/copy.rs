//! COPY and MOVE (RFC 4918 §9.8, §9.9).

use bytes::BytesMut;
use http::StatusCode;
use ropewalk_core::data::files::{
    Entry, FileId, FsError, Kind, ListOptions, Meta, Open, Ops, Over, Remove, VPath, Write,
};

use super::aside::Aside;
use super::fields::overwrite;
use super::mkcol::created;
use super::multistatus::statuses;
use super::{Depth, Guard, Stop, View, depth};
use crate::server::{Body, Request, Response};

/// Names that one copy makes, and failures that it tells, at most. Those in long paths count for more, as they take more room.
const MOST: usize = 100_000;
const LONG: usize = 256;
const FAILURES: usize = 100;
/// Octets that are copied at once where the backend cannot copy.
const CHUNK: usize = 256 * 1024;
/// Names that are asked of a directory at once.
const BATCH: usize = 256;

pub(super) async fn answer(view: &View, request: &Request, moves: bool) -> Result<Response, Stop> {
    let (from, to) = (&view.path, &view.destination(&request.headers)?);
    let overwrite = overwrite(&request.headers)?;
    let depth = depth(&request.headers)?.unwrap_or(Depth::Infinity);
    let source = view.files.stat(from, true).await.map_err(Stop::find)?;
    let is_dir = source.kind == Kind::Dir;
    if view.slash && !is_dir {
        return Err(StatusCode::NOT_FOUND.into());
    }
    if depth == Depth::One || (moves && is_dir && depth != Depth::Infinity) {
        return Err(StatusCode::BAD_REQUEST.into());
    }
    // What would be in itself, or would replace what it is in.
    if to.is_within(from) || from.is_within(to) {
        return Err(StatusCode::FORBIDDEN.into());
    }
    let guard = Guard::of(view, &request.headers).await?;
    let there = view.there(to).await?;
    let holds_source = match &there {
        Some(there) => is_above(view, there, from).await,
        None => false,
    };
    if holds_source || is_above(view, &source, to).await {
        return Err(StatusCode::FORBIDDEN.into());
    }
    if there.is_some() && !overwrite {
        return Err(StatusCode::PRECONDITION_FAILED.into());
    }
    match view.files.stat(&to.parent().unwrap_or(VPath::ROOT), true).await {
        Ok(parent) if parent.kind == Kind::Dir => {}
        Ok(_) => return Err(StatusCode::CONFLICT.into()),
        Err(error) => return Err(Stop::change(error)),
    }
    let (mut held, mut _changes) = (Vec::new(), Vec::new());
    if moves {
        _changes.push(guard.name(view, from).await?);
        held.extend(guard.below(view, from).await?);
    }
    _changes.push(match &there {
        Some(_) => guard.content(view, to).await?,
        None => guard.name(view, to).await?,
    });
    held.extend(guard.below(view, to).await?);
    if !held.is_empty() {
        return Ok(statuses(view, held.iter().map(|path| (path, StatusCode::LOCKED))));
    }
    let failed = match moves {
        true => rename(view, from, to, &source, there.as_ref()).await?,
        false => copy(view, from, to, &source, there.as_ref(), depth == Depth::Infinity).await?,
    };
    if !failed.is_empty() {
        return Ok(statuses(view, failed.iter().map(|(path, status)| (path, *status))));
    }
    Ok(if there.is_some() { no_content() } else { created() })
}

/// Whether this is what is at `path`, or what that is in. Paths alone do not tell: what is mounted twice has two, and
/// so has a file with two names.
async fn is_above(view: &View, meta: &Meta, path: &VPath) -> bool {
    let mut at = Some(path.clone());
    while let Some(path) = at {
        let found = view.files.stat(&path, true).await;
        if found.is_ok_and(|found| found.id.is_some() && found.id == meta.id) {
            return true;
        }
        // A file has nothing in it.
        at = path.parent().filter(|_| meta.kind == Kind::Dir);
    }
    false
}

fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// What could not be copied, and why.
type Failed = Vec<(VPath, StatusCode)>;

async fn rename(
    view: &View,
    from: &VPath,
    to: &VPath,
    source: &Meta,
    there: Option<&Meta>,
) -> Result<Failed, Stop> {
    let over = if takes_place(source, there) { Over::File } else { Over::Never };
    match view.files.rename(from, to, over).await {
        Ok(()) => return Ok(Vec::new()),
        Err(FsError::CrossDevice | FsError::Unsupported) => {
            return carry(view, from, to, source, there).await;
        }
        // It could be moved, but for what is there.
        Err(FsError::Exists | FsError::IsDir | FsError::NotDir | FsError::NotEmpty) if there.is_some() => {}
        Err(error) => return Err(Stop::change(error)),
    }
    let aside = Aside::set(view, to).await?;
    let moved = view.files.rename(from, to, Over::Never).await.map_err(Stop::change);
    aside.end(moved.is_ok()).await?;
    moved.map(|()| Failed::new())
}

/// Moves what cannot be renamed: copies it, and removes it then.
async fn carry(
    view: &View,
    from: &VPath,
    to: &VPath,
    source: &Meta,
    there: Option<&Meta>,
) -> Result<Failed, Stop> {
    if !view.rights(from).has(Ops::DELETE) {
        return Err(StatusCode::FORBIDDEN.into());
    }
    apart(view, from, to, source, there, true).await?;
    let mut aside = make_room(view, to, source, there).await?;
    let mut originals = Originals::new();
    let mut copied = fill(view, from, to, source, true, &mut originals).await;
    let mut replaced = is_done(&copied);
    if replaced {
        // From now on there may be nothing else.
        aside.iter_mut().for_each(|aside| aside.filling(false));
        let left;
        // What is removed in part is only in the copy.
        (replaced, left) = remove(view, originals).await;
        copied = match left.first() {
            Some((_, status)) if !replaced => Err((*status).into()),
            _ => Ok(left),
        };
    }
    if let Some(aside) = aside {
        aside.end(replaced).await?;
    }
    copied
}

/// What there is a copy of now, each directory before what is in it.
type Originals = Vec<(VPath, Remove)>;

/// Removes what was copied, and nothing else: what nobody is shown, and what has come since, stays with the directories
/// that it is in. Whether anything is gone, and what of it is not.
async fn remove(view: &View, originals: Originals) -> (bool, Failed) {
    let (mut gone, mut left) = (false, Failed::new());
    for (path, what) in originals.into_iter().rev() {
        match view.files.remove(&path, what).await {
            Ok(()) | Err(FsError::NotFound) => gone = true,
            Err(error) if left.len() < FAILURES => left.push((path, Stop::find(error).status())),
            Err(_) => {}
        }
    }
    (gone, left)
}

async fn copy(
    view: &View,
    from: &VPath,
    to: &VPath,
    source: &Meta,
    there: Option<&Meta>,
    deep: bool,
) -> Result<Failed, Stop> {
    apart(view, from, to, source, there, deep).await?;
    let aside = make_room(view, to, source, there).await?;
    let copied = fill(view, from, to, source, deep, &mut Originals::new()).await;
    if let Some(aside) = aside {
        aside.end(is_done(&copied)).await?;
    }
    copied
}

fn is_done(copied: &Result<Failed, Stop>) -> bool {
    copied.as_ref().is_ok_and(Vec::is_empty)
}

/// Whether a file comes in place of what is there at once.
fn takes_place(source: &Meta, there: Option<&Meta>) -> bool {
    source.kind != Kind::Dir && there.is_some_and(|there| there.kind != Kind::Dir)
}

/// Sets aside what is at `to` (RFC 4918 §9.8.4), unless it is a file in place of which a file can come at once.
async fn make_room(
    view: &View,
    to: &VPath,
    source: &Meta,
    there: Option<&Meta>,
) -> Result<Option<Aside>, Stop> {
    if there.is_none() || takes_place(source, there) {
        return Ok(None);
    }
    let mut aside = Aside::set(view, to).await?;
    aside.filling(true);
    Ok(Some(aside))
}

/// Copies to where nothing is in the way.
async fn fill(
    view: &View,
    from: &VPath,
    to: &VPath,
    source: &Meta,
    deep: bool,
    originals: &mut Originals,
) -> Result<Failed, Stop> {
    if source.kind == Kind::Dir {
        return tree(view, from, to, deep, originals).await;
    }
    file(view, from, to).await.map_err(Stop::change)?;
    originals.push((from.clone(), Remove::File));
    Ok(Vec::new())
}

/// Looks through what is to be copied, and what that is to replace, before anything is changed. 403 where one is in the
/// other, by whatever mount: what is mounted far below has another path than where it is.
async fn apart(
    view: &View,
    from: &VPath,
    to: &VPath,
    source: &Meta,
    there: Option<&Meta>,
    deep: bool,
) -> Result<(), Stop> {
    if there.is_some_and(|there| there.kind == Kind::Dir) {
        survey(view, to, &way(view, from).await).await?;
    }
    match source.kind {
        Kind::Dir if deep => survey(view, from, &way(view, to).await).await,
        _ => Ok(()),
    }
}

/// What is at a path, and all that it is in.
async fn way(view: &View, path: &VPath) -> Vec<FileId> {
    let mut ids = Vec::new();
    let mut at = Some(path.clone());
    while let Some(path) = at {
        ids.extend(view.files.stat(&path, true).await.ok().and_then(|meta| meta.id));
        at = path.parent();
    }
    ids
}

/// 403 where a directory below this one is one of these. What cannot be listed is left out.
async fn survey(view: &View, dir: &VPath, not: &[FileId]) -> Result<(), Stop> {
    let mut todo = vec![dir.clone()];
    let mut count = 0;
    while let Some(dir) = todo.pop() {
        let entries = match members(view, &dir, &mut count).await {
            Ok(entries) => entries,
            Err(FsError::TooLarge) => return Err(Stop::change(FsError::TooLarge)),
            Err(_) => continue,
        };
        for entry in entries.into_iter().filter(|entry| entry.meta.kind == Kind::Dir) {
            if entry.meta.id.is_some_and(|id| not.contains(&id)) {
                return Err(StatusCode::FORBIDDEN.into());
            }
            todo.extend(dir.join(&entry.name));
        }
    }
    Ok(())
}

/// Copies a directory; `deep` with all that is in it. What fails inside is told, and the rest goes on.
async fn tree(
    view: &View,
    from: &VPath,
    to: &VPath,
    deep: bool,
    originals: &mut Originals,
) -> Result<Failed, Stop> {
    let mut failed = Failed::new();
    let mut todo = vec![(from.clone(), to.clone())];
    let mut count = 0;
    while let Some((from, to)) = todo.pop() {
        let made = directory(view, &from, &to).await;
        // Where nothing at all could be made, that is the answer.
        if count == 0 {
            made.map_err(Stop::change)?;
        } else if let Err(error) = made {
            failed.push((to, Stop::change(error).status()));
            continue;
        }
        originals.push((from.clone(), Remove::EmptyDir));
        count += 1;
        if !deep {
            break;
        }
        let listed = members(view, &from, &mut count).await;
        let entries = match listed {
            Ok(entries) => entries,
            Err(error) => {
                failed.push((to, Stop::change(error).status()));
                continue;
            }
        };
        for entry in entries {
            let (Ok(inner), Ok(target)) = (from.join(&entry.name), to.join(&entry.name)) else {
                failed.push((to.clone(), StatusCode::FORBIDDEN));
                continue;
            };
            match entry.meta.kind {
                Kind::Dir => todo.push((inner, target)),
                // What links lead to is copied, but no directory: that could go on for ever.
                Kind::File | Kind::Link => match file(view, &inner, &target).await {
                    Ok(()) => originals.push((inner, Remove::File)),
                    Err(FsError::IsDir | FsError::NotFound | FsError::Loop)
                        if entry.meta.kind == Kind::Link => {}
                    Err(error) => failed.push((target, Stop::change(error).status())),
                },
                _ => {}
            }
        }
        if failed.len() > FAILURES {
            break;
        }
    }
    failed.truncate(FAILURES);
    Ok(failed)
}

async fn directory(view: &View, from: &VPath, to: &VPath) -> Result<(), FsError> {
    view.files.mkdir(to, None).await?;
    marks(view, from, to).await
}

/// What is in a directory; an error where there would be too much of it.
async fn members(view: &View, from: &VPath, count: &mut usize) -> Result<Vec<Entry>, FsError> {
    let mut stream = view.files.list(from, ListOptions::default()).await?;
    let mut entries = Vec::new();
    loop {
        let batch = stream.next_batch(BATCH).await?;
        if batch.is_empty() {
            return Ok(entries);
        }
        *count += batch.len() * (1 + from.as_bytes().len() / LONG);
        if *count > MOST {
            return Err(FsError::TooLarge);
        }
        entries.extend(batch);
    }
}

/// Copies a file with its properties, in place of a file.
async fn file(view: &View, from: &VPath, to: &VPath) -> Result<(), FsError> {
    match view.files.copy(from, to, Over::File).await {
        Err(FsError::Unsupported | FsError::CrossDevice) => {}
        done => return done,
    }
    let source = view.files.open(from, &Open::read()).await?;
    let mut how = Open::write(Write::Replace);
    how.expect_len = Some(source.opened().len);
    let target = view.files.open(to, &how).await?;
    let mut offset = 0;
    loop {
        let chunk = source.read_at(offset, BytesMut::with_capacity(CHUNK)).await?;
        if chunk.is_empty() {
            break;
        }
        let octets = chunk.len() as u64;
        target.write_at(offset, chunk.freeze()).await?;
        offset += octets;
    }
    target.commit().await?;
    marks(view, from, to).await
}

async fn marks(view: &View, from: &VPath, to: &VPath) -> Result<(), FsError> {
    match (view.files.place(from), view.files.place(to)) {
        (Some(from), Some(to)) => from.copied_to(&to).await,
        _ => Ok(()),
    }
}
