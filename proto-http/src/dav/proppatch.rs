//! PROPPATCH (RFC 4918 §9.2).

use bytes::Bytes;
use http::StatusCode;
use ropewalk_core::data::files::{FsError, Kind, Ops, PropName, SetMeta, Time};

use super::live::is_protected;
use super::multistatus::{CLOSE, OPEN, empty, propstat, response};
use super::xml::Element;
use super::{DOCUMENT, Guard, Stop, View};
use crate::server::{Failure, Request, Response};

/// The namespace in which Windows sets times and attributes.
const WIN32: &str = "urn:schemas-microsoft-com:";

pub(super) async fn answer(view: &View, request: Request) -> Result<Response, Stop> {
    let guard = Guard::of(view, &request.headers).await?;
    let changes = parse(&request.body.read(DOCUMENT).await?)?;
    let meta = view.files.stat(&view.path, true).await.map_err(Stop::find)?;
    if view.slash && meta.kind != Kind::Dir {
        return Err(StatusCode::NOT_FOUND.into());
    }
    let _change = guard.content(view, &view.path).await?;
    // Nothing is changed, but whoever may not change anything is told so: properties are kept elsewhere.
    if !view.rights(&view.path).has(Ops::SET) {
        return Err(StatusCode::FORBIDDEN.into());
    }
    view.files.set(&view.path, SetMeta::default(), false).await.map_err(Stop::find)?;
    let verdict = perform(view, &changes).await?;
    let mut out = OPEN.to_owned();
    out.extend(["<D:response><D:href>", &view.href(&view.path, meta.kind == Kind::Dir), "</D:href>"]);
    for (name, _) in &changes {
        let mut prop = String::new();
        empty(&mut prop, name);
        match &verdict {
            Verdict::Done => propstat(&mut out, &prop, StatusCode::OK, ""),
            Verdict::Refused(refused, status, condition) if refused.contains(name) => {
                propstat(&mut out, &prop, *status, condition);
            }
            // RFC 4918 §9.2: all of it, or nothing.
            Verdict::Refused(..) => propstat(&mut out, &prop, StatusCode::FAILED_DEPENDENCY, ""),
        }
    }
    out.push_str("</D:response>\n");
    out.push_str(CLOSE);
    Ok(response(out))
}

enum Verdict {
    Done,
    /// These cannot be changed, and why.
    Refused(Vec<PropName>, StatusCode, &'static str),
}

type Change = (PropName, Option<Element>);

/// The changes that a document says, in its order.
fn parse(document: &[u8]) -> Result<Vec<Change>, Stop> {
    let root = Element::parse(document)?;
    if !root.is("propertyupdate") {
        return Err(Failure::bad_request().into());
    }
    let mut changes: Vec<Change> = Vec::new();
    for update in root.elements().filter(|update| update.is("set") || update.is("remove")) {
        let prop = update.child("prop").ok_or_else(Failure::bad_request)?;
        let language = prop.language().or(update.language()).or(root.language());
        for property in prop.elements() {
            let value = update.is("set").then(|| property.clone().spoken(language));
            // Of several the last counts, and one answer is given (RFC 4918 §14.22).
            changes.retain(|(name, _)| *name != property.name);
            changes.push((property.name.clone(), value));
        }
    }
    if changes.is_empty() { Err(Failure::bad_request().into()) } else { Ok(changes) }
}

async fn perform(view: &View, changes: &[Change]) -> Result<Verdict, Stop> {
    let refused = |of: &dyn Fn(&Change) -> bool| -> Vec<_> {
        changes.iter().filter(|change| of(change)).map(|(name, _)| name.clone()).collect()
    };
    let protected = refused(&|(name, _)| is_protected(name));
    if !protected.is_empty() {
        return Ok(Verdict::Refused(protected, StatusCode::FORBIDDEN, "cannot-modify-protected-property"));
    }
    let unread = refused(&|(name, value)| is_time(name) && value.is_some() && time(value).is_none());
    if !unread.is_empty() {
        return Ok(Verdict::Refused(unread, StatusCode::CONFLICT, ""));
    }
    let Some(place) = view.files.place(&view.path) else {
        return Ok(Verdict::Refused(refused(&|_| true), StatusCode::FORBIDDEN, ""));
    };
    let kept = changes.iter().filter(|(name, _)| !is_time(name));
    let kept: Vec<_> = kept
        .map(|(name, value)| (name.clone(), value.as_ref().map(|value| Bytes::from(value.written()))))
        .collect();
    match place.marks.props().change(&place.path, &kept).await {
        Ok(()) => {}
        Err(FsError::Quota) => {
            return Ok(Verdict::Refused(refused(&|_| true), StatusCode::INSUFFICIENT_STORAGE, ""));
        }
        Err(error) => return Err(Stop::change(error)),
    }
    let wanted = changes.iter().filter(|(name, _)| is_time(name)).find_map(|(_, value)| time(value));
    if let Some(mtime) = wanted {
        let mut facts = SetMeta::default();
        facts.mtime = Some(mtime);
        match view.files.set(&view.path, facts, false).await {
            // A time that is not kept is no reason for Windows to call a copy failed.
            Ok(()) | Err(FsError::Unsupported) => {}
            Err(error) => return Err(Stop::change(error)),
        }
    }
    Ok(Verdict::Done)
}

/// Whether this is the time of the last change, by the name that Windows has for it.
fn is_time(name: &PropName) -> bool {
    &*name.namespace == WIN32 && name.local == "Win32LastModifiedTime"
}

fn time(value: &Option<Element>) -> Option<Time> {
    httpdate::parse_http_date(value.as_ref()?.text().trim()).ok().map(Time::from)
}
