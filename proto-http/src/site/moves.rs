//! Redirects and rewrites.

use http::{HeaderValue, Method, StatusCode, header};
use ropewalk_core::data::files::VPath;
use ropewalk_core::{Error, Result};

use super::target::Place;
use super::{Pattern, Target};
use crate::server::{Body, Failure, Request, Response};
use crate::wire::target::{self, Decoded};

/// Tells the peer to ask elsewhere (RFC 9110 §15.4).
///
/// Where it would lead to the very place that was asked for, it is passed over: so what is to be `https` may be said once
/// for a server that speaks both.
#[derive(Clone, Debug)]
pub struct Redirect {
    from: Pattern,
    to: Target,
    status: StatusCode,
}

impl Redirect {
    /// From what is asked for to where it is, with status 301.
    ///
    /// # Errors
    /// Where the target has a `*` and the pattern has none.
    pub fn new(from: Pattern, to: Target) -> Result<Self> {
        agree(&from, &to)?;
        Ok(Self { from, to, status: StatusCode::MOVED_PERMANENTLY })
    }

    /// With another status: 302, 303, 307 or 308.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The answer, if this is about the request.
    pub(super) fn answer(&self, request: &Request) -> Result<Option<Response>, Failure> {
        let Some(rest) = self.from.rest(&request.path) else { return Ok(None) };
        let place = match self.to.place(request, rest) {
            Place::Same => return Ok(None),
            Place::NoHost => return Err(Failure::bad_request()),
            Place::At(place) => HeaderValue::try_from(place).map_err(|_| Failure::bad_request())?,
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::LOCATION, place);
        Ok(Some(response))
    }
}

/// Answers with what stands at another path, which the peer does not see.
#[derive(Clone, Debug)]
pub struct Rewrite {
    from: Pattern,
    to: Target,
    pub(super) when: When,
}

/// When a [`Rewrite`] is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// Before anything is looked for.
    #[default]
    Always,
    /// For GET and HEAD, where the answer would be 404: the page of an application that finds its way by itself.
    Missing,
}

impl Rewrite {
    /// From what is asked for to what is answered with.
    ///
    /// # Errors
    /// Where the target has a `*` and the pattern has none, and where it is more than a path.
    pub fn new(from: Pattern, to: Target) -> Result<Self> {
        agree(&from, &to)?;
        if !to.is_path() {
            return Err(Error::local(format!("{to}: a rewrite leads to a path of the same site")));
        }
        Ok(Self { from, to, when: When::default() })
    }

    /// Only then.
    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    pub(super) fn is_about(&self, path: &VPath) -> bool {
        self.from.has(path)
    }

    /// Whether the request is another now.
    pub(super) fn apply(&self, request: &mut Request) -> Result<bool, Failure> {
        let Some(rest) = self.from.rest(&request.path) else { return Ok(false) };
        let path = self.to.path(request, rest);
        let Decoded { path, slash } = target::decode(&path).ok_or_else(Failure::bad_request)?;
        (request.rest, request.path, request.slash) = (path.clone(), path, slash);
        Ok(true)
    }
}

/// Whether it may be asked again with the same outcome.
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn agree(from: &Pattern, to: &Target) -> Result<()> {
    if to.has_rest() && !from.is_open() {
        return Err(Error::local(format!("{to}: there is no `*` in {from} for it to stand for")));
    }
    Ok(())
}
