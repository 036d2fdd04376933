use http::{HeaderValue, StatusCode, header};
use ropewalk_core::Error;
use ropewalk_core::data::files::FsError;

use super::multistatus::HEAD;
use super::xml::escape;
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
        Self::told(status, name, inside, "")
    }

    /// The same with a sentence for people.
    pub(super) fn told(status: StatusCode, name: &str, inside: &str, says: &str) -> Self {
        let condition = match inside {
            "" => format!("<D:{name}/>"),
            _ => format!("<D:{name}>{inside}</D:{name}>"),
        };
        let says = match says {
            "" => String::new(),
            // Programs look for the conditions that they know, and for nothing else.
            _ => format!("<D:responsedescription>{}</D:responsedescription>", escape(says)),
        };
        let body = format!("{HEAD}<D:error xmlns:D=\"DAV:\">{condition}{says}</D:error>");
        let mut response = xml(body);
        *response.status_mut() = status;
        Self::Answer(Box::new(response))
    }

    /// What a failure to change something is to the peer.
    pub(crate) fn change(error: FsError) -> Self {
        let full = StatusCode::INSUFFICIENT_STORAGE;
        let (status, says) = match &error {
            // RFC 4918 §9.3.1, §9.7.1: there is nothing for it to be in.
            FsError::NotFound | FsError::NotDir => {
                (StatusCode::CONFLICT, "There is no folder for it to be in: make that first.")
            }
            FsError::IsDir => (StatusCode::METHOD_NOT_ALLOWED, "It is a folder."),
            FsError::CrossDevice => (StatusCode::FORBIDDEN, "It cannot be moved to another file system."),
            FsError::Unsupported => (StatusCode::FORBIDDEN, "That cannot be done in this folder."),
            FsError::Loop => (StatusCode::FORBIDDEN, "Nothing is written through a link."),
            // RFC 4331 §6.
            FsError::Quota => {
                return Self::told(full, "quota-not-exceeded", "", "It would be more than the quota allows.");
            }
            FsError::NoSpace => {
                return Self::told(full, "sufficient-disk-space", "", "The disk of the server is full.");
            }
            _ => return failure(error).into(),
        };
        Failure::new(status).saying(says).into()
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
