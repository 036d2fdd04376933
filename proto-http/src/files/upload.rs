//! Files that are sent by the form of a listing.

use http::{HeaderValue, StatusCode, header};
use ropewalk_core::data::files::{FsError, Kind, Name, Open, Write};

use super::Static;
use super::write::Writer;
use crate::dav::{Guard, Stop, View};
use crate::form::{FormLimits, Multipart};
use crate::server::{Body, Failure, Request, Response};
use crate::wire::{host, target};

/// Files in one form at most.
const MOST: usize = 1000;

impl Static {
    /// POST to a directory: a form (RFC 7578) whose files are put into it. None takes the place of another.
    pub(super) async fn upload(&self, request: Request) -> Result<Response, Stop> {
        if !is_from_here(&request) {
            return Err(StatusCode::FORBIDDEN.into());
        }
        let view = View::of(self, &request);
        let there = self.files.stat(&view.path, true).await.map_err(Stop::find)?;
        if there.kind != Kind::Dir {
            return Err(self.not_allowed().into());
        }
        let guard = Guard::of(&view, &request.headers).await?;
        let listing = format!("{}/", target::encode_path(&request.path));
        // What a file may have, the tree says.
        let mut limits = FormLimits::default();
        (limits.total, limits.part, limits.fields) = (u64::MAX, u64::MAX, MOST);
        let mut form = Multipart::new(request, limits)?;
        let mut count = 0;
        while let Some(mut part) = form.next().await? {
            let Some(name) = part.filename().filter(|name| !name.is_empty()) else { continue };
            let name = Name::new(name.to_owned()).map_err(|_| Failure::bad_request())?;
            let path = view.path.join(&name).map_err(|_| Failure::bad_request())?;
            guard.name(&view, &path).await?;
            let file = self.files.open(&path, &Open::write(Write::CreateNew)).await.map_err(refused)?;
            let mut writer = Writer::new(&*file, 0);
            while let Some(chunk) = part.chunk().await? {
                writer.write(chunk).await?;
            }
            writer.finish().await?;
            guard.name(&view, &path).await?;
            file.commit().await.map_err(refused)?;
            count += 1;
        }
        if count == 0 {
            return Err(Failure::bad_request().saying("No file was chosen.").into());
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let listing = HeaderValue::try_from(listing).map_err(|_| Failure::bad_request())?;
        response.headers_mut().insert(header::LOCATION, listing);
        Ok(response)
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
