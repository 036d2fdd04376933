use http::StatusCode;
use ropewalk_core::data::files::{DotDot, VPath};
use ropewalk_core::{Error, Result};

use super::handler::{BoxHandler, Handler};
use super::{Failure, Request, Response};

/// Handlers by the path that they are mounted at. The longest that fits answers; where none does, 404.
///
/// It compares whole components of the decoded path: what is mounted at `/a` answers for `/a` and `/a/b`, not for
/// `/ab`. The handler finds what is below its place in [`Request::rest`].
#[derive(Clone, Default)]
pub struct Routes(Vec<(VPath, BoxHandler)>);

impl Routes {
    /// No handler at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this handler at this path; in place of another that was there.
    ///
    /// # Errors
    /// Where `at` is no path.
    pub fn mount(mut self, at: &str, handler: impl Handler) -> Result<Self> {
        let at = VPath::parse(at.as_bytes(), &VPath::ROOT, DotDot::Refuse)
            .map_err(|error| Error::local(format!("cannot mount at {at:?}")).caused_by(error))?;
        self.0.retain(|(path, _)| *path != at);
        self.0.push((at, handler.boxed()));
        self.0.sort_by_key(|(path, _)| std::cmp::Reverse(path.as_bytes().len()));
        Ok(self)
    }
}

impl Handler for Routes {
    async fn handle(&self, mut request: Request) -> Result<Response, Failure> {
        let (at, handler) = self
            .0
            .iter()
            .find(|(at, _)| request.rest.is_within(at))
            .ok_or_else(|| Failure::new(StatusCode::NOT_FOUND))?;
        if *at != VPath::ROOT {
            let below = request.rest.as_bytes().get(at.as_bytes().len()..).unwrap_or_default();
            request.rest =
                VPath::parse(below, &VPath::ROOT, DotDot::Refuse).map_err(|_| Failure::bad_request())?;
        }
        handler.start(request).await
    }
}
