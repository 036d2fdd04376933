use std::sync::Arc;

use http::Method;
use ropewalk_core::data::cred::Principal;
use ropewalk_core::data::files::VPath;

use super::{Auth, Rules};
use crate::server::{Failure, Request};

/// The logins of a site, among the extensions of its requests: for a handler that answers a path with what has another,
/// as a program answers for all that stands below it, and an archive holds all that is below a folder.
#[derive(Clone)]
pub(crate) struct Gate(pub(super) Arc<Rules>);

/// What is not to be told of the members of a directory.
#[derive(Clone, Default)]
pub(crate) struct Closed {
    auth: Vec<Auth>,
    method: Method,
}

impl Closed {
    /// Whether what is at this path of the site is closed.
    pub(crate) fn has(&self, path: &VPath) -> bool {
        self.auth.iter().any(|auth| auth.is_about(&self.method, path))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.auth.is_empty()
    }
}

impl Gate {
    /// Whether there are logins at all.
    pub(crate) fn stands_before(request: &Request) -> bool {
        request.extensions.get::<Self>().is_some()
    }

    /// Asks for every login that this path needs, besides those that the request's own path has needed already. The
    /// request then says who has logged in.
    pub(crate) async fn admit(request: &mut Request, path: &VPath) -> Result<(), Failure> {
        Self::ask(request, |auth, method| auth.is_about(method, path)).await
    }

    /// The same, of this path and all that is below it.
    pub(crate) async fn admit_all(request: &mut Request, path: &VPath) -> Result<(), Failure> {
        Self::ask(request, |auth, method| auth.is_about(method, path) || auth.is_about_below(method, path))
            .await
    }

    /// What of a directory that was asked for is closed to whoever asks: what needs a login besides those that the directory
    /// needed, and which does not come with the request.
    pub(crate) async fn closed(request: &Request) -> Closed {
        let Some(Self(rules)) = request.extensions.get().cloned() else { return Closed::default() };
        let (method, path) = (&request.method, &request.path);
        let mut closed = Vec::new();
        for auth in &rules.auth {
            if auth.is_about(method, path) || !auth.is_about_below(method, path) {
                continue;
            }
            if auth.admit(request, &mut None).await.is_err() {
                closed.push(auth.clone());
            }
        }
        Closed { auth: closed, method: method.clone() }
    }

    async fn ask(
        request: &mut Request,
        is_needed: impl Fn(&Auth, &Method) -> bool + Send,
    ) -> Result<(), Failure> {
        let Some(Self(rules)) = request.extensions.get().cloned() else { return Ok(()) };
        let mut who: Option<Principal> = request.extensions.get().cloned();
        let is_new =
            |auth: &&Auth| is_needed(auth, &request.method) && !auth.is_about(&request.method, &request.path);
        let needed: Vec<_> = rules.auth.iter().filter(is_new).collect();
        for auth in needed {
            auth.admit(request, &mut who).await?;
        }
        if let Some(who) = who {
            request.extensions.insert(who);
        }
        Ok(())
    }
}
