//! RFC 4918 §9.11: UNLOCK.

use crate::Outcome;
use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::{Who, locking};
use crate::webdav::lock::Scope;
use crate::webdav::{condition, dav_cases, refused};

dav_cases! {
    /// UNLOCK is answered with 204, and the lock is gone.
    Must "webdav/4918/9.11.1/unlocked" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        status(&dav.unlock("a.txt", &lock.token).await?, &[204])?;
        check(dav.tokens("a.txt").await?.is_empty(), "no lock", "a lock")
    }

    /// UNLOCK needs no If.
    Must "webdav/4918/9.11/if-is-a-condition" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        let token = format!("Lock-Token: <{}>", lock.token);
        status(&dav.ask("UNLOCK", "a.txt", &[&token, "If: ([\"no-such-tag\"])"], "").await?, &[412])?;
        dav.is_locked("a.txt").await?;
        status(&dav.ask("UNLOCK", "a.txt", &[&token, &lock.condition()], "").await?, &[204])
    }

    /// UNLOCK without Lock-Token is answered with 400.
    Must "webdav/4918/9.11.1/no-token" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        status(&dav.ask("UNLOCK", "a.txt", &[], "").await?, &[400])?;
        status(&dav.ask("UNLOCK", "a.txt", &[&lock.condition()], "").await?, &[400])?;
        dav.is_locked("a.txt").await
    }

    /// UNLOCK by the token of another resource's lock is answered with 409, and frees nothing.
    Must "webdav/4918/9.11.1/out-of-scope" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "b").await?;
        let lock = dav.exclusive("a.txt").await?;
        status(&dav.unlock("b.txt", &lock.token).await?, &[409])?;
        dav.is_locked("a.txt").await
    }

    /// UNLOCK of what is not locked is answered with 409.
    Must "webdav/4918/9.11.1/not-locked" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        status(&dav.unlock("a.txt", "urn:uuid:00000000-0000-4000-8000-000000000000").await?, &[409])
    }

    /// That a token does not fit is said by lock-token-matches-request-uri.
    Should "webdav/4918/16/lock-token-matches" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let response = dav.unlock("a.txt", "urn:uuid:00000000-0000-4000-8000-000000000000").await?;
        status(&response, &[409])?;
        condition(&response, "lock-token-matches-request-uri").map(|_| Outcome::Pass)
    }

    /// UNLOCK of one shared lock leaves the others.
    Must "webdav/4918/9.11/other-locks" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let one = dav.locked("a.txt", "0", Scope::Shared).await?;
        let two = dav.locked("a.txt", "0", Scope::Shared).await?;
        dav.free("a.txt", &one).await?;
        check(dav.tokens("a.txt").await? == [two.token], "the other lock", "not so")?;
        dav.is_locked("a.txt").await
    }

    /// UNLOCK by way of a member frees the whole collection.
    Must "webdav/4918/9.11/by-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        status(&dav.unlock("c/a.txt", &lock.token).await?, &[204])?;
        check(dav.tokens("c/").await?.is_empty(), "no lock of c/", "a lock")?;
        dav.is_free("c/b.txt").await
    }

    /// Who did not make a lock may not free it: 403.
    Must "webdav/4918/9.11.1/of-another" [Account, Other] = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        let token = format!("Lock-Token: <{}>", lock.token);
        refused(&dav.ask_as(Who::Other, "UNLOCK", "a.txt", &[&token], "").await?)?;
        dav.is_locked("a.txt").await
    }
}
