//! RFC 4918 §9.3 and §9.7: MKCOL and PUT.

use crate::Outcome;
use crate::case::check;
use crate::http::expect::status;
use crate::webdav::client::keeping;
use crate::webdav::{dav_cases, names};

dav_cases! {
    /// MKCOL makes a collection, and says so by 201.
    Must "webdav/4918/9.3.1/created" = async |dav| {
        status(&dav.ask("MKCOL", "c/", &[], "").await?, &[201])?;
        let kind = dav.live("c/", "resourcetype").await?;
        check(kind.is_some_and(|kind| kind.dav("collection").is_some()), "a collection", "none")
    }

    /// A new collection is a member of the one above, and has no members.
    Must "webdav/4918/9.3/member" = async |dav| {
        dav.mkcol("c/").await?;
        names(&dav.listed("", "1").await?, &["", "c"])?;
        names(&dav.listed("c/", "1").await?, &["c"])
    }

    /// MKCOL where something is is answered with 405, and leaves it.
    Must "webdav/4918/9.3.1/existing" = async |dav| {
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        status(&dav.ask("MKCOL", "c/", &[], "").await?, &[405])?;
        status(&dav.ask("MKCOL", "c/a.txt", &[], "").await?, &[405])?;
        dav.holds("c/a.txt", "a").await
    }

    /// MKCOL where the collection above is missing is answered with 409, and makes none.
    Must "webdav/4918/9.3.1/no-parent" = async |dav| {
        status(&dav.ask("MKCOL", "missing/c/", &[], "").await?, &[409])?;
        names(&dav.listed("", "1").await?, &[""])
    }

    /// MKCOL with a body of a type that is not known is answered with 415, and makes nothing.
    Must "webdav/4918/9.3/unknown-body" = async |dav| {
        for (kind, body) in
            [("application/xml", "<x:y xmlns:x=\"urn:x\"/>"), ("application/x-conform", "rope")]
        {
            let kind = format!("Content-Type: {kind}");
            status(&dav.ask("MKCOL", "c/", &[&kind], body).await?, &[415])?;
        }
        names(&dav.listed("", "1").await?, &[""])
    }

    /// PUT where the collection is missing is answered with 409, and makes none.
    Must "webdav/4918/9.7.1/no-parent" = async |dav| {
        status(&dav.ask("PUT", "missing/a.txt", &[], "a").await?, &[409])?;
        names(&dav.listed("", "1").await?, &[""])
    }

    /// PUT below a file is refused, and leaves the file.
    Must "webdav/4918/5.2/below-a-file" = async |dav| {
        dav.put("a.txt", "a").await?;
        for (method, name) in [("PUT", "a.txt/b.txt"), ("MKCOL", "a.txt/c/")] {
            crate::webdav::refused(&dav.ask(method, name, &[], "").await?)?;
        }
        dav.holds("a.txt", "a").await
    }

    /// PUT leaves the properties that clients made.
    Must "webdav/4918/9.7.1/keeps-properties" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:note>text</c:note>").await?;
        dav.put("a.txt", "b").await?;
        dav.own_is("a.txt", "note", Some("text")).await
    }

    /// PUT of a collection is refused, or is not.
    May "webdav/4918/9.7.2/put-collection" = async |dav| {
        dav.mkcol("c/").await?;
        let response = dav.ask("PUT", "c/", &[], "a").await?;
        check(response.status < 500, "an answer that is no failure", response.brief())?;
        Ok(Outcome::Choice(match response.status {
            405 => "answers 405 to PUT of a collection",
            400.. => "refuses PUT of a collection",
            _ => "takes PUT of a collection",
        }))
    }

    /// PUT of a collection leaves its members.
    Robust "webdav/4918/9.7.2/members-stay" = async |dav| {
        dav.mkcol("c/").await?;
        dav.put("c/a.txt", "a").await?;
        for name in ["c/", "c"] {
            dav.ask("PUT", name, &[], "b").await?;
            dav.holds("c/a.txt", "a").await?;
        }
        Ok(Outcome::Pass)
    }
}
