use std::sync::Arc;

use ropewalk_core::data::cred::Principal;
use ropewalk_core::data::files::VPath;

use super::{Auth, Rules};
use crate::server::{Failure, Request};

/// The logins of a site, among the extensions of its requests: for a handler that answers a path with what has another,
/// as a program answers for all that stands below it.
#[derive(Clone)]
pub(crate) struct Gate(pub(super) Arc<Rules>);

impl Gate {
    /// Asks for every login that this path needs, besides those that the request's own path has needed already. The
    /// request then says who has logged in.
    pub(crate) async fn admit(request: &mut Request, path: &VPath) -> Result<(), Failure> {
        let Some(Self(rules)) = request.extensions.get().cloned() else { return Ok(()) };
        let mut who: Option<Principal> = request.extensions.get().cloned();
        let is_new = |auth: &&Auth| {
            auth.is_about(&request.method, path) && !auth.is_about(&request.method, &request.path)
        };
        for auth in rules.auth.iter().filter(is_new) {
            auth.admit(request, &mut who).await?;
        }
        if let Some(who) = who {
            request.extensions.insert(who);
        }
        Ok(())
    }
}
