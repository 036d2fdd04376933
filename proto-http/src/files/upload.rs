//! Files that are sent by the form of a listing.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ropewalk_core::data::files::{FsError, Kind, Name, Open, Write};
use serde::Serialize;

use super::Static;
use super::listing::shown;
use crate::dav::{Guard, Stop, View};
use crate::form::{FormLimits, Multipart, Part};
use crate::server::page::{STYLE, log, protect};
use crate::server::{Body, Failure, Request, Response};
use crate::wire::accept::quality;
use crate::wire::{host, target};

/// Files in one form at most.
const MOST: usize = 1000;

impl Static {
    /// POST to a directory: a form (RFC 7578) whose files are put into it. None takes the place of another, and of each
    /// the answer says what became of it, unless all are there: then a browser is shown the listing.
    pub(super) async fn upload(&self, request: Request) -> Result<Response, Stop> {
        if !is_from_here(&request) {
            return Err(StatusCode::FORBIDDEN.into());
        }
        let view = View::of(self, &request);
        let there = self.files.stat(&view.path, true).await.map_err(Stop::find)?;
        if there.kind != Kind::Dir {
            return Err(self.not_allowed(&view.path).into());
        }
        let guard = Guard::of(&view, &request.headers).await?;
        let listing = format!("{}/", target::encode_path(&request.path));
        let as_json = quality(&request.headers, JSON) > quality(&request.headers, "text/html");
        // What a file may have, the tree says.
        let mut limits = FormLimits::default();
        (limits.total, limits.part, limits.fields) = (u64::MAX, u64::MAX, MOST);
        let mut form = Multipart::new(request, limits)?;
        let mut sent = Vec::new();
        let cut = loop {
            let part = match form.next().await {
                Ok(Some(part)) => part,
                Ok(None) => break None,
                Err(cut) => break Some(cut),
            };
            let Some(name) = part.filename().filter(|name| !name.is_empty()).map(str::to_owned) else {
                continue;
            };
            match self.store(&view, &guard, &name, part).await {
                Ok(stored) => sent.push(Sent::new(name, stored.err())),
                Err(cut) => {
                    sent.push(Sent::new(name, Some(Stop::from(cut.status()))));
                    break Some(cut);
                }
            }
        };
        match cut {
            Some(cut) if !sent.iter().any(|file| file.stored) => Err(cut.into()),
            None if sent.is_empty() => Err(Failure::bad_request().saying("No file was chosen.").into()),
            None if !as_json && sent.iter().all(|file| file.stored) => see(listing),
            // What came before is there all the same.
            cut => Ok(report(&sent, cut.as_ref(), &listing, as_json)),
        }
    }

    /// Stores one file, or says why not; an error is one of the form, which nothing can be read of after it.
    async fn store(
        &self,
        view: &View,
        guard: &Guard,
        name: &str,
        mut part: Part<'_>,
    ) -> Result<Result<(), Stop>, Failure> {
        let open = async {
            let name = Name::new(name.to_owned()).map_err(|_| Failure::bad_request())?;
            let path = view.path.join(&name).map_err(|_| Failure::bad_request())?;
            let _change = guard.name(view, &path).await?;
            let file = self.files.open(&path, &Open::write(Write::CreateNew)).await.map_err(refused)?;
            Ok::<_, Stop>((path, file))
        };
        let (path, file) = match open.await {
            Ok(opened) => opened,
            Err(stop) => return Ok(Err(stop)),
        };
        let mut writer = self.writer(&*file, (guard, view, &path));
        while let Some(chunk) = part.chunk().await? {
            if let Err(stop) = writer.write(chunk).await {
                return Ok(Err(stop));
            }
        }
        if let Err(stop) = writer.finish().await {
            return Ok(Err(stop));
        }
        let end = async {
            // Somebody may have locked it meanwhile.
            let _change = guard.name(view, &path).await?;
            file.commit().await.map_err(refused)
        };
        Ok(end.await.map(drop))
    }
}

