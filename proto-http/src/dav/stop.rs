use http::{HeaderValue, StatusCode, header};
use ropewalk_core::Error;
use ropewalk_core::data::files::FsError;

use super::multistatus::HEAD;
use crate::files::failure;
use crate::server::{Body, Failure, Response};

/// An answer that ends a method early: a page of the server, or XML.
pub(crate) enum Stop {
    Failure(Failure),
    Answer(Box<Response>),
}

impl Stop {
    pub(crate) fn answer(self) -> Result<Response, Failure> {
        match self {
            Self::Failure(failure) => Err(failure),
            Self::Answer(response) => Ok(*response),
        }
    }

    /// A status with the condition that was not met (RFC 4918 §16); `inside` is what stands in its element.
    pub(super) fn condition(status: StatusCode, name: &str, inside: &str) -> Self {
        let body = match inside {
            "" => format!("{HEAD}<D:error xmlns:D=\"DAV:\"><D:{name}/></D:error>"),
            _ => format!("{HEAD}<D:error xmlns:D=\"DAV:\"><D:{name}>{inside}</D:{name}></D:error>"),
        };
        let mut response = xml(body);
        *response.status_mut() = status;
        Self::Answer(Box::new(response))
    }

    /// What a failure to change something is to the peer.
    pub(crate) fn change(error: FsError) -> Self {
        let status = match &error {
            // RFC 4918 §9.3.1, §9.7.1: there is nothing for it to be in.
            FsError::NotFound | FsError::NotDir => StatusCode::CONFLICT,
            FsError::IsDir => StatusCode::METHOD_NOT_ALLOWED,
            FsError::CrossDevice | FsError::Unsupported | FsError::Loop => StatusCode::FORBIDDEN,
            // RFC 4331 §6.
            FsError::Quota => {
                return Self::condition(StatusCode::INSUFFICIENT_STORAGE, "quota-not-exceeded", "");
            }
            FsError::NoSpace => {
                return Self::condition(StatusCode::INSUFFICIENT_STORAGE, "sufficient-disk-space", "");
            }
            _ => return failure(error).into(),
        };
        status.into()
    }

    /// What a failure to find or to remove something is to the peer.
    pub(crate) fn find(error: FsError) -> Self {
        match error {
            FsError::NotFound | FsError::NotDir | FsError::Loop => StatusCode::NOT_FOUND.into(),
            other => Self::change(other),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Failure(failure) => failure.status(),
            Self::Answer(response) => response.status(),
        }
    }
}

/// A document of ours as an answer.
pub(super) fn xml(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let media_type = HeaderValue::from_static("application/xml; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<StatusCode> for Stop {
    fn from(status: StatusCode) -> Self {
        Self::Failure(status.into())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failure(error.into())
    }
}
