//! USER, PASS, ACCT, REIN, HOST (RFC 959 §4.1.1, RFC 7151).

use ropewalk_core::app::Offence;
use ropewalk_core::data::cred::{Credential, LoginError, Origin};
use zeroize::Zeroizing;

use super::super::event::{Answer, Event, Password};
use super::super::handler::Handler;
use super::super::seats::Who;
use super::super::session::{Asked, Session};
use crate::state::{Stage, Step};
use crate::wire::Reply;

/// Octets of a name that is looked at.
const NAME: usize = 255;

impl Session {
    pub(super) fn user(&mut self, name: &[u8]) {
        if self.options.tls_required && !self.tls.on {
            return self.reply(530, "only under TLS: AUTH TLS first");
        }
        if name.len() > NAME {
            return self.reply(501, "name too long");
        }
        if self.stage == Stage::Ready {
            self.forget(Event::Logout);
        }
        // A name that is no UTF-8 is nobody's, and is refused with its password.
        self.user = String::from_utf8_lossy(name).into_owned();
        self.step(Step::User);
        self.reply(331, "password, please");
    }

    pub(super) fn pass(&mut self, password: &[u8]) {
        if self.stage != Stage::Named {
            return self.reply(503, "USER first");
        }
        let password = Password(Zeroizing::new(password.to_vec()));
        let user = std::mem::take(&mut self.user);
        self.ask(Asked::Login, Event::Login { user, password });
    }

    pub(super) fn acct(&mut self, _: &[u8]) {
        match self.stage {
            Stage::Ready => self.reply(202, "not needed"),
            _ => self.reply(530, "log in first"),
        }
    }

    pub(super) fn rein(&mut self, _: &[u8]) {
        if self.tls.on {
            // RFC 4217 §13 wants the connection in the clear after it, which we will not have.
            return self.reply(502, "not under TLS: connect again");
        }
        self.forget(Event::Reset);
        self.reply(220, "as new");
    }

    pub(super) fn host(&mut self, name: &[u8]) {
        // RFC 7151 §3.2: it comes before whatever a host decides.
        if self.stage != Stage::Fresh {
            return self.reply(503, "HOST comes before USER");
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        if literal.is_none() && name.contains(':') {
            // RFC 7151 §3.1: a port is not said.
            return self.reply(501, "HOST NAME, without a port");
        }
        let name = literal.unwrap_or(&name).to_owned();
        self.ask(Asked::Host, Event::Host(name));
    }
}

impl Handler<'_> {
    pub(in super::super) async fn log_in(&mut self, user: &str, password: &Password) -> Answer {
        let credential = Credential::Password { user, password: &password.0 };
        let from = Origin::new(&self.peer, &self.service);
        loop {
            let before = self.cx.revocations();
            let login = match self.portal().login(credential, &from).await {
                Ok(login) => login,
                Err(error) => {
                    let result = match &error {
                        LoginError::Refused | LoginError::Unsupported => "refused",
                        LoginError::Busy => "busy",
                        _ => "error",
                    };
                    self.cx.metrics().auth("ftp", "password", result);
                    return Answer::Say(self.refused(error, user));
                }
            };
            let who = login.principal();
            let seat = self.ftp.seats.take(&Who::of(who, &self.peer), self.ftp.options.per_person);
            let Some(seat) = seat else {
                tracing::info!(user = %who.name(), "too many sessions of one person");
                return Answer::Close(Reply::new(421, "too many sessions of yours"));
            };
            if self.cx.authenticated(who, before) {
                let mech = if who.is_guest() { "anonymous" } else { "password" };
                self.cx.metrics().auth("ftp", mech, "ok");
                tracing::info!(user = %who.name(), "logged in");
                self.enter(login, seat);
                return Answer::Done;
            }
            // Somebody's account became another meanwhile.
        }
    }

    fn refused(&self, error: LoginError, user: &str) -> Reply {
        match error {
            LoginError::Refused | LoginError::Unsupported => {
                self.cx.report_login(&self.peer, Offence::WrongPassword, user);
                Reply::new(530, "login refused")
            }
            LoginError::Busy => Reply::new(450, "too many logins at once, try again"),
            other => {
                ropewalk_core::Error::from(other).log("login");
                Reply::new(451, "login could not be checked")
            }
        }
    }
}
