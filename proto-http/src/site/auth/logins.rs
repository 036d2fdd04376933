use std::fmt;
use std::sync::Arc;

use ropewalk_core::app::Offence;
use ropewalk_core::data::cred::{Authenticator, Credential, LoginError, Origin, Principal, Step};

use super::said::Said;
use crate::server::Facts;

/// Whom a server asks who somebody is. One for all rules that ask the same accounts.
///
/// Clients send a password with every request, and it is asked for with every request: what an account says counts
/// at once. That its slow hash is not computed each time is the authenticator's business.
pub struct Logins {
    authenticator: Arc<dyn Authenticator>,
    service: String,
}

impl Logins {
    /// Logins at the service of this name.
    pub fn new(authenticator: Arc<dyn Authenticator>, service: impl Into<String>) -> Self {
        Self { authenticator, service: service.into() }
    }

    /// Who that is. A refusal counts against the peer.
    pub(super) async fn login(&self, said: &Said, facts: &Facts) -> Result<Principal, LoginError> {
        let credential = said.credential();
        let answer = loop {
            let before = facts.cx.revocations();
            match self.ask(credential, facts).await {
                // Somebody's account became another meanwhile.
                Ok(who) if !facts.cx.authenticated(&who, before) => {}
                answer => break answer,
            }
        };
        if matches!(answer, Err(LoginError::Refused)) {
            let (peer, offence) = (&facts.info.peer, Offence::WrongPassword);
            match credential {
                Credential::Password { user, .. } => facts.cx.report_login(peer, offence, user),
                _ => facts.cx.report(peer, offence),
            }
        }
        answer
    }

    async fn ask(&self, credential: Credential<'_>, facts: &Facts) -> Result<Principal, LoginError> {
        let from = Origin::new(&facts.info.peer, &self.service);
        let exporter = facts.info.tls.as_ref().and_then(|tls| tls.exporter.as_ref());
        let from = exporter.map_or(from, |exporter| from.bound_to(exporter));
        let answer = self.authenticator.verify(credential, &from).await;
        let mech = if matches!(credential, Credential::Password { .. }) { "basic" } else { "bearer" };
        let result = match &answer {
            Ok(_) => "ok",
            Err(LoginError::Refused | LoginError::Unsupported) => "refused",
            Err(LoginError::Busy) => "busy",
            Err(_) => "error",
        };
        // What a client repeats with each request is one login.
        if answer.is_err() || !facts.cx.is_authenticated() {
            facts.cx.metrics().auth("http", mech, result);
        }
        match answer? {
            Step::Done(who) => Ok(who),
            _ => Err(LoginError::Unsupported),
        }
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logins").field("service", &self.service).finish_non_exhaustive()
    }
}
