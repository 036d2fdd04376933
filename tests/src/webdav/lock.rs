//! Locks, as a client takes, refreshes and frees them.

use super::client::{Dav, Who};
use super::multistatus::document;
use super::xml::{DAV, Element};
use crate::Broken;
use crate::case::{Verdict, check};
use crate::http::Response;
use crate::http::expect::status;

/// Which locks there may be beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Exclusive,
    Shared,
}

/// A lock that was granted.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub(super) token: String,
    /// The `activelock` of the response.
    pub(super) active: Element,
}

impl Lock {
    /// The field If with the token, for the resource of the request.
    pub(super) fn condition(&self) -> String {
        format!("If: (<{}>)", self.token)
    }

    /// Seconds until it ends, if it does.
    pub(super) fn seconds(&self) -> Option<u64> {
        self.active.dav("timeout")?.text().trim().strip_prefix("Second-")?.parse().ok()
    }
}

/// What LOCK asks for.
pub(super) fn lockinfo(scope: Scope, owner: &str) -> String {
    let scope = if scope == Scope::Exclusive { "exclusive" } else { "shared" };
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:{scope}/></D:lockscope>\
         <D:locktype><D:write/></D:locktype><D:owner>{owner}</D:owner></D:lockinfo>"
    )
}

impl Dav<'_> {
    /// Whether the server says that it has locks.
    pub(super) async fn locks(&mut self) -> Result<bool, Broken> {
        Ok(self.ask("OPTIONS", "", &[], "").await?.lists("dav", "2"))
    }

    /// Asks for a lock.
    pub(super) async fn lock(&mut self, name: &str, depth: &str, scope: Scope) -> Result<Response, Broken> {
        let depth = format!("Depth: {depth}");
        self.lock_by(Who::Account, name, &[&depth], &lockinfo(scope, "ann")).await
    }

    /// Asks for a lock in a way of one's own; what is granted will be freed.
    pub(super) async fn lock_by(
        &mut self,
        who: Who,
        name: &str,
        fields: &[&str],
        body: &str,
    ) -> Result<Response, Broken> {
        let response = self.ask_as(who, "LOCK", name, fields, body).await?;
        if let Ok(lock) = granted(&response) {
            self.hold(name, &lock);
        }
        Ok(response)
    }

    /// A lock that is granted.
    pub(super) async fn locked(&mut self, name: &str, depth: &str, scope: Scope) -> Result<Lock, Broken> {
        granted(&self.lock(name, depth, scope).await?)
    }

    /// An exclusive lock of one resource that is granted.
    pub(super) async fn exclusive(&mut self, name: &str) -> Result<Lock, Broken> {
        self.locked(name, "0", Scope::Exclusive).await
    }

    /// LOCK without a body.
    pub(super) async fn refresh(&mut self, name: &str, fields: &[&str]) -> Result<Response, Broken> {
        self.ask("LOCK", name, fields, "").await
    }

    pub(super) async fn unlock(&mut self, name: &str, token: &str) -> Result<Response, Broken> {
        let field = format!("Lock-Token: <{token}>");
        self.ask("UNLOCK", name, &[&field], "").await
    }

    /// Frees a lock.
    pub(super) async fn free(&mut self, name: &str, lock: &Lock) -> Verdict {
        status(&self.unlock(name, &lock.token).await?, &[200, 204])
    }

    /// The tokens of the locks that a resource has.
    pub(super) async fn tokens(&mut self, name: &str) -> Result<Vec<String>, Broken> {
        let Some(discovery) = self.live(name, "lockdiscovery").await? else {
            return Err(Broken::new(format!("lockdiscovery of {name}"), "none"));
        };
        Ok(active(&discovery).map(token).collect())
    }

    /// PUT without a token is answered so, and changes the file only where it succeeds.
    pub(super) async fn writes(&mut self, name: &str, fields: &[&str], allowed: &[u16]) -> Verdict {
        let before = self.ask("GET", name, &[], "").await?;
        let text = "written by the case";
        let response = self.ask("PUT", name, fields, text).await?;
        status(&response, allowed)?;
        let after = self.ask("GET", name, &[], "").await?;
        let met = if response.is_success() {
            after.body == text.as_bytes()
        } else {
            after.status == before.status && (before.status != 200 || after.body == before.body)
        };
        check(met, format!("what {} leaves of {name}", response.status), after.brief())
    }

    /// PUT is refused with 423.
    pub(super) async fn is_locked(&mut self, name: &str) -> Verdict {
        self.writes(name, &[], &[423]).await
    }

    /// PUT succeeds.
    pub(super) async fn is_free(&mut self, name: &str) -> Verdict {
        self.writes(name, &[], &[200, 201, 204]).await
    }
}

/// The lock that a response grants: its token stands in the field, and in the body.
pub(super) fn granted(response: &Response) -> Result<Lock, Broken> {
    let wrong = |expected: &str| Broken::new(expected, response.brief());
    if !matches!(response.status, 200 | 201) {
        return Err(wrong("200 or 201 to LOCK"));
    }
    let token_field = response.field("lock-token").map(|field| field.trim());
    let field = token_field.and_then(|field| field.strip_prefix('<')?.strip_suffix('>'));
    let field = field.ok_or_else(|| wrong("Lock-Token: <token>"))?;
    let root = document(response)?;
    let discovery = root.dav("lockdiscovery").filter(|_| root.is(DAV, "prop"));
    let found = discovery.and_then(|discovery| active(discovery).find(|lock| token(lock) == field));
    let found = found.ok_or_else(|| wrong("prop with lockdiscovery, in which the lock of Lock-Token is"))?;
    Ok(Lock { token: field.into(), active: found.clone() })
}

/// The locks in a `lockdiscovery`.
pub(super) fn active(discovery: &Element) -> impl Iterator<Item = &Element> {
    discovery.elements().filter(|element| element.is(DAV, "activelock"))
}

/// The token of an `activelock`.
pub(super) fn token(active: &Element) -> String {
    active.dav("locktoken").map(|token| token.text().trim().to_owned()).unwrap_or_default()
}
