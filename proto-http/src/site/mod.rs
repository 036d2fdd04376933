//! What a person configures around the handlers: hosts, redirects, rewrites, logins, error pages, header fields.

mod auth;
mod errors;
mod fields;
mod gate;
mod hosts;
mod moves;
mod pattern;
mod target;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, StatusCode, header};
use ropewalk_core::data::cred::Principal;
use ropewalk_core::data::files::VPath;

pub use auth::{Auth, Logins, Scheme};
pub use errors::Statuses;
pub use fields::Fields;
pub(crate) use gate::{Closed, Gate};
pub use hosts::{Host, Sites, UnknownHost};
pub use moves::{Redirect, Rewrite, When};
pub use pattern::Pattern;
pub use target::Target;

use crate::server::page;
use crate::server::{BoxHandler, Failure, Handler, Request, Response};
use errors::ErrorPages;
use fields::Security;

/// A handler, and the rules around it.
///
/// The order is fixed, whatever the order in which they are given: redirects; logins; rewrites, and the logins for the
/// path that they lead to; the handler, where nothing is there the rewrites for what is [missing](When::Missing);
/// error pages; header fields. Of the redirects, and of the rewrites, the first that is about a path counts; of the logins
/// every one. Its paths are whole paths, so it stands at the root, around [`Routes`](crate::Routes).
///
/// A handler behind a login finds the [`Principal`] among the request's extensions.
#[derive(Clone)]
pub struct Site {
    handler: BoxHandler,
    rules: Arc<Rules>,
}

#[derive(Clone, Default)]
struct Rules {
    redirects: Vec<Redirect>,
    auth: Vec<Auth>,
    rewrites: Vec<Rewrite>,
    errors: ErrorPages,
    fields: Vec<Fields>,
    security: Security,
}

impl Site {
    /// This handler, without any rule.
    pub fn new(handler: impl Handler) -> Self {
        Self { handler: handler.boxed(), rules: Arc::default() }
    }

    /// With one more redirect.
    #[must_use]
    pub fn redirect(self, redirect: Redirect) -> Self {
        self.with(|rules| rules.redirects.push(redirect))
    }

    /// With one more rewrite.
    #[must_use]
    pub fn rewrite(self, rewrite: Rewrite) -> Self {
        self.with(|rules| rules.rewrites.push(rewrite))
    }

    /// With one more login.
    #[must_use]
    pub fn auth(self, auth: Auth) -> Self {
        self.with(|rules| rules.auth.push(auth))
    }

    /// With the handler's answer for this path as the page of these errors; a page for one status goes before one for
    /// its class. It is for [failures](Failure): an error that comes with a body of its own keeps that.
    #[must_use]
    pub fn error_page(self, statuses: Statuses, path: VPath) -> Self {
        self.with(|rules| rules.errors.add(statuses, path))
    }

    /// With these header fields, after those of earlier rules.
    #[must_use]
    pub fn fields(self, fields: Fields) -> Self {
        self.with(|rules| rules.fields.push(fields))
    }

    /// With the header fields by which browsers are told to be careful, where the handler does not set them: no guessing
    /// of types, no frames on other sites, no paths of ours told to other sites.
    #[must_use]
    pub fn security_headers(self) -> Self {
        self.with(|rules| rules.security.on = true)
    }

    /// With Strict-Transport-Security (RFC 6797) for this long, over TLS.
    #[must_use]
    pub fn hsts(self, age: Duration, subdomains: bool) -> Self {
        self.with(|rules| rules.security.hsts = Security::hsts(age, subdomains))
    }

    fn with(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.rules));
        self
    }
}

