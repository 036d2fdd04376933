//! How a login is asked for: RFC 9110 §11.

use super::{Answer, Answerer, Fault, Request};

impl Answerer {
    /// RFC 9110 §11; nothing where the client may come in.
    pub(super) fn login(&self, request: &Request) -> Option<Answer> {
        let given = request.field("authorization");
        let (scheme, credentials) = given.as_deref().and_then(|it| it.split_once(' ')).unwrap_or_default();
        let basic = match self.fault {
            Some(Fault::AnyScheme) => true,
            Some(Fault::SchemeNameByCase) => scheme == "Basic",
            _ => scheme.eq_ignore_ascii_case("basic"),
        };
        let right = credentials == "cm9wZTpzdHJhbmQ="
            || (self.is(Fault::AnyPassword) && credentials.starts_with("cm9wZTp"));
        if (basic && right) || self.is(Fault::NoLogin) {
            return None;
        }
        if self.is(Fault::PreconditionsFirst)
            && (request.field("if-match").or(request.field("if-none-match"))).is_some()
        {
            return Some(self.error(412));
        }
        if self.is(Fault::MalformedIs500) && credentials.contains('%') {
            return Some(self.error(500));
        }
        let mut answer = self.error(401);
        let challenge = if self.is(Fault::TokenRealm) { "Basic realm=rope" } else { "Basic realm=\"rope\"" };
        let silent = self.is(Fault::NoChallenge) || (self.is(Fault::NoSecondChallenge) && given.is_some());
        if !silent {
            answer.fields.push(("WWW-Authenticate", challenge.into()));
        }
        Some(answer)
    }
}
