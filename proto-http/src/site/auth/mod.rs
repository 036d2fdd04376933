//! Logins: who may ask for what, by method and path.

mod logins;
mod said;

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use ropewalk_core::data::cred::{LoginError, Name, Principal};
use ropewalk_core::data::files::VPath;
use ropewalk_core::{Error, Result};

use super::Pattern;
use crate::server::{Failure, Request};
pub use logins::Logins;
use said::Said;

/// How somebody may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// A name and a password (RFC 7617).
    Basic,
    /// A token (RFC 6750).
    Bearer,
}

/// A login that some paths need.
///
/// It is decided on the decoded path and the method, before any file is looked at; where several are about one
/// request, it needs all of them. OPTIONS is a method like any other. Without TLS it refuses everybody but this machine: what
/// proves a login would go over the network as it is.
#[derive(Clone)]
pub struct Auth {
    logins: Arc<Logins>,
    paths: Vec<Pattern>,
    except: Vec<Pattern>,
    methods: Option<Vec<Method>>,
    users: Vec<Name>,
    groups: Vec<Name>,
    schemes: Vec<Scheme>,
    challenges: Vec<HeaderValue>,
    without_tls: bool,
}

/// RFC 9110 §11.5.
const REALM: &str = "restricted";

impl Auth {
    /// These logins for these paths: whoever logs in may in, by Basic and by Bearer.
    pub fn new(logins: Arc<Logins>, paths: impl IntoIterator<Item = Pattern>) -> Self {
        let schemes = vec![Scheme::Basic, Scheme::Bearer];
        let challenges = challenges(REALM, &schemes).unwrap_or_default();
        Self {
            logins,
            paths: paths.into_iter().collect(),
            except: Vec::new(),
            methods: None,
            users: Vec::new(),
            groups: Vec::new(),
            schemes,
            challenges,
            without_tls: false,
        }
    }

    /// But not for these paths.
    #[must_use]
    pub fn except(self, paths: impl IntoIterator<Item = Pattern>) -> Self {
        Self { except: paths.into_iter().collect(), ..self }
    }

