//! RFC 4918 §9.6: DELETE.

use crate::Outcome;
use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::{keeping, locking};
use crate::webdav::multistatus::Multistatus;
use crate::webdav::{condition, dav_cases, names};

dav_cases! {
    /// What was removed is answered with 404, whatever is asked.
    Must "webdav/4918/9.6/gone" = async |dav| {
        dav.put("a.txt", "a").await?;
        status(&dav.ask("DELETE", "a.txt", &[], "").await?, &[200, 204])?;
        dav.lacks("a.txt").await?;
        for method in ["HEAD", "PROPFIND"] {
            status(&dav.ask(method, "a.txt", &["Depth: 0"], "").await?, &[404])?;
        }
        names(&dav.listed("", "1").await?, &[""])
    }

    /// Properties go with what was removed: what is made there later has none of them.
    Must "webdav/4918/9.6/properties" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:note>old</c:note>").await?;
        dav.ask("DELETE", "a.txt", &[], "").await?;
        dav.put("a.txt", "b").await?;
        dav.own_is("a.txt", "note", None).await
    }

    /// DELETE of a collection removes all that is in it.
    Must "webdav/4918/9.6.1/collection" = async |dav| {
        dav.mkcol("c/").await?;
        dav.mkcol("c/d/").await?;
        dav.put("c/d/a.txt", "a").await?;
        status(&dav.ask("DELETE", "c/", &[], "").await?, &[200, 204])?;
        for name in ["c/", "c/d/", "c/d/a.txt"] {
            status(&dav.propfind(name, "0", "").await?, &[404])?;
        }
        names(&dav.listed("", "1").await?, &[""])
    }

    /// DELETE of a collection is never of the collection alone: another depth than infinity is refused, or passed over.
    Must "webdav/4918/9.6.1/depth" = async |dav| {
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        let response = dav.ask("DELETE", "c/", &["Depth: 0"], "").await?;
        if response.is_success() {
            dav.lacks("c/a.txt").await?;
            return status(&dav.propfind("c/", "0", "").await?, &[404]);
        }
        crate::webdav::refused(&response)?;
        dav.holds("c/a.txt", "a").await
    }

    /// DELETE of what does not exist is answered with 404.
    Robust "webdav/4918/9.6/missing" = async |dav| {
        status(&dav.ask("DELETE", "missing", &[], "").await?, &[404])
    }

    /// A 207 to DELETE tells of no 424 and no 204.
    Should "webdav/4918/9.6.1/no-dependents" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        dav.put("c/b.txt", "b").await?;
        dav.exclusive("c/a.txt").await?;
        let response = dav.ask("DELETE", "c/", &[], "").await?;
        if response.status != 207 {
            return crate::webdav::refused(&response);
        }
        let found = Multistatus::of(&response)?;
        let met = found.members.iter().all(|member| !matches!(member.status, Some(424 | 204)));
        check(met, "no 424 and no 204", found.brief)
    }

    /// What kept a collection from being removed is told: the locked member.
    Should "webdav/4918/9.6.1/names-member" = async |dav| {
        locking!(dav);
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        dav.exclusive("c/a.txt").await?;
        let response = dav.ask("DELETE", "c/", &[], "").await?;
        if response.status == 423 {
            let href = condition(&response, "lock-token-submitted")?.text();
            return check(dav.named(href.trim())? == "c/a.txt", "c/a.txt", response.brief());
        }
        let found = Multistatus::of(&response)?;
        for member in &found.members {
            if dav.named(&member.href)? == "c/a.txt" {
                return check(member.status == Some(423), "423 for c/a.txt", found.brief);
            }
        }
        check(false, "a response for c/a.txt", found.brief).map(|_| Outcome::Pass)
    }
}
