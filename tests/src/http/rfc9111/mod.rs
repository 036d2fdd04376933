//! RFC 9111, caching: what an origin server tells caches.

use crate::case::{cases, check};
use crate::http::Response;
use crate::http::expect::content;
use crate::http::fixture::{DIGITS, HELLO};
use crate::{Broken, Outcome, Peer, Reason};

/// Answers of several kinds.
async fn answers(peer: &mut Peer) -> Result<Vec<Response>, Broken> {
    let mut answers = Vec::new();
    for (target, field) in [
        ("/hello.txt", "X-Rope: a"),
        ("/digits.txt", "Range: bytes=0-1"),
        ("/digits.txt", "If-None-Match: *"),
        ("/list/", "X-Rope: a"),
        ("/missing", "X-Rope: a"),
        ("/dir", "X-Rope: a"),
    ] {
        answers.push(peer.get(target, &[field]).await?);
    }
    Ok(answers)
}

/// A directive of Cache-Control: its name in lower case, and what follows `=`.
type Directive = (String, Option<String>);

fn directives(response: &Response) -> Vec<Directive> {
    let mut directives = Vec::new();
    for value in response.all("cache-control") {
        let mut quoted = false;
        let members = value.split(|c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        directives.extend(members.map(|member| match member.trim().split_once('=') {
            Some((name, argument)) => (name.to_ascii_lowercase(), Some(argument.to_owned())),
            None => (member.trim().to_ascii_lowercase(), None),
        }));
    }
    directives
}

/// The directives of all answers; where there are none the case does not apply.
macro_rules! directives {
    ($peer:ident) => {{
        let all: Vec<_> = answers($peer).await?.iter().flat_map(directives).collect();
        if all.is_empty() {
            return Ok(Outcome::Skip(Reason::Unsupported("Cache-Control")));
        }
        all
    }};
}

fn shown(directive: &Directive) -> String {
    directive.1.as_ref().map_or(directive.0.clone(), |argument| format!("{}={argument}", directive.0))
}

/// A number of seconds, which is digits and nothing else.
fn is_seconds(argument: Option<&String>) -> bool {
    argument.is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
}

cases! {
    /// A directive of Cache-Control is a token, or a token and its argument, which is a token or a quoted string.
    Must "http/9111/5.2/grammar" [Fixture] = async |peer| {
        let token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        let string = |text: &str| text.len() > 1 && text.starts_with('"') && text.ends_with('"');
        for directive in directives!(peer) {
            let argument = directive.1.as_deref();
            let met = token(&directive.0) && argument.is_none_or(|argument| token(argument) || string(argument));
            check(met, "a directive", shown(&directive))?;
        }
        Ok(Outcome::Pass)
    }

    /// The argument of max-age is sent in digits, not quoted.
    Must "http/9111/5.2.2.1/max-age-token" [Fixture] = async |peer| {
        for directive in directives!(peer).iter().filter(|directive| directive.0 == "max-age") {
            check(is_seconds(directive.1.as_ref()), "max-age=SECONDS", shown(directive))?;
        }
        Ok(Outcome::Pass)
    }

    /// The argument of s-maxage is sent in digits, not quoted.
    Must "http/9111/5.2.2.10/s-maxage-token" [Fixture] = async |peer| {
        for directive in directives!(peer).iter().filter(|directive| directive.0 == "s-maxage") {
            check(is_seconds(directive.1.as_ref()), "s-maxage=SECONDS", shown(directive))?;
        }
        Ok(Outcome::Pass)
    }

    /// Where must-understand is sent, no-store is sent too.
    Should "http/9111/5.2.2.3/no-store-beside" [Fixture] = async |peer| {
        for response in answers(peer).await? {
            let says = |name: &str| directives(&response).iter().any(|directive| directive.0 == name);
            check(!says("must-understand") || says("no-store"), "no-store beside must-understand", response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// Field names in no-cache are sent as a quoted string.
    Should "http/9111/5.2.2.4/no-cache-quoted" [Fixture] = async |peer| {
        for directive in directives!(peer).iter().filter(|directive| directive.0 == "no-cache") {
            let met = directive.1.as_ref().is_none_or(|names| names.starts_with('"'));
            check(met, "no-cache, or no-cache=\"NAMES\"", shown(directive))?;
        }
        Ok(Outcome::Pass)
    }

    /// Field names in private are sent as a quoted string.
    Should "http/9111/5.2.2.7/private-quoted" [Fixture] = async |peer| {
        for directive in directives!(peer).iter().filter(|directive| directive.0 == "private") {
            let met = directive.1.as_ref().is_none_or(|names| names.starts_with('"'));
            check(met, "private, or private=\"NAMES\"", shown(directive))?;
        }
        Ok(Outcome::Pass)
    }

    /// Expires is sent as a date, in the one form that may be sent.
    Must "http/9111/5.3/date" [Fixture] = async |peer| {
        for response in answers(peer).await? {
            if let Some(expires) = response.field("expires") {
                let met = httpdate::parse_http_date(expires).is_ok_and(|time| httpdate::fmt_http_date(time) == expires);
                check(met, "an IMF-fixdate in Expires", expires)?;
            }
        }
        Ok(Outcome::Pass)
    }

    /// An origin server's own answer has no Age.
    Robust "http/9111/5.1/no-age" [Fixture] = async |peer| {
        for response in answers(peer).await? {
            check(response.field("age").is_none(), "no Age", response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A directive in a request, known or not, does not keep an origin server from answering.
    Robust "http/9111/5.2.3/request-directives" [Fixture] = async |peer| {
        for directive in ["only-if-cached", "no-cache", "max-age=0", "rope=\"a,b\"", "min-fresh=99999999999999999999"] {
            content(&peer.get("/hello.txt", &[&format!("Cache-Control: {directive}")]).await?, HELLO)?;
        }
        Ok(Outcome::Pass)
    }

    /// The directive no-cache in a request does not keep a precondition from being evaluated.
    Robust "http/9111/5.2.1.4/conditional" [Fixture] = async |peer| {
        let tag = peer.get("/digits.txt", &[]).await?.field("etag").map(str::to_owned);
        let Some(tag) = tag else { return Ok(Outcome::Skip(Reason::Unsupported("ETag"))) };
        let fields = ["Cache-Control: no-cache", &format!("If-None-Match: {tag}")];
        crate::http::expect::status(&peer.get("/digits.txt", &fields).await?, &[304])?;
        content(&peer.get("/digits.txt", &["Cache-Control: no-cache"]).await?, DIGITS)
    }
}
