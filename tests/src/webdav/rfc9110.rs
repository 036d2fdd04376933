//! RFC 9110 §9.3.7 and §13: OPTIONS, and preconditions with the methods of WebDAV.

use super::dav_cases;
use crate::case::{Verdict, check};
use crate::http::expect::status;
use crate::webdav::client::{Dav, locking, setting};
use crate::webdav::lock::{Scope, lockinfo};
use crate::{Outcome, Reason};

/// COPY or MOVE with fields, from `a.txt` to `b.txt`.
async fn transfers(dav: &mut Dav<'_>, fields: &[&str], allowed: &[u16]) -> Verdict {
    for method in ["COPY", "MOVE"] {
        dav.put("a.txt", "text").await?;
        let response = dav.transfer(method, "a.txt", "b.txt", fields).await?;
        status(&response, allowed)?;
        if response.status == 412 {
            dav.holds("a.txt", "text").await?;
            dav.lacks("b.txt").await?;
        }
    }
    Ok(Outcome::Pass)
}

dav_cases! {
    /// Allow of OPTIONS names the methods that work.
    Should "webdav/9110/9.3.7/allow" = async |dav| {
        let response = dav.ask("OPTIONS", "", &[], "").await?;
        if response.field("allow").is_none() {
            return Ok(Outcome::Skip(Reason::Unsupported("Allow")));
        }
        let missing: Vec<_> = ["PROPFIND", "PROPPATCH", "COPY", "MOVE", "DELETE"]
            .into_iter()
            .filter(|method| {
                !response.all("allow").flat_map(|value| value.split(',')).any(|it| it.trim() == *method)
            })
            .collect();
        check(missing.is_empty(), format!("{missing:?} in Allow"), response.brief())
    }

    /// DELETE is answered with 412, and not carried out, where If-Match fails.
    Must "webdav/9110/13.1.1/delete" = async |dav| {
        dav.put("a.txt", "text").await?;
        status(&dav.ask("DELETE", "a.txt", &["If-Match: \"no-such-tag\""], "").await?, &[412])?;
        dav.holds("a.txt", "text").await
    }

    /// COPY and MOVE are answered with 412, and not carried out, where If-Match fails for the source.
    Must "webdav/9110/13.1.1/copy-move" = async |dav| {
        transfers(dav, &["If-Match: \"no-such-tag\""], &[412]).await
    }

    /// COPY and MOVE are carried out where If-Match is met by the source.
    Must "webdav/9110/13.1.1/source" = async |dav| {
        dav.put("a.txt", "text").await?;
        let response = dav.ask("GET", "a.txt", &[], "").await?;
        let Some(etag) = response.field("etag").filter(|etag| !etag.starts_with("W/")) else {
            return Ok(Outcome::Skip(Reason::Unsupported("strong ETags")));
        };
        let field = format!("If-Match: {etag}");
        status(&dav.transfer("COPY", "a.txt", "b.txt", &[&field]).await?, &[201])?;
        status(&dav.transfer("MOVE", "a.txt", "c.txt", &[&field]).await?, &[201])
    }

    /// PROPPATCH is answered with 412, and not carried out, where If-Match fails.
    Must "webdav/9110/13.1.1/proppatch" = async |dav| {
        dav.put("a.txt", "text").await?;
        let instructions = setting("<c:note>text</c:note>");
        let body = format!(
            "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:c=\"{}\">{instructions}</D:propertyupdate>",
            super::xml::OWN
        );
        status(&dav.ask("PROPPATCH", "a.txt", &["If-Match: \"no-such-tag\""], body).await?, &[412])?;
        dav.own_is("a.txt", "note", None).await
    }

    /// LOCK is answered with 412, and not carried out, where If-Match or If-None-Match fails.
    Must "webdav/9110/13.1.1/lock" = async |dav| {
        locking!(dav);
        dav.put("a.txt", "text").await?;
        for (name, field) in [
            ("a.txt", "If-Match: \"no-such-tag\""),
            ("a.txt", "If-None-Match: *"),
            ("new.txt", "If-Match: *"),
        ] {
            let body = lockinfo(Scope::Exclusive, "ann");
            let response =
                dav.lock_by(super::client::Who::Account, name, &["Depth: 0", field], &body).await?;
            check(response.status == 412, format!("412 for {field}"), response.brief())?;
        }
        dav.is_free("a.txt").await?;
        dav.lacks("new.txt").await
    }

    /// MKCOL is answered with 412 where If-Match fails, since nothing is there.
    Must "webdav/9110/13.1.1/mkcol" = async |dav| {
        status(&dav.ask("MKCOL", "c/", &["If-Match: *"], "").await?, &[412])?;
        status(&dav.propfind("c/", "0", "").await?, &[404])
    }

    /// MOVE is answered with 412, and not carried out, where If-Unmodified-Since fails.
    Must "webdav/9110/13.1.4/copy-move" = async |dav| {
        transfers(dav, &["If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT"], &[412]).await
    }

    /// If-None-Match with `*` is about the source of COPY, which is there.
    Must "webdav/9110/13.1.2/copy-move" = async |dav| {
        transfers(dav, &["If-None-Match: *"], &[412]).await
    }
}
