//! RFC 4918 §7.3 and §9.10.4: LOCK where nothing is.

use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::locking;
use crate::webdav::lock::{Scope, granted};
use crate::webdav::{dav_cases, names};

dav_cases! {
    /// LOCK where nothing is makes an empty file, and says so by 201.
    Must "webdav/4918/7.3/created" = async |dav| {
        locking!(dav);
        let response = dav.lock("a.txt", "0", Scope::Exclusive).await?;
        status(&response, &[201])?;
        granted(&response)?;
        dav.is_locked("a.txt").await
    }

    /// LOCK of what is there is answered with 200.
    Must "webdav/4918/7.3/existing" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "a").await?;
        status(&dav.lock("a.txt", "0", Scope::Exclusive).await?, &[200])
    }

    /// What LOCK has made can be fetched: 204, or 200 with a length of zero.
    Must "webdav/4918/9.10.4/fetched" = async |dav| {
        locking!(dav);
        dav.exclusive("a.txt").await?;
        let response = dav.ask("GET", "a.txt", &[], "").await?;
        let met = response.status == 204
            || (response.status == 200 && response.field("content-length") == Some("0"));
        check(met, "204, or 200 with Content-Length: 0", response.brief())
    }

    /// What LOCK has made is a member of its collection.
    Must "webdav/4918/9.10.4/listed" = async |dav| {
        locking!(dav);
        dav.exclusive("a.txt").await?;
        names(&dav.listed("", "1").await?, &["", "a.txt"])
    }

    /// What LOCK has made is no collection, and MKCOL does not make it one.
    Must "webdav/4918/7.3/no-collection" = async |dav| {
        locking!(dav);
        let lock = dav.exclusive("a").await?;
        let kind = dav.live("a", "resourcetype").await?;
        check(kind.is_some_and(|kind| kind.dav("collection").is_none()), "no collection", "a collection")?;
        status(&dav.ask("MKCOL", "a", &[&lock.condition()], "").await?, &[405])?;
        let kind = dav.live("a", "resourcetype").await?;
        check(
            kind.is_some_and(|kind| kind.dav("collection").is_none()),
            "no collection after MKCOL",
            "a collection",
        )
    }

    /// What LOCK has made is given its content by PUT with the token.
    Must "webdav/4918/7.3/put" = async |dav| {
        locking!(dav);
        let lock = dav.exclusive("a.txt").await?;
        dav.writes("a.txt", &[&lock.condition()], &[200, 201, 204]).await?;
        dav.is_locked("a.txt").await
    }

    /// What LOCK has made stays when its lock goes.
    Should "webdav/4918/7.3/stays" = async |dav| {
        locking!(dav);
        let lock = dav.exclusive("a.txt").await?;
        dav.free("a.txt", &lock).await?;
        names(&dav.listed("", "1").await?, &["", "a.txt"])
    }

    /// What LOCK has made has the properties lockdiscovery and supportedlock.
    Must "webdav/4918/7.3/properties" = async |dav| {
        locking!(dav);
        let lock = dav.exclusive("a.txt").await?;
        check(dav.tokens("a.txt").await? == [lock.token], "its lock", "another")?;
        let supported = dav.live("a.txt", "supportedlock").await?;
        check(supported.is_some_and(|it| it.dav("lockentry").is_some()), "supportedlock", "none")
    }

    /// LOCK where the collection is missing is answered with 409, and makes none.
    Must "webdav/4918/9.10.6/no-parent" = async |dav| {
        locking!(dav);
        status(&dav.lock("missing/a.txt", "0", Scope::Exclusive).await?, &[409])?;
        names(&dav.listed("", "1").await?, &[""])
    }
}