    /// Only for these methods. GET includes HEAD, and CONNECT, by which HTTP/2 begins a WebSocket.
    #[must_use]
    pub fn methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        Self { methods: Some(methods.into_iter().collect()), ..self }
    }

    /// Only these people, and whoever is in one of the [groups](Self::groups).
    #[must_use]
    pub fn users(self, users: impl IntoIterator<Item = Name>) -> Self {
        Self { users: users.into_iter().collect(), ..self }
    }

    /// Only who is in one of these groups, and the [users](Self::users).
    #[must_use]
    pub fn groups(self, groups: impl IntoIterator<Item = Name>) -> Self {
        Self { groups: groups.into_iter().collect(), ..self }
    }

    /// Only in these ways, the best first; and what the login is for, which browsers show.
    ///
    /// # Errors
    /// Where there is no way, and where the realm cannot stand in a header field.
    pub fn schemes(self, schemes: &[Scheme], realm: &str) -> Result<Self> {
        Ok(Self { challenges: challenges(realm, schemes)?, schemes: schemes.to_vec(), ..self })
    }

    /// Over plain text too, for a server behind one that ends TLS and is reached by a network that is trusted.
    #[must_use]
    pub fn without_tls(self) -> Self {
        Self { without_tls: true, ..self }
    }

    pub(super) fn is_about(&self, method: &Method, path: &VPath) -> bool {
        self.is_for(method)
            && self.paths.iter().any(|pattern| pattern.has(path))
            && !self.except.iter().any(|pattern| pattern.has(path))
    }

    /// The same of something below this path, should it be there.
    pub(super) fn is_about_below(&self, method: &Method, path: &VPath) -> bool {
        self.is_for(method)
            && self.paths.iter().any(|pattern| pattern.reaches_below(path))
            && !self.except.iter().any(|pattern| pattern.has_all_below(path))
    }

    fn is_for(&self, method: &Method) -> bool {
        let is_asked = |methods: &Vec<Method>| {
            let as_get = matches!(*method, Method::HEAD | Method::CONNECT);
            methods.contains(method) || (as_get && methods.contains(&Method::GET))
        };
        self.methods.as_ref().is_none_or(is_asked)
    }

    /// Lets the request through, or says why not. `who` is who has logged in, also where that is not enough.
    pub(super) async fn admit(&self, request: &Request, who: &mut Option<Principal>) -> Result<(), Failure> {
        let info = &request.facts.info;
        if info.tls.is_none() && !info.peer.is_local() && !self.without_tls {
            return Err(Failure::new(StatusCode::FORBIDDEN).saying("A login needs TLS: ask by https."));
        }
        let Some(said) = said(&request.headers)? else { return Err(self.unauthorized(false)) };
        let Some(said) = said.filter(|said| self.schemes.contains(&said.scheme())) else {
            return Err(self.unauthorized(false));
        };
        let principal = match self.logins.login(&said, &request.facts).await {
            Ok(principal) => principal,
            Err(LoginError::Busy) => {
                let soon = HeaderValue::from_static("1");
                return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE).with(header::RETRY_AFTER, soon));
            }
            Err(LoginError::Local(error)) => return Err(error.during("login could not be checked").into()),
            Err(_) => return Err(self.unauthorized(said.scheme() == Scheme::Bearer)),
        };
        let may = self.may(&principal);
        *who = Some(principal);
        if may { Ok(()) } else { Err(forbidden(said.scheme())) }
    }

    fn may(&self, who: &Principal) -> bool {
        let anybody = self.users.is_empty() && self.groups.is_empty();
        let named = self.users.contains(who.name());
        anybody || named || self.groups.iter().any(|group| who.is_in(group.as_str()))
    }

    /// RFC 9110 §15.5.2, with a challenge of each scheme; RFC 6750 §3.1 where a token was no good.
    fn unauthorized(&self, bad_token: bool) -> Failure {
        let mut failure = Failure::new(StatusCode::UNAUTHORIZED);
        for challenge in &self.challenges {
            let mut challenge = challenge.clone();
            if bad_token && challenge.as_bytes().starts_with(b"Bearer") {
                let said = [challenge.as_bytes(), b", error=\"invalid_token\""].concat();
                challenge = HeaderValue::try_from(said).unwrap_or(challenge);
            }
            failure = failure.with(header::WWW_AUTHENTICATE, challenge);
        }
        failure
    }
}

/// Who is known, and has not the right.
fn forbidden(scheme: Scheme) -> Failure {
    let failure = Failure::new(StatusCode::FORBIDDEN);
    match scheme {
        Scheme::Basic => failure,
        // RFC 6750 §3.1.
        Scheme::Bearer => failure
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"insufficient_scope\"")),
    }
}

/// What `Authorization` says, where there is one: `Some(None)` where it is none of ours.
fn said(headers: &HeaderMap) -> Result<Option<Option<Said>>, Failure> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    match (fields.next(), fields.next()) {
        (None, _) => Ok(None),
        (Some(field), None) => Ok(Some(Said::parse(field))),
        // Two that differ are one for us and another for somebody else.
        (Some(_), Some(_)) => Err(Failure::bad_request()),
    }
}

fn challenges(realm: &str, schemes: &[Scheme]) -> Result<Vec<HeaderValue>> {
    if schemes.is_empty() {
        return Err(Error::local("a login needs a scheme"));
    }
    if !realm.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Error::local(format!("{realm:?}: a realm is visible ASCII")));
    }
    let realm = realm.replace('\\', "\\\\").replace('"', "\\\"");
    let challenge = |scheme: &Scheme| {
        let text = match scheme {
            // RFC 7617 §2.1.
            Scheme::Basic => format!("Basic realm=\"{realm}\", charset=\"UTF-8\""),
            Scheme::Bearer => format!("Bearer realm=\"{realm}\""),
        };
        HeaderValue::try_from(text).map_err(|e| Error::local("this is no realm").caused_by(e))
    };
    schemes.iter().map(challenge).collect()
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("paths", &self.paths).finish_non_exhaustive()
    }
}
