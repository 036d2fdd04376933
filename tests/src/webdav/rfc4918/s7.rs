//! RFC 4918 §7, §7.5 to §7.7: what a write lock keeps from whom.

use crate::Outcome;
use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::{keeping, locking, setting};
use crate::webdav::dav_cases;
use crate::webdav::lock::{Scope, active, token};
use crate::webdav::multistatus::document;

dav_cases! {
    /// A locked file cannot be replaced without its token.
    Must "webdav/4918/7/put" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.exclusive("a.txt").await?;
        dav.is_locked("a.txt").await
    }

    /// The properties of a locked file cannot be changed without its token.
    Must "webdav/4918/7/proppatch" = async |dav| {
        keeping!(dav);
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        status(&dav.proppatch("a.txt", &setting("<c:note>n</c:note>")).await?, &[423])?;
        dav.own_is("a.txt", "note", None).await?;
        dav.free("a.txt", &lock).await?;
        check(dav.set("a.txt", "<c:note>n</c:note>").await?, "200", "a failure")
    }

    /// A locked file cannot be removed without its token.
    Must "webdav/4918/7/delete" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.exclusive("a.txt").await?;
        status(&dav.ask("DELETE", "a.txt", &[], "").await?, &[423])?;
        dav.holds("a.txt", "a").await
    }

    /// A locked file cannot be moved without its token.
    Must "webdav/4918/7/move" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.exclusive("a.txt").await?;
        status(&dav.transfer("MOVE", "a.txt", "b.txt", &[]).await?, &[423])?;
        dav.holds("a.txt", "a").await?;
        dav.lacks("b.txt").await
    }

    /// Nothing is copied or moved over a locked file without its token.
    Must "webdav/4918/7/destination" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "b").await?;
        dav.exclusive("b.txt").await?;
        for method in ["COPY", "MOVE"] {
            status(&dav.transfer(method, "a.txt", "b.txt", &[]).await?, &[423])?;
            dav.holds("b.txt", "b").await?;
        }
        dav.holds("a.txt", "a").await
    }

    /// A locked file can be looked at and copied by everybody.
    Must "webdav/4918/7/reading" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.exclusive("a.txt").await?;
        dav.holds("a.txt", "a").await?;
        for (method, allowed) in [("HEAD", 200), ("PROPFIND", 207)] {
            status(&dav.ask(method, "a.txt", &["Depth: 0"], "").await?, &[allowed])?;
        }
        status(&dav.transfer("COPY", "a.txt", "b.txt", &[]).await?, &[201])?;
        dav.holds("b.txt", "a").await
    }

    /// A locked file can be replaced, changed and removed with its token.
    Must "webdav/4918/7.5/with-token" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        dav.writes("a.txt", &[&lock.condition()], &[200, 204]).await?;
        status(&dav.ask("DELETE", "a.txt", &[&lock.condition()], "").await?, &[200, 204])?;
        dav.lacks("a.txt").await
    }

    /// The token of another resource's lock opens nothing.
    Must "webdav/4918/7.5/other-token" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.put("b.txt", "b").await?;
        dav.exclusive("a.txt").await?;
        let other = dav.exclusive("b.txt").await?;
        let field = format!("If: (<{}>) (Not <DAV:no-lock>)", other.token);
        dav.writes("a.txt", &[&field], &[423]).await?;
        dav.writes("a.txt", &[&other.condition()], &[412, 423]).await
    }

    /// A token in Lock-Token is not submitted: only one in If is.
    Must "webdav/4918/7.5/lock-token-field" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        dav.writes("a.txt", &[&format!("Lock-Token: <{}>", lock.token)], &[423]).await
    }

    /// The token of a collection's lock opens its members, whatever resource it is tagged with.
    Must "webdav/4918/7.5.2/forms" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let token = dav.locked("c/", "infinity", Scope::Exclusive).await?.token;
        let tags = [
            String::new(),
            format!("<{}> ", dav.url("c/")),
            format!("<{}> ", dav.url("c/a.txt")),
            format!("<{}> ", dav.at("c/")),
        ];
        for tag in tags {
            dav.writes("c/a.txt", &[&format!("If: {tag}(<{token}>)")], &[200, 204]).await?;
        }
        Ok(Outcome::Pass)
    }

    /// MOVE between two locked collections needs both tokens.
    Must "webdav/4918/7.5/both-tokens" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.mkcol("d/").await?;
        dav.put("c/a.txt", "a").await?;
        let from = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        let to = dav.locked("d/", "infinity", Scope::Exclusive).await?;
        let one = format!("<{}> (<{}>)", dav.url("c/"), from.token);
        let other = format!("<{}> (<{}>)", dav.url("d/"), to.token);
        for field in [format!("If: {one}"), format!("If: {other}")] {
            status(&dav.transfer("MOVE", "c/a.txt", "d/a.txt", &[&field]).await?, &[423])?;
        }
        status(&dav.transfer("MOVE", "c/a.txt", "d/a.txt", &[&format!("If: {one} {other}")]).await?, &[201])
    }

    /// COPY does not copy locks.
    Must "webdav/4918/7.6/copy" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.exclusive("a.txt").await?;
        status(&dav.transfer("COPY", "a.txt", "b.txt", &[]).await?, &[201])?;
        check(dav.tokens("b.txt").await?.is_empty(), "no lock of b.txt", "a lock")?;
        dav.is_free("b.txt").await
    }

    /// MOVE does not move locks: the new name is free, and so is the old one.
    Must "webdav/4918/7.6/move" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        status(&dav.transfer("MOVE", "a.txt", "b.txt", &[&lock.condition()]).await?, &[201])?;
        check(dav.tokens("b.txt").await?.is_empty(), "no lock of b.txt", "a lock")?;
        dav.is_free("b.txt").await?;
        dav.is_free("a.txt").await
    }

    /// What is moved or copied into a locked collection becomes locked by it.
    Must "webdav/4918/7.6/into-locked" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        dav.mkcol("c/").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        let field = format!("If: <{}> (<{}>)", dav.url("c/"), lock.token);
        for (method, to) in [("COPY", "c/b.txt"), ("MOVE", "c/d.txt")] {
            status(&dav.transfer(method, "a.txt", to, &[&field]).await?, &[201])?;
            dav.is_locked(to).await?;
        }
        Ok(Outcome::Pass)
    }

    /// What is moved within a locked collection stays locked by it.
    Must "webdav/4918/7.6/within-locked" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let lock = dav.locked("c/", "infinity", Scope::Exclusive).await?;
        status(&dav.transfer("MOVE", "c/a.txt", "c/b.txt", &[&lock.condition()]).await?, &[201])?;
        dav.is_locked("c/b.txt").await
    }

    /// LOCK without a body refreshes the lock, and makes no other.
    Must "webdav/4918/7.7/refresh" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        let lock = dav.exclusive("a.txt").await?;
        let response = dav.refresh("a.txt", &[&lock.condition(), "Timeout: Second-120"]).await?;
        status(&response, &[200])?;
        let root = document(&response)?;
        let discovery = root.dav("lockdiscovery").filter(|_| root.is("DAV:", "prop"));
        let tokens: Vec<_> = discovery.into_iter().flat_map(active).map(token).collect();
        check(tokens == [lock.token.as_str()], format!("the lock {}", lock.token), response.brief())?;
        check(dav.tokens("a.txt").await? == [lock.token], "the one lock", "others")
    }

    /// LOCK without a body and without If makes no lock.
    Must "webdav/4918/7.7/no-new-lock" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        crate::webdav::refused(&dav.refresh("a.txt", &["Depth: 0"]).await?)?;
        check(dav.tokens("a.txt").await?.is_empty(), "no lock", "a lock")?;
        crate::webdav::refused(&dav.refresh("new.txt", &["Depth: 0"]).await?)?;
        dav.lacks("new.txt").await
    }
}