const JSON: &str = "application/json";

/// What became of a file.
#[derive(Debug, Serialize)]
struct Sent {
    name: String,
    stored: bool,
    /// What the answer would be if it were the only one.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Sent {
    fn new(name: String, stop: Option<Stop>) -> Self {
        let Some(stop) = stop else {
            return Self { name, stored: true, status: StatusCode::CREATED.as_u16(), reason: None };
        };
        let status = stop.status();
        if let Stop::Failure(failure) = &stop {
            log(failure);
        }
        let reason = match status {
            StatusCode::CONFLICT => "there is a file of that name already",
            StatusCode::LOCKED => "it is locked",
            StatusCode::FORBIDDEN => "it may not be stored here",
            StatusCode::BAD_REQUEST => "it has no name that a file can have, or did not come whole",
            StatusCode::INSUFFICIENT_STORAGE | StatusCode::PAYLOAD_TOO_LARGE => "there is no room for it",
            other => other.canonical_reason().unwrap_or("it could not be stored"),
        };
        Self { name, stored: false, status: status.as_u16(), reason: Some(reason) }
    }
}

/// The answer as data. Fields may be added; what is here stays as it is within version 1.
#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    files: &'a [Sent],
    /// Whether more was sent that could not be read.
    truncated: bool,
}

fn see(listing: String) -> Result<Response, Stop> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let listing = HeaderValue::try_from(listing).map_err(|_| Failure::bad_request())?;
    response.headers_mut().insert(header::LOCATION, listing);
    Ok(response)
}

/// What became of each file. Its status is that of the first that was not stored.
fn report(sent: &[Sent], cut: Option<&Failure>, listing: &str, as_json: bool) -> Response {
    let first = sent.iter().find(|file| !file.stored);
    let status = first.and_then(|file| StatusCode::from_u16(file.status).ok());
    let status = status.or(cut.map(Failure::status)).unwrap_or(StatusCode::CREATED);
    let (body, media_type) = match as_json {
        true => {
            let report = Report { version: 1, files: sent, truncated: cut.is_some() };
            (serde_json::to_string(&report).unwrap_or_default(), JSON)
        }
        false => (page(sent, cut.is_some(), listing).into_string(), "text/html; charset=utf-8"),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if cut.is_some() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    protect(headers);
    response
}

fn page(sent: &[Sent], cut: bool, listing: &str) -> Markup {
    let stored = sent.iter().filter(|file| file.stored).count();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Not all files were stored" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    nav { b { (stored) " of " (sent.len()) " files were stored" } }
                    table {
                        tbody {
                            @for file in sent {
                                tr {
                                    td.name { (shown(file.name.as_bytes())) }
                                    td {
                                        @match file.reason {
                                            Some(reason) => { b { "not stored: " } (reason) }
                                            None => { "stored" }
                                        }
                                    }
                                }
                            }
                        }
                    }
                    @if cut { p.note { "The form ended too early: what was sent after these is not stored." } }
                    p { a href=(listing) { "Back to the listing" } }
                }
            }
        }
    }
}

fn refused(error: FsError) -> Stop {
    match error {
        FsError::Exists | FsError::IsDir => {
            Failure::new(StatusCode::CONFLICT).saying("There is a file of that name already.").into()
        }
        error => Stop::change(error),
    }
}

/// Whether a form was not sent by a page of elsewhere, in the name of whoever looks at it: a browser says where it comes
/// from, and sends the login along whoever made the form. What says nothing is no browser.
fn is_from_here(request: &Request) -> bool {
    let headers = &request.headers;
    if let Some(site) = headers.get("sec-fetch-site") {
        return *site == "same-origin" || *site == "none";
    }
    match headers.get(header::ORIGIN) {
        Some(origin) => origin.to_str().is_ok_and(|origin| host::is_origin(origin, &request.uri, headers)),
        None => true,
    }
}
