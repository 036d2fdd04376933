//! RFC 4918 §7.4: write locks of collections.

use crate::Outcome;
use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::{keeping, locking, setting};
use crate::webdav::lock::Scope;
use crate::webdav::multistatus::Multistatus;
use crate::webdav::{condition, dav_cases, names};

dav_cases! {
    /// Nothing is made in a locked collection without its token, whatever the lock's depth.
    Must "webdav/4918/7.4/new-member" = async |dav| {
        locking!(dav);
        for depth in ["0", "infinity"] {
            dav.mkcol("c/").await?;
            let lock = dav.locked("c/", depth, Scope::Exclusive).await?;
            status(&dav.ask("PUT", "c/a.txt", &[], "a").await?, &[423])?;
            status(&dav.ask("MKCOL", "c/d/", &[], "").await?, &[423])?;
            status(&dav.lock("c/e.txt", "0", Scope::Exclusive).await?, &[423])?;
            names(&dav.listed("c/", "1").await?, &["c"])?;
            status(&dav.ask("DELETE", "c/", &[&lock.condition()], "").await?, &[200, 204])?;
        }
        Ok(Outcome::Pass)
    }

    /// With its token, members are made in a locked collection.
    Must "webdav/4918/7.4/new-member-with-token" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        let lock = dav.locked("c/", "0", Scope::Exclusive).await?;
        let field = format!("If: <{}> (<{}>)", dav.url("c/"), lock.token);
        status(&dav.ask("PUT", "c/a.txt", &[&field], "a").await?, &[201])?;
        status(&dav.ask("MKCOL", "c/d/", &[&field], "").await?, &[201])
    }

    /// No member of a collection locked with depth 0 is removed without its token.
    Must "webdav/4918/7.4/delete-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        dav.locked("c/", "0", Scope::Exclusive).await?;
        status(&dav.ask("DELETE", "c/a.txt", &[], "").await?, &[423])?;
        dav.holds("c/a.txt", "a").await
    }

    /// No member is moved out of a collection locked with depth 0, nor renamed in it, without its token.
    Must "webdav/4918/7.4/move-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        dav.locked("c/", "0", Scope::Exclusive).await?;
        for to in ["a.txt", "c/b.txt"] {
            status(&dav.transfer("MOVE", "c/a.txt", to, &[]).await?, &[423])?;
            dav.lacks(to).await?;
        }
        dav.holds("c/a.txt", "a").await
    }

    /// Nothing is copied or moved into a collection locked with depth 0 without its token.
    Must "webdav/4918/7.4/into" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.mkcol("c/").await?;
        dav.locked("c/", "0", Scope::Exclusive).await?;
        for method in ["COPY", "MOVE"] {
            status(&dav.transfer(method, "a.txt", "c/a.txt", &[]).await?, &[423])?;
            dav.lacks("c/a.txt").await?;
        }
        dav.holds("a.txt", "a").await
    }

    /// A lock of depth 0 does not lock the content of members.
    Must "webdav/4918/7.4/content-of-members" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        dav.locked("c/", "0", Scope::Exclusive).await?;
        dav.is_free("c/a.txt").await?;
        let tokens = dav.tokens("c/a.txt").await?;
        check(tokens.is_empty(), "no lock of c/a.txt", format!("{tokens:?}"))
    }

    /// A lock of depth 0 locks the properties of the collection.
    Must "webdav/4918/7.4/properties" = async |dav| {
        keeping!(dav);
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.locked("c/", "0", Scope::Exclusive).await?;
        status(&dav.proppatch("c/", &setting("<c:note>n</c:note>")).await?, &[423])?;
        dav.own_is("c/", "note", None).await
    }

    /// A lock of infinite depth locks every member, however deep.
    Must "webdav/4918/7.4/deep-members" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.mkcol("c/d/").await?;
        dav.put("c/d/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        dav.is_locked("c/d/a.txt").await?;
        status(&dav.ask("DELETE", "c/d/", &[], "").await?, &[423])?;
        status(&dav.proppatch("c/d/a.txt", &setting("<c:note>n</c:note>")).await?, &[423])?;
        check(dav.tokens("c/d/a.txt").await? == [lock.token], "the lock of c/", "another")
    }

    /// A member of a collection locked with infinite depth cannot be locked.
    Must "webdav/4918/6.1/indirect-conflict" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        for scope in [Scope::Exclusive, Scope::Shared] {
            status(&dav.lock("c/a.txt", "0", scope).await?, &[423])?;
        }
        check(dav.tokens("c/a.txt").await? == [lock.token], "the lock of c/ only", "another")
    }

    /// A collection is not locked with infinite depth where a member is locked.
    Must "webdav/4918/7.4/over-locked-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        dav.put("c/b.txt", "b").await?;
        dav.exclusive("c/a.txt").await?;
        // One section wants 423, and another 207.
        let response = dav.lock("c/", "infinity", Scope::Exclusive).await?;
        status(&response, &[207, 423])?;
        check(dav.tokens("c/").await?.is_empty(), "no lock of c/", "a lock")?;
        dav.is_free("c/b.txt").await
    }

    /// Why a collection cannot be locked is said: which member is in the way.
    Should "webdav/4918/9.10.3/names-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        dav.exclusive("c/a.txt").await?;
        let response = dav.lock("c/", "infinity", Scope::Exclusive).await?;
        if response.status == 423 {
            return condition(&response, "no-conflicting-lock").map(|_| Outcome::Pass);
        }
        let found = Multistatus::of(&response)?;
        for member in &found.members {
            if dav.named(&member.href)? == "c/a.txt" {
                return check(member.status == Some(423), "423 for c/a.txt", found.brief);
            }
        }
        check(false, "a response for c/a.txt", found.brief)
    }

    /// Beside a member's own lock, that of its collection has to be named as well.
    Must "webdav/4918/7.4/both-locks" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let own = dav.exclusive("c/a.txt").await?;
        let above = dav.locked("c/", "0", Scope::Exclusive).await?;
        status(&dav.ask("DELETE", "c/a.txt", &[&own.condition()], "").await?, &[423])?;
        dav.holds("c/a.txt", "a").await?;
        let both =
            format!("If: <{}> (<{}>) <{}> (<{}>)", dav.url("c/"), above.token, dav.url("c/a.txt"), own.token);
        status(&dav.ask("DELETE", "c/a.txt", &[&both], "").await?, &[200, 204])
    }

    /// A collection without locks that match is not removed with its locked member in it.
    Must "webdav/4918/9.6.1/locked-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.mkcol("c/d/").await?;
        dav.put("c/d/a.txt", "a").await?;
        dav.exclusive("c/d/a.txt").await?;
        let response = dav.ask("DELETE", "c/", &[], "").await?;
        let failed = response.status == 207 || (400..500).contains(&response.status);
        check(failed, "207 or 4xx", response.brief())?;
        dav.holds("c/d/a.txt", "a").await?;
        names(&dav.listed("c/d/", "1").await?, &["c/d", "c/d/a.txt"])
    }
}