impl Handler for Site {
    async fn handle(&self, request: Request) -> Result<Response, Failure> {
        let rules = &*self.rules;
        let path = request.path.clone();
        let facts = Arc::clone(&request.facts);
        let form = page::Form::of(&request.method, &request.headers);
        let page = (!rules.errors.is_empty()).then(|| page_of(&request));
        let mut who = None;
        let mut response = match self.answer(request, &mut who).await {
            Ok(response) => response,
            Err(failure) => {
                let small = page::failed(failure, form, facts.id());
                match page {
                    Some(page) => rules.errors.put(small, &self.handler, page).await,
                    None => small,
                }
            }
        };
        let status = response.status();
        if !status.is_informational() {
            let headers = response.headers_mut();
            rules.security.apply(facts.info.tls.is_some(), headers);
            for fields in &rules.fields {
                fields.apply(&path, status, headers);
            }
        }
        // A handler may have found a path that needs a login where its own needs none.
        if let Some(who) = who.or_else(|| response.extensions().get().cloned()) {
            fields::private(response.headers_mut());
            response.extensions_mut().insert(who);
        }
        Ok(response)
    }

    /// Without rules it is its handler.
    fn boxed(self) -> BoxHandler {
        let Rules { redirects, auth, rewrites, errors, fields, security } = &*self.rules;
        let is_bare = redirects.is_empty()
            && auth.is_empty()
            && rewrites.is_empty()
            && errors.is_empty()
            && fields.is_empty()
            && security.is_off();
        if is_bare { self.handler } else { BoxHandler::of(self) }
    }
}

impl Site {
    /// What the rules and the handler say. `who` is who has logged in, whatever comes of it.
    async fn answer(&self, mut request: Request, who: &mut Option<Principal>) -> Result<Response, Failure> {
        let rules = &*self.rules;
        if !rules.auth.is_empty() {
            request.extensions.insert(Gate(Arc::clone(&self.rules)));
        }
        for redirect in &rules.redirects {
            if let Some(response) = redirect.answer(&request)? {
                return Ok(response);
            }
        }
        self.admit(&request, who).await?;
        let mut rewrites = rules.rewrites.iter().filter(|rewrite| rewrite.when == When::Always);
        if rewrites
            .try_fold(false, |done, rewrite| if done { Ok(done) } else { rewrite.apply(&mut request) })?
        {
            self.admit(&request, who).await?;
        }
        let fallback = self.fallback(&request);
        let answer = self.handler.handle(known(request, who)).await;
        match (fallback, answer) {
            (Some((rewrite, mut again)), Err(failure)) if failure.status() == StatusCode::NOT_FOUND => {
                rewrite.apply(&mut again)?;
                self.admit(&again, who).await?;
                self.handler.handle(known(again, who)).await
            }
            (_, answer) => answer,
        }
    }

    /// Asks for every login that the request needs, at the path that it has now.
    async fn admit(&self, request: &Request, who: &mut Option<Principal>) -> Result<(), Failure> {
        for auth in self.rules.auth.iter().filter(|auth| auth.is_about(&request.method, &request.path)) {
            auth.admit(request, who).await?;
        }
        Ok(())
    }

    /// The rewrite for where nothing is found, and the request to be asked again with.
    fn fallback(&self, request: &Request) -> Option<(&Rewrite, Request)> {
        let missing = |rewrite: &&Rewrite| rewrite.when == When::Missing && rewrite.is_about(&request.path);
        let rewrite = self.rules.rewrites.iter().find(missing)?;
        moves::is_safe(&request.method).then(|| (rewrite, request.again(request.headers.clone())))
    }
}

/// The request as the handler gets it: with who asks.
fn known(mut request: Request, who: &Option<Principal>) -> Request {
    if let Some(who) = who {
        request.extensions.insert(who.clone());
    }
    request
}

/// The request by which the page of an error is asked for: of what the peer said only which form it likes.
fn page_of(request: &Request) -> Request {
    let likes = [header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE].into_iter();
    let all = |name: HeaderName| {
        request.headers.get_all(&name).iter().map(move |value| (name.clone(), value.clone()))
    };
    let mut page = request.again(likes.flat_map(all).collect());
    if page.method != Method::HEAD {
        page.method = Method::GET;
    }
    page
}
