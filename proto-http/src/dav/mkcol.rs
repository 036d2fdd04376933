use http::StatusCode;
use ropewalk_core::data::files::FsError;

use super::{Guard, Stop, View};
use crate::server::{Body, Request, Response};

/// MKCOL (RFC 4918 §9.3).
pub(super) async fn answer(view: &View, request: &Request) -> Result<Response, Stop> {
    let guard = Guard::of(view, &request.headers).await?;
    if view.there(&view.path).await?.is_some() {
        return Err(StatusCode::METHOD_NOT_ALLOWED.into());
    }
    let _change = guard.name(view, &view.path).await?;
    match view.files.mkdir(&view.path, None).await {
        Ok(()) => Ok(created()),
        Err(FsError::Exists) => Err(StatusCode::METHOD_NOT_ALLOWED.into()),
        Err(error) => Err(Stop::change(error)),
    }
}

pub(super) fn created() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    response
}
